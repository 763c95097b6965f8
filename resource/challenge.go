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
		g.proofs.challenge(h, r, g.cfg.Realm)
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

// challenge is the value of WWW-Authenticate (RFC 6750 section 3). Without metadata, insufficient_scope
// alone says which scope is needed: who shows no good token learns nothing about the API.
func challenge(realm string, e *oauth2.Error, needed requirement, metadata *Metadata) string {
	var scope, location, acrValues, maxAge string
	if metadata != nil {
		location = metadata.url
	}
	if metadata != nil || errors.Is(e, oauth2.ErrInsufficientScope) {
		// What is no scope is in no token, and its characters have no place in a challenge.
		if named, err := oauth2.ParseScope(needed.scope.String()); err == nil {
			scope = named.String()
		}
	}
	if errors.Is(e, errAuthentication) {
		acrValues, maxAge = needed.authentication.acrValues(), needed.authentication.maxAge()
	}
	var b strings.Builder
	b.WriteString("Bearer realm=" + quote(realm))
	for _, attribute := range []struct{ name, value string }{
		{"error", e.Code},
		{"error_description", e.Description},
		{"scope", scope},
		{"acr_values", acrValues},
		{"max_age", maxAge},
		{"resource_metadata", location},
	} {
		if attribute.value != "" {
			b.WriteString(", " + attribute.name + "=" + quote(attribute.value))
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
