package oauth2_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
)

func TestTheRefreshTokenOfAPublicClientIsBoundToItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	key := w.dpopKey()
	got := w.tokenProven(browserApp, w.browserCode(), key)
	refresh := got.str("refresh_token")
	refused(t, w.postProofs("/token", browserApp, refreshment(refresh)), http.StatusBadRequest, "invalid_grant")
	refused(t, w.tokenProven(browserApp, refreshment(refresh), w.dpopKey()), http.StatusBadRequest, "invalid_grant")
	require.True(t, w.active(got.str("access_token")), "a thief without the key harms nothing")
	for range 3 {
		got = w.tokenProven(browserApp, refreshment(refresh), key)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, "DPoP", got.str("token_type"))
		refused(t, w.tokenProven(browserApp, refreshment(refresh), w.dpopKey()), http.StatusBadRequest, "invalid_grant")
		refresh = got.str("refresh_token")
	}
}

func TestARefreshTokenIsBoundAsSoonAsAPublicClientProvesAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	key := w.dpopKey()
	refresh := w.postProofs("/token", browserApp, w.browserCode()).str("refresh_token")
	got := w.postProofs("/token", browserApp, refreshment(refresh))
	require.Equal(t, "Bearer", got.str("token_type"), got.body)
	refresh = got.str("refresh_token")
	first := w.tokenProven(browserApp, refreshment(refresh), key)
	require.Equal(t, "DPoP", first.str("token_type"), first.body)
	for _, token := range []string{refresh, first.str("refresh_token")} {
		refused(t, w.postProofs("/token", browserApp, refreshment(token)), http.StatusBadRequest, "invalid_grant")
		refused(t, w.tokenProven(browserApp, refreshment(token), w.dpopKey()), http.StatusBadRequest, "invalid_grant")
	}
	require.Equal(t, first.body, w.tokenProven(browserApp, refreshment(refresh), key).body, "the lost answer")
}

func TestAConfidentialClientMayRefreshWithAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	first, second := w.dpopKey(), w.dpopKey()
	got := w.tokenProven(webApp, redemption(w.approve(codeRequest())), first)
	next := w.tokenProven(webApp, refreshment(got.str("refresh_token")), second)
	require.Equal(t, http.StatusOK, next.status, next.body)
	info, err := w.server.Check(t.Context(), next.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, second.Thumbprint(), info.Confirmation.JKT)
}

func TestARetryInTheGraceWithAnotherKeyGetsAnotherAccessToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	first, second := w.dpopKey(), w.dpopKey()
	refresh := w.tokenProven(webApp, redemption(w.approve(codeRequest())), first).str("refresh_token")
	one := w.tokenProven(webApp, refreshment(refresh), first)
	again := w.tokenProven(webApp, refreshment(refresh), first)
	require.Equal(t, one.body, again.body, "a lost answer is told again to the same key")
	for name, other := range map[string]answer{
		"another key": w.tokenProven(webApp, refreshment(refresh), second),
		"no key":      w.postProofs("/token", webApp, refreshment(refresh)),
	} {
		require.Equal(t, http.StatusOK, other.status, name)
		require.NotEqual(t, one.str("access_token"), other.str("access_token"), name)
		require.Equal(t, one.str("refresh_token"), other.str("refresh_token"), name)
	}
}

func TestACodeIsBoundToTheKeyOfDPoPJKT(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	key := w.dpopKey()
	form := w.browserCode("dpop_jkt", key.Thumbprint())
	refused(t, w.tokenProven(browserApp, form, w.dpopKey()), http.StatusBadRequest, "invalid_grant")
	refused(t, w.postProofs("/token", browserApp, form), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, w.tokenProven(browserApp, form, key).status)
	for _, malformed := range []string{"x", key.Thumbprint() + "=", key.Thumbprint()[1:]} {
		sent := w.ask(codeRequest("dpop_jkt", malformed)).location(t)
		require.Equal(t, "invalid_request", sent.Get("error"))
		require.Equal(t, "xyz", sent.Get("state"))
	}
}

func TestAClientOfBoundTokensGetsNoOthers(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*world{"served": newWorld(t, withDPoP), "not served": newWorld(t)} {
		client, err := w.clients.Client(t.Context(), machine)
		require.NoError(t, err)
		bound := client.Clone()
		bound.DPoPBoundAccessTokens = true
		require.NoError(t, w.clients.UpdateClient(t.Context(), bound))
		refused(t, w.token(machine, "grant_type", "client_credentials"), http.StatusBadRequest, "invalid_dpop_proof")
		got := w.tokenProven(machine, values("grant_type", "client_credentials"), w.dpopKey())
		require.Equal(t, name == "served", got.status == http.StatusOK, got.body)
	}
}

