package authserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

const session = "xmail_session"

func TestUserLogsInSaysYesAndClientGetsTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	toLogin := b.get(request())
	require.Equal(t, http.StatusSeeOther, toLogin.status)
	require.Equal(t, "/login?return="+url.QueryEscape(request()), toLogin.header.Get("Location"))
	loginPage := b.follow(toLogin)
	loggedIn := b.login(loginPage, "alice", "wonderland")
	require.Equal(t, request(), loggedIn.header.Get("Location"))
	consent := b.follow(loggedIn)
	require.Contains(t, consent.body, "Do you allow 'spam4All' to access your contacts?")
	require.Contains(t, consent.body, "localhost:8600")
	require.Contains(t, consent.body, "<li>your contacts</li>")

	answer := sentBack(t, b.submit(consent, "decision", "yes"))
	require.Equal(t, "xyz", answer.Get("state"))
	require.Equal(t, s.url, answer.Get("iss"))
	tokens := s.call("/token", "spam4All", url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	require.Equal(t, 200, tokens["status"], tokens)
	token := s.introspect(tokens["access_token"])
	require.Equal(t, true, token["active"])
	require.Equal(t, "alice", token["sub"])
	require.Equal(t, "contacts.read", token["scope"])
	require.Equal(t, "http://localhost:8640", token["aud"])
	require.Equal(t, 200, s.refresh(tokens["refresh_token"])["status"])
}

func TestConsentIsAskedEveryTime(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	b.tokens()
	b.consentPage(request())
	b.consentPage(request())
}

func TestNoIsAccessDenied(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	answer := sentBack(t, b.submit(b.consentPage(request()), "decision", "no"))
	require.Equal(t, "access_denied", answer.Get("error"))
	require.Equal(t, "xyz", answer.Get("state"))
	require.Empty(t, answer.Get("code"))
}

func TestNoDecisionAsksAgain(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	for _, decision := range []string{"", "maybe", "YES"} {
		again := b.submit(b.consentPage(request()), "decision", decision)
		require.Equal(t, http.StatusOK, again.status)
		require.Contains(t, again.body, `id="consent"`)
	}
}

func TestConsentPostFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	page := b.consentPage(request())
	b.header.Set("Origin", "https://evil.example.com")
	b.header.Set("Sec-Fetch-Site", "cross-site")
	refused := b.submit(page, "decision", "yes")
	require.Equal(t, http.StatusForbidden, refused.status)
	require.Contains(t, refused.body, `id="error"`)
	require.Empty(t, refused.header.Get("Location"))
}

// The library's form token is good for this browser and request, so only the page's own proof can
// tell whose page it was.
func TestPageShownToOneUserCannotBeAnsweredByAnother(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	alices := b.consentPage(request())
	require.Equal(t, http.StatusSeeOther, b.login(b.get("/login"), "bob", "builder").status)

	again := b.submit(alices, "decision", "yes")
	require.Equal(t, http.StatusOK, again.status, again.header.Get("Location"))
	require.Contains(t, again.body, "<strong>bob</strong>")
	require.NotEmpty(t, sentBack(t, b.submit(answerTo(again, request()), "decision", "yes")).Get("code"))
}

// answerTo is a page as the answer to a target: the form of a page that a POST brought goes there.
func answerTo(page answer, target string) answer {
	page.target = target
	return page
}

func TestFormTokenFromBeforeTheLoginIsWorthless(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	before := b.consentPage(request())
	home := b.get("/")
	require.Equal(t, http.StatusSeeOther, b.do(http.MethodPost, "/logout", home.fill()).status)
	require.Equal(t, http.StatusSeeOther, b.login(b.get("/login"), "alice", "wonderland").status)
	again := b.submit(before, "decision", "yes")
	require.Equal(t, http.StatusOK, again.status)
	require.Contains(t, again.body, `id="consent"`)

	without := before.fill("decision", "yes")
	without.Del("proof")
	require.Equal(t, http.StatusOK, b.do(http.MethodPost, request(), without).status)
}

func TestAnswerAfterTheSessionEndedLeadsThroughLoginToTheQuestion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	page := b.consentPage(request())
	b.client.Jar = withoutCookie(b, session)
	toLogin := b.submit(page, "decision", "yes")
	consent := b.follow(b.login(b.follow(toLogin), "alice", "wonderland"))
	require.Contains(t, consent.body, `id="consent"`)
	require.NotEmpty(t, sentBack(t, b.submit(consent, "decision", "yes")).Get("code"))
}

// withoutCookie is the browser's jar, but for one cookie.
func withoutCookie(b *browser, name string) http.CookieJar {
	u, _ := url.Parse(b.url)
	jar := b.site.browser().client.Jar
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name != name {
			jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/"}})
		}
	}
	return jar
}

