package oauth2_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// pushing turns pushed requests on.
func pushing(cfg *oauth2.ServerConfig) { cfg.Endpoints.PushedAuthorization = "/par" }

// push leaves the request of codeRequest(pairs...) with the server.
func (w *world) push(client string, pairs ...string) answer {
	return w.post("/par", client, codeRequest(pairs...))
}

// pushed is what a browser brings of a request of webApp that was pushed.
func (w *world) pushed(pairs ...string) url.Values {
	w.t.Helper()
	got := w.push(webApp, pairs...)
	require.Equal(w.t, http.StatusCreated, got.status, got.body)
	return values("client_id", webApp, "request_uri", got.str("request_uri"))
}

func TestAPushedRequestLeadsToACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	got := w.push(webApp)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.InDelta(t, 90, got.json["expires_in"], 0)
	require.True(t, strings.HasPrefix(got.str("request_uri"), "urn:ietf:params:oauth:request_uri:"))
	require.Len(t, got.json, 2)

	query := values("client_id", webApp, "request_uri", got.str("request_uri"))
	sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
	require.True(t, strings.HasPrefix(sent.header.Get("Location"), webRedirect), "the redirect URI that was pushed")
	require.Equal(t, "xyz", sent.location(t).Get("state"), "and its state")
	tokens := w.post("/token", webApp, redemption(sent.location(t).Get("code")))
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	require.Equal(t, "read write", tokens.str("scope"))
	require.Equal(t, []oauth2.EventType{oauth2.EventRequestPushed, oauth2.EventCodeIssued, oauth2.EventTokenIssued}, w.eventTypes())
}

func TestAPublicClientPushesByItsClientID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	got := w.push("", "client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read")
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.NotEmpty(t, w.approve(values("client_id", browserApp, "request_uri", got.str("request_uri"))))
}

func TestAPushIsHeldToTheRulesOfTheAuthorizationEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	for name, c := range map[string]struct {
		client string
		pairs  []string
		status int
		code   string
	}{
		"RFC 9126 section 2: a wrong client":          {otherApp, nil, 400, "invalid_request"},
		"RFC 9126 section 2.1: a request_uri":         {webApp, []string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, 400, "invalid_request"},
		"RFC 9126 section 2.3: a foreign redirect":    {webApp, []string{"redirect_uri", otherRedirect}, 400, "invalid_request"},
		"RFC 6749 section 4.1.1: no redirect":         {webApp, []string{"redirect_uri", ""}, 400, "invalid_request"},
		"RFC 6749 section 4.1.2.1: a strange scope":   {webApp, []string{"scope", "admin"}, 400, "invalid_scope"},
		"RFC 6749 section 3.1.1: a token":             {webApp, []string{"response_type", "token"}, 400, "unsupported_response_type"},
		"RFC 7636 section 4.4.1: no challenge":        {webApp, []string{"code_challenge", ""}, 400, "invalid_request"},
		"RFC 7636 section 4.4.1: plain":               {webApp, []string{"code_challenge_method", "plain"}, 400, "invalid_request"},
		"RFC 8707 section 2: an unknown resource":     {webApp, []string{"resource", "https://none.example"}, 400, "invalid_target"},
		"OpenID Connect Core 3.1.2.6: a request":      {webApp, []string{"request", "x.y.z"}, 400, "request_not_supported"},
		"a request that is too large for a browser":   {webApp, []string{"login_hint", strings.Repeat("x", 33<<10)}, 413, "invalid_request"},
		"a body that is too large":                    {webApp, []string{"login_hint", strings.Repeat("x", 70<<10)}, 413, "invalid_request"},
		"RFC 6749 section 4.1.2.1: not for codes":     {machine, []string{"client_id", ""}, 400, "invalid_request"},
		"RFC 6749 section 3.2.1: a wrong secret":      {"", []string{"client_secret", "wrong"}, 401, "invalid_client"},
		"RFC 6749 section 2.3: a secret left out":     {"", nil, 401, "invalid_client"},
		"OAuth 2.0 Multiple Response Types: fragment": {webApp, []string{"response_mode", "fragment"}, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.push(c.client, c.pairs...)
			require.Equal(t, c.status, got.status, got.body)
			require.Equal(t, c.code, got.str("error"), got.body)
			require.Empty(t, got.str("request_uri"))
		})
	}
}

