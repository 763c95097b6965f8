package legacy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// defaultAccessLifetime is short, because a token that went through a URL may have been seen.
const defaultAccessLifetime = 10 * time.Minute

// Implicit is the implicit grant (RFC 6749 section 4.2): the response type token, which hands the access
// token to the browser, in the fragment of the redirect. It is for public clients that are registered
// for "implicit"; they get no refresh token, and no token that is bound to a key. The answer has state
// and iss like every other, and a page that is answered twice leads to one token. The zero value is
// ready to use.
//
// Deprecated: An access token in a URL leaks through histories, referrers and redirects, nobody can tell
// who presents it to a client, and nothing binds it to a sender. RFC 9700 section 2.1.2 advises against
// it, and OAuth 2.1 section 10.1 has removed it. Use the authorization code grant with PKCE, which a page
// without a server can do as well.
type Implicit struct {
	// AccessLifetime is the longest that an access token is good for; those of the client, the resources
	// and the server count too. 0 means ten minutes.
	AccessLifetime time.Duration
}

// ResponseType returns "token".
func (Implicit) ResponseType() string { return ResponseTypeToken }

// Rules ask for the grant implicit, and for implicitChecks.
func (i Implicit) Rules() oauth2.ResponseRules {
	return oauth2.ResponseRules{
		GrantTypes:     []string{GrantImplicit},
		AccessToken:    true,
		AccessLifetime: cmp.Or(i.AccessLifetime, defaultAccessLifetime),
		Checks:         implicitChecks,
	}
}

// Respond adds nothing.
func (Implicit) Respond(context.Context, *oauth2.AuthorizationResponse) error { return nil }

// implicitChecks are held against a request beside those of every request.
var implicitChecks = []oauth2.ResponseCheck{
	{Rule: "the client is public", Source: "RFC 6749 section 4.2", Verify: checkPublic},
	{Rule: "redirect_uri is registered to the letter, the port included", Source: "RFC 9700 section 4.1.3", Verify: checkRedirectURI},
}

// checkPublic: the grant does not authenticate clients, so it is not for those that can.
func checkPublic(_ context.Context, req *oauth2.AuthorizationRequest) error {
	if !req.Client.Public() {
		return oauth2.ErrUnauthorizedClient.With("Only a public client may use this response_type.")
	}
	return nil
}

// checkRedirectURI: without a code and its verifier, nothing keeps another program on a loopback port
// from using what it receives.
func checkRedirectURI(_ context.Context, req *oauth2.AuthorizationRequest) error {
	if !slices.Contains(req.Client.RedirectURIs, req.RedirectURI) {
		return oauth2.ErrInvalidRequest.With("The redirect_uri differs in its port from the registered one.")
	}
	return nil
}
