package attack

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	grants "github.com/seed5f5fedc6/oauth2/legacy"
)

var implicitAttacks = []attack{
	{name: "no token is issued to a browser unless that was configured", source: "RFC 9700 section 2.1.2", run: implicitOff},
	{name: "only a public client that is registered for it gets a token", source: "RFC 6749 section 4.2.2.1", only: embedded, run: implicitClients},
	{name: "a client whose tokens are bound to a key gets none", source: "RFC 9449 section 5.2", only: embedded, run: implicitBound},
	{name: "a token goes to the registered URI alone, to the letter", source: "RFC 6749 section 4.2.2.1", only: embedded, run: implicitRedirect},
	{name: "a token never goes into a query", source: "OAuth 2.0 Multiple Response Types section 5", only: embedded, run: implicitModes},
	{name: "nothing in a request adds a parameter to the fragment", source: "RFC 6749 section 10.14", only: embedded, run: implicitInjection},
	{name: "a page that asked about a code is not answered with a token", source: "RFC 6749 section 10.16", only: embedded, run: implicitSwapped},
	{name: "of 16 parallel answers to a page one token comes", source: "RFC 6749 section 10.2", only: embedded, run: implicitOnce},
	{name: "a token is short-lived, is no code, and has no refresh token", source: "RFC 6749 sections 4.2.2 and 10.3", only: embedded, run: implicitToken},
	{name: "a scope is not widened", source: "RFC 6749 section 3.3", only: embedded, run: implicitScope},
	{name: "who was locked while a page was open gets no token", source: "CVE-2023-22492", only: embedded, run: implicitLocked},
}

// serveImplicit is the site with the implicit grant.
func (s *site) serveImplicit(change ...func(*oauth2.ServerConfig)) *site {
	s.t.Helper()
	return s.anew(append(change, func(cfg *oauth2.ServerConfig) {
		//nolint:staticcheck // it is what is attacked
		cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, grants.Implicit{}}
	})...)
}

// wanted is a good request of oldPage for a token, changed by pairs.
func (s *site) wanted(pairs ...string) attempt {
	a := s.request("client_id", oldPage, "response_type", "token", "code_challenge", "", "code_challenge_method", "")
	change(a.Values, pairs...)
	return a
}

// fragment requires a redirect with its answer in the fragment.
func (s *site) fragment(redirect string, got answer) url.Values {
	s.t.Helper()
	require.Equal(s.t, http.StatusSeeOther, got.status, got.body)
	require.Contains(s.t, got.header.Get("Cache-Control"), "no-store")
	require.NotEmpty(s.t, got.header.Get("Referrer-Policy"))
	uri, text, found := strings.Cut(got.header.Get("Location"), "#")
	require.True(s.t, found, got.header.Get("Location"))
	require.Equal(s.t, redirect, uri)
	sent, err := url.ParseQuery(text)
	require.NoError(s.t, err)
	require.Equal(s.t, []string{s.issuer}, sent["iss"], "RFC 9207 section 2")
	return sent
}

// noTokenFor requires a refusal in the fragment.
func (s *site) noTokenFor(redirect string, got answer, code string) {
	s.t.Helper()
	sent := s.fragment(redirect, got)
	require.Equal(s.t, code, sent.Get("error"), sent)
	require.False(s.t, sent.Has("access_token"))
}

func implicitOff(_ *testing.T, s *site) {
	for _, responseType := range []string{"token", "id_token token", "code token", "token code", "TOKEN", "token "} {
		s.refusedAt(redirects[oldPage], s.alice().open(s.wanted("response_type", responseType)), "unsupported_response_type")
	}
	s.refused(s.token(oldPage, "grant_type", "implicit"), http.StatusBadRequest, "unsupported_grant_type")
}

func implicitClients(t *testing.T, s *site) {
	s = s.serveImplicit()
	for _, client := range []string{web, rival, reader, legacy, noCode, spa, native} {
		s.noTokenFor(redirects[client], s.alice().open(s.wanted("client_id", client, "redirect_uri", redirects[client])), "unauthorized_client")
	}
	for _, client := range []string{"nobody", "", machine, oldApp} {
		s.refusedOnPage(s.alice().open(s.wanted("client_id", client)), client)
	}
	require.NotEmpty(t, s.fragment(redirects[oldPage], s.alice().decide(s.alice().ask(s.wanted()), "yes")).Get("access_token"))
}

func implicitBound(_ *testing.T, s *site) {
	s = s.serveImplicit()
	s.noTokenFor(redirects[bound], s.alice().open(s.wanted("client_id", bound, "redirect_uri", redirects[bound])), "unauthorized_client")
}

func implicitRedirect(_ *testing.T, s *site) {
	s = s.serveImplicit()
	good := redirects[oldPage]
	for _, uri := range []string{
		good + "/", good + "?x=1", good + "#access_token=evil", strings.ToUpper(good), strings.Replace(good, "page", "evil-page", 1), good + "/../callback",
		strings.Replace(good, "https", "http", 1), strings.Replace(good, ".example", ".example:8443", 1), redirects[web], "https://evil.example/", "javascript:alert(1)", "",
	} {
		s.refusedOnPage(s.alice().open(s.wanted("redirect_uri", uri)), uri)
	}
}

