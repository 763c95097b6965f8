package resource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

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
	// OnFault, if set, is told why a request was answered with 503. It is not called for a caller that
	// went away. The error holds no token.
	OnFault func(r *http.Request, err error)
}

// A Guard lets requests with a good access token through. It is immutable and safe for concurrent
// use.
type Guard struct{ cfg GuardConfig }

// NewGuard builds a Guard. Every misconfiguration is an error here, all of them joined.
func NewGuard(cfg GuardConfig) (*Guard, error) {
	cfg.Realm = cmp.Or(cfg.Realm, cfg.Audience, "api")
	var errs []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{cfg.Checker == nil, "Checker is required"},
		{cfg.Audience == "" && !cfg.AnyAudience, "Audience is required: without it the tokens of every other API are good here"},
		{cfg.Audience != "" && cfg.AnyAudience, "Audience and AnyAudience exclude each other"},
		{!printable(cfg.Realm), fmt.Sprintf("Realm %q is not printable ASCII", cfg.Realm)},
	} {
		if rule.broken {
			errs = append(errs, errors.New("resource: "+rule.text))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Guard{cfg: cfg}, nil
}

// Require returns middleware that lets a request through if its access token is good, was issued for
// this API and carries all of scopes, each one scope token. The handler finds the token's facts with
// [FromContext]. Without scopes any good token for this API will do. A string that is no scope token
// is in no token's scope, so requiring it refuses every request.
//
// Refusals are those of RFC 6750 section 3.1, never cached:
//
//   - 401 without an error code: the request has no bearer token;
//   - 400 invalid_request: the token is malformed, sent twice, or in the query or the form body, from
//     where it would reach logs, histories and referrers (RFC 9700 section 4.3.2);
//   - 401 invalid_token: the token is unknown, expired, revoked, or for another API;
//   - 403 insufficient_scope: the challenge names all of scopes;
//   - 503 with Retry-After: the Checker cannot tell right now. This is no challenge: the token may be
//     good.
//
// To see a token in a form, up to 64 KiB of the body are read ahead; the handler reads them anew.
func (g *Guard) Require(scopes ...string) func(http.Handler) http.Handler {
	needed := slices.Clone(oauth2.Scope(scopes))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	errNothingKnown  = errors.New("resource: the Checker returned neither a TokenInfo nor an error")
)

// admit decides on a request, in the order of RFC 6750. The request it returns is the one to serve:
// its body is whole again.
func (g *Guard) admit(r *http.Request, needed oauth2.Scope) (*oauth2.TokenInfo, *http.Request, error) {
	token, r, err := readToken(r)
	if err != nil {
		return nil, r, err
	}
	info, err := g.cfg.Checker.Check(r.Context(), token)
	switch {
	case errors.Is(err, oauth2.ErrInvalidToken):
		return nil, r, errTokenInvalid
	case err != nil:
		return nil, r, unavailable(err)
	case info == nil:
		return nil, r, unavailable(errNothingKnown)
	case !g.cfg.AnyAudience && !slices.Contains(info.Audience, g.cfg.Audience):
		return nil, r, errTokenAudience
	case !info.Scope.Includes(needed):
		return nil, r, errTokenScope
	}
	return info, r, nil
}
