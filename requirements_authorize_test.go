package oauth2_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// The tests in requirements_*_test.go prove what docs/requirements.md names and no other test does.

// postForm sends a form to the authorization endpoint, as the browser that sees the pages.
func (w *world) postForm(query string, form url.Values) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+"/authorize?"+query, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(w.browser, r)
}

func TestRequestByPOSTLeadsToNoUnprovenURI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	evil := codeRequest("redirect_uri", "https://evil.example/")
	sentOn := w.postForm("", evil)
	require.Equal(t, http.StatusSeeOther, sentOn.status)
	require.True(t, strings.HasPrefix(sentOn.header.Get("Location"), "/authorize?"), "to the same endpoint by GET")
	refusal := w.ask(sentOn.location(t))
	require.Equal(t, http.StatusBadRequest, refusal.status)
	require.Empty(t, refusal.header.Get("Location"))

	evil.Set("form_token", formTokenIn(w.ask(codeRequest()).body))
	answered := w.postForm(evil.Encode(), values("form_token", evil.Get("form_token"), "decision", "yes"))
	require.Equal(t, http.StatusBadRequest, answered.status)
	require.Empty(t, answered.header.Get("Location"))
}

func TestResourceAndAudienceMayRepeat(t *testing.T) {
	t.Parallel()
	const one, two = "https://one.example.com", "https://two.example.com"
	w := newWorld(t, withResources(one, two))
	query := codeRequest()
	query["resource"] = []string{two, one, two}
	query["audience"] = []string{"a", "b"}
	got := w.post("/token", webApp, redemption(w.approve(query)))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, []any{one, two}, w.post("/introspect", api, values("token", got.str("access_token"))).json["aud"])

	form := values("grant_type", "client_credentials", "resource", one, "resource", two, "audience", "a", "audience", "b")
	require.Equal(t, http.StatusOK, w.post("/token", machine, form).status)
}

func TestUnknownParametersAreIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest("unknown", "1", "access_token", "x", "subject", "mallory", "sub", "mallory"))
	got := w.post("/token", webApp, redemption(code, "unknown", "1", "sub", "mallory", "username", "mallory"))
	require.Equal(t, http.StatusOK, got.status, got.body)
	told := w.post("/introspect", api, values("token", got.str("access_token"), "unknown", "1"))
	require.Equal(t, "alice", told.str("sub"))
	require.Equal(t, http.StatusOK, w.refresh(got.str("refresh_token"), "unknown", "1").status)
	require.Equal(t, http.StatusOK, w.post("/revoke", webApp, values("token", got.str("access_token"), "unknown", "1")).status)
}

func TestAuthorizationAnswerHasNoTokenInIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest("nonce", "n", "response_mode", "query")
	got := w.decide(query, formTokenIn(w.ask(query).body), "yes").location(t)
	code := got.Get("code")
	require.Equal(t, url.Values{"code": {code}, "state": {"xyz"}, "iss": {w.url}}, got)
	require.False(t, w.active(code))
	for _, responseType := range []string{"token", "id_token", "code token", "token code", "code id_token token", "none", "Code", "code code"} {
		refusal := w.ask(codeRequest("response_type", responseType))
		require.Equal(t, "unsupported_response_type", refusal.location(t).Get("error"), responseType)
		require.NotContains(t, refusal.header.Get("Location"), "#")
	}
}

func TestScopeThatIsNotServedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Scopes = oauth2.Scope{"read", "stats"} })
	require.Equal(t, "invalid_scope", w.ask(codeRequest("scope", "read write")).location(t).Get("error"))
	got := w.post("/token", webApp, redemption(w.approve(codeRequest("scope", ""))))
	require.Equal(t, "read", got.str("scope"), "what is registered but not served is not in the default")
	refused(t, w.refresh(got.str("refresh_token"), "scope", "write"), 400, "invalid_scope")
	refused(t, w.token(machine, "grant_type", "client_credentials", "scope", "stats write"), 400, "invalid_scope")
}

func TestAuthorizationEndpointHasNoCORS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice"}, nil
	}
	for status, query := range map[int]url.Values{http.StatusSeeOther: codeRequest(), http.StatusBadRequest: codeRequest("client_id", "nobody")} {
		for _, origin := range []string{"https://app.example.com", "null", w.url} {
			r, err := http.NewRequest(http.MethodGet, w.url+"/authorize?"+query.Encode(), nil)
			require.NoError(t, err)
			r.Header.Set("Origin", origin)
			got := w.do(w.browser, r)
			require.Equal(t, status, got.status)
			for name := range got.header {
				require.False(t, strings.HasPrefix(name, "Access-Control-"), name)
			}
		}
	}
}

