package bench

import "fmt"

// A Workload is one kind of work, named as the requests of a client would be.
type Workload struct {
	// Name is a word for flags and files, Title a heading.
	Name, Title string
	// Algorithm signs the access tokens, which are JWTs then. Empty means that they are opaque.
	Algorithm string
	// Loopback is false for what is no request.
	Loopback bool
	// Served reports whether a server can do it.
	Served func(*Target) bool
	// Prepare does what comes before the first operation; nil is nothing.
	Prepare func(*Driver) error
	// Operate is what is measured.
	Operate func(*Driver) error
	// Refusals are what the server should refuse while it does this work.
	Refusals []Refusal
}

// Workloads are all of them, in the order of the table.
var Workloads = []Workload{
	credentials("credentials", "client credentials, opaque token", ""),
	credentials("credentials-es256", "client credentials, JWT signed by ES256", ES256),
	credentials("credentials-eddsa", "client credentials, JWT signed by EdDSA", EdDSA),
	{
		Name: "code", Title: "authorize and redeem, PKCE S256", Loopback: true,
		Served: always, Operate: authorizeAndRedeem,
		Refusals: []Refusal{
			{"a wrong secret", wrongSecretRedeem},
			{"a wrong verifier", wrongVerifier},
			{"no verifier after a wrong one", strippedVerifier},
			{"a spent code", spentCode},
		},
	},
	{
		Name: "refresh", Title: "refresh with rotation", Loopback: true,
		Served: always, Prepare: authorizeAndRedeem, Operate: (*Driver).Rotate,
		Refusals: []Refusal{
			{"a wrong secret", wrongSecretRotate},
			{"a spent refresh token", spentRefresh},
		},
	},
	{
		Name: "introspect", Title: "introspection", Loopback: true,
		Served:  func(t *Target) bool { return t.IntrospectPath != "" },
		Prepare: authorizeAndRedeem, Operate: (*Driver).Introspect,
		Refusals: []Refusal{
			{"a wrong secret", wrongSecretIntrospect},
			{"a token that was never issued", introspectForged},
		},
	},
	{
		Name: "check", Title: "check in process",
		Served:  func(t *Target) bool { return t.Check != nil },
		Prepare: prepareCheck, Operate: (*Driver).Check,
		Refusals: []Refusal{{"a token that was never issued", checkForged}},
	},
}

// The algorithms of the workloads that sign.
const (
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

func credentials(name, title, algorithm string) Workload {
	return Workload{
		Name: name, Title: title, Algorithm: algorithm, Loopback: true,
		Served: always, Operate: (*Driver).Credentials,
		Refusals: []Refusal{{"a wrong secret", wrongSecretCredentials}},
	}
}

// WorkloadNamed returns the workload with this name.
func WorkloadNamed(name string) (Workload, error) {
	for _, w := range Workloads {
		if w.Name == name {
			return w, nil
		}
	}
	return Workload{}, fmt.Errorf("bench: there is no workload %q", name)
}

func always(*Target) bool { return true }

func authorizeAndRedeem(d *Driver) error {
	if err := d.Authorize(); err != nil {
		return err
	}
	return d.Redeem()
}

func prepareCheck(d *Driver) error {
	err := authorizeAndRedeem(d)
	d.Checked = string(d.Access)
	return err
}