func TestAPushIsAFormInAPOST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	got := w.get(direct, "/par", codeRequest())
	refused(t, got, http.StatusMethodNotAllowed, "invalid_request")
	require.Equal(t, "POST", got.header.Get("Allow"))
	require.Equal(t, oauth2.EventPushRefused, w.last().Type)
	twice := codeRequest()
	twice["scope"] = []string{"read", "write"}
	refused(t, w.post("/par", webApp, twice), http.StatusBadRequest, "invalid_request")
	many := codeRequest()
	for i := range 95 {
		many.Set("x"+strings.Repeat("x", i), "1")
	}
	refused(t, w.post("/par", webApp, many), http.StatusBadRequest, "invalid_request")
}

func TestNoPageMayPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	own := []string{"Origin", "https://spa.example.com"}
	body := codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read").Encode()
	asked := w.raw(http.MethodOptions, "/par", nil, append(own, "Access-Control-Request-Method", "POST")...)
	require.Equal(t, http.StatusMethodNotAllowed, asked.status)
	sent := w.raw(http.MethodPost, "/par", strings.NewReader(body), own...)
	require.Equal(t, http.StatusCreated, sent.status, sent.body)
	for _, got := range []answer{asked, sent} {
		require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, got.header.Get("Access-Control-Allow-Methods"))
	}
}

func TestWhatThePushingClientAuthenticatedWithIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	body := codeRequest("client_secret", secretOf(webApp))
	got := w.post("/par", "", body)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	a := w.pushedRecord(t, got.str("request_uri"))
	require.NotContains(t, a.Request.Parameters, "secret")
	require.NotContains(t, a.Request.Parameters, secretSuffix)
	require.NotContains(t, got.str("request_uri"), a.Request.Digest)
}

// pushedRecord is the record that a request_uri names.
func (w *world) pushedRecord(t *testing.T, uri string) *oauth2.Authorization {
	id := strings.TrimPrefix(uri, "urn:ietf:params:oauth:request_uri:")[:20]
	a, err := w.store.Get(t.Context(), id)
	require.NoError(t, err)
	return a
}

func TestAPushedRequestIsTheNextStateOfOneRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	query := w.pushed()
	uri := query.Get("request_uri")
	requested := w.pushedRecord(t, uri)
	require.Nil(t, requested.Code)
	require.False(t, requested.Live(w.clock.Now()))

	code := w.approve(query)
	approved := w.pushedRecord(t, uri)
	require.Equal(t, requested.ID, approved.ID)
	require.NotEmpty(t, approved.Code.Digest)
	require.NotEqual(t, requested.LineageKey, approved.LineageKey)

	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
	active := w.pushedRecord(t, uri)
	require.Nil(t, active.Request, "the request goes with its code")
	require.NotNil(t, active.Refresh)
}

func TestARequestURIIsGoodForOneCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	query := w.pushed()
	page := w.ask(query)
	require.Equal(t, http.StatusOK, w.ask(query).status, "opening it uses nothing up")
	first := w.decide(query, formTokenIn(page.body), "yes")
	code := first.location(t).Get("code")
	require.NotEmpty(t, code)

	again := w.decide(query, formTokenIn(page.body), "yes")
	require.Equal(t, code, again.location(t).Get("code"), "a double click is told the same code")
	spent := w.ask(query)
	require.Equal(t, http.StatusBadRequest, spent.status)
	require.Contains(t, spent.body, "invalid_request_uri")
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
	require.Equal(t, http.StatusBadRequest, w.decide(query, formTokenIn(page.body), "yes").status)
	require.Equal(t, http.StatusBadRequest, w.ask(query).status)
}

func TestOfBrowsersThatApproveOneRequestURIOneGetsACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	query := w.pushed()
	const browsers = 8
	type tab struct {
		browser *http.Client
		token   string
	}
	tabs := make([]tab, browsers)
	for i := range tabs {
		tabs[i].browser = newBrowser(t)
	}
	var wg sync.WaitGroup
	for i := range tabs {
		wg.Go(func() { tabs[i].token = formTokenIn(w.get(tabs[i].browser, "/authorize", query).body) })
	}
	wg.Wait()
	answers := make([]answer, browsers)
	for i := range tabs {
		require.NotEmpty(t, tabs[i].token, "each is asked")
		wg.Go(func() { answers[i] = w.decideIn(tabs[i].browser, query, tabs[i].token, "yes") })
	}
	wg.Wait()
	codes := 0
	for _, got := range answers {
		if got.status == http.StatusSeeOther {
			codes++
			require.NotEmpty(t, got.location(t).Get("code"))
			continue
		}
		require.Contains(t, []int{http.StatusConflict, http.StatusBadRequest}, got.status, got.body)
	}
	require.Equal(t, 1, codes)
}

