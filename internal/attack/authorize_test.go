package attack

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

var authorizeAttacks = []attack{
	{name: "a repeated parameter is refused", source: "RFC 6749 section 3.1", run: authorizeRepeated},
	{name: "an unknown parameter is ignored, and an empty one counts as absent", source: "RFC 6749 section 3.1", run: authorizeUnknown},
	{name: "each refusal has its own code, the state and the issuer", source: "RFC 6749 section 4.1.2.1, RFC 9207 section 2", run: authorizeErrors},
	{name: "the state returns byte for byte", source: "RFC 6749 section 4.1.2", run: authorizeState},
	{name: "no token is issued at the authorization endpoint", source: "RFC 9700 section 2.1.2", run: authorizeNoToken},
	{name: "no other site may read the authorization endpoint", source: "OAuth 2.1 section 7.5.1", run: authorizeCORS},
	{name: "nothing that a request names is fetched", source: "RFC 9101 section 10.4", run: authorizeFetch},
	{name: "a malformed request is answered with 4xx", source: "RFC 6749 section 4.1.2.1", run: authorizeMalformed},
	{name: "no header is injected by a parameter", source: "RFC 9700 section 4.1", run: authorizeHeaders},
	{name: "a request by POST is sent on with 303, without secrets in the URL", source: "RFC 9700 section 4.12; RFC 6749 section 2.3.1", run: authorizePost},
	{name: "every answer is kept out of caches and frames", source: "RFC 9700 section 4.16, RFC 6749 section 10.13", run: authorizeHeadersOfAll},
	{name: "parallel requests in one browser never mix, and each can be finished", source: "OAuth 2.1 section 7.12", run: authorizeParallel},
	{name: "a client is not approved silently because it was approved before", source: "RFC 8252 section 8.6, RFC 6749 section 10.2", run: authorizeSilently},
	{name: "prompt=none never shows a page", source: "OpenID Connect Core section 3.1.2.6", run: authorizeNone},
	{name: "a request by HEAD issues nothing", source: "RFC 9110 section 9.3.2", run: authorizeHead},
}

func authorizeRepeated(t *testing.T, s *site) {
	good := s.request("prompt", "consent", "max_age", "100", "response_mode", "query")
	for name := range good.Values {
		if name == "client_id" || name == "redirect_uri" {
			continue
		}
		for _, second := range []string{good.Get(name), "other", ""} {
			twice := clone(good.Values)
			twice.Add(name, second)
			got := s.alice().visit(s.authorizeURL + "?" + twice.Encode())
			s.refusedAt(redirects[web], got, "invalid_request")
			require.Equal(t, name != "state", strings.Contains(got.header.Get("Location"), "state="), name)
		}
	}
	twice := clone(good.Values)
	twice["resource"] = []string{s.apiURL, s.apiURL}
	s.alice().ask(attempt{Values: twice}) // RFC 8707 section 2
}

func authorizeUnknown(_ *testing.T, s *site) {
	s.alice().ask(s.request("form", "x", "constructor", "x", "decision", "yes", "username", "bob", "code", "x", "error", "x", "iss", "https://evil.example"))
	a := s.request("scope", "")
	a.Set("scope", "")
	a.Set("response_mode", "")
	a.Set("prompt", "")
	a.Set("max_age", "")
	s.alice().ask(a)
	a = s.request()
	a.Set("response_type", "")
	s.refusedAt(redirects[web], s.alice().open(a), "invalid_request")
}

func authorizeErrors(t *testing.T, s *site) {
	for _, refusal := range []struct {
		code, client string
		pairs        []string
	}{
		{"unsupported_response_type", web, []string{"response_type", "token"}},
		{"unsupported_response_type", web, []string{"response_type", "id_token"}},
		{"unsupported_response_type", web, []string{"response_type", "code token"}},
		{"unsupported_response_type", web, []string{"response_type", "Code"}},
		{"unsupported_response_type", web, []string{"response_type", "none"}},
		{"invalid_request", web, []string{"response_type", ""}},
		{"unauthorized_client", noCode, nil},
		{"invalid_scope", web, []string{"scope", "admin"}},
		{"invalid_scope", web, []string{"scope", scopeRead + " admin"}},
		{"invalid_scope", reader, []string{"scope", scopeStats}},
		{"invalid_scope", web, []string{"scope", "Contacts.Read"}},
		{"invalid_scope", web, []string{"scope", scopeRead + "  " + scopeStats}},
		{"invalid_scope", web, []string{"scope", scopeRead + "\t" + scopeStats}},
		{"invalid_scope", web, []string{"scope", `"` + scopeRead + `"`}},
		{"invalid_scope", web, []string{"scope", "contacts.read\nx"}},
		{"invalid_scope", web, []string{"scope", "*"}},
		{"invalid_scope", web, []string{"scope", strings.Repeat(scopeStats+" x", 500)}},
		{"invalid_target", web, []string{"resource", "https://evil.example/"}},
		{"invalid_target", web, []string{"resource", s.apiURL + "/"}},
		{"invalid_target", web, []string{"resource", "x"}},
		{"invalid_request", web, []string{"response_mode", "fragment"}},
		{"invalid_request", web, []string{"response_mode", "x"}},
		{"invalid_request", web, []string{"prompt", "none login"}},
		{"invalid_request", web, []string{"max_age", "-1"}},
		{"invalid_request", web, []string{"max_age", "99999999999999999999"}},
	} {
		a := s.request(append([]string{"client_id", refusal.client}, refusal.pairs...)...)
		got := s.alice().visit(s.authorizeURL + "?" + a.Encode())
		s.refusedAt(redirects[refusal.client], got, refusal.code)
		sent := s.sentTo(redirects[refusal.client], got)
		require.Equal(t, "a state", sent.Get("state"), refusal.pairs)
		require.Regexp(t, `^[\x20-\x21\x23-\x5b\x5d-\x7e]*$`, sent.Get("error_description"))
	}
}

