package mcp_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
)

func TestARequestWithoutATokenIsLedToTheMetadataAndTheScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, got := range map[string]answer{
		"no token":       w.call("", "{}"),
		"another scheme": w.call("", "{}", "Authorization", "Basic eDp5"),
		"unknown token":  w.call("at_unknown", "{}"),
	} {
		require.Equal(t, http.StatusUnauthorized, got.status, name)
		challenge := got.challenge(t, "bearer")
		require.Equal(t, w.url+resourcePath+"/mcp", challenge["resource_metadata"], name)
		require.Equal(t, read, challenge["scope"], name)
		require.Equal(t, name == "unknown token", challenge["error"] == "invalid_token", name)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"), name)
	}
}

func TestATokenThatWasIssuedForTheResourceOpensIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.call(w.token(read), `{"jsonrpc":"2.0"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, map[string]any{"sub": "alice", "scope": read, "message": `{"jsonrpc":"2.0"}`}, got.json(t))
}

func TestATokenOutsideTheHeaderIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(read)
	inQuery := w.do(http.MethodPost, w.url+"/mcp?access_token="+token, "{}")
	inForm := w.call("", url.Values{"access_token": {token}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	both := w.do(http.MethodPost, w.url+"/mcp?access_token="+token, "{}", "Authorization", "Bearer "+token)
	for _, got := range []answer{inQuery, inForm, both} {
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Equal(t, "invalid_request", got.challenge(t, "bearer")["error"])
	}
}

func TestATokenForAnotherResourceIsRefused(t *testing.T) {
	t.Parallel()
	const other = "https://other.example.com"
	w := newWorld(t, func(cfg *mcp.Config) { cfg.Server.Resources = []oauth2.Resource{{URI: other}} })
	for name, pairs := range map[string][]string{
		"another resource": {"scope", read, "resource", other},
		"none is named":    {"scope", read},
	} {
		got := w.call(w.tokens(app, pairs...)["access_token"].(string), "{}")
		require.Equal(t, http.StatusUnauthorized, got.status, name)
		require.Equal(t, "invalid_token", got.challenge(t, "bearer")["error"], name)
	}
	token := w.tokens(app, "scope", read, "resource", other, "resource", w.url+"/mcp")["access_token"].(string)
	require.Equal(t, http.StatusOK, w.call(token, "{}").status)
}

func TestEverySpellingOfTheResourceMeansItAndItIsTheDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	loud := strings.Replace(w.url, "http", "HTTP", 1) + "/mcp"
	for _, spelling := range []string{"", w.url + "/mcp", w.url + "/mcp/", loud, loud + "/"} {
		told, verifier := w.authorize(app, "scope", read, "resource", spelling)
		require.NotEmpty(t, told.Get("code"), spelling)
		got := w.redeem(app, told, verifier, "resource", spelling)
		require.Equal(t, http.StatusOK, got.status, got.body)
		token := got.json(t)["access_token"].(string)
		info, err := w.server.Check(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, []string{w.url + "/mcp"}, info.Audience, spelling)
		require.Equal(t, http.StatusOK, w.call(token, "{}").status)
	}
	for _, other := range []string{
		w.url, w.url + "/", w.url + "/mcp//", w.url + "/MCP", w.url + "/mcp/x", w.url + "/mcp?", w.url + "/mcp#", w.url + "/%6dcp", w.url + "/mcp/.",
		"https" + strings.TrimPrefix(w.url, "http") + "/mcp", "x", "mcp", w.url + "@evil.example/mcp", "http://127.0.0.1/mcp",
	} {
		told, _ := w.authorize(app, "scope", read, "resource", other)
		require.Equal(t, "invalid_target", told.Get("error"), other)
	}
}

func TestEveryAnswerNamesTheIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.Issuer += "/tenant" })
	told, _ := w.authorize(app, "scope", read)
	require.Equal(t, w.url+"/tenant", told.Get("iss"))
	told, _ = w.authorize(app, "scope", "unknown")
	require.Equal(t, "invalid_scope", told.Get("error"))
	require.Equal(t, w.url+"/tenant", told.Get("iss"))
	w.deny = true
	told, _ = w.authorize(app, "scope", read)
	require.Equal(t, "access_denied", told.Get("error"))
	require.Equal(t, w.url+"/tenant", told.Get("iss"))
}

func TestPKCEWithS256IsRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := url.Values{"response_type": {"code"}, "client_id": {app}, "redirect_uri": {callback}}
	for _, method := range []string{"", "plain"} {
		query.Set("code_challenge_method", method)
		query.Set("code_challenge", strings.Repeat("x", 43))
		got := w.get(w.url + "/authorize?" + query.Encode())
		require.Contains(t, got.header.Get("Location"), "error=invalid_request", method)
	}
}

func TestARedirectURIIsHTTPSOrOnThisMachine(t *testing.T) {
	t.Parallel()
	uris := map[string]bool{
		"https://app.example.com/cb": true, "http://127.0.0.1/cb": true, "http://[::1]/cb": true, "http://localhost/cb": true,
		"com.example.app:/cb": false, "com.example.app://host/cb": false, "http://app.example.com/cb": false, "http://10.0.0.1/cb": false,
		"http://localhost.example.com/cb": false, "http:///cb": false,
	}
	w := newWorld(t, func(cfg *mcp.Config) {
		cfg.Clients = oneClient{ID: app, RedirectURIs: slices.Collect(maps.Keys(uris)), Scope: oauth2.Scope{read}}
	})
	for uri, ok := range uris {
		query := url.Values{
			"response_type": {"code"}, "client_id": {app}, "redirect_uri": {uri}, "scope": {read},
			"code_challenge": {xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
		}
		got := w.get(w.url + "/authorize?" + query.Encode())
		require.Equal(t, ok, got.status == http.StatusSeeOther, "%s: %d", uri, got.status)
		require.Equal(t, ok, got.header.Get("Location") != "", uri)
	}
	kept, err := w.config.Clients.Client(t.Context(), app)
	require.NoError(t, err)
	require.Len(t, kept.RedirectURIs, len(uris), "the store's own client is as it was")
	require.Equal(t, oauth2.Scope{read}, kept.Scope)
}

// oneClient is a store of one client, whatever is in it.
type oneClient oauth2.Client

func (c oneClient) Client(_ context.Context, id string) (*oauth2.Client, error) {
	if id != c.ID {
		return nil, oauth2.ErrNotFound
	}
	client := oauth2.Client(c)
	return &client, nil
}

func TestAnInsufficientTokenIsToldAllThatTheRouteNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := w.server.Protect(http.HandlerFunc(tellFacts), read, mcp.ScopeOfflineAccess, write)
	mux := http.NewServeMux()
	mux.Handle("/mcp", handler)
	got := w.serve(mux, w.token(read))
	require.Equal(t, http.StatusForbidden, got.status)
	challenge := got.challenge(t, "bearer")
	require.Equal(t, "insufficient_scope", challenge["error"])
	require.Equal(t, read+" "+write, challenge["scope"], "and never offline_access")
	require.Equal(t, w.url+resourcePath+"/mcp", challenge["resource_metadata"])
	require.NotEmpty(t, challenge["error_description"])
	require.Equal(t, http.StatusOK, w.serve(mux, w.token(read+" "+write)).status)
}

func TestABroaderScopeIsEnoughForWhatItImplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) {
		cfg.ImpliedScopes = map[string]oauth2.Scope{write: {read}}
		cfg.CallScopes = func(c mcp.Call) oauth2.Scope { return oauth2.Scope{read} }
	})
	require.Equal(t, http.StatusOK, w.call(w.token(write), "{}").status)
	require.Equal(t, http.StatusForbidden, w.call(w.token(admin), "{}").status)
}

func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(read)
	require.Equal(t, http.StatusOK, w.call(token, "{}").status)
	form := url.Values{"token": {token}, "client_id": {app}}
	require.Equal(t, http.StatusOK, w.do(http.MethodPost, w.url+"/revoke", form.Encode(), "Content-Type", "application/x-www-form-urlencoded").status)
	require.Equal(t, http.StatusUnauthorized, w.call(token, "{}").status)
}

// serve sends one request to a handler of its own.
func (w *world) serve(handler http.Handler, token string) answer {
	w.t.Helper()
	listener := httptest.NewServer(handler)
	defer listener.Close()
	return w.do(http.MethodPost, listener.URL+"/mcp", "{}", "Authorization", "Bearer "+token)
}