func TestLintFindsWhoMayGetBearerTokensAndWhoGetsNone(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	client := &oauth2.Client{ID: "web", Scope: oauth2.Scope{"read"}}
	resourceServer := &oauth2.Client{ID: "api", GrantTypes: []string{}, ResourceServer: true}
	lint := func() []string {
		return said(append(oauth2.Lint(oauth2.ProfileOAuth21, cfg, client, resourceServer), oauth2.Lint(oauth2.ProfileFAPI2, cfg, client, resourceServer)...))
	}
	const unserved, bearer, none = "RFC 9700 section 2.2.1 | should | server", "FAPI 2.0 section 5.3.2.1 item 4 | must | client web", "RFC 9449 section 5.2 | must | client web"
	require.Contains(t, lint(), unserved)
	client.DPoPBoundAccessTokens = true
	require.Contains(t, lint(), none)
	cfg.DPoP = &oauth2.DPoPConfig{}
	for _, gone := range []string{unserved, "FAPI 2.0 section 5.3.2.1 item 4 | must | server", bearer, none} {
		require.NotContains(t, lint(), gone)
	}
	client.DPoPBoundAccessTokens = false
	require.Contains(t, lint(), bearer)
	require.NotContains(t, lint(), "FAPI 2.0 section 5.3.2.1 item 4 | must | client api")
}

func TestAPushedRequestIsBoundByItsParameterOrItsProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP, pushing)
	key := w.dpopKey()
	pushProof := func(key *dpoptest.Key) string { return key.Proof(http.MethodPost, w.url+"/par") }
	both := pushProof(key)
	for name, pushed := range map[string]answer{
		"by its parameter": w.postProofs("/par", webApp, codeRequest("dpop_jkt", key.Thumbprint())),
		"by its proof":     w.postProofs("/par", webApp, codeRequest(), pushProof(key)),
		"by both":          w.postProofs("/par", webApp, codeRequest("dpop_jkt", key.Thumbprint()), both),
	} {
		require.Equal(t, http.StatusCreated, pushed.status, "%s: %s", name, pushed.body)
		form := redemption(w.approve(values("client_id", webApp, "request_uri", pushed.str("request_uri"))))
		refused(t, w.postProofs("/token", webApp, form), http.StatusBadRequest, "invalid_grant")
		refused(t, w.tokenProven(webApp, form, w.dpopKey()), http.StatusBadRequest, "invalid_grant")
		require.Equal(t, http.StatusOK, w.tokenProven(webApp, form, key).status, name)
	}
	refused(t, w.postProofs("/par", webApp, codeRequest(), both), http.StatusBadRequest, "invalid_dpop_proof")
	refused(t, w.postProofs("/par", webApp, codeRequest(), w.proof(key)), http.StatusBadRequest, "invalid_dpop_proof")
	refused(t, w.postProofs("/par", webApp, codeRequest("dpop_jkt", w.dpopKey().Thumbprint()), pushProof(key)), http.StatusBadRequest, "invalid_request")

	w = newWorld(t, withNonces, pushing)
	asked := w.postProofs("/par", webApp, codeRequest(), pushProof(key))
	refused(t, asked, http.StatusBadRequest, "use_dpop_nonce")
	require.Len(t, asked.header.Values("DPoP-Nonce"), 1)
}

// A client with a certificate calls the endpoint at the alias, and makes its proof for that (RFC 9449 section
// 4.3).
func TestAProofIsForEitherURLThatTheMetadataNames(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, withDPoP, pushing, withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.AliasOrigin = "https://mtls.example.com" }))
	meta := w.metadata()
	aliases := meta["mtls_endpoint_aliases"].(map[string]any)
	for _, name := range []string{"token_endpoint", "introspection_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint"} {
		require.Contains(t, meta, name)
		require.Contains(t, aliases, name, "where a client with a certificate authenticates")
	}
	key := w.dpopKey()
	for htu, status := range map[string]int{
		meta["token_endpoint"].(string): 200, aliases["token_endpoint"].(string): 200,
		"https://mtls.example.com/par": 400, "https://mtls.example.com": 400, "https://evil.example/token": 400, "": 400,
	} {
		got := w.postProofs("/token", machine, values("grant_type", "client_credentials"), key.Proof(http.MethodPost, htu))
		require.Equal(t, status, got.status, "%s: %s", htu, got.body)
	}
	used := key.Proof(http.MethodPost, aliases["token_endpoint"].(string), dpoptest.Claim("jti", "one"))
	require.Equal(t, 200, w.postProofs("/token", machine, values("grant_type", "client_credentials"), used).status)
	again := w.proof(key, dpoptest.Claim("jti", "one"))
	refused(t, w.postProofs("/token", machine, values("grant_type", "client_credentials"), again), 400, "invalid_dpop_proof")
}
