package oauth2_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestRefusalIsAPageUntilClientAndRedirectURIAreProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for rule, query := range map[string]string{
		"RFC 6749 section 4.1.2.1: client_id is missing":            codeRequest("client_id", "").Encode(),
		"RFC 6749 section 4.1.2.1: the client is unknown":           codeRequest("client_id", "nobody").Encode(),
		"RFC 6749 section 3.1: client_id is repeated":               codeRequest().Encode() + "&client_id=" + webApp,
		"RFC 6749 section 3.1: redirect_uri is repeated":            codeRequest().Encode() + "&redirect_uri=" + url.QueryEscape(webRedirect),
		"RFC 9700 section 2.1: redirect_uri is missing":             codeRequest("redirect_uri", "").Encode(),
		"RFC 9700 section 2.1: redirect_uri is another client's":    codeRequest("redirect_uri", otherRedirect).Encode(),
		"RFC 9700 section 2.1: redirect_uri in other case":          codeRequest("redirect_uri", "https://APP.example.com/callback").Encode(),
		"RFC 9700 section 2.1: redirect_uri is a prefix":            codeRequest("redirect_uri", "https://app.example.com/").Encode(),
		"RFC 9700 section 2.1: redirect_uri has a suffix":           codeRequest("redirect_uri", webRedirect+"/more").Encode(),
		"RFC 9700 section 2.1: redirect_uri has a query":            codeRequest("redirect_uri", webRedirect+"?x=1").Encode(),
		"RFC 9700 section 2.1: redirect_uri has a fragment":         codeRequest("redirect_uri", webRedirect+"#x").Encode(),
		"RFC 9700 section 2.1: redirect_uri has user information":   codeRequest("redirect_uri", "https://app.example.com@evil.example/callback").Encode(),
		"RFC 9700 section 2.1: redirect_uri climbs":                 codeRequest("redirect_uri", "https://app.example.com/x/../callback").Encode(),
		"RFC 9700 section 2.1: redirect_uri is encoded otherwise":   codeRequest("redirect_uri", "https://app.example.com/%63allback").Encode(),
		"RFC 9700 section 2.1: redirect_uri ends in the host":       codeRequest("redirect_uri", "https://evil-app.example.com/callback").Encode(),
		"RFC 9700 section 2.1: redirect_uri is a script":            codeRequest("redirect_uri", "javascript:alert(1)").Encode(),
		"RFC 8252 section 7.3: a web client's port does not vary":   codeRequest("redirect_uri", "https://app.example.com:444/callback").Encode(),
		"RFC 6749 section 4.1.1: the query is no form":              codeRequest().Encode() + "&x=%zz",
		"RFC 6749 appendix B: a parameter is no UTF-8":              codeRequest().Encode() + "&x=%ff",
		"RFC 6749 appendix B: a parameter has a NUL":                codeRequest().Encode() + "&x=%00",
		"the redirect URI is not trusted whatever else is wrong":    codeRequest("redirect_uri", "https://evil.example/", "response_type", "nonsense").Encode(),
		"there are 4,000 parameters":                                codeRequest().Encode() + strings.Repeat("&x=1", 4000),
		"an unknown client's redirect URI is not trusted on errors": codeRequest("client_id", "nobody", "redirect_uri", "https://evil.example/", "scope", "x").Encode(),
	} {
		t.Run(rule, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, w.url+"/authorize?"+query, nil)
			require.NoError(t, err)
			got := w.do(w.browser, r)
			require.GreaterOrEqual(t, got.status, 400)
			require.Less(t, got.status, 500)
			require.Empty(t, got.header.Get("Location"))
			require.Contains(t, got.body, `id="error"`)
			require.NotContains(t, got.body, "evil.example")
			requirePageHeaders(t, got)
		})
	}
}

