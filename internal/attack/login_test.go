package attack

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var loginAttacks = []attack{
	{name: "a login posted without the page, by another browser or another site is refused", source: "RFC 9700 section 4.7.1: login CSRF", only: example, run: loginForged},
	{name: "a session begins with an ID of its own", source: "OWASP session fixation", only: example, run: loginFixation},
	{name: "the login leads nowhere off the site", source: "RFC 9700 section 4.11", only: example, run: loginOpenRedirect},
	{name: "an unknown user and a wrong password are told in the same words", source: "OWASP user enumeration", only: example, run: loginSameWords},
	{name: "attempts are limited by user, and the owner gets in all the same", source: "RFC 6749 section 10.10", only: example, run: loginLimited},
	{name: "garbage in the session cookie is no login and no fault", source: "RFC 6265bis section 8.5", only: example, run: loginGarbageCookie},
	{name: "logging out and withdrawing access need the page", source: "RFC 9700 section 4.7.1", only: example, run: loginOtherForms},
	{name: "every page of the site is kept out of caches and frames", source: "RFC 9700 section 4.16", only: example, run: loginHeaders},
	{name: "access that was withdrawn is dead at once", source: "RFC 7009 section 2", only: example, run: loginWithdraw},
}

func loginForged(t *testing.T, s *site) {
	b := s.browser("alice")
	page := b.visit(s.issuer + "/login")
	right := change(page.hidden(), "username", "alice", "password", s.passwords["alice"])
	for what, got := range map[string]answer{
		"no proof":        b.post(page.url, change(clone(right), "proof", "")),
		"a forged proof":  b.post(page.url, change(clone(right), "proof", flip(right.Get("proof"), 30))),
		"another browser": s.browser("alice").post(page.url, right),
		"another site":    b.post(page.url, right, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		"the query":       b.visit(page.url + "?" + right.Encode()),
	} {
		require.NotEqual(t, http.StatusSeeOther, got.status, what)
		require.NotContains(t, got.body, `id="logout"`, what)
	}
	require.Contains(t, b.login(page).body, `id="logout"`)
}

func loginFixation(t *testing.T, s *site) {
	mallory := s.browser("bob")
	mallory.login(mallory.visit(s.issuer + "/login"))
	planted := mallory.session()
	require.NotEmpty(t, planted.Value)
	victim := s.browser("alice")
	victim.plant(planted.Name, planted.Value)
	victim.login(victim.visit(s.issuer + "/login"))
	require.NotEqual(t, planted.Value, victim.session().Value)
	require.NotContains(t, mallory.visit(s.issuer+"/").body, "alice")
	require.Contains(t, victim.visit(s.issuer+"/").body, "alice")
	// Nor is an ID taken from anywhere but the cookie.
	id, _, _ := strings.Cut(victim.session().Value, ".")
	for _, name := range []string{victim.session().Name, sessionCookie, "sid", "session_id"} {
		for _, value := range []string{victim.session().Value, id} {
			r, err := http.NewRequest(http.MethodGet, s.issuer+"/?"+values(name, value).Encode(), nil)
			require.NoError(t, err)
			r.Header.Set(name, value)
			require.NotContains(t, s.do(s.client, r).body, `id="logout"`)
		}
	}
}

func loginOpenRedirect(t *testing.T, s *site) {
	for _, target := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "/request-access@evil.example", "/%2fevil.example", "///evil.example", "javascript:alert(1)",
		"/request-access\r\nLocation: https://evil.example", "/connected-apps/../../evil", "/logout", "http:evil.example", " //evil.example", "/request-access\\..\\evil", ".", "/\tevil.example",
	} {
		b := s.browser("alice")
		page := b.visit(s.issuer + "/login?" + values("return", target).Encode())
		got := b.post(page.url, change(page.hidden(), "username", "alice", "password", s.passwords["alice"]))
		require.Equal(t, http.StatusSeeOther, got.status, target)
		require.Equal(t, "/", got.header.Get("Location"), target)
	}
}

var proofPattern = regexp.MustCompile(`name="proof" value="[^"]+"`)

