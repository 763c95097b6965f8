package authserver_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// These tests are about the nine defaults of go-session that are not used here, in the order of their
// numbers.

// 1. go-session signs with HMAC-SHA1 and an empty key, so anyone can sign.
func TestSessionCookieIsNotSignedWithAnEmptyKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	require.True(t, b.isLoggedIn())
	value, err := url.QueryUnescape(b.cookie(session))
	require.NoError(t, err)
	encoded, _, _ := strings.Cut(value, ".")
	id, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	mac := hmac.New(sha1.New, nil)
	mac.Write(id)
	forger := s.browser()
	forger.setCookie(session, url.QueryEscape(encoded+"."+hex.EncodeToString(mac.Sum(nil))))
	require.False(t, forger.isLoggedIn())
}

// 2. It takes the session ID from the query and from forms, so a link can plant one.
func TestSessionIsNotTakenFromTheQueryOrAForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	stranger := s.browser()
	require.NotContains(t, stranger.get("/?"+session+"="+url.QueryEscape(b.cookie(session))).body, `id="logout"`)
	// go-session looks there when the cookie is empty.
	stranger.header.Set("Cookie", session+"=")
	require.NotContains(t, stranger.get("/?"+session+"="+url.QueryEscape(b.cookie(session))).body, `id="logout"`)
	form := b.get("/").fill(session, b.cookie(session))
	require.Contains(t, stranger.do(http.MethodPost, "/logout", form).header.Get("Location"), "/login?")
	require.True(t, b.isLoggedIn())
}

// 3. Its cookie has no SameSite, so it goes along with other sites' forms.
func TestSessionCookieIsSameSiteLaxAndHTTPOnly(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	atLogin := setCookieOf(t, b.login(b.get("/login"), "alice", "wonderland"), session)
	later := setCookieOf(t, b.get("/"), session)
	for _, c := range []*http.Cookie{atLogin, later} {
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.True(t, c.HttpOnly)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
	}
	require.Equal(t, atLogin.Value, later.Value)
}

// 4. It guesses Secure from the request. The issuer's scheme decides.
func TestSecureFollowsTheIssuersScheme(t *testing.T) {
	t.Parallel()
	plain := newSite(t).browser()
	require.False(t, setCookieOf(t, plain.login(plain.get("/login"), "alice", "wonderland"), session).Secure)

	s := serve(t, httptest.NewTLSServer)
	b := s.browser()
	hosted := "__Host-" + session
	require.True(t, setCookieOf(t, b.login(b.get("/login"), "alice", "wonderland"), hosted).Secure)
	out := setCookieOf(t, b.do(http.MethodPost, "/logout", b.get("/").fill()), hosted)
	require.True(t, out.Secure, "browsers refuse to remove a __Host- cookie otherwise")
	require.False(t, b.isLoggedIn())
}

// 4, again: it would take the plain connection from a proxy with a public address for plain http.
func TestSecureDoesNotDependOnTheProxy(t *testing.T) {
	t.Parallel()
	app, err := authserver.New(t.Context(), authserver.Options{Issuer: "https://localhost:8620", Store: "memory", Users: testUsers(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, app.Close()) }()
	page := httptest.NewRecorder()
	app.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/login", nil))
	form := answer{body: page.Body.String()}.fill("username", "alice", "password", "wonderland")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", strings.NewReader(form.Encode()))
	r.RemoteAddr = "203.0.113.9:1234"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range page.Result().Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	require.Equal(t, http.StatusSeeOther, w.Code)
	require.True(t, setCookieOf(t, answer{header: w.Header()}, "__Host-"+session).Secure)
}

// 5. It does not renew the session ID at login, so a planted one is logged in.
func TestLoginGivesANewSessionID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attacker := s.loggedIn("bob", "builder")
	planted := attacker.cookie(session)
	victim := s.browser()
	victim.setCookie(session, planted)
	require.Equal(t, http.StatusSeeOther, victim.login(victim.get("/login"), "alice", "wonderland").status)
	require.NotEqual(t, planted, victim.cookie(session))
	require.Contains(t, victim.get("/").body, "alice")
	require.False(t, attacker.isLoggedIn(), "the session that was planted has ended")

	before := victim.cookie(session)
	require.Equal(t, http.StatusSeeOther, victim.login(victim.get("/login"), "alice", "wonderland").status)
	require.NotEqual(t, before, victim.cookie(session))
}

// 6. It fails at a cookie that it cannot read, until the browser forgets it.
func TestGarbageCookieIsNoSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, garbage := range []string{"x", ".", "a.b", "%zz", "%", "====.00", "bm9uZQ==.00", strings.Repeat("A", 3000), "%00.%00"} {
		b := s.browser()
		b.setCookie(session, garbage)
		require.False(t, b.isLoggedIn(), garbage)
		require.Equal(t, http.StatusSeeOther, b.get(request()).status, garbage)
		require.Equal(t, http.StatusSeeOther, b.login(b.get("/login"), "alice", "wonderland").status, garbage)
		require.True(t, b.isLoggedIn(), garbage)
	}
}

// 7. Its cookie and its record do not end together.
func TestCookieLastsAsLongAsTheRecord(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"memory": "memory", "sqlite": "sqlite:" + t.TempDir() + "/xmail.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(o *authserver.Options) { o.Store = store })
			b := s.browser()
			cookie := setCookieOf(t, b.login(b.get("/login"), "alice", "wonderland"), session)
			lifetime := time.Duration(cookie.MaxAge) * time.Second
			require.Equal(t, 2*time.Hour, lifetime)
			s.clock.Advance(lifetime - time.Second)
			require.Equal(t, cookie.MaxAge, setCookieOf(t, b.get("/"), session).MaxAge, "a visit makes both last anew")
			s.clock.Advance(lifetime - time.Second)
			require.True(t, b.isLoggedIn())
			s.clock.Advance(lifetime + time.Second)
			require.False(t, b.isLoggedIn())
		})
	}
}

// 8. Its store shares one map between the requests of a session. TestSessionStoreKeepsWhatWasSaved shows
// that two requests share nothing here; this one, that their changes undo nothing of each other.
func TestParallelRequestsOfOneSessionDoNotRace(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"memory": "memory", "sqlite": "sqlite:" + t.TempDir() + "/xmail.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, func(o *authserver.Options) { o.Store = store }).browser()
			targets := make([]string, 8)
			for i := range targets { // the session then holds a login for each of the requests
				targets[i] = request("prompt", "login", "state", strconv.Itoa(i))
				require.Equal(t, targets[i], b.login(b.follow(b.get(targets[i])), "alice", "wonderland").header.Get("Location"))
			}
			var wg sync.WaitGroup
			for _, target := range targets {
				wg.Go(func() {
					b.get("/connected-apps")
					b.submit(b.get(target), "decision", "no")
				})
			}
			wg.Wait()
			require.True(t, b.isLoggedIn())
			for _, target := range targets {
				require.Contains(t, b.get(target).header.Get("Location"), "/login?", "no answer undid what another had spent")
			}
		})
	}
}

// 9. Only the first InitManager of a process counts, so a second App would share its key and store.
func TestTwoAppsInOneProcessAreApart(t *testing.T) {
	t.Parallel()
	one, two := newSite(t), newSite(t)
	b := one.loggedIn("alice", "wonderland")
	stranger := two.browser()
	stranger.setCookie(session, b.cookie(session))
	require.False(t, stranger.isLoggedIn())
	require.True(t, b.isLoggedIn())
	require.True(t, two.loggedIn("bob", "builder").isLoggedIn())
}
