package attack

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

var parAttacks = []attack{
	{name: "nobody pushes in a client's name", source: "RFC 9126 section 2", run: parAuthenticated},
	{name: "what the authorization endpoint would refuse is refused at once", source: "RFC 9126 section 2.1", run: parChecked},
	{name: "a request_uri is not pushed", source: "RFC 9126 section 2.1", run: parNested},
	{name: "a request_uri is good for its client alone", source: "RFC 9126 section 2.2", run: parForeign},
	{name: "a request_uri that is changed is unknown", source: "RFC 9126 section 7.1", run: parGuessed},
	{name: "of eight browsers that approve one request_uri one gets a code", source: "RFC 9126 section 7.3", run: parParallel},
	{name: "a request_uri that led to a code leads nowhere any more", source: "RFC 9126 section 4", run: parReplayed},
	{name: "a request_uri expires", source: "RFC 9126 section 2.2", only: embedded, run: parExpired},
	{name: "the browser overrides nothing of what was pushed", source: "RFC 9126 section 4", run: parOverridden},
	{name: "a page of one pushed request does not answer another", source: "RFC 9126 section 7.3", run: parSwapped},
	{name: "a request_uri is neither a code nor a token", source: "RFC 6749 section 10.10", run: parNoToken},
	{name: "where pushing is required, a request through the browser is refused", source: "RFC 9126 section 5", only: embedded, run: parRequired},
}

// parURL is the pushed authorization request endpoint, as the metadata names it.
func (s *site) parURL() string {
	s.t.Helper()
	endpoint := s.get(metadataURL(s.t, s.issuer)).str("pushed_authorization_request_endpoint")
	require.NotEmpty(s.t, endpoint)
	return endpoint
}

// pushed is what a browser brings of a request that was pushed.
func (s *site) pushed(a attempt) attempt {
	s.t.Helper()
	client := a.Get("client_id")
	got := s.call(s.parURL(), client, flat(a.Values)...)
	require.Equal(s.t, http.StatusCreated, got.status, got.body)
	return attempt{Values: values("client_id", client, "request_uri", got.str("request_uri")), verifier: a.verifier}
}

// approved says yes to a request whose redirect URI was pushed, and returns the code.
func (b *browser) approved(a attempt, redirect string) grant {
	b.t.Helper()
	sent := b.sentTo(redirect, b.decide(b.ask(a), "yes"))
	require.NotEmpty(b.t, sent.Get("code"), sent)
	return grant{client: a.Get("client_id"), code: sent.Get("code"), redirect: redirect, verifier: a.verifier}
}

func parAuthenticated(t *testing.T, s *site) {
	a := s.request()
	for _, pairs := range [][]string{{}, {"client_secret", "wrong"}, {"client_secret", s.secrets[rival]}} {
		got := s.do(s.client, s.form(s.parURL(), change(clone(a.Values), pairs...)))
		require.Equal(t, http.StatusUnauthorized, got.status, got.body)
		require.Equal(t, "invalid_client", got.str("error"))
	}
	r := s.form(s.parURL(), a.Values) // of web
	r.SetBasicAuth(rival, url.QueryEscape(s.secrets[rival]))
	require.Equal(t, http.StatusBadRequest, s.do(s.client, r).status)
}

func parChecked(t *testing.T, s *site) {
	for _, refusal := range []struct {
		code  string
		pairs []string
	}{
		{"invalid_request", []string{"redirect_uri", redirects[rival]}},
		{"invalid_request", []string{"redirect_uri", ""}},
		{"invalid_request", []string{"code_challenge", ""}},
		{"invalid_request", []string{"code_challenge_method", "plain"}},
		{"invalid_request", []string{"response_mode", "fragment"}},
		{"invalid_scope", []string{"scope", "admin"}},
		{"invalid_target", []string{"resource", "https://evil.example/"}},
		{"unsupported_response_type", []string{"response_type", "token"}},
	} {
		got := s.call(s.parURL(), web, flat(s.request(refusal.pairs...).Values)...)
		require.Equal(t, http.StatusBadRequest, got.status, refusal.pairs)
		require.Equal(t, refusal.code, got.str("error"), refusal.pairs)
		require.Empty(t, got.str("request_uri"))
	}
	require.Equal(t, http.StatusMethodNotAllowed, s.get(s.parURL()).status)
	large := s.call(s.parURL(), web, flat(s.request("login_hint", strings.Repeat("x", 40<<10)).Values)...)
	require.Equal(t, http.StatusRequestEntityTooLarge, large.status)
}

func parNested(t *testing.T, s *site) {
	for _, uri := range []string{s.pushed(s.request()).Get("request_uri"), "https://app.example/request", "urn:x"} {
		got := s.call(s.parURL(), web, flat(s.request("request_uri", uri).Values)...)
		require.Equal(t, http.StatusBadRequest, got.status, uri)
		require.Equal(t, "invalid_request", got.str("error"))
	}
}

