// Package resource protects an API with the access tokens of an authorization server: the resource
// server's half of OAuth 2.1 (RFC 6750).
//
// A [Guard] is middleware. It reads the bearer token, has a [Checker] tell what the token stands for,
// and requires the API's own audience and the scopes that a route names:
//
//	guard, err := resource.NewGuard(resource.GuardConfig{
//		Checker:  server, // the *oauth2.Server of this process, or an *Introspector
//		Audience: "https://api.example.com",
//	})
//	...
//	mux.Handle("GET /contacts", guard.Require("contacts.read")(contacts))
//
// Behind it, [FromContext] tells whom the request is for.
//
// An [Introspector] is the Checker of an API that runs elsewhere: it asks the authorization server
// (RFC 7662). A [JWTVerifier] verifies JWTs by itself (RFC 9068); [Formats] takes both kinds of tokens.
//
// [Metadata] tells clients where tokens for the API come from (RFC 9728), and
// [Guard.RequireAuthentication] asks for a better or fresher login (RFC 9470).
package resource

import (
	"context"

	"github.com/seed5f5fedc6/oauth2"
)

// A Checker tells what an access token stands for. *[oauth2.Server] is one, in process; an
// *[Introspector] asks over HTTP; a *[JWTVerifier] needs the keys alone. Implementations are safe for concurrent use.
type Checker interface {
	// Check returns what a live access token stands for. An error for which
	// errors.Is(err, oauth2.ErrInvalidToken) holds says that the token is good for nothing; any
	// other says that nobody can tell right now. No error holds the token. Whether the sender holds
	// the key of TokenInfo.Confirmation is not for the Checker to say.
	Check(ctx context.Context, accessToken string) (*oauth2.TokenInfo, error)
}

type contextKey struct{}

// FromContext returns what the request's access token stands for. It is false where no [Guard] let
// the request in. The TokenInfo is to be read, not changed.
func FromContext(ctx context.Context) (*oauth2.TokenInfo, bool) {
	info, ok := ctx.Value(contextKey{}).(*oauth2.TokenInfo)
	return info, ok
}
