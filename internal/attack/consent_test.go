package attack

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var consentAttacks = []attack{
	{name: "a yes without the page's token is no answer", source: "RFC 6749 section 10.12", run: consentNoToken},
	{name: "a changed token is refused", source: "RFC 6749 section 10.12", run: consentForged},
	{name: "the answer from another browser is refused", source: "CVE-2022-39222; hydra pull request 770", run: consentOtherBrowser},
	{name: "the token of one request does not answer another", source: "RFC 6749 section 10.12", run: consentOtherRequest},
	{name: "a page leads to one code, also by parallel answers", source: "RFC 9700 section 4.5", run: consentOnce},
	{name: "a page that was open for too long is not answered", source: "RFC 6749 section 10.12", only: embedded, run: consentExpired},
	{name: "a store that fails approves nothing, and the page can be answered again", source: "RFC 9110 section 15.6.4", only: embedded, run: consentStoreDown},
	{name: "a GET never approves", source: "RFC 9110 section 9.2.1", run: consentByGET},
	{name: "the form posted by another site is refused", source: "RFC 9700 section 4.7.1", run: consentCrossSite},
	{name: "form fields change neither client nor scope nor redirection", source: "RFC 6749 section 10.2", run: consentFields},
	{name: "no is access_denied, and what is neither yes nor no asks again", source: "RFC 6749 section 4.1.2.1", run: consentNo},
	{name: "the page names client, receiver and scopes, escaped", source: "RFC 6749 section 10.13", run: consentPage},
	{name: "the cookies are closed to scripts and other sites", source: "RFC 6265bis section 4.1.3", run: consentCookies},
	{name: "the answer counts only from the user who was asked", source: "CVE-2022-39222", only: example, run: consentOtherUser},
	{name: "a token is worthless before login", source: "RFC 9700 section 4.7.1", only: example, run: consentBeforeLogin},
	{name: "a page that an attacker fixed in the browser is not answered", source: "hydra pull request 770: consent fixation", only: example, run: consentFixation},
}

// noCodeIn requires an answer without a code.
func noCodeIn(t *testing.T, got answer, about string) {
	t.Helper()
	require.NotContains(t, got.header.Get("Location"), "code=", about)
	require.NotContains(t, got.body, `name="code"`, about)
}