func TestTwoTabsCanEachBeFinished(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	one, two := request("state", "one"), request("state", "two")
	login1, login2 := b.follow(b.get(one)), b.follow(b.get(two))
	consent1 := b.follow(b.login(login1, "alice", "wonderland"))
	consent2 := b.follow(b.login(login2, "alice", "wonderland"))
	for state, page := range map[string]answer{"one": consent1, "two": consent2} {
		back := sentBack(t, b.submit(page, "decision", "yes"))
		require.Equal(t, state, back.Get("state"))
		require.NotEmpty(t, back.Get("code"))
	}
}

func TestOnePageGivesOneCode(t *testing.T) {
	t.Parallel()
	b := newSite(t).loggedIn("alice", "wonderland")
	page := b.consentPage(request())
	code := sentBack(t, b.submit(page, "decision", "yes")).Get("code")
	require.NotEmpty(t, code)
	require.Equal(t, code, sentBack(t, b.submit(page, "decision", "yes")).Get("code"), "the second click of a double click")
	require.Equal(t, http.StatusOK, b.redeem(code)["status"])
	late := b.submit(page, "decision", "yes")
	require.Equal(t, http.StatusConflict, late.status)
	require.Contains(t, late.body, `id="error"`)
	require.Contains(t, late.body, "You answered this question before.")
}

func TestPromptNoneShowsNoPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	require.Equal(t, "login_required", sentBack(t, s.browser().get(request("prompt", "none"))).Get("error"))
	b := s.loggedIn("alice", "wonderland")
	require.Equal(t, "consent_required", sentBack(t, b.get(request("prompt", "none"))).Get("error"))
	s.clock.Advance(time.Hour)
	require.Equal(t, "login_required", sentBack(t, b.get(request("prompt", "none", "max_age", "60"))).Get("error"))
}

func TestPromptAndMaxAgeAskForThePasswordAgainOncePerRequest(t *testing.T) {
	t.Parallel()
	for _, wish := range [][]string{{"prompt", "login"}, {"prompt", "select_account"}, {"max_age", "60"}, {"max_age", "0"}} {
		t.Run(fmt.Sprint(wish), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.loggedIn("alice", "wonderland")
			s.clock.Advance(10 * time.Minute)
			target := request(wish...)
			consent := b.follow(b.login(b.follow(b.get(target)), "alice", "wonderland"))
			s.clock.Advance(2 * time.Minute) // a slow reader need not log in twice
			require.NotEmpty(t, sentBack(t, b.submit(consent, "decision", "yes")).Get("code"))
			require.Contains(t, b.get(target).header.Get("Location"), "/login?", "a login is good for one answer")
		})
	}
}

func TestFreshLoginIsForItsOwnRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.consentPage(b.login(b.follow(b.get(request("prompt", "login", "state", "one"))), "alice", "wonderland").header.Get("Location"))
	require.Contains(t, b.get(request("prompt", "login", "state", "two")).header.Get("Location"), "/login?")
	s.clock.Advance(11 * time.Minute)
	require.Contains(t, b.get(request("prompt", "login", "state", "one")).header.Get("Location"), "/login?", "a login that was made for an answer long ago")
}

func TestYoungLoginSatisfiesMaxAge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	s.clock.Advance(30 * time.Second)
	b.consentPage(request("max_age", "60"))
}

func TestScopesAreAskedInWords(t *testing.T) {
	t.Parallel()
	wide := &oauth2.Client{ID: "wide", RedirectURIs: []string{redirect}, Scope: oauth2.Scope{"contacts.read", "contacts.stats", "x:<b>"}}
	b := newSite(t, func(o *authserver.Options) { o.Clients = []*oauth2.Client{wide} }).loggedIn("alice", "wonderland")
	page := b.consentPage(request("client_id", "wide", "scope", "contacts.read contacts.stats"))
	require.Contains(t, page.body, "Do you allow 'wide' to access your contacts and statistics about contacts?")
	page = b.consentPage(request("client_id", "wide", "scope", "contacts.read contacts.stats x:<b>"))
	require.Contains(t, page.body, "your contacts, statistics about contacts and “x:&lt;b&gt;”?")
}

func TestClientNameIsEscaped(t *testing.T) {
	t.Parallel()
	evil := &oauth2.Client{ID: "evil", Name: `<script>alert('x')</script>"%s`, RedirectURIs: []string{redirect}, Scope: oauth2.Scope{"contacts.read"}, GrantTypes: []string{"authorization_code", "refresh_token"}}
	b := newSite(t, func(o *authserver.Options) { o.Clients = []*oauth2.Client{evil} }).loggedIn("alice", "wonderland")
	page := b.consentPage(request("client_id", "evil"))
	require.NotContains(t, page.body, "<script")
	require.Contains(t, page.body, "&lt;script&gt;")
	require.NotEmpty(t, sentBack(t, b.submit(page, "decision", "yes")).Get("code"))
	apps := b.get("/connected-apps")
	require.NotContains(t, apps.body, "<script")
	require.Contains(t, apps.body, "&lt;script&gt;")
}
