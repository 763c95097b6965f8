package interop

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/discovery"
)

// A gopher is a program on golang.org/x/oauth2, and the person in front of it.
type gopher struct {
	t     *testing.T
	ctx   context.Context // with the HTTP client that the library is to use
	site  *site
	at    xoauth2.Endpoint
	alice person
}

// driveXOAuth2 drives with golang.org/x/oauth2. It finds no endpoints, revokes and introspects nothing.
func driveXOAuth2(t *testing.T, s *site) (shown []string) {
	g := &gopher{t: t, site: s, alice: s.newPerson(), ctx: context.WithValue(t.Context(), xoauth2.HTTPClient, s.client())}
	server, err := discovery.NewFinder(s.Issuer, s.client()).Find(t.Context())
	require.NoError(t, err)
	g.at = xoauth2.Endpoint{AuthURL: server.AuthorizationEndpoint, TokenURL: server.TokenEndpoint}
	for _, feature := range []struct {
		name  string
		drive func(*gopher)
	}{
		{"code and PKCE", (*gopher).code},
		{"refusal", (*gopher).refusal},
		{"API", (*gopher).api},
		{"refresh", (*gopher).refresh},
		{"client credentials", (*gopher).clientCredentials},
	} {
		feature.drive(g)
		shown = append(shown, feature.name)
	}
	return shown
}

func (g *gopher) config(id string) *xoauth2.Config {
	return &xoauth2.Config{
		ClientID: id, ClientSecret: g.site.Secrets[id], Endpoint: g.at, RedirectURL: redirectURI, Scopes: []string{contacts.ScopeRead},
	}
}

// visit lets alice answer, and returns the answer's parameters.
func (g *gopher) visit(config *xoauth2.Config, verifier, decision string) url.Values {
	request := config.AuthCodeURL("a-state", xoauth2.S256ChallengeOption(verifier), xoauth2.SetAuthURLParam("resource", g.site.Resource))
	answer, err := g.alice.answer(g.ctx, request, decision)
	require.NoError(g.t, err)
	callback, err := url.Parse(answer.Callback)
	require.NoError(g.t, err)
	require.Equal(g.t, "a-state", callback.Query().Get("state"))
	require.Equal(g.t, g.site.Issuer, callback.Query().Get("iss"))
	return callback.Query()
}

func (g *gopher) authorize(config *xoauth2.Config) *xoauth2.Token {
	verifier := xoauth2.GenerateVerifier()
	token, err := config.Exchange(g.ctx, g.visit(config, verifier, "yes").Get("code"), xoauth2.VerifierOption(verifier))
	require.NoError(g.t, err)
	return token
}

func (g *gopher) code() {
	for _, id := range []string{web, public} {
		token := g.authorize(g.config(id))
		require.True(g.t, token.Valid(), id)
		require.NotEmpty(g.t, token.RefreshToken, id)
	}
}

func (g *gopher) refusal() {
	config, verifier := g.config(web), xoauth2.GenerateVerifier()
	require.Equal(g.t, "access_denied", g.visit(config, verifier, "no").Get("error"))
	_, err := config.Exchange(g.ctx, g.visit(config, verifier, "yes").Get("code"), xoauth2.VerifierOption(xoauth2.GenerateVerifier()))
	var refused *xoauth2.RetrieveError
	require.ErrorAs(g.t, err, &refused)
	require.Equal(g.t, "invalid_grant", refused.ErrorCode)
}

func (g *gopher) api() {
	config := g.config(web)
	g.call(config.Client(g.ctx, g.authorize(config)), "/contacts")
}

func (g *gopher) call(client *http.Client, path string) {
	answer, err := client.Get(g.site.Resource + path)
	require.NoError(g.t, err)
	require.NoError(g.t, answer.Body.Close())
	require.Equal(g.t, http.StatusOK, answer.StatusCode)
}

func (g *gopher) refresh() {
	for _, id := range []string{web, public} {
		config := g.config(id)
		first := g.authorize(config)
		second, err := config.TokenSource(g.ctx, &xoauth2.Token{RefreshToken: first.RefreshToken}).Token()
		require.NoError(g.t, err)
		require.NotEqual(g.t, first.RefreshToken, second.RefreshToken)
		g.call(config.Client(g.ctx, second), "/contacts")
	}
}

func (g *gopher) clientCredentials() {
	config := clientcredentials.Config{
		ClientID: machine, ClientSecret: g.site.Secrets[machine], TokenURL: g.at.TokenURL, Scopes: []string{contacts.ScopeStats},
		EndpointParams: url.Values{"resource": {g.site.Resource}},
	}
	g.call(config.Client(g.ctx), "/contacts/stats")
}
