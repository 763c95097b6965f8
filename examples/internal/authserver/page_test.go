package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestPagesSpeakTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	for accept, want := range map[string][2]string{
		"":                              {"Do you allow 'spam4All' to access your contacts?", `<html lang="en">`},
		"nl":                            {"Geeft u 'spam4All' toegang tot uw contacten?", `<html lang="nl">`},
		"nl-BE,nl;q=0.9,en;q=0.8":       {"Geeft u 'spam4All' toegang tot uw contacten?", `<html lang="nl">`},
		"en-GB,en;q=0.9,nl;q=0.8":       {"Do you allow 'spam4All' to access your contacts?", `<html lang="en">`},
		"fr-FR":                         {"Do you allow 'spam4All' to access your contacts?", `<html lang="en">`},
		"fr, nl;q=0.5, en;q=0.1":        {"Geeft u 'spam4All' toegang tot uw contacten?", `<html lang="nl">`},
		strings.Repeat("-", 500) + ",,": {"Do you allow 'spam4All' to access your contacts?", `<html lang="en">`},
	} {
		b.language = accept
		page := b.consentPage(request())
		require.Contains(t, page.body, want[0], accept)
		require.Contains(t, page.body, want[1], accept)
		require.Contains(t, page.header.Values("Vary"), "Accept-Language")
	}
	b.language = "nl"
	page := b.consentPage(request()).body
	require.Regexp(t, `name="decision" value="no">Nee<`, page)
	require.Regexp(t, `name="decision" value="yes">Ja<`, page)
	require.Contains(t, b.get("/login").body, "Wachtwoord")
}

func TestEveryPageHasTheSameGuards(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	consent := b.consentPage(request())
	pages := map[string]answer{"consent": consent, "error of the library": b.get("/request-access"), "wrong": b.login(b.get("/login"), "alice", "x")}
	for _, target := range []string{"/", "/login", "/connected-apps", "/nothing", "/logout", "/healthz", "/style.css"} {
		pages[target] = b.get(target)
	}
	for name, page := range pages {
		require.Equal(t, "DENY", page.header.Get("X-Frame-Options"), name)
		require.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"), name)
		require.Equal(t, "same-origin", page.header.Get("Referrer-Policy"), name)
		policy := strings.TrimSuffix(page.header.Get("Content-Security-Policy"), " http://localhost:8600")
		require.Equal(t, strings.TrimSuffix(consent.header.Get("Content-Security-Policy"), " http://localhost:8600"), policy, name)
		if name != "/style.css" {
			require.Equal(t, "no-store", page.header.Get("Cache-Control"), name)
		}
		require.NotContains(t, page.body, "<script")
	}
	require.Contains(t, pages["/style.css"].header.Get("Content-Type"), "text/css")
}

func TestMethodsAndPathsThatAreNotServed(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	for _, path := range []string{"/nothing", "/login/", "/LOGIN", "/pages/login.html", "/style.css/x", "/../etc/passwd"} {
		page := b.get(path)
		require.Equal(t, http.StatusNotFound, page.status, path)
		require.Contains(t, page.body, `id="error"`)
	}
	for path, allowed := range map[string]string{"/": "GET", "/logout": "POST", "/login": "GET, POST", "/connected-apps": "GET, POST", "/style.css": "GET", "/healthz": "GET"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if strings.Contains(allowed, method) {
				continue
			}
			page := b.do(method, path, nil)
			require.Equal(t, http.StatusMethodNotAllowed, page.status, method+path)
			require.Equal(t, allowed, page.header.Get("Allow"))
		}
	}
	require.Equal(t, http.StatusOK, b.do(http.MethodHead, "/", nil).status)
}

func TestFormsThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	form := b.get("/login").fill("username", "alice", "password", strings.Repeat("x", 64<<10))
	require.Equal(t, http.StatusRequestEntityTooLarge, b.do(http.MethodPost, "/login", form).status)
	require.Equal(t, http.StatusBadRequest, b.do(http.MethodPost, "/login?return=%zz", url.Values{}).status)
}

func TestErrorPageIsEscapedAndSendsNobodyAnywhere(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	for _, target := range []string{
		request("client_id", "<script>alert(1)</script>"), request("redirect_uri", "javascript:alert(1)"),
		request("redirect_uri", "https://evil.example.com/"), request() + "&client_id=twice", "/request-access?%zz",
	} {
		page := b.get(target)
		require.Equal(t, http.StatusBadRequest, page.status)
		require.Contains(t, page.body, `id="error"`)
		require.Empty(t, page.header.Get("Location"))
		require.NotContains(t, page.body, "<script")
		require.NotContains(t, page.body, "evil.example.com")
		require.NotContains(t, page.body, "javascript:")
	}
}

func TestAnIssuerMayHaveAPath(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.Issuer += "/xmail" })
	b := s.browser()
	below := func(a answer) string {
		require.Equal(t, http.StatusSeeOther, a.status, a.body)
		target, ok := strings.CutPrefix(a.header.Get("Location"), "/xmail")
		require.True(t, ok, a.header.Get("Location"))
		return target
	}
	page := b.get(below(b.get(request())))
	require.Contains(t, page.body, `href="/xmail/style.css"`)
	require.Equal(t, http.StatusOK, b.get("/style.css").status)
	consent := b.get(below(b.login(page, "alice", "wonderland")))
	require.NotEmpty(t, sentBack(t, b.submit(consent, "decision", "yes")).Get("code"))
	require.Contains(t, b.get("/connected-apps").body, "spam4All")
}

func TestHealthzTellsWhetherTheStoresCanBeRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + t.TempDir() + "/xmail.db" })
	b := s.loggedIn("alice", "wonderland")
	require.Equal(t, http.StatusOK, b.get("/healthz").status)
	require.NoError(t, s.app.Close())
	for _, target := range []string{"/healthz", "/", "/connected-apps", request()} {
		page := b.get(target)
		require.Equal(t, http.StatusServiceUnavailable, page.status, target)
		require.NotEmpty(t, page.header.Get("Retry-After"), target)
		require.NotContains(t, page.body, "sql")
	}
}
