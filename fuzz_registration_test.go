package oauth2_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// Whatever is registered is a valid client with safe redirect URIs and no more than the policy allows; the
// answer says the same again, registers the same again, and is never a fault.
func FuzzRegistration(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"redirect_uris":["https://app.example.com/cb"]}`,
		`{"redirect_uris":["http://127.0.0.1:1/cb","com.example.app:/cb"],"application_type":"native","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		`{"redirect_uris":["https://app.example.com/cb"],"token_endpoint_auth_method":"none","scope":"read write admin","contacts":["a","b"]}`,
		`{"redirect_uris":["https://app.example.com/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://app.example.com/jwks"}`,
		`{"redirect_uris":["https://app.example.com/cb"],"jwks":{"keys":[{"kty":"EC"}]},"client_name":"\u202e\u0000","client_id":"mine","client_secret":"mine"}`,
		`{"redirect_uris":["javascript:alert(1)","https://user@x#y","https://*/","/"],"logo_uri":"data:x","grant_types":["client_credentials","password"]}`,
		`{"redirect_uris":["https://app.example.com/cb"],"software_statement":"a.b.c","dpop_bound_access_tokens":"yes"}`, `{"scope":null,"grant_types":[],"redirect_uris":null}`,
		`{"redirect_uris":["https://app.example.com/cb"],"authorization_details_types":["payment","contacts_export","contacts_export",""],"client_name":"\u3164 a\u200d"}`,
	} {
		f.Add(seed)
	}
	w := newWorld(f, withDetails, withRegistration(withExports), func(cfg *oauth2.ServerConfig) { cfg.OnEvent, cfg.FailureLimiter = nil, unlimited{} })
	policy := w.config.Registration.Policy
	f.Fuzz(func(t *testing.T, body string) {
		got := sendRegistration(w.server, body)
		require.Equal(t, "no-store", got.Header().Get("Cache-Control"))
		if got.Code != http.StatusCreated {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, got.Code, got.Body.String())
			return
		}
		var told struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		require.NoError(t, json.Unmarshal(got.Body.Bytes(), &told))
		c, err := w.clients.Client(t.Context(), told.ID)
		require.NoError(t, err)
		require.NoError(t, w.clients.DeleteClient(t.Context(), c.ID))
		require.NoError(t, c.Validate())
		require.True(t, c.Dynamic && !c.ResourceServer && !c.PKCEOptional && len(c.RequestURIs) == 0)
		require.True(t, policy.Scope.Includes(c.Scope))
		require.Subset(t, policy.AuthorizationDetailsTypes, c.AuthorizationDetailsTypes)
		require.Equal(t, c.Name == "", strings.TrimSpace(c.Name) == "")
		for _, grantType := range c.GrantTypes {
			require.Contains(t, []string{"authorization_code", "refresh_token"}, grantType)
		}
		require.Equal(t, strings.HasPrefix(c.TokenEndpointAuthMethod, "client_secret_"), told.Secret != "")
		for _, uri := range c.RedirectURIs {
			require.NoError(t, oauth2.ValidateRedirectURI(uri, c.ApplicationType == "native"))
			u, err := url.Parse(uri)
			require.NoError(t, err)
			require.True(t, u.Scheme == "https" || c.ApplicationType == "native", uri)
		}
		again := sendRegistration(w.server, got.Body.String())
		require.Equal(t, http.StatusCreated, again.Code, again.Body.String())
		require.Equal(t, stable(t, got), stable(t, again))
	})
}

func sendRegistration(s *oauth2.Server, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/register", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Register(w, r)
	return w
}

// stable is what an answer says but for what is made anew for each client.
func stable(t *testing.T, answer *httptest.ResponseRecorder) map[string]any {
	var told map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &told))
	for _, name := range []string{"client_id", "client_id_issued_at", "client_secret", "registration_access_token", "registration_client_uri"} {
		delete(told, name)
	}
	return told
}