func authorizeState(t *testing.T, s *site) {
	for _, state := range []string{
		"x", "a b+c%20d&e=f", `"quoted" <b>\`, "žluťoučký 🐎", "line\r\nSet-Cookie: evil=1", "\t\x01\x7f", "%00", "code=evil&iss=evil", "#fragment", "?", strings.Repeat("long", 2000),
	} {
		sent := s.sentTo(redirects[web], s.alice().decide(s.alice().ask(s.request("state", state)), "yes"))
		require.Equal(t, []string{state}, sent["state"])
		require.Len(t, sent["code"], 1)
		require.Len(t, sent["iss"], 1)
		sent = s.sentTo(redirects[web], s.alice().open(s.request("state", state, "scope", "admin")))
		require.Equal(t, []string{state}, sent["state"])
	}
	sent := s.sentTo(redirects[web], s.alice().decide(s.alice().ask(s.request("state", "")), "yes"))
	require.False(t, sent.Has("state"))
}

func authorizeNoToken(t *testing.T, s *site) {
	got := s.alice().decide(s.alice().ask(s.request()), "yes")
	for name := range s.sentTo(redirects[web], got) {
		require.Contains(t, []string{"code", "state", "iss"}, name)
	}
	require.Empty(t, got.body)
	posted := s.alice().decide(s.alice().ask(s.request("response_mode", "form_post")), "yes")
	require.Equal(t, http.StatusOK, posted.status)
	require.NotContains(t, posted.body, "access_token")
	require.NotContains(t, posted.body, "refresh_token")
	require.NotEmpty(t, posted.hidden().Get("code"))
	require.Contains(t, posted.body, `action="`+redirects[web]+`"`)
}

func authorizeCORS(t *testing.T, s *site) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
		r, err := http.NewRequest(method, s.authorizeURL+"?"+s.request().Encode(), nil)
		require.NoError(t, err)
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		got := s.do(s.client, r)
		for name := range got.header {
			require.False(t, strings.HasPrefix(name, "Access-Control-"), "%s %s", method, name)
		}
	}
}

func authorizeFetch(t *testing.T, s *site) {
	var fetched atomic.Int32
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer canary.Close()
	// A client_id is fetched where that is configured: the area of metadata documents has its attacks.
	for _, name := range []string{"request_uri", "redirect_uri", "resource", "jwks_uri", "logo_uri", "sector_identifier_uri", "id_token_hint", "login_hint", "client_uri", "registration", "iss", "audience"} {
		s.alice().open(s.request(name, canary.URL+"/"+name))
	}
	require.Zero(t, fetched.Load())
}

func authorizeMalformed(_ *testing.T, s *site) {
	good := s.request().Encode()
	for _, query := range []string{
		"%", "%zz", good + "&%", good + "&x=%zz", good + "&x=%00", good + "&x=%ff%fe", good + "&%c0%80=1", good + "&state=%ed%a0%80",
		strings.Repeat("a=1&", 20_000) + good, good + "&x=" + strings.Repeat("y", 40_000), good + strings.Repeat("&", 500), "",
	} {
		got := s.get(s.authorizeURL + "?" + query)
		if got.status != http.StatusRequestHeaderFieldsTooLarge { // which net/http answers by itself
			s.refusedOnPage(got, query[:min(len(query), 60)])
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodTrace, http.MethodOptions, "BREW"} {
		r, err := http.NewRequest(method, s.authorizeURL+"?"+good, nil)
		require.NoError(s.t, err)
		s.refusedOnPage(s.do(s.client, r), method)
	}
	for _, body := range []string{"%", "x=%00", strings.Repeat("a=1&", 20_000), strings.Repeat("x", 1<<20)} {
		r := s.form(s.authorizeURL+"?"+good, nil)
		withBody(r, body)
		s.refusedOnPage(s.do(s.client, r), body[:1])
	}
	r := s.form(s.authorizeURL+"?"+good, nil)
	r.Header.Set("Content-Type", "application/json")
	withBody(r, `{"form_token":"x"}`)
	s.refusedOnPage(s.do(s.client, r), "JSON")
}

func authorizeHeaders(t *testing.T, s *site) {
	injection := "x\r\nSet-Cookie: evil=1\r\nEvil: 1\r\n\r\n<script>evil()</script>"
	for _, name := range []string{"state", "scope", "response_type", "response_mode", "prompt", "nonce", "code_challenge", "client_id", "redirect_uri", "login_hint", "ui_locales"} {
		got := s.alice().visit(s.authorizeURL + "?" + s.request(name, injection).Encode())
		require.Empty(t, got.header.Get("Evil"), name)
		require.NotContains(t, strings.Join(got.header.Values("Set-Cookie"), ";"), "evil=", name)
		require.NotContains(t, got.body, "<script>evil", name)
	}
}

func authorizePost(t *testing.T, s *site) {
	a := s.request()
	secret := s.secrets[web]
	got := s.do(s.client, s.form(s.authorizeURL, change(clone(a.Values), "client_secret", secret, "code_verifier", a.verifier, "password", "evil", "decision", "yes", "x", "evil")))
	require.Equal(t, http.StatusSeeOther, got.status)
	location, err := url.Parse(got.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, a.Values, location.Query(), "what the specifications name, and no secret")
	page := s.alice().follow(s.alice().post(s.authorizeURL, a.Values))
	require.Contains(t, page.body+page.url, "client_id", "a GET asks")
	require.Equal(t, http.StatusSeeOther, s.alice().decide(s.alice().ask(a), "yes").status)
}

func authorizeHeadersOfAll(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	for what, got := range map[string]answer{
		"consent":              page,
		"answer":               s.alice().decide(page, "yes"),
		"refusal":              s.alice().open(s.request("scope", "admin")),
		"form_post":            s.alice().decide(s.alice().ask(s.request("response_mode", "form_post")), "yes"),
		"error page":           s.alice().open(s.request("client_id", "nobody")),
		"malformed":            s.get(s.authorizeURL + "?%"),
		"answer of a stranger": s.do(s.client, s.form(page.url, page.hidden())),
		"request by POST":      s.do(s.client, s.form(s.authorizeURL, s.request().Values)),
	} {
		require.Contains(t, got.header.Get("Cache-Control"), "no-store", what)
		require.Equal(t, "DENY", got.header.Get("X-Frame-Options"), what)
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), what)
		require.Contains(t, []string{"same-origin", "no-referrer"}, got.header.Get("Referrer-Policy"), what)
		policy := got.header.Get("Content-Security-Policy")
		require.Contains(t, policy, "frame-ancestors 'none'", what)
		require.Contains(t, policy, "default-src 'none'", what)
		require.NotContains(t, policy, "unsafe", what)
	}
	require.Contains(t, page.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example")
}

func authorizeParallel(t *testing.T, s *site) {
	type open struct {
		attempt
		page answer
	}
	var pages []open
	for _, pairs := range [][]string{
		{"state", "first"}, {"state", "second", "scope", scopeRead + " " + scopeStats}, {"state", "third", "client_id", rival}, {"state", "fourth"}, {"state", "fifth", "client_id", spa},
	} {
		a := s.request(pairs...)
		pages = append(pages, open{a, s.alice().ask(a)})
	}
	for _, i := range []int{3, 1, 4, 0, 2} {
		a := pages[i].attempt
		sent := s.sentTo(a.Get("redirect_uri"), s.alice().decide(pages[i].page, "yes"))
		require.Equal(t, a.Get("state"), sent.Get("state"))
		got := s.redeem(grant{a.Get("client_id"), sent.Get("code"), a.Get("redirect_uri"), a.verifier})
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, a.Get("scope"), got.str("scope"))
	}
}

func authorizeSilently(t *testing.T, s *site) {
	for _, client := range []string{spa, native, web} {
		a := s.request("client_id", client)
		s.alice().approve(a)
		s.alice().ask(a)
		sent := s.sentTo(redirects[client], s.alice().visit(s.authorizeURL+"?"+change(a.Values, "prompt", "none").Encode()))
		require.Contains(t, []string{"consent_required", "interaction_required"}, sent.Get("error"))
		require.False(t, sent.Has("code"))
	}
}

func authorizeNone(t *testing.T, s *site) {
	stranger := s.browser("alice")
	got := stranger.visit(s.authorizeURL + "?" + s.request("prompt", "none").Encode())
	require.Contains(t, []string{"login_required", "interaction_required"}, s.sentTo(redirects[web], got).Get("error"))
	require.Empty(t, got.body)
	got = stranger.post(s.authorizeURL+"?"+s.request("prompt", "none").Encode(), values("form_token", "x", "decision", "yes"))
	require.Equal(t, http.StatusForbidden, got.status)
}

func authorizeHead(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	r, err := http.NewRequest(http.MethodHead, page.url+"&"+s.alice().fill(page, "decision", "yes").Encode(), nil)
	require.NoError(t, err)
	got := s.do(s.alice().client, r)
	require.NotContains(t, got.header.Get("Location"), "code=")
	require.Equal(t, http.StatusSeeOther, s.alice().decide(page, "yes").status)
}