func consentNoToken(t *testing.T, s *site) {
	a := s.request()
	page := s.alice().ask(a)
	for _, form := range []url.Values{values("decision", "yes"), s.alice().fill(page, "decision", "yes", "form_token", ""), values("decision", "yes", "username", "alice", "password", s.passwords["alice"])} {
		got := s.alice().post(page.url, form)
		noCodeIn(t, got, "no token")
		require.Equal(t, http.StatusSeeOther, got.status)
		require.NotContains(t, got.header.Get("Location"), "decision")
		noCodeIn(t, s.alice().follow(got), "no token")
	}
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentForged(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	token := page.hidden().Get("form_token")
	for _, forged := range []string{
		token[:len(token)-1], token + "A", token + "=", flip(token, 0), flip(token, 20), flip(token, len(token)/2), flip(token, len(token)-2),
		strings.ToUpper(token), " " + token, token + "\n", strings.Repeat("A", len(token)), "x", token + token,
	} {
		got := s.alice().post(page.url, s.alice().fill(page, "decision", "yes", "form_token", forged))
		require.Equal(t, http.StatusForbidden, got.status)
		s.refusedOnPage(got, "a forged token")
	}
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentOtherBrowser(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	victim := s.browser("bob")
	for range 2 { // without any cookie, and then with one of its own
		got := victim.post(page.url, victim.fill(page, "decision", "yes"))
		require.Equal(t, http.StatusForbidden, got.status)
		s.refusedOnPage(got, "another browser")
		victim.ask(s.request())
	}
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentOtherRequest(t *testing.T, s *site) {
	a := s.request()
	page := s.alice().ask(a)
	for _, pairs := range [][]string{
		{"scope", scopeRead + " " + scopeStats}, {"state", "another"}, {"state", ""}, {"client_id", rival, "redirect_uri", redirects[rival]}, {"code_challenge", challengeOf("x")},
		{"resource", s.apiURL}, {"response_mode", "form_post"}, {"prompt", "consent"}, {"x", "y"},
	} {
		other := s.authorizeURL + "?" + change(clone(a.Values), pairs...).Encode()
		got := s.alice().post(other, s.alice().fill(page, "decision", "yes"))
		require.Equal(t, http.StatusForbidden, got.status, pairs)
		s.refusedOnPage(got, pairs[0])
	}
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentOnce(t *testing.T, s *site) {
	request := s.request()
	page := s.alice().ask(request)
	answers := make([]answer, 16)
	b := s.alice()
	together(len(answers), func(i int) { answers[i] = b.decide(page, "yes") })
	codes := map[string]bool{}
	for _, got := range answers {
		codes[s.sentTo(redirects[web], got).Get("code")] = true
	}
	require.Len(t, codes, 1)
	for code := range codes {
		g := grant{client: web, code: code, redirect: redirects[web], verifier: request.verifier}
		require.Equal(t, http.StatusOK, s.redeem(g).status)
	}
	s.refusedOnPage(s.alice().decide(page, "yes"), "once more")
}

func consentExpired(t *testing.T, s *site) {
	s = s.anew()
	page := s.alice().ask(s.request())
	s.app.clock.Advance(time.Hour)
	got := s.alice().decide(page, "yes")
	require.Equal(t, http.StatusForbidden, got.status)
	s.refusedOnPage(got, "an old page")
}

func consentStoreDown(t *testing.T, s *site) {
	s, store := s.shake()
	page := s.alice().ask(s.request())
	store.noCreate.Store(true)
	got := s.alice().decide(page, "yes")
	s.unavailable(got)
	require.Empty(t, got.header.Get("Location"))
	store.noCreate.Store(false)
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentByGET(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	for _, query := range []url.Values{s.alice().fill(page, "decision", "yes"), values("decision", "yes")} {
		noCodeIn(t, s.alice().visit(page.url+"&"+query.Encode()), "GET")
	}
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		r := s.form(page.url, s.alice().fill(page, "decision", "yes"))
		r.Method = method
		noCodeIn(t, s.do(s.alice().client, r), method)
	}
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentCrossSite(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	for _, headers := range [][]string{
		{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example"},
		{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example", "Sec-Fetch-Site", ""}, {"Origin", "null", "Sec-Fetch-Site", ""},
		{"Origin", s.base() + ".evil.example", "Sec-Fetch-Site", ""},
	} {
		got := s.alice().post(page.url, s.alice().fill(page, "decision", "yes"), headers...)
		require.Equal(t, http.StatusForbidden, got.status, headers)
		s.refusedOnPage(got, "another site")
	}
	s.sentTo(redirects[web], s.alice().decide(page, "yes"))
}

func consentFields(t *testing.T, s *site) {
	a := s.request()
	page := s.alice().ask(a)
	form := s.alice().fill(page, "decision", "yes", "scope", scopeRead+" "+scopeStats, "client_id", rival, "redirect_uri", redirects[rival], "state", "evil",
		"code_challenge", challengeOf("evil"), "response_mode", "form_post", "subject", "bob", "sub", "bob", "resource", "https://evil.example")
	sent := s.sentTo(redirects[web], s.alice().post(page.url, form))
	require.Equal(t, a.Get("state"), sent.Get("state"))
	got := s.redeem(grant{web, sent.Get("code"), redirects[web], a.verifier})
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"))
	require.Equal(t, "alice", s.contacts(got.str("access_token")).str("sub"))
}

func consentNo(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	for _, decision := range []string{"", "maybe", "YES", "1", "yes ", "true"} {
		noCodeIn(t, s.alice().decide(page, decision), decision)
	}
	got := s.alice().decide(page, "no")
	s.refusedAt(redirects[web], got, "access_denied")
	require.Equal(t, "a state", s.sentTo(redirects[web], got).Get("state"))
}

func consentPage(t *testing.T, s *site) {
	hint := `"><script>alert("hint")</script>`
	page := s.alice().ask(s.request("login_hint", hint, "ui_locales", hint, "nonce", hint))
	login := s.browser("alice").open(s.request("login_hint", hint))
	for _, body := range []string{page.body, login.body} {
		require.NotContains(t, body, "<script>")
		require.NotContains(t, body, `alert("`)
	}
	require.Contains(t, page.body, "Web &lt;script&gt;")
	require.Contains(t, page.body, "app.example")
	require.NotContains(t, page.body, s.secrets[web])
	wide := s.alice().ask(s.request("scope", scopeRead+" "+scopeStats))
	require.Greater(t, len(scopesOn(wide)), len(scopesOn(page)))
}

var scopePattern = regexp.MustCompile(`<li>[^<]+</li>|contacts\.\w+`)

// scopesOn are the scopes as a page names them: in words on a list, or as they are.
func scopesOn(page answer) []string { return scopePattern.FindAllString(page.body, -1) }

func consentCookies(t *testing.T, s *site) {
	b := s.browser("alice")
	jar := map[string]*http.Cookie{}
	b.client.Transport = watching{b.client.Transport, func(res *http.Response) {
		for _, c := range res.Cookies() {
			jar[c.Name] = c
		}
	}}
	s.sentTo(redirects[web], b.decide(b.ask(s.request()), "yes"))
	require.NotEmpty(t, jar)
	for name, c := range jar {
		require.True(t, c.HttpOnly, name)
		require.Contains(t, []http.SameSite{http.SameSiteLaxMode, http.SameSiteStrictMode}, c.SameSite, name)
		require.Empty(t, c.Domain, name)
		https := strings.HasPrefix(s.issuer, "https:")
		require.Equal(t, https, c.Secure, name)
		require.Equal(t, https, strings.HasPrefix(name, "__Host-"), name)
		if https {
			require.Equal(t, "/", c.Path, name)
		}
	}
}

// watching looks at every response.
type watching struct {
	http.RoundTripper
	look func(*http.Response)
}

// RoundTrip implements [http.RoundTripper].
func (w watching) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.RoundTripper.RoundTrip(r)
	if err == nil {
		w.look(res)
	}
	return res, err
}

func consentOtherUser(t *testing.T, s *site) {
	b := s.alice()
	page := b.ask(s.request())
	b.user = "bob"
	b.login(b.visit(s.issuer + "/login"))
	got := b.decide(page, "yes")
	noCodeIn(t, got, "bob answers what alice was asked")
	require.Contains(t, got.body, `id="consent"`)
	sent := s.sentTo(redirects[web], b.decide(got, "yes"))
	require.NotEmpty(t, sent.Get("code"))
}

func consentBeforeLogin(t *testing.T, s *site) {
	page := s.alice().ask(s.request())
	home := s.alice().visit(s.issuer + "/")
	require.Equal(t, http.StatusSeeOther, s.alice().post(s.issuer+"/logout", home.hidden()).status)
	got := s.alice().decide(page, "yes")
	noCodeIn(t, got, "logged out")
	require.Contains(t, s.alice().follow(got).body, `id="login"`)
}

func consentFixation(t *testing.T, s *site) {
	// Mallory, who is bob, opens a page, and plants its cookie and its form in alice's browser.
	mallory, victim := s.browser("bob"), s.browser("alice")
	victim.ask(s.request())
	a := s.request()
	page := mallory.ask(a)
	planted := 0
	for _, c := range mallory.cookies() {
		if !strings.HasSuffix(c.Name, sessionCookie) {
			victim.plant(c.Name, c.Value)
			planted++
		}
	}
	require.Positive(t, planted)
	got := victim.post(page.url, victim.fill(page, "decision", "yes"))
	noCodeIn(t, got, "a planted page")
}