// decideIn posts an answer from another browser.
func (w *world) decideIn(browser *http.Client, query url.Values, formToken, decision string) answer {
	body := values("form_token", formToken, "decision", decision).Encode()
	r, err := http.NewRequest(http.MethodPost, w.url+"/authorize?"+query.Encode(), strings.NewReader(body))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.url)
	return w.do(browser, r)
}

func TestAnApprovalWithoutAPageUsesTheRequestURIUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice"}, nil
	}
	query := w.pushed()
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.ask(query) })
	}
	wg.Wait()
	codes := 0
	for _, got := range answers {
		if got.status == http.StatusSeeOther {
			codes++
		}
	}
	require.Equal(t, 1, codes)
}

func TestARequestURIExpiresUnlessABrowserCameInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing, func(cfg *oauth2.ServerConfig) { cfg.PushedRequestLifetime = time.Minute })
	late, timely := w.pushed(), w.pushed()
	w.clock.Advance(59 * time.Second)
	require.Equal(t, http.StatusOK, w.ask(timely).status)
	w.clock.Advance(time.Second)
	require.Equal(t, http.StatusBadRequest, w.ask(late).status)
	w.clock.Advance(10 * time.Minute)
	require.NotEmpty(t, w.approve(timely), "the login took its time")

	slow := w.pushed()
	require.Equal(t, http.StatusOK, w.ask(slow).status)
	w.clock.Advance(19 * time.Minute)
	require.Equal(t, http.StatusOK, w.ask(slow).status)
	w.clock.Advance(time.Minute)
	require.Equal(t, http.StatusBadRequest, w.ask(slow).status, "reloading gives no more time")
}

func TestARequestURIIsBoundToItsClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	// Nothing but the binding keeps this one out.
	twin := &oauth2.Client{ID: "twin", RedirectURIs: []string{webRedirect}, Scope: oauth2.Scope{"read", "write"}}
	require.NoError(t, w.clients.CreateClient(t.Context(), twin))
	query := w.pushed()
	for name, change := range map[string]func(url.Values){
		"another client":    func(v url.Values) { v.Set("client_id", otherApp) },
		"its twin":          func(v url.Values) { v.Set("client_id", "twin") },
		"no client":         func(v url.Values) { v.Del("client_id") },
		"an unknown client": func(v url.Values) { v.Set("client_id", "nobody") },
		"two clients":       func(v url.Values) { v.Add("client_id", otherApp) },
		"two request_uris":  func(v url.Values) { v.Add("request_uri", query.Get("request_uri")) },
		"a made-up one":     func(v url.Values) { v.Set("request_uri", "urn:ietf:params:oauth:request_uri:abc") },
		"a longer one":      func(v url.Values) { v.Set("request_uri", query.Get("request_uri")+"A") },
		"a flipped one": func(v url.Values) {
			uri := []byte(query.Get("request_uri"))
			uri[len(uri)-20] ^= 1
			v.Set("request_uri", string(uri))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := values("client_id", query.Get("client_id"), "request_uri", query.Get("request_uri"), "redirect_uri", webRedirect)
			change(changed)
			got := w.ask(changed)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Empty(t, got.header.Get("Location"), "it goes nowhere")
		})
	}
	t.Cleanup(func() { require.NotEmpty(t, w.approve(query), "none of it used it up") })
}