func loginSameWords(t *testing.T, s *site) {
	attempt := func(user, password string) (int, string) {
		b := s.browser(user)
		page := b.visit(s.issuer + "/login")
		got := b.post(page.url, change(page.hidden(), "username", user, "password", password))
		body := strings.ReplaceAll(proofPattern.ReplaceAllString(got.body, "proof"), `value="`+user+`"`, "name")
		return got.status, body
	}
	status, words := attempt("bob", oauth2.NewSecret())
	require.Equal(t, http.StatusForbidden, status)
	for _, try := range [][2]string{{"nobody-at-all", oauth2.NewSecret()}, {"bob", ""}, {"bob", s.passwords["bob"] + "x"}, {"bob", s.passwords["bob"][:42]}, {"Bob", s.passwords["bob"]}, {"bob ", s.passwords["bob"]}} {
		gotStatus, gotWords := attempt(try[0], try[1])
		require.Equal(t, status, gotStatus, try[0])
		require.Equal(t, words, gotWords, try[0])
	}
}

func loginLimited(t *testing.T, s *site) {
	b := s.browser("carol") // whom no other attack tries
	page := b.visit(s.issuer + "/login")
	var got answer
	for guesses := 0; got.status != http.StatusTooManyRequests; guesses++ {
		require.Less(t, guesses, 60, "well within 60 guesses")
		got = b.post(page.url, change(page.hidden(), "username", b.user, "password", oauth2.NewSecret()))
	}
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.Contains(t, b.login(b.visit(s.issuer+"/login")).body, `id="logout"`)
}

func loginGarbageCookie(t *testing.T, s *site) {
	b := s.alice()
	b.login(b.visit(s.issuer + "/login"))
	c := b.session()
	for _, value := range []string{"x", ".", strings.Repeat("x", 3000), c.Value[:len(c.Value)-2], flip(c.Value, 0), flip(c.Value, 10), flip(c.Value, len(c.Value)-3), "%00", "%ff", "a.b.c", strings.ToLower(c.Value)} {
		other := s.browser("alice")
		other.plant(c.Name, value)
		got := other.visit(s.issuer + "/")
		require.Equal(t, http.StatusOK, got.status)
		require.NotContains(t, got.body, `id="logout"`)
		other.ask(s.request())
	}
	require.Contains(t, b.visit(s.issuer+"/").body, `id="logout"`)
}

func loginOtherForms(t *testing.T, s *site) {
	b := s.alice()
	access, _ := s.tokens()
	home := b.visit(s.issuer + "/")
	for _, path := range []string{"/logout", "/connected-apps"} {
		for what, got := range map[string]answer{
			"no proof":        b.post(s.issuer+path, values("client_id", web)),
			"a forged proof":  b.post(s.issuer+path, values("client_id", web, "proof", flip(home.hidden().Get("proof"), 40))),
			"another site":    b.post(s.issuer+path, values("client_id", web, "proof", home.hidden().Get("proof")), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
			"another browser": s.browser("bob").post(s.issuer+path, values("client_id", web, "proof", home.hidden().Get("proof"))),
			"the query":       b.visit(s.issuer + path + "?" + values("client_id", web, "proof", home.hidden().Get("proof")).Encode()),
		} {
			require.NotEqual(t, http.StatusNoContent, got.status, what)
			require.Contains(t, b.visit(s.issuer+"/").body, `id="logout"`, path+": "+what)
			require.True(t, s.active(access), path+": "+what)
		}
	}
}

func loginHeaders(t *testing.T, s *site) {
	s.alice().login(s.alice().visit(s.issuer + "/login"))
	for _, b := range []*browser{s.alice(), s.browser("nobody")} {
		for _, path := range []string{"/", "/login", "/connected-apps", "/nothing", "/logout"} {
			got := b.visit(s.issuer + path)
			require.Equal(t, "no-store", got.header.Get("Cache-Control"), path)
			require.Equal(t, "DENY", got.header.Get("X-Frame-Options"), path)
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), path)
			require.NotEmpty(t, got.header.Get("Referrer-Policy"), path)
			require.Contains(t, got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		}
	}
}

func loginWithdraw(t *testing.T, s *site) {
	// A user of this attack alone, because withdrawing ends whatever the user gave to the client.
	b := s.browser("bob")
	a := s.request("client_id", odd)
	got := s.redeem(b.approve(a))
	require.Equal(t, http.StatusOK, got.status, got.body)
	pending := b.approve(s.request("client_id", odd))
	page := b.visit(s.issuer + "/connected-apps")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, `value="`+odd+`"`)
	require.Less(t, b.post(page.url, change(page.hidden(), "client_id", odd)).status, 400)
	require.False(t, s.active(got.str("access_token")))
	s.refused(s.refresh(odd, got.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeem(pending), http.StatusBadRequest, "invalid_grant")
}
