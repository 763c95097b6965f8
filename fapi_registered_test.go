package oauth2_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func signingMetadata(alg jose.SignatureAlgorithm) members {
	return members{
		"client_id": "", "redirect_uris": []string{documentRedirect}, "token_endpoint_auth_method": "private_key_jwt", "scope": "read",
		"jwks": jwksOf(publicJWK(keyOf("bank", alg), "")), "token_endpoint_auth_signing_alg": alg,
	}
}

// No one here looks at a client that registers itself, so the Server does.
func TestUnderAProfileAClientThatRegistersItselfIsHeldToIt(t *testing.T) {
	t.Parallel()
	cfg := oauth2.FAPI2Security(fapiConfig())
	cfg.Scopes = oauth2.Scope{"read"}
	cfg.Registration = &oauth2.RegistrationConfig{Open: true}
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	register := func(change members) *httptest.ResponseRecorder {
		metadata := signingMetadata(jose.ES256)
		for name, value := range change {
			metadata[name] = value
		}
		text, err := json.Marshal(metadata)
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPost, cfg.Issuer+"/register", strings.NewReader(string(text)))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		return rec
	}
	require.Equal(t, http.StatusCreated, register(nil).Code)
	for name, change := range map[string]members{
		"assertions":      signingMetadata(jose.RS256),
		"request objects": {"request_object_signing_alg": "RS256"},
		"answers":         {"authorization_signed_response_alg": "RS256"},
	} {
		got := register(change)
		require.Equal(t, http.StatusBadRequest, got.Code, "%s: %s", name, got.Body)
		require.Contains(t, got.Body.String(), "invalid_client_metadata", name)
		require.Contains(t, got.Body.String(), "FAPI 2.0 section 5.4.1 item 1", name)
	}
}

func TestUnderAProfileAClientOfADocumentIsHeldToIt(t *testing.T) {
	t.Parallel()
	h := newDocumentHost(t)
	cfg := fapiConfig()
	cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, oauth2.ClientIDMetadataConfig{Scope: oauth2.Scope{"read"}, HTTPClient: h.client})
	cfg = oauth2.FAPI2Security(cfg)
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	push := func(id string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, cfg.Issuer+"/par", strings.NewReader(url.Values{"client_id": {id}, "client_assertion_type": {"x"}, "client_assertion": {"x"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		return rec
	}
	ask := func(id string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, cfg.Issuer+"/authorize?"+url.Values{"client_id": {id}}.Encode(), nil))
		return rec
	}
	publish := func(path string, alg jose.SignatureAlgorithm) string {
		metadata := signingMetadata(alg)
		metadata["client_id"] = h.origin + path
		return h.publishes(path, metadata)
	}
	good, bad := publish("/good", jose.ES256), publish("/bad", jose.RS256)
	require.NotContains(t, ask(good).Body.String(), "FAPI 2.0 section 5.4.1")
	require.Contains(t, ask(bad).Body.String(), "FAPI 2.0 section 5.4.1 item 1")
	require.Equal(t, http.StatusUnauthorized, push(bad).Code)
}

// Who registers clients by hand may overlook what Lint says. No signature of theirs by RS256 is believed.
func TestUnderTheProfileNoClientSignsWithRS256(t *testing.T) {
	t.Parallel()
	cfg := oauth2.FAPI2Security(fapiConfig())
	cfg.RequestObjects = true
	clients, err := memory.NewClients()
	require.NoError(t, err)
	cfg.Clients = clients
	key := keyOf("bank", jose.RS256)
	for _, id := range []string{"PS256", "RS256"} {
		c := fapiClient()
		c.ID, c.JWKS, c.TokenEndpointAuthSigningAlg = id, jwksOf(publicJWK(key, "")), id
		require.NoError(t, clients.CreateClient(t.Context(), c))
	}
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	serve := func(r *http.Request) (got map[string]any) {
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &got), rec.Body)
		return got
	}
	for id, refusal := range map[string]string{"PS256": "invalid_dpop_proof", "RS256": "invalid_client"} {
		now := time.Now().Unix()
		assertion := signedJWT(t, key, jose.SignatureAlgorithm(id), nil, members{
			"iss": id, "sub": id, "aud": cfg.Issuer, "iat": now, "exp": now + 60, "jti": id,
		})
		r := httptest.NewRequest(http.MethodPost, cfg.Issuer+"/token", strings.NewReader(asserting(assertion, "grant_type", oauth2.GrantRefreshToken).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, refusal, serve(r)["error"], id)
	}
	metadata := serve(httptest.NewRequest(http.MethodGet, cfg.Issuer+"/.well-known/oauth-authorization-server", nil))
	for _, member := range []string{"token_endpoint_auth", "introspection_endpoint_auth", "revocation_endpoint_auth", "request_object"} {
		require.Equal(t, []any{"ES256", "EdDSA", "Ed25519", "PS256"}, metadata[member+"_signing_alg_values_supported"], member)
	}
}
