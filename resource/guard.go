package resource

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A GuardConfig configures a Guard. Checker is required, and one of Audience and AnyAudience.
type GuardConfig struct {
	// Checker tells what a token stands for.
	Checker Checker
	// Audience is the resource indicator of this API (RFC 8707 section 2), as the authorization server
	// writes it into its tokens; it is compared as an exact string. A token that was not issued for it
	// is refused, so that another API, or a client of another API, cannot use its tokens here.
	Audience string
	// AnyAudience accepts the tokens of every API of the authorization server. It is safe only where
	// this is the only one: any other that is sent a token could use it here, in the name of the
	// resource owner. The zero value refuses.
	AnyAudience bool
	// Realm names the protected space in challenges (RFC 9110 section 11.5), in printable ASCII.
	// Empty means the Audience, or "api" where there is none.
	Realm string
	// DPoP, if set, accepts tokens that are bound to a DPoP key, with a proof (RFC 9449). nil: they are
	// refused, since possession cannot be checked.
	DPoP *DPoPConfig
	// ClientCertificate finds the certificate of the client that sent a request, for tokens that are bound
	// to one (RFC 8705 section 3). nil, nil: it showed none. nil means that of the TLS connection, which asks
	// for one where [tls.Config.ClientAuth] says so; behind a proxy that ends TLS, see [CertificateHeader].
	ClientCertificate func(r *http.Request) (*x509.Certificate, error)
	// OnFault, if set, is told why a request was answered with 503. It is not called for a caller that
	// went away. The error holds no token.
	OnFault func(r *http.Request, err error)
	// Metadata, if set, is the API's metadata, which a router serves under its Paths. Every challenge
	// then says where it is (RFC 9728 section 5.1), and which scope the route needs, so that a client
	// that knows nothing but the API finds out how to get a token. nil: neither is told to who shows no
	// good token.
	Metadata *Metadata
	// Implied are the scope tokens that another one has in it, such as "files:read" in "files:write": a
	// token with the broader one is let through where the narrower is needed, and need not carry it. Each
	// broader token names all that it implies, however indirectly. nil: none implies another.
	Implied map[string]oauth2.Scope

	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// A Guard lets requests with a good access token through. It is immutable and safe for concurrent
// use.
type Guard struct {
	cfg GuardConfig
	// proofs is nil where DPoP is not configured.
	proofs *proofs
}

// NewGuard builds a Guard. Every misconfiguration is an error here, all of them joined.
func NewGuard(cfg GuardConfig) (*Guard, error) {
	cfg.Realm = cmp.Or(cfg.Realm, cfg.Audience, "api")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	var errs []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{cfg.Checker == nil, "Checker is required"},
		{cfg.Audience == "" && !cfg.AnyAudience, "Audience is required: without it the tokens of every other API are good here"},
		{cfg.Audience != "" && cfg.AnyAudience, "Audience and AnyAudience exclude each other"},
		{cfg.Metadata != nil && !cfg.AnyAudience && cfg.Metadata.resource != cfg.Audience, "Metadata is that of another resource than Audience"},
		{cfg.Metadata != nil && cfg.Metadata.dpopRequired && cfg.DPoP == nil, "Metadata requires DPoP, which is not configured"},
		{!printable(cfg.Realm), fmt.Sprintf("Realm %q is not printable ASCII", cfg.Realm)},
	} {
		if rule.broken {
			errs = append(errs, errors.New("resource: "+rule.text))
		}
	}
	if err := errors.Join(append(errs, cfg.DPoP.validate())...); err != nil {
		return nil, err
	}
	cfg.Implied = maps.Clone(cfg.Implied)
	for broader, narrower := range cfg.Implied {
		cfg.Implied[broader] = slices.Clone(narrower)
	}
	return &Guard{cfg: cfg, proofs: newProofs(cfg.DPoP, cfg.Metadata, cfg.Now)}, nil
}