func TestNothingThatARequestOrAClientNamesIsFetched(t *testing.T) {
	t.Parallel()
	var visits atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(trap.Close)
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: "lure", Name: trap.URL, RedirectURIs: []string{trap.URL + "/cb"}, Scope: oauth2.Scope{"read"}, Secrets: nil,
		ClientURI: trap.URL + "/uri", LogoURI: trap.URL + "/logo", PolicyURI: trap.URL + "/policy", TosURI: trap.URL + "/tos",
	}))
	lure := codeRequest("client_id", "lure", "redirect_uri", trap.URL+"/cb", "scope", "read", "jku", trap.URL, "sector_identifier_uri", trap.URL)
	got := w.post("/token", "", redemption(w.approve(lure), "client_id", "lure", "redirect_uri", trap.URL+"/cb", "client_assertion", ""))
	require.Equal(t, http.StatusOK, got.status, got.body)
	for _, name := range []string{"request", "request_uri", "registration", "id_token_hint", "client_id", "redirect_uri"} {
		w.ask(codeRequest(name, trap.URL+"/"+name))
	}
	w.post("/token", "", redemption("x", "client_id", trap.URL+"/client"))
	w.post("/token", "", redemption("x", "client_assertion", trap.URL+"/assertion", "client_assertion_type", trap.URL+"/type"))
	require.Zero(t, visits.Load())
}

func TestApplicationIsAskedAboutEveryRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked atomic.Int32
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		asked.Add(1)
		return askOnPage(rw, r, req)
	}
	query := codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read")
	for n := range int32(3) {
		w.approve(query)
		require.Equal(t, 2*(n+1), asked.Load(), "once to ask, once with the answer")
	}
	require.Equal(t, "interaction_required", w.ask(codeRequest("prompt", "none")).location(t).Get("error"), "what was approved before opens no door")
}

func TestConsentIsGivenByPOSTAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	answered := codeRequest("form_token", token, "decision", "yes")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r, err := http.NewRequest(method, w.url+"/authorize?"+answered.Encode(), nil)
		require.NoError(t, err)
		got := w.do(w.browser, r)
		require.Equal(t, http.StatusOK, got.status)
		require.Empty(t, got.header.Get("Location"))
	}
	got := w.postForm(answered.Encode(), values("decision", "yes"))
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Empty(t, got.location(t).Get("code"), "a token in the URL is no answer")
	require.NotEmpty(t, w.decide(query, token, "yes").location(t).Get("code"))
}

func TestClientMayRegisterSeveralRedirectURIsAndMustNameOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uris := []string{"https://a.example.com/cb", "https://b.example.com/cb?x=1"}
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "several", RedirectURIs: uris, Scope: oauth2.Scope{"read"}}))
	for _, uri := range uris {
		query := codeRequest("client_id", "several", "redirect_uri", uri, "scope", "read")
		sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
		require.True(t, strings.HasPrefix(sent.header.Get("Location"), uri), sent.header.Get("Location"))
		code := sent.location(t).Get("code")
		other := uris[0]
		if uri == other {
			other = uris[1]
		}
		form := redemption(code, "client_id", "several", "redirect_uri", other)
		refused(t, w.post("/token", "", form), 400, "invalid_grant")
		form.Set("redirect_uri", uri)
		require.Equal(t, http.StatusOK, w.post("/token", "", form).status)
	}
	require.Equal(t, http.StatusBadRequest, w.ask(codeRequest("client_id", "several", "redirect_uri", "", "scope", "read")).status)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "none", Scope: oauth2.Scope{"read"}}))
	require.Equal(t, http.StatusBadRequest, w.ask(codeRequest("client_id", "none", "scope", "read")).status, "without registration nothing matches")
}

func TestLoopbackPortOfAWebClientDoesNotVary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "web", ApplicationType: "web", RedirectURIs: []string{"http://127.0.0.1:8600/cb"}, Scope: oauth2.Scope{"read"}}))
	ask := func(uri string) int {
		return w.ask(codeRequest("client_id", "web", "redirect_uri", uri, "scope", "read")).status
	}
	require.Equal(t, http.StatusOK, ask("http://127.0.0.1:8600/cb"))
	require.Equal(t, http.StatusBadRequest, ask("http://127.0.0.1:8601/cb"))
	require.Equal(t, http.StatusBadRequest, ask("http://127.0.0.1/cb"))
}

func TestRegistrationRefusesAWildcardAnywhere(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"https://*.example.com/cb", "https://app.example.com/*", "https://app.example.com/cb?x=*", "http://127.0.0.1:*/cb", "com.example.app:/*"} {
		require.ErrorIs(t, oauth2.ValidateRedirectURI(uri, true), oauth2.ErrRedirectURI, uri)
	}
}