func TestRefusalIsARedirectWithStateAndIssOnceProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources("https://api.example.com"))
	for rule, c := range map[string]struct {
		query string
		want  string
	}{
		"RFC 6749 section 4.1.2.1: response_type is missing":             {codeRequest("response_type", "").Encode(), "invalid_request"},
		"RFC 6749 section 4.1.2.1: response_type is token":               {codeRequest("response_type", "token").Encode(), "unsupported_response_type"},
		"RFC 6749 section 4.1.2.1: response_type is unknown":             {codeRequest("response_type", "code id_token").Encode(), "unsupported_response_type"},
		"RFC 6749 section 3.1: scope is repeated":                        {codeRequest().Encode() + "&scope=read", "invalid_request"},
		"RFC 6749 section 3.1: an unknown parameter is repeated":         {codeRequest().Encode() + "&x=1&x=2", "invalid_request"},
		"RFC 6749 section 3.3: scope is not registered":                  {codeRequest("scope", "read admin").Encode(), "invalid_scope"},
		"RFC 6749 section 3.3: scope is malformed":                       {codeRequest("scope", "read  write").Encode(), "invalid_scope"},
		"RFC 7636 section 4.4.1: code_challenge is missing":              {codeRequest("code_challenge", "").Encode(), "invalid_request"},
		"RFC 7636 section 4.4.1: code_challenge_method is plain":         {codeRequest("code_challenge_method", "plain").Encode(), "invalid_request"},
		"RFC 7636 section 4.3: no code_challenge_method means plain":     {codeRequest("code_challenge_method", "").Encode(), "invalid_request"},
		"RFC 7636 section 4.2: code_challenge is too short":              {codeRequest("code_challenge", challengeOf(verifier)[1:]).Encode(), "invalid_request"},
		"RFC 7636 section 4.2: code_challenge has other characters":      {codeRequest("code_challenge", "+"+challengeOf(verifier)[1:]).Encode(), "invalid_request"},
		"RFC 8707 section 2: resource is unknown":                        {codeRequest("resource", "https://other.example.com").Encode(), "invalid_target"},
		"OpenID Connect Core section 3.1.2.6: request is not served":     {codeRequest("request", "x.y.z").Encode(), "request_not_supported"},
		"OpenID Connect Core section 3.1.2.6: request_uri is not":        {codeRequest("request_uri", "https://x").Encode(), "request_uri_not_supported"},
		"OpenID Connect Core section 3.1.2.1: prompt contradicts":        {codeRequest("prompt", "none login").Encode(), "invalid_request"},
		"OpenID Connect Core section 3.1.2.1: max_age is no number":      {codeRequest("max_age", "-1").Encode(), "invalid_request"},
		"OAuth 2.0 Multiple Response Types: response_mode is a stranger": {codeRequest("response_mode", "fragment").Encode(), "invalid_request"},
	} {
		t.Run(rule, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, w.url+"/authorize?"+c.query, nil)
			require.NoError(t, err)
			got := w.do(w.browser, r)
			require.Equal(t, http.StatusSeeOther, got.status, got.body)
			require.True(t, strings.HasPrefix(got.header.Get("Location"), webRedirect+"?"))
			require.Equal(t, c.want, got.location(t).Get("error"))
			require.Equal(t, "xyz", got.location(t).Get("state"))
			require.Equal(t, w.url, got.location(t).Get("iss"), "RFC 9207 section 2")
			require.Empty(t, got.location(t).Get("code"))
		})
	}
}

func TestClientThatIsNotRegisteredForCodesIsUnauthorized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "refresh-only", RedirectURIs: []string{webRedirect}, GrantTypes: []string{"refresh_token"}}))
	got := w.ask(codeRequest("client_id", "refresh-only", "scope", ""))
	require.Equal(t, "unauthorized_client", got.location(t).Get("error"))
}

func TestRepeatedStateIsNotEchoed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, _ := http.NewRequest(http.MethodGet, w.url+"/authorize?"+codeRequest().Encode()+"&state=other", nil)
	got := w.do(w.browser, r)
	require.Equal(t, "invalid_request", got.location(t).Get("error"))
	require.NotContains(t, got.location(t), "state")
}

func TestStateReturnsByteForByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, state := range []string{"a b+c%20d", `"<script>&'`, "é日本\U0001F600", "line\r\nSet-Cookie: x=1", strings.Repeat("s", 4000), "%", "a;b=c&d=e#f"} {
		query := codeRequest("state", state)
		page := w.ask(query)
		require.Equal(t, http.StatusOK, page.status)
		got := w.decide(query, formTokenIn(page.body), "yes")
		require.Equal(t, state, got.location(t).Get("state"))
		require.NotEmpty(t, got.location(t).Get("code"))
		require.Empty(t, got.header.Values("Set-Cookie"))
		require.Equal(t, state, w.ask(codeRequest("state", state, "response_type", "token")).location(t).Get("state"), "in errors too")
	}
}

func TestParameterSentWithoutAValueCountsAsOmitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, _ := http.NewRequest(http.MethodGet, w.url+"/authorize?"+codeRequest().Encode()+"&prompt=&max_age=&request=&unknown=", nil)
	require.Equal(t, http.StatusOK, w.do(w.browser, r).status)
}