func TestTheFrontChannelNeverOverridesWhatWasPushed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	query := w.pushed("scope", "read")
	for name, value := range map[string]string{
		"redirect_uri": otherRedirect, "scope": "read write", "state": "evil", "response_mode": "form_post",
		"code_challenge": challengeOf("x" + verifier), "prompt": "none", "login_hint": "mallory", "resource": "https://none.example",
	} {
		query.Set(name, value)
	}
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		require.Empty(t, req.Param("login_hint")+strings.Join(req.Prompt, ""))
		return askOnPage(rw, r, req)
	}
	sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.True(t, strings.HasPrefix(sent.header.Get("Location"), webRedirect))
	require.Equal(t, "xyz", sent.location(t).Get("state"))
	tokens := w.post("/token", webApp, redemption(sent.location(t).Get("code")))
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	require.Equal(t, "read", tokens.str("scope"))
}

func TestAFormTokenBelongsToOneRequestURI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	one, two := w.pushed(), w.pushed()
	require.Equal(t, http.StatusForbidden, w.decide(two, formTokenIn(w.ask(one).body), "yes").status)
}

func TestAPushThatCannotBeKeptIs503(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t, pushing)
	store.fail(failing("create"), nil)
	unavailable(t, w.push(webApp))
	store.fail(nil, nil)
	query := w.pushed()
	store.fail(failing("update"), nil)
	require.Equal(t, http.StatusServiceUnavailable, w.ask(query).status, "that it was opened is not kept")
	store.fail(nil, nil)
	page := w.ask(query)
	store.fail(failing("update"), nil)
	require.Equal(t, http.StatusServiceUnavailable, w.decide(query, formTokenIn(page.body), "yes").status)
	store.fail(nil, failing("update"))
	require.Equal(t, http.StatusServiceUnavailable, w.decide(query, formTokenIn(page.body), "yes").status, "kept, but who knows")
	store.fail(nil, nil)
	sent := w.decide(query, formTokenIn(page.body), "yes")
	require.NotEmpty(t, sent.location(t).Get("code"), "the retry finds its code")
}

func TestAPushedRequestThatIsEndedLeadsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	query := w.pushed()
	page := w.ask(query)
	n, err := w.server.ExpireClient(t.Context(), webApp)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, http.StatusBadRequest, w.decide(query, formTokenIn(page.body), "yes").status)
}

func TestARequestURIIsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	secret := strings.TrimPrefix(w.pushed().Get("request_uri"), "urn:ietf:params:oauth:request_uri:")
	require.False(t, w.active("at_"+secret))
	refused(t, w.refresh("rt_"+secret), http.StatusBadRequest, "invalid_grant")
	refused(t, w.post("/token", webApp, redemption("ac_"+secret)), http.StatusBadRequest, "invalid_grant")
	code := w.approve(codeRequest())
	got := w.ask(values("client_id", webApp, "request_uri", "urn:ietf:params:oauth:request_uri:"+strings.TrimPrefix(code, "ac_")))
	require.Equal(t, http.StatusBadRequest, got.status)
}

func TestAPushedRequestIsCheckedAgainWhenItIsOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing)
	query := w.pushed()
	client, err := w.clients.Client(t.Context(), webApp)
	require.NoError(t, err)
	changed := client.Clone()
	changed.Scope = oauth2.Scope{"read"}
	require.NoError(t, w.clients.UpdateClient(t.Context(), changed))
	require.Equal(t, "invalid_scope", w.ask(query).location(t).Get("error"), "a scope was taken away meanwhile")
	changed.RedirectURIs = []string{"https://app.example.com/new"}
	require.NoError(t, w.clients.UpdateClient(t.Context(), changed))
	got := w.ask(query)
	require.Equal(t, http.StatusBadRequest, got.status, "and the redirect URI")
	require.Empty(t, got.header.Get("Location"))
}

func TestAClientPushesByItsAssertion(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t, pushing)
	client, err := w.clients.Client(t.Context(), signer)
	require.NoError(t, err)
	changed := client.Clone()
	changed.GrantTypes, changed.RedirectURIs = []string{oauth2.GrantAuthorizationCode}, []string{webRedirect}
	require.NoError(t, w.clients.UpdateClient(t.Context(), changed))
	body := codeRequest("client_id", signer, "scope", "read", "client_assertion_type", assertionType, "client_assertion", w.assertion(nil))
	got := w.post("/par", "", body)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.NotContains(t, w.pushedRecord(t, got.str("request_uri")).Request.Parameters, "assertion")
	require.NotEmpty(t, w.approve(values("client_id", signer, "request_uri", got.str("request_uri"))))
	refused(t, w.post("/par", "", body), http.StatusUnauthorized, "invalid_client")
}
