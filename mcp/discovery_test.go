package mcp_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
)

const (
	oauthPath    = "/.well-known/oauth-authorization-server"
	openIDPath   = "/.well-known/openid-configuration"
	resourcePath = "/.well-known/oauth-protected-resource"
)

func TestTheMetadataIsTheSameWhereverAClientLooksForIt(t *testing.T) {
	t.Parallel()
	for path, aliases := range map[string][]string{
		"":             {oauthPath, openIDPath},
		"/":            {oauthPath, openIDPath, oauthPath + "/", openIDPath + "/"},
		"/tenant/one":  {oauthPath + "/tenant/one", openIDPath + "/tenant/one", "/tenant/one" + openIDPath},
		"/tenant/one/": {oauthPath + "/tenant/one", openIDPath + "/tenant/one", "/tenant/one" + openIDPath, oauthPath + "/tenant/one/", openIDPath + "/tenant/one/"},
	} {
		w := newWorld(t, func(cfg *mcp.Config) { cfg.Issuer += path })
		want := w.get(w.url + aliases[0]).body
		for _, alias := range aliases {
			require.Contains(t, w.server.Paths(), alias)
			w.servesToAnyPage(alias, want)
		}
		require.Equal(t, w.config.Issuer, answer{body: want}.json(t)["issuer"])
	}
}

// servesToAnyPage checks all that a client may see of a document that is public.
func (w *world) servesToAnyPage(path, want string) {
	t := w.t
	t.Helper()
	for _, headers := range [][]string{
		nil,
		{"Origin", "https://any.example"},
		{"Host", "evil.example", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example"},
	} {
		got := w.get(w.url+path, headers...)
		require.Equal(t, http.StatusOK, got.status, path)
		require.Equal(t, want, got.body, path)
		require.Equal(t, "application/json", got.header.Get("Content-Type"), path)
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"), path)
		require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"), path)
	}
	preflight := w.do(http.MethodOptions, w.url+path, "", "Origin", "https://any.example",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version")
	require.Equal(t, http.StatusNoContent, preflight.status, path)
	require.Equal(t, "*", preflight.header.Get("Access-Control-Allow-Origin"), path)
	require.Equal(t, "*", preflight.header.Get("Access-Control-Allow-Headers"), path)
	require.Empty(t, preflight.header.Get("Access-Control-Allow-Credentials"), path)
	require.Equal(t, http.StatusMethodNotAllowed, w.do(http.MethodPost, w.url+path, "").status, path)
	require.Equal(t, http.StatusMethodNotAllowed, w.do(http.MethodOptions, w.url+path, "").status, path)
}

func TestTheMetadataTellsWhatClientsLookFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := w.get(w.url + oauthPath).json(t)
	require.Equal(t, []any{"S256"}, told["code_challenge_methods_supported"])
	require.Equal(t, true, told["authorization_response_iss_parameter_supported"])
	require.Equal(t, true, told["client_id_metadata_document_supported"])
	require.Equal(t, []any{read, write, admin, mcp.ScopeOfflineAccess}, told["scopes_supported"])
	require.Subset(t, told["token_endpoint_auth_methods_supported"], []any{"none", "private_key_jwt"})
	require.NotContains(t, told, "registration_endpoint", "opt-in")
	require.Equal(t, []any{"code"}, told["response_types_supported"])
	for _, endpoint := range []string{"authorization_endpoint", "token_endpoint", "revocation_endpoint"} {
		require.Contains(t, told[endpoint], w.url+"/", endpoint)
	}
}

func TestRegistrationIsServedAndToldWhereItIsChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) {
		cfg.Server.Registration = &oauth2.RegistrationConfig{Open: true}
	})
	told := w.get(w.url + oauthPath).json(t)
	require.Equal(t, w.url+"/register", told["registration_endpoint"])
	got := w.do(http.MethodPost, w.url+"/register", `{"redirect_uris":["https://new.example.com/callback"],"token_endpoint_auth_method":"none"}`, "Content-Type", "application/json")
	require.Equal(t, http.StatusCreated, got.status, got.body)
}

