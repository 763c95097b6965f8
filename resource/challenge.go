package resource

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
)

// retryAfter is what a caller is told to wait, in seconds, when a token cannot be checked.
const retryAfter = "1"

// unavailable is the refusal when nobody can tell whether a token is good.
func unavailable(cause error) *oauth2.Error {
	return oauth2.ErrTemporarilyUnavailable.With("The access token cannot be checked right now; try again.").Because(cause)
}

// refuse answers with a challenge (RFC 6750 section 3), or with 503 where no other token would help.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error, needed requirement) {
	e, ok := errors.AsType[*oauth2.Error](err)
	if !ok {
		e = unavailable(err)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	status := cmp.Or(e.Status, http.StatusBadRequest)
	if status < http.StatusInternalServerError {
		h.Set("WWW-Authenticate", challenge(g.cfg.Realm, e, needed, g.cfg.Metadata))
		g.proofs.challenge(h, r, g.cfg.Realm, needed, g.cfg.Metadata)
	} else {
		h.Set("Retry-After", retryAfter)
		if g.cfg.OnFault != nil && r.Context().Err() == nil {
			g.cfg.OnFault(r, err)
		}
	}
	if e.Code == "" {
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A caller that went away is no fault.
	_ = json.NewEncoder(w).Encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.Code, e.Description})
}

// An attribute is one of a challenge (RFC 9110 section 11.2).
type attribute struct{ name, value string }

// challenge is the value of WWW-Authenticate (RFC 6750 section 3). Without metadata, insufficient_scope
// alone says which scope is needed: who shows no good token learns nothing about the API.
func challenge(realm string, e *oauth2.Error, needed requirement, metadata *Metadata) string {
	var scope, acrValues, maxAge string
	if metadata != nil || errors.Is(e, oauth2.ErrInsufficientScope) {
		scope = needed.told()
	}
	if errors.Is(e, errAuthentication) {
		acrValues, maxAge = needed.authentication.acrValues(), needed.authentication.maxAge()
	}
	return schemeBearer + attributes(
		attribute{"realm", realm},
		attribute{"error", e.Code},
		attribute{"error_description", e.Description},
		attribute{"scope", scope},
		attribute{"acr_values", acrValues},
		attribute{"max_age", maxAge},
		attribute{"resource_metadata", metadata.location()},
	)
}

// told is the scope as a challenge names it. What is no scope is in no token, and its characters have no
// place in a challenge.
func (needed requirement) told() string {
	named, err := oauth2.ParseScope(needed.scope.String())
	if err != nil {
		return ""
	}
	return named.String()
}

// location is where the metadata is, "" where there are none.
func (m *Metadata) location() string {
	if m == nil {
		return ""
	}
	return m.url
}

// attributes writes those that have a value. A realm is told in any case.
func attributes(list ...attribute) string {
	var b strings.Builder
	separator := " "
	for _, a := range list {
		if a.value != "" || a.name == "realm" {
			b.WriteString(separator + a.name + "=" + quote(a.value))
			separator = ", "
		}
	}
	return b.String()
}

// quote writes a quoted-string (RFC 9110 section 5.6.4). What it cannot hold becomes a question mark.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
		case r < ' ' || r > '~':
			r = '?'
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
