package bench

import (
	"fmt"
	"slices"
	"strings"
)

// A Refusal is something that no server may accept.
type Refusal struct {
	// What is accepted, if it is: it completes "accepts ...".
	What string
	// Accepts tries it, after everything before it went well.
	Accepts func(*Driver) (bool, error)
}

// A Finding is something that a column accepts and should refuse.
type Finding struct{ Column, Workload, What string }

func (f Finding) String() string { return fmt.Sprintf("%s accepts %s", f.Column, f.What) }

// Examine tries every refusal of a workload on a column, each on a new server. An error means that the
// column could not do the work itself.
func Examine(c Column, w Workload) ([]Finding, error) {
	var findings []Finding
	for _, refusal := range w.Refusals {
		t, err := c.For(w)
		if isNotServed(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		accepts, err := refusal.Accepts(NewDriver(t, InProcess(t)))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: before %s: %w", c.Name, w.Name, refusal.What, err)
		}
		if accepts {
			findings = append(findings, Finding{c.Name, w.Name, refusal.What})
		}
	}
	return findings, nil
}

func wrongSecretCredentials(d *Driver) (bool, error) {
	if err := d.Credentials(); err != nil {
		return false, err
	}
	d.machine = basic(Machine, wrong(MachineSecret))
	return d.Credentials() == nil, nil
}

func wrongSecretRedeem(d *Driver) (bool, error) {
	if err := d.Authorize(); err != nil {
		return false, err
	}
	return d.redeem(basic(Web, wrong(WebSecret)), Verifier) == nil, nil
}

func wrongVerifier(d *Driver) (bool, error) {
	if err := d.Authorize(); err != nil {
		return false, err
	}
	return d.redeem(d.web, wrong(Verifier)) == nil, nil
}

// strippedVerifier is the second attempt of whoever was refused with a wrong verifier.
func strippedVerifier(d *Driver) (bool, error) {
	if _, err := wrongVerifier(d); err != nil {
		return false, err
	}
	return d.redeem(d.web, "") == nil, nil
}

func spentCode(d *Driver) (bool, error) {
	if err := authorizeAndRedeem(d); err != nil {
		return false, err
	}
	return d.Redeem() == nil, nil
}

func wrongSecretRotate(d *Driver) (bool, error) {
	if err := authorizeAndRedeem(d); err != nil {
		return false, err
	}
	return d.rotate(basic(Web, wrong(WebSecret))) == nil, nil
}

func spentRefresh(d *Driver) (bool, error) {
	if err := authorizeAndRedeem(d); err != nil {
		return false, err
	}
	spent := slices.Clone(d.Refresh)
	if err := d.Rotate(); err != nil {
		return false, err
	}
	d.Refresh = spent
	return d.Rotate() == nil, nil
}

func wrongSecretIntrospect(d *Driver) (bool, error) {
	if err := authorizeAndRedeem(d); err != nil {
		return false, err
	}
	if err := d.Introspect(); err != nil {
		return false, err
	}
	return d.introspect(basic(Web, wrong(WebSecret)), d.Access) == nil, nil
}

func introspectForged(d *Driver) (bool, error) {
	if err := authorizeAndRedeem(d); err != nil {
		return false, err
	}
	return d.introspect(d.web, []byte(wrong(string(d.Access)))) == nil, nil
}

func checkForged(d *Driver) (bool, error) {
	if err := prepareCheck(d); err != nil {
		return false, err
	}
	if err := d.Check(); err != nil {
		return false, err
	}
	d.Checked = wrong(d.Checked)
	return d.Check() == nil, nil
}

// wrong changes one letter in the middle of a secret.
func wrong(secret string) string {
	i := len(secret) / 2
	other := "A"
	if secret[i] == 'A' {
		other = "B"
	}
	return strings.Join([]string{secret[:i], secret[i+1:]}, other)
}