func TestApprovalLeadsToACodeByA303(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	page := w.ask(query)
	requirePageHeaders(t, page)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example.com")
	got := w.decide(query, formTokenIn(page.body), "yes")
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.True(t, strings.HasPrefix(got.location(t).Get("code"), "ac_"))
	require.Equal(t, w.url, got.location(t).Get("iss"))
	require.Contains(t, w.eventTypes(), oauth2.EventCodeIssued)
}

func TestDenialIsAccessDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	got := w.decide(query, formTokenIn(w.ask(query).body), "no")
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Equal(t, "access_denied", got.location(t).Get("error"))
	require.Equal(t, "xyz", got.location(t).Get("state"))
	require.Equal(t, w.url, got.location(t).Get("iss"))
}

func TestRedirectURIKeepsItsOwnQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read")
	got := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.True(t, strings.HasPrefix(got.header.Get("Location"), browserRedirect+"&code=ac_"), got.header.Get("Location"))
}

func TestLoopbackRedirectOfANativeClientMayVaryInThePortAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for uri, ok := range map[string]bool{
		"http://127.0.0.1/cb":            true,
		"http://127.0.0.1:51234/cb":      true,
		"http://[::1]:9/cb?x=1":          true,
		"com.example.app:/cb":            true,
		"http://127.0.0.1:51234/other":   false,
		"http://127.0.0.1:51234/cb?x=1":  false,
		"http://[::1]:9/cb":              false,
		"http://localhost:51234/cb":      false,
		"https://127.0.0.1:51234/cb":     false,
		"http://127.0.0.1:51234@evil/cb": false,
		"http://127.0.0.1:/cb":           false,
		"http://127.0.0.1:123456/cb":     false,
		"http://127.0.0.1.evil/cb":       false,
		"http://127.0.0.1evil/cb":        false,
		"http://127.0.0.2/cb":            false,
		"http://127.1/cb":                false,
	} {
		got := w.ask(codeRequest("client_id", nativeApp, "redirect_uri", uri, "scope", "read"))
		want := http.StatusBadRequest
		if ok {
			want = http.StatusOK
		}
		require.Equal(t, want, got.status, uri)
	}
}

func TestFormPostAnswersWithAFormThatPostsItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest("response_mode", "form_post", "state", `"><script>alert(1)</script>`)
	got := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.body, `action="`+webRedirect+`"`)
	require.Contains(t, got.body, `name="code" value="ac_`)
	require.Contains(t, got.body, `name="iss" value="`+w.url+`"`)
	require.Contains(t, got.header.Get("Content-Security-Policy"), "script-src 'sha256-")
	require.NotContains(t, got.body, "<script>alert")
	require.Contains(t, got.body, `name="viewport"`)
	require.Contains(t, got.body, "<noscript><p>", "who has no script is told what the button is for")
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
}

func TestAuthorizationRequestByPOSTIsSentOnByGET(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(body url.Values) answer {
		r, _ := http.NewRequest(http.MethodPost, w.url+"/authorize?client_id=evil", strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://app.example.com")
		return w.do(w.browser, r)
	}
	body := codeRequest()
	body.Set("decision", "yes")
	got := post(body)
	require.Equal(t, http.StatusSeeOther, got.status)
	target, err := url.Parse(got.header.Get("Location"))
	require.NoError(t, err)
	require.Empty(t, target.Host)
	require.Equal(t, "/authorize", target.Path)
	require.Equal(t, codeRequest(), target.Query(), "only the specification's parameters are moved")
}

func TestMethodsOtherThanGETAndPOSTAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch} {
		r, _ := http.NewRequest(method, w.url+"/authorize?"+codeRequest().Encode(), nil)
		r.Header.Set("Origin", "https://app.example.com")
		got := w.do(w.browser, r)
		require.Equal(t, http.StatusMethodNotAllowed, got.status)
		require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), "there is no CORS here")
	}
}

func TestPromptNoneShowsNoPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.ask(codeRequest("prompt", "none"))
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Equal(t, "interaction_required", got.location(t).Get("error"))
	require.NotContains(t, got.body, "form_token")

	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return nil, oauth2.ErrLoginRequired
	}
	require.Equal(t, "login_required", w.ask(codeRequest("prompt", "none")).location(t).Get("error"))
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice"}, nil
	}
	require.NotEmpty(t, w.ask(codeRequest("prompt", "none")).location(t).Get("code"))
}

func TestConsentIsToldTheWholeRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources("https://api.example.com"))
	var seen *oauth2.AuthorizationRequest
	w.consent = func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		seen = req
		return nil, oauth2.ErrAccessDenied
	}
	w.ask(codeRequest("scope", "", "prompt", "login consent", "max_age", "60", "acr_values", "gold silver", "login_hint", "al", "ui_locales", "nl en", "x", "y"))
	require.Equal(t, webApp, seen.Client.ID)
	require.Equal(t, oauth2.Scope{"read", "write"}, seen.Scope, "the registered scope is the default")
	require.Equal(t, []string{"https://api.example.com"}, seen.Resource, "the only resource is the default")
	require.Equal(t, []string{"login", "consent"}, seen.Prompt)
	require.Equal(t, time.Minute, *seen.MaxAge)
	require.Equal(t, []string{"gold", "silver"}, seen.ACRValues)
	require.Equal(t, "al", seen.LoginHint)
	require.Equal(t, []string{"nl", "en"}, seen.UILocales)
	require.Equal(t, "y", seen.Param("x"))
	require.False(t, seen.Answered)
	require.NotEmpty(t, seen.FormToken)
}

func TestConsentThatMisbehavesIsAFaultAndIssuesNothing(t *testing.T) {
	t.Parallel()
	for name, approval := range map[string]*oauth2.Approval{
		"nothing":     nil,
		"no subject":  {},
		"not UTF-8":   {Subject: "ali\xffce"},
		"NUL":         {Subject: "alice", SessionID: "\x00"},
		"wider scope": {Subject: "alice", Scope: oauth2.Scope{"admin"}},
		"odd claims":  {Subject: "alice", Claims: map[string]any{"f": func() {}}},
	} {
		w := newWorld(t)
		w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return approval, nil
		}
		got := w.ask(codeRequest())
		require.Equal(t, http.StatusInternalServerError, got.status, name)
		require.Empty(t, got.header.Get("Location"))
		require.Equal(t, []oauth2.EventType{oauth2.EventFault}, w.eventTypes())
	}
}

func TestApprovalMayNarrowTheScopeAndTheClientIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice", Scope: oauth2.Scope{"read"}}, nil
	}
	code := w.ask(codeRequest()).location(t).Get("code")
	require.Equal(t, "read", w.post("/token", webApp, redemption(code)).str("scope"))
}

func TestPKCEMayBeLeftOutByAnExemptConfidentialClientAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := &oauth2.Client{ID: "old", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf("old"))}}, RedirectURIs: []string{webRedirect}, PKCEOptional: true}
	public := &oauth2.Client{ID: "public", RedirectURIs: []string{webRedirect}, PKCEOptional: true}
	require.NoError(t, w.clients.CreateClient(t.Context(), old))
	require.NoError(t, w.clients.CreateClient(t.Context(), public))
	without := func(id string) url.Values {
		return codeRequest("client_id", id, "scope", "", "code_challenge", "", "code_challenge_method", "")
	}
	require.Equal(t, "invalid_request", w.ask(without("public")).location(t).Get("error"))

	code := w.approve(without("old"))
	refused(t, w.post("/token", "old", redemption(code)), 400, "invalid_request")
	require.Equal(t, 200, w.post("/token", "old", redemption(code, "code_verifier", "")).status, "RFC 9700 section 2.1.1: a verifier needs a challenge")
}

func TestPolicyNamesWhereTheAnswerGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for uri, want := range map[string]string{
		"http://127.0.0.1:51234/cb": "form-action 'self' http://127.0.0.1:51234",
		"http://[::1]:9/cb?x=1":     "form-action 'self' http:", // a policy cannot name an IPv6 address
		"com.example.app:/cb":       "form-action 'self' com.example.app:",
	} {
		got := w.ask(codeRequest("client_id", nativeApp, "redirect_uri", uri, "scope", "read"))
		require.True(t, strings.HasSuffix(got.header.Get("Content-Security-Policy"), want), got.header.Get("Content-Security-Policy"))
	}
}

// requirePageHeaders are design's headers of every page.
func requirePageHeaders(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "DENY", got.header.Get("X-Frame-Options"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Equal(t, "same-origin", got.header.Get("Referrer-Policy"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
}

func withResources(uris ...string) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		for _, uri := range uris {
			cfg.Resources = append(cfg.Resources, oauth2.Resource{URI: uri})
		}
	}
}
