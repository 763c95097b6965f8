package mcp_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func TestEveryMisconfigurationIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := mcp.New(mcp.Config{
		Resource: "http://mcp.example.com", Scopes: oauth2.Scope{"a b", mcp.ScopeOfflineAccess}, BasicScopes: oauth2.Scope{"unknown"},
		ImpliedScopes: map[string]oauth2.Scope{"broad": {"narrow"}}, MaxMessageBytes: -1,
		Origins: []string{"https://ok.example.com", "*", "https://slash.example.com/", "null", "https://Capital.example.com", "https://port.example.com:443", "https://*.example.com", "app://ok"},
		Server:  oauth2.ServerConfig{Issuer: "https://id.example.com", CodeLifetime: -1},
	})
	for _, text := range []string{
		"Issuer is required", "Clients is required", "Tokens is required", "Consent is required", `"a b" is malformed`, "CodeLifetime",
		`Resource "http://mcp.example.com" is not an https URL`, "Server has an Issuer", "Scopes: \"offline_access\"", "BasicScopes", `ImpliedScopes: "broad"`,
		"MaxMessageBytes", `Origins: "https://slash.example.com/"`, `Origins: "null"`,
		`Origins: "https://Capital.example.com"`, `Origins: "https://port.example.com:443"`, `Origins: "https://*.example.com"`,
	} {
		require.ErrorContains(t, err, text)
	}
	require.NotContains(t, err.Error(), "ok.example.com")
	require.NotContains(t, err.Error(), "app://ok")
}

func TestTheResourceIsACanonicalURI(t *testing.T) {
	t.Parallel()
	for uri, ok := range map[string]bool{
		"https://mcp.example.com/mcp": true, "https://mcp.example.com": true, "https://mcp.example.com:8443": true, "https://mcp.example.com/server/mcp": true,
		"https://mcp.example.com/": true, "http://localhost:8660/mcp": true, "http://127.0.0.1:1/mcp": true,
		"": false, "mcp.example.com": false, "https://mcp.example.com#fragment": false, "https://mcp.example.com?query": false, "https://MCP.example.com": false,
		"HTTPS://mcp.example.com": false, "http://mcp.example.com": false, "https://": false, "https:///mcp": false, "urn:mcp": false,
	} {
		_, err := mcp.New(mcp.Config{
			Issuer: "https://id.example.com", Resource: uri, Clients: newClients(t), Tokens: memory.New(),
			Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
				return nil, oauth2.ErrAccessDenied
			},
		})
		require.Equal(t, ok, err == nil, "%q: %v", uri, err)
	}
}

func TestAServerWithoutScopesTakesEveryTokenForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.Scopes = nil })
	require.NotContains(t, w.get(w.url+resourcePath).json(t), "scopes_supported")
	handler := w.server.Protect(http.HandlerFunc(tellFacts))
	got := w.serve(handler, w.tokens(app)["access_token"].(string))
	require.Equal(t, http.StatusOK, got.status)
	require.NotContains(t, w.serve(handler, "unknown").challenge(t, "bearer"), "scope")
}