// Security considerations of the revision, section 3: a client learns at registration what would not work later.
func TestARedirectURIOfAnotherKindIsNotRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.Server.Registration = &oauth2.RegistrationConfig{Open: true} })
	for uris, code := range map[string]any{
		`"http://127.0.0.1/cb"`: nil, `"http://localhost/cb", "https://app.example.com/cb"`: nil,
		`"com.example.app:/cb"`: "invalid_redirect_uri", `"http://127.0.0.1/cb", "com.example.app:/cb"`: "invalid_redirect_uri",
	} {
		got := w.do(http.MethodPost, w.url+"/register", `{"client_name":"N","redirect_uris":[`+uris+`],"token_endpoint_auth_method":"none"}`, "Content-Type", "application/json")
		require.Equal(t, code == nil, got.status == http.StatusCreated, "%s: %s", uris, got.body)
		require.Equal(t, code, got.json(t)["error"], uris)
	}
}

func TestAClientThatRegisteredWithTheScopeOfAChallengeMayAskForMore(t *testing.T) {
	t.Parallel()
	const asked = `{"redirect_uris":["https://new.example.com/callback"],"token_endpoint_auth_method":"none","scope":"` + read + `"}`
	for name, c := range map[string]struct {
		config oauth2.RegistrationConfig
		want   string
	}{
		"all that the server has":    {oauth2.RegistrationConfig{}, read + " " + write + " " + admin},
		"all that the policy allows": {oauth2.RegistrationConfig{Policy: oauth2.RegistrationPolicy{Scope: oauth2.Scope{read, write}}}, read + " " + write},
		"what the application has approved": {oauth2.RegistrationConfig{Approve: func(_ context.Context, c *oauth2.Client) error {
			c.Scope = c.Scope[1:]
			return nil
		}}, write + " " + admin},
	} {
		c.config.Open = true
		w := newWorld(t, func(cfg *mcp.Config) { cfg.Server.Registration = &c.config })
		got := w.do(http.MethodPost, w.url+"/register", asked, "Content-Type", "application/json")
		require.Equal(t, http.StatusCreated, got.status, got.body)
		require.Equal(t, c.want, got.json(t)["scope"], name)
	}
}

func TestTheMetadataOfTheResourceIsAtItsPathAndAtTheRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.Name, cfg.Issuer = "Notes", cfg.Issuer+"/tenant" })
	want := w.get(w.url + resourcePath + "/mcp").body
	require.Equal(t, map[string]any{
		"resource": w.url + "/mcp", "authorization_servers": []any{w.url + "/tenant"}, "resource_name": "Notes",
		"scopes_supported": []any{read, write, admin}, "bearer_methods_supported": []any{"header"},
	}, answer{body: want}.json(t))
	for _, path := range []string{resourcePath, resourcePath + "/mcp"} {
		require.Contains(t, w.server.Paths(), path)
		w.servesToAnyPage(path, want)
	}
}

func TestTheResourceAsksForItsBasicScopesToBeginWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.BasicScopes = oauth2.Scope{read} })
	require.Equal(t, []any{read}, w.get(w.url + resourcePath).json(t)["scopes_supported"])
	require.Equal(t, []any{read, write, admin, mcp.ScopeOfflineAccess}, w.get(w.url + oauthPath).json(t)["scopes_supported"])
}

func TestWhatTheResourceAcceptsBesidesBearerTokensIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) {
		cfg.Server.DPoP, cfg.Server.MutualTLS = &oauth2.DPoPConfig{}, &oauth2.MutualTLSConfig{}
	})
	told := w.get(w.url + resourcePath).json(t)
	require.Equal(t, true, told["tls_client_certificate_bound_access_tokens"])
	require.Equal(t, w.get(w.url + oauthPath).json(t)["dpop_signing_alg_values_supported"], told["dpop_signing_alg_values_supported"])
	got := w.call("", "{}")
	require.Equal(t, http.StatusUnauthorized, got.status)
	for _, scheme := range []string{"bearer", "dpop"} {
		require.Equal(t, w.url+resourcePath+"/mcp", got.challenge(t, scheme)["resource_metadata"], scheme)
		require.Equal(t, read, got.challenge(t, scheme)["scope"], scheme)
	}
}

func TestPathsThatAreNotThereAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/mcp/", "/.well-known/", oauthPath + "/other", resourcePath + "/other", "/tenant" + openIDPath} {
		require.Equal(t, http.StatusNotFound, w.get(w.url+path).status, path)
	}
	require.NotContains(t, w.server.Paths(), "/mcp", "the application mounts it")
}
