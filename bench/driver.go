package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Driver plays the clients of one target: each method is one step of the protocol, and fails unless
// the answer is the right one. It is used by one goroutine at a time.
//
// The tokens of the last answers are kept in it, in buffers that are used again.
type Driver struct {
	target *Target
	caller Caller

	machine, web http.Header
	authorize    string // the authorization request
	form         []byte

	// Code, Access and Refresh are what was issued last.
	Code, Access, Refresh []byte
	// Checked is what Check verifies.
	Checked string
}

// NewDriver returns a driver of a target.
func NewDriver(t *Target, c Caller) *Driver {
	return &Driver{
		target: t, caller: c,
		machine: basic(Machine, MachineSecret), web: basic(Web, WebSecret),
		authorize: t.AuthorizePath + "?" + url.Values{
			"response_type": {"code"}, "client_id": {Web}, "redirect_uri": {RedirectURI}, "scope": {WebScope},
			"state": {State}, "code_challenge": {Challenge(Verifier)}, "code_challenge_method": {"S256"},
		}.Encode(),
	}
}

// basic is the header of a client that authenticates (RFC 6749 section 2.3.1). None of the identifiers
// and secrets needs escaping.
func basic(id, secret string) http.Header {
	return http.Header{
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))},
		"Content-Type":  {"application/x-www-form-urlencoded"},
	}
}

var (
	errNoToken   = errors.New("bench: the answer has no token")
	errNoCode    = errors.New("bench: the redirect has no code, or another state")
	errNotActive = errors.New("bench: the token is not active")
)

// Credentials gets an access token for the machine (RFC 6749 section 4.4).
func (d *Driver) Credentials() error {
	return d.token(d.machine, appendPairs(d.form[:0], "grant_type", "client_credentials", "scope", MachineScope))
}

// Authorize gets a code (RFC 6749 section 4.1.1).
func (d *Driver) Authorize() error {
	a, err := d.caller.Get(d.authorize)
	if err != nil {
		return err
	}
	if d.target.Login != nil {
		next, err := d.target.Login(a.Location)
		if err != nil {
			return err
		}
		if a, err = d.caller.Get(next); err != nil {
			return err
		}
	}
	return d.takeCode(a.Location)
}

// takeCode reads the redirect without parsing it whole: that is the client's work, not the server's.
func (d *Driver) takeCode(location string) error {
	query, ok := strings.CutPrefix(location, RedirectURI+"?")
	d.Code = d.Code[:0]
	state := false
	for ok && query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "code":
			d.Code = append(d.Code, value...)
		case "state":
			state = value == State
		}
	}
	if len(d.Code) == 0 || !state {
		return errNoCode
	}
	return nil
}

// Redeem gets tokens for the code (RFC 6749 section 4.1.3), with the verifier of RFC 7636.
func (d *Driver) Redeem() error { return d.redeem(d.web, Verifier) }

func (d *Driver) redeem(client http.Header, verifier string) error {
	form := append(d.form[:0], "grant_type=authorization_code&code="...)
	form = append(form, d.Code...) // still escaped, as it came
	form = append(form, '&')
	form = appendPairs(form, "redirect_uri", RedirectURI)
	if verifier != "" {
		form = append(form, '&')
		form = appendPairs(form, "code_verifier", verifier)
	}
	return d.token(client, form)
}

// Rotate gets tokens for the refresh token (RFC 6749 section 6).
func (d *Driver) Rotate() error { return d.rotate(d.web) }

func (d *Driver) rotate(client http.Header) error {
	form := append(d.form[:0], "grant_type=refresh_token&refresh_token="...)
	old := d.Refresh
	if err := d.token(client, appendEscaped(form, old)); err != nil {
		return err
	}
	if len(d.Refresh) == 0 {
		return errNoToken
	}
	return nil
}

// Introspect asks about the access token (RFC 7662 section 2.1).
func (d *Driver) Introspect() error { return d.introspect(d.web, d.Access) }

func (d *Driver) introspect(client http.Header, token []byte) error {
	d.form = appendEscaped(append(d.form[:0], "token="...), token)
	a, err := d.caller.Post(d.target.IntrospectPath, client, d.form)
	switch {
	case err != nil:
		return err
	case a.Status != http.StatusOK:
		return unexpected(a)
	case !bytes.Contains(a.Body, []byte(`"active":true`)):
		return errNotActive
	}
	return nil
}

// Check verifies an access token in process.
func (d *Driver) Check() error { return d.target.Check(context.Background(), d.Checked) }

// token posts to the token endpoint and keeps what was issued.
func (d *Driver) token(client http.Header, form []byte) error {
	d.form = form
	a, err := d.caller.Post(d.target.TokenPath, client, form)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK {
		return unexpected(a)
	}
	access, refresh := member(a.Body, `"access_token":"`), member(a.Body, `"refresh_token":"`)
	if len(access) == 0 {
		return fmt.Errorf("%w: %w", errNoToken, unexpected(a))
	}
	d.Access = append(d.Access[:0], access...)
	d.Refresh = append(d.Refresh[:0], refresh...)
	return nil
}

// A StatusError is an answer that says no.
type StatusError struct {
	Status int
	// Code is the OAuth error code (RFC 6749 section 5.2), if there is one.
	Code string
}

func (e *StatusError) Error() string { return fmt.Sprintf("bench: answer %d %s", e.Status, e.Code) }

func unexpected(a *Answer) error {
	return &StatusError{Status: a.Status, Code: string(member(a.Body, `"error":"`))}
}

// member finds a string in a JSON object that needs no unescaping, as tokens never do.
func member(body []byte, name string) []byte {
	_, after, ok := bytes.Cut(body, []byte(name))
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(after, []byte(`"`))
	return value
}

func appendPairs(form []byte, pairs ...string) []byte {
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			form = append(form, '&')
		}
		form = append(form, pairs[i]...)
		form = append(form, '=')
		form = appendEscaped(form, pairs[i+1])
	}
	return form
}

// appendEscaped form-encodes a value without allocating.
func appendEscaped[T string | []byte](form []byte, value T) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(value) {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			form = append(form, c)
		default:
			form = append(form, '%', hex[c>>4], hex[c&15])
		}
	}
	return form
}
