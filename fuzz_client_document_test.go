package oauth2

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever document is accepted makes a client that names its URL, has no secret, may do no more than the
// configuration says, and has redirect URIs that may be registered.
func FuzzClientDocument(f *testing.F) {
	const id = "https://app.example.com/client"
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"client_id":null}`, `{"client_id":"` + id + `"}`,
		`{"client_id":"` + id + `","redirect_uris":["https://app.example.com/back"]}`,
		`{"client_id":"` + id + `","client_name":"An app","redirect_uris":["http://127.0.0.1/cb","com.example.app:/cb"],"grant_types":["authorization_code","refresh_token","password"],"scope":"read write","response_types":["code"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://a.example/b"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://app.example.com/jwks"}`,
		`{"client_id":"` + id + `","redirect_uris":["https://a.example/b"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}`,
		`{"client_id":"` + id + `","redirect_uris":["https://a.example/b"],"resource_server":true,"client_secrets":[{"hash":"x"}],"pkce_optional":true,"request_uris":["https://a.example/r"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://a.example/b"],"client_secret":"x"}`, `{"Client_ID":"` + id + `","client_id":"` + id + `x"}`,
		`{"client_id":"` + id + `","redirect_uris":["javascript:alert(1)"],"logo_uri":"javascript:alert(1)","client_name":"\u202e"}`,
	} {
		f.Add([]byte(seed))
	}
	m := NewClientIDMetadata(nil, ClientIDMetadataConfig{Scope: Scope{"read"}})
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := m.read(id, text)
		if err != nil {
			require.ErrorIs(t, err, ErrNotFound)
			require.Nil(t, c)
			for _, r := range asError(err).Description {
				require.True(t, r >= ' ' && r <= '~', "a refusal has words of this library alone")
			}
			return
		}
		require.Equal(t, id, c.ID)
		require.True(t, c.Dynamic)
		require.NoError(t, c.Validate())
		require.Empty(t, c.Secrets)
		require.Empty(t, c.RequestURIs)
		require.False(t, c.ResourceServer || c.PKCEOptional)
		require.Zero(t, c.CodeLifetime+c.AccessLifetime+c.RefreshLifetime)
		require.Contains(t, documentAuthMethods, c.TokenEndpointAuthMethod)
		require.True(t, m.cfg.Scope.Includes(c.Scope))
		require.NotEmpty(t, c.GrantTypes)
		require.False(t, slices.ContainsFunc(c.GrantTypes, func(g string) bool { return g != GrantAuthorizationCode && g != GrantRefreshToken }))
		for _, uri := range c.RedirectURIs {
			require.NoError(t, ValidateRedirectURI(uri, c.native()))
		}
		for _, uri := range []string{c.ClientURI, c.LogoURI, c.PolicyURI, c.TosURI} {
			require.True(t, uri == "" || strings.HasPrefix(uri, "https://"), uri)
		}
		var members map[string]any
		require.NoError(t, json.Unmarshal(text, &members))
		require.NotContains(t, members, "client_secret")
		require.Equal(t, "app.example.com", c.DocumentHost())
	})
}

// Whatever URL is accepted is an https one that says in one way where the document is.
func FuzzClientIDURL(f *testing.F) {
	for _, seed := range []string{
		"https://app.example.com/client", "https://app.example.com:8443/a/b?c=d", "https://[::1]/x", "http://localhost/x", "https://app.example.com", "https://a@b/c",
		"https://a/%2e%2e/b", "https://A/b", "https://a./b", "https://a:/b", "https://a/b#", "https:///a", "https://a/..;/b", "https://\u0430/b", "https://a/b\\c",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, id string, loopback bool) {
		m := NewClientIDMetadata(nil, ClientIDMetadataConfig{AllowLoopback: loopback})
		u, err := m.documentURL(id)
		if err != nil {
			require.ErrorIs(t, err, ErrNotFound)
			return
		}
		require.True(t, validClientID(id))
		require.True(t, u.Scheme == "https" || loopback && u.Scheme == "http" && loopbackHost(u.Hostname()))
		require.Nil(t, u.User)
		require.NotContains(t, id, "#")
		require.NotEmpty(t, u.Path)
		require.Equal(t, id, u.String(), "it is written in the one way in which it is asked for")
		require.Equal(t, strings.ToLower(u.Host), u.Host)
		for segment := range strings.SplitSeq(u.Path, "/") {
			require.False(t, segment == "." || segment == "..")
		}
	})
}