func parForeign(_ *testing.T, s *site) {
	a := s.pushed(s.request())
	for _, client := range []string{rival, postOnly, spa, "nobody", ""} {
		stolen := attempt{Values: change(clone(a.Values), "client_id", client, "redirect_uri", redirects[rival])}
		s.refusedOnPage(s.alice().open(stolen), client)
	}
	s.alice().approved(a, redirects[web]) // none of which used it up
}

func parGuessed(_ *testing.T, s *site) {
	a := s.pushed(s.request())
	uri := a.Get("request_uri")
	for i := len("urn:ietf:params:oauth:request_uri:"); i < len(uri); i += 7 {
		changed := []byte(uri)
		changed[i] ^= 1
		s.refusedOnPage(s.alice().open(attempt{Values: change(clone(a.Values), "request_uri", string(changed))}), string(changed))
	}
	for _, other := range []string{uri + "A", uri[:len(uri)-1], strings.ToUpper(uri), "urn:ietf:params:oauth:request_uri:"} {
		s.refusedOnPage(s.alice().open(attempt{Values: change(clone(a.Values), "request_uri", other)}), other)
	}
	s.alice().approved(a, redirects[web])
}

func parParallel(t *testing.T, s *site) {
	a := s.pushed(s.request())
	browsers := make([]*browser, 8)
	pages := make([]answer, len(browsers))
	for i := range browsers {
		browsers[i] = s.browser([]string{"alice", "bob"}[i%2])
		pages[i] = browsers[i].ask(a)
	}
	answers := make([]answer, len(browsers))
	var wg sync.WaitGroup
	for i, b := range browsers {
		wg.Go(func() { answers[i] = b.decide(pages[i], "yes") })
	}
	wg.Wait()
	codes := 0
	for _, got := range answers {
		if got.status == http.StatusSeeOther {
			codes++
			continue
		}
		s.refusedOnPage(got, "another browser was quicker")
	}
	require.Equal(t, 1, codes)
}

func parReplayed(t *testing.T, s *site) {
	a := s.pushed(s.request())
	first, second := s.alice().ask(a), s.alice().ask(a)
	g := s.alice().approved(a, redirects[web])
	s.refusedOnPage(s.alice().decide(first, "yes"), "a page from before")
	got := s.redeem(g)
	require.Equal(t, http.StatusOK, got.status, got.body)
	s.refusedOnPage(s.alice().decide(second, "yes"), "a page from before, after the code")
	s.refusedOnPage(s.alice().open(a), "once more")
}

func parExpired(t *testing.T, s *site) {
	late := s.anew().in(t) // with a clock of its own
	a := late.pushed(late.request())
	late.app.clock.Advance(91 * time.Second)
	late.refusedOnPage(late.alice().open(a), "too late")
}

func parOverridden(t *testing.T, s *site) {
	a := s.pushed(s.request("scope", scopeRead))
	change(a.Values, "redirect_uri", webLoopback, "scope", scopeRead+" "+scopeStats, "state", "evil", "response_mode", "form_post",
		"code_challenge", strings.Repeat("A", 43), "prompt", "none", "resource", "https://evil.example/")
	got := s.redeem(s.alice().approved(a, redirects[web]))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"))
}

func parSwapped(_ *testing.T, s *site) {
	one, two := s.pushed(s.request("scope", scopeRead)), s.pushed(s.request())
	page := s.alice().ask(one)
	page.url = s.alice().ask(two).url
	s.refusedOnPage(s.alice().decide(page, "yes"), "the page of another request")
}

func parNoToken(t *testing.T, s *site) {
	secret := strings.TrimPrefix(s.pushed(s.request()).Get("request_uri"), "urn:ietf:params:oauth:request_uri:")
	code := s.redeem(grant{client: web, code: "ac_" + secret, redirect: redirects[web], verifier: strings.Repeat("v", 43)})
	require.Equal(t, "invalid_grant", code.str("error"), code.body)
	refresh := s.call(s.tokenURL, web, refreshment("rt_"+secret)...)
	require.Equal(t, "invalid_grant", refresh.str("error"), refresh.body)
	token := s.call(s.introspectURL, api, "token", "at_"+secret)
	require.JSONEq(t, `{"active":false}`, token.body)
}

func parRequired(t *testing.T, s *site) {
	strict := s.anew(func(cfg *oauth2.ServerConfig) { cfg.RequirePushedAuthorizationRequests = true }).in(t)
	strict.refusedAt(redirects[web], strict.alice().open(strict.request()), "invalid_request")
	strict.alice().approved(strict.pushed(strict.request()), redirects[web])
}
