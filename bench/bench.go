// Package bench measures authorization servers side by side: this library, its peers, and a floor that
// does the least any server could.
//
// A [Column] is one server. A [Workload] is what is asked of it, and a [Mode] how: one caller in this
// process, several at once, or over loopback. Every answer is checked, so a column that fails is an
// error and never a quick one. What a column should refuse and does not is found by [Examine] and
// stands beside its numbers.
//
// Nothing here means anything in nanoseconds: the result is a ratio to the floor within one run.
package bench

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
)

// The clients that every column registers. Both are confidential and authenticate by HTTP Basic.
const (
	// Machine uses the client credentials grant with MachineScope.
	Machine       = app.Machine
	MachineSecret = app.MachineSecret
	MachineScope  = app.MachineScope
	// Web uses the authorization code and refresh token grants with WebScope, and introspects its own
	// tokens. Its scope is the one for which every peer issues a refresh token.
	Web         = app.Web
	WebSecret   = app.WebSecret
	WebScope    = app.WebScope
	RedirectURI = app.RedirectURI
	// Subject is the resource owner, who has been asked already and said yes.
	Subject = app.Subject
	// Issuer is where every column believes to be.
	Issuer = app.Issuer
)

// State and Verifier are the same in every request: drawing them is the client's work.
const (
	State    = "af0ifjsldkjaf0ifjsldkj"
	Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// Challenge is the S256 challenge of a verifier (RFC 7636 section 4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A Column is one server under measurement.
type Column struct {
	// Name is short and stands at the head of the column.
	Name string
	// Module is the module path, empty for what is part of this one.
	Module string
	// Build returns a new server with empty stores.
	Build func() (*Target, error)
	// Signing returns one whose access tokens are JWTs, by the algorithm. What is not there is not served.
	Signing map[string]func() (*Target, error)
	// Baseline is true for a column that checks nothing: it is measured against, never examined.
	Baseline bool
	// Slow is true where one operation takes a good part of a second, by design. Such a column is left
	// out where a million operations are needed.
	Slow bool
}

// For returns a new server for a workload. ErrNotServed: there is none.
func (c *Column) For(w Workload) (*Target, error) {
	build := c.Build
	if w.Algorithm != "" {
		build = c.Signing[w.Algorithm]
	}
	if build == nil {
		return nil, ErrNotServed
	}
	t, err := build()
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", c.Name, err)
	}
	if !w.Served(t) {
		return nil, ErrNotServed
	}
	return t, nil
}

// A Target is a server that was built. All of it is safe for concurrent use.
type Target struct {
	http.Handler
	// TokenPath, AuthorizePath and IntrospectPath are the endpoints. IntrospectPath is empty where the
	// server has none (RFC 7662).
	TokenPath, AuthorizePath, IntrospectPath string
	// Login finishes the user's part where the authorization endpoint sends the browser to a login
	// page: it is given that page's address and returns where the browser goes next. nil means that
	// the endpoint answers with the code at once.
	Login func(location string) (next string, err error)
	// Check verifies an access token in process. nil means that the server has no such call.
	Check func(ctx context.Context, accessToken string) error
	// Sweep removes at most limit records that have expired by now, and says how many. nil means that
	// the server has no such call.
	Sweep func(ctx context.Context, now time.Time, limit int) (int, error)
}