func implicitModes(t *testing.T, s *site) {
	s = s.serveImplicit(func(cfg *oauth2.ServerConfig) { cfg.SignedResponses = true })
	for _, mode := range []string{"query", "query.jwt", "x", "Fragment", "fragment "} {
		s.noTokenFor(redirects[oldPage], s.alice().open(s.wanted("response_mode", mode)), "invalid_request")
	}
	for _, mode := range []string{"", "fragment", "jwt", "fragment.jwt"} {
		got := s.alice().decide(s.alice().ask(s.wanted("response_mode", mode)), "yes")
		require.Equal(t, http.StatusSeeOther, got.status, mode)
		before, _, _ := strings.Cut(got.header.Get("Location"), "#")
		require.Equal(t, redirects[oldPage], before, mode)
	}
	posted := s.alice().decide(s.alice().ask(s.wanted("response_mode", "form_post")), "yes")
	require.Equal(t, http.StatusOK, posted.status)
	require.Contains(t, posted.body, `action="`+redirects[oldPage]+`"`)
}

func implicitInjection(t *testing.T, s *site) {
	s = s.serveImplicit()
	for _, text := range []string{"x&access_token=evil&token_type=x", "x#access_token=evil", "x;access_token=evil", "x\r\nLocation: https://evil.example", "%26access_token=evil", "žluťoučký 🐎"} {
		sent := s.fragment(redirects[oldPage], s.alice().decide(s.alice().ask(s.wanted("state", text)), "yes"))
		require.Equal(t, []string{text}, sent["state"])
		require.Len(t, sent["access_token"], 1)
		require.Len(t, sent["token_type"], 1)
		require.Regexp(t, `^at_`, sent.Get("access_token"))
		sent = s.fragment(redirects[oldPage], s.alice().open(s.wanted("state", text, "scope", text)))
		require.Equal(t, []string{text}, sent["state"])
		require.Equal(t, "invalid_scope", sent.Get("error"))
		require.False(t, sent.Has("access_token"))
	}
	twice := clone(s.wanted().Values)
	twice.Add("access_token", "evil")
	twice.Add("expires_in", "99999999")
	sent := s.fragment(redirects[oldPage], s.alice().decide(s.alice().ask(attempt{Values: twice}), "yes"))
	require.Len(t, sent["access_token"], 1)
	require.Equal(t, "600", sent.Get("expires_in"))
}

func implicitSwapped(t *testing.T, s *site) {
	s = s.serveImplicit()
	asked := s.request("client_id", oldPage)
	page := s.alice().ask(asked)
	for _, pairs := range [][]string{{"response_type", "token"}, {"response_type", "token", "response_mode", "form_post"}} {
		other := s.authorizeURL + "?" + change(clone(asked.Values), pairs...).Encode()
		got := s.alice().post(other, s.alice().fill(page, "decision", "yes"))
		require.Equal(t, http.StatusForbidden, got.status)
		s.refusedOnPage(got, "a page about a code")
	}
	got := s.alice().post(page.url, s.alice().fill(page, "decision", "yes", "response_type", "token"))
	require.NotEmpty(t, s.sentTo(redirects[oldPage], got).Get("code"), "the body is the page's")
}

func implicitOnce(t *testing.T, s *site) {
	s = s.serveImplicit()
	page := s.alice().ask(s.wanted())
	answers := make([]answer, 16)
	b := s.alice()
	together(len(answers), func(i int) { answers[i] = b.decide(page, "yes") })
	tokens := map[string]bool{}
	for _, got := range answers {
		tokens[s.fragment(redirects[oldPage], got).Get("access_token")] = true
	}
	require.Len(t, tokens, 1)
	for token := range tokens {
		require.Equal(t, http.StatusOK, s.contacts(token).status)
	}
	s.app.clock.Advance(time.Minute)
	s.refusedOnPage(s.alice().decide(page, "yes"), "once more, later")
	stranger := s.browser("bob")
	stranger.ask(s.wanted())
	s.refusedOnPage(stranger.post(page.url, stranger.fill(page, "decision", "yes")), "another browser")
}

func implicitToken(t *testing.T, s *site) {
	s = s.serveImplicit()
	sent := s.fragment(redirects[oldPage], s.alice().decide(s.alice().ask(s.wanted()), "yes"))
	require.False(t, sent.Has("refresh_token"))
	require.False(t, sent.Has("code"))
	token := sent.Get("access_token")
	secret := strings.TrimPrefix(token, "at_")
	s.refused(s.refresh(oldPage, "rt_"+secret), http.StatusBadRequest, "invalid_grant")
	g := grant{client: oldPage, code: "ac_" + secret, redirect: redirects[oldPage], verifier: strings.Repeat("v", 43)}
	s.refused(s.redeem(g), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeem(g, "code_verifier", ""), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.contacts(token).status)
	s.app.clock.Advance(10 * time.Minute)
	require.False(t, s.active(token))
}

func implicitScope(t *testing.T, s *site) {
	s = s.serveImplicit()
	s.noTokenFor(redirects[oldPage], s.alice().open(s.wanted("scope", scopeRead+" admin")), "invalid_scope")
	sent := s.fragment(redirects[oldPage], s.alice().decide(s.alice().ask(s.wanted("scope", scopeRead)), "yes"))
	require.Equal(t, scopeRead, sent.Get("scope"))
	require.Equal(t, http.StatusForbidden, s.callAPI("/stats", sent.Get("access_token")).status)
}

func implicitLocked(_ *testing.T, s *site) {
	s = s.serveImplicit()
	page := s.alice().ask(s.wanted())
	s.app.lock("alice", true)
	s.noTokenFor(redirects[oldPage], s.alice().decide(page, "yes"), "access_denied")
}