// Require returns middleware that lets a request through if its access token is good, was issued for
// this API and carries all of scopes, each one scope token. The handler finds the token's facts with
// [FromContext]. Without scopes any good token for this API will do. A string that is no scope token
// is in no token's scope, so requiring it refuses every request.
//
// A token that is bound to a key of its sender is let through with a proof of that key alone, whatever
// its scheme (RFC 9449 section 7.1, RFC 8705 section 3).
//
// Refusals are those of RFC 6750 section 3.1, never cached:
//
//   - 401 without an error code: the request has no bearer token;
//   - 400 invalid_request: the token is malformed, sent twice, or in the query or the form body, from
//     where it would reach logs, histories and referrers (RFC 9700 section 4.3.2);
//   - 401 invalid_token: the token is unknown, expired, revoked, for another API, or
//     bound to a key that the request does not prove to hold;
//   - 403 insufficient_scope: the challenge names all of scopes;
//   - 503 with Retry-After: the Checker cannot tell right now. This is no challenge: the token may be
//     good.
//
// To see a token in a form, up to 64 KiB of the body are read ahead; the handler reads them anew.
func (g *Guard) Require(scopes ...string) func(http.Handler) http.Handler {
	return g.require(requirement{scope: slices.Clone(oauth2.Scope(scopes))})
}

// A requirement is what a route needs.
type requirement struct {
	scope          oauth2.Scope
	authentication Authentication
}

func (g *Guard) require(needed requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g.proofs.offerNonce(w, r)
			info, r, err := g.admit(r, needed)
			if err != nil {
				g.refuse(w, r, err, needed)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, info)))
		})
	}
}

var (
	errTokenInvalid  = oauth2.ErrInvalidToken.With("The access token is unknown, expired or revoked.")
	errTokenAudience = oauth2.ErrInvalidToken.With("The access token was issued for another resource.")
	errTokenScope    = oauth2.ErrInsufficientScope.With("The access token does not carry the scope that is needed.")
	errNotLetIn      = errors.New("resource: Permits is for requests that Require let in")
	errNothingKnown  = errors.New("resource: the Checker returned neither a TokenInfo nor an error")
)

// admit decides on a request, in the order of RFC 6750. The request it returns is the one to serve:
// its body is whole again.
func (g *Guard) admit(r *http.Request, needed requirement) (*oauth2.TokenInfo, *http.Request, error) {
	presented, r, err := readToken(r)
	if err != nil {
		return nil, r, err
	}
	info, err := g.cfg.Checker.Check(r.Context(), presented.token)
	switch {
	case errors.Is(err, oauth2.ErrInvalidToken):
		return nil, r, errTokenInvalid
	case err != nil:
		return nil, r, unavailable(err)
	case info == nil:
		return nil, r, unavailable(errNothingKnown)
	case !g.cfg.AnyAudience && !slices.Contains(info.Audience, g.cfg.Audience):
		return nil, r, errTokenAudience
	}
	if err := g.proveSender(r, presented, info); err != nil {
		return nil, r, err
	}
	switch {
	case !g.covers(info.Scope, needed.scope):
		return nil, r, errTokenScope
	case !needed.authentication.metBy(info, g.cfg.Now()):
		return nil, r, errAuthentication
	}
	return info, r, nil
}

// Permits reports whether the token of a request that Require let in carries all of scopes too, for what
// a request turns out to need once it is read. Where it does not, Permits has answered with 403
// insufficient_scope, and the challenge names all of scopes: name those of the route as well, so that a
// client asks once (RFC 6750 section 3.1).
func (g *Guard) Permits(w http.ResponseWriter, r *http.Request, scopes ...string) bool {
	needed := requirement{scope: scopes}
	info, ok := FromContext(r.Context())
	switch {
	case !ok:
		g.refuse(w, r, unavailable(errNotLetIn), needed)
		return false
	case !g.covers(info.Scope, needed.scope):
		g.refuse(w, r, errTokenScope, needed)
		return false
	}
	return true
}

// covers reports whether each token that is needed is there, or implied by one that is.
func (g *Guard) covers(scope, needed oauth2.Scope) bool {
	for _, token := range needed {
		if !scope.Has(token) && !slices.ContainsFunc(scope, func(broader string) bool { return g.cfg.Implied[broader].Has(token) }) {
			return false
		}
	}
	return true
}
