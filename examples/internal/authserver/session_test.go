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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// Each test of the first nine is about one default of go-session that is not used here.

func (b *browser) isLoggedIn() bool {
	b.t.Helper()
	page := b.get("/")
	require.Equal(b.t, http.StatusOK, page.status, page.body)
	return strings.Contains(page.body, `id="logout"`)
}

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

// go-session would take the plain connection from a proxy with a public address for plain http.
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

func TestParallelRequestsOfOneSessionDoNotRace(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"memory": "memory", "sqlite": "sqlite:" + t.TempDir() + "/xmail.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, func(o *authserver.Options) { o.Store = store }).loggedIn("alice", "wonderland")
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 3 {
						b.submit(b.get(request()), "decision", "no")
						b.get("/connected-apps")
					}
				})
			}
			wg.Wait()
			require.True(t, b.isLoggedIn())
		})
	}
}

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

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"memory": "memory", "sqlite": "sqlite:" + t.TempDir() + "/xmail.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(o *authserver.Options) { o.Store = store })
			b := s.loggedIn("alice", "wonderland")
			kept := b.cookie(session)
			require.Equal(t, "/", b.do(http.MethodPost, "/logout", b.get("/").fill()).header.Get("Location"))
			require.Empty(t, b.cookie(session))
			thief := s.browser()
			thief.setCookie(session, kept)
			require.False(t, thief.isLoggedIn(), "the cookie that was kept is worthless")
		})
	}
}

func TestLogoutNeedsThePageOfThisUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, bob := s.loggedIn("alice", "wonderland"), s.loggedIn("bob", "builder")
	require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/logout", url.Values{}).status)
	require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/logout", bob.get("/").fill()).status)
	form := b.get("/").fill()
	b.header.Set("Sec-Fetch-Site", "cross-site")
	b.header.Set("Origin", "https://evil.example.com")
	require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/logout", form).status)
	require.True(t, b.isLoggedIn())
}

func TestVisitorsLeaveNoSessionBehind(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	for _, target := range []string{"/", "/login", "/connected-apps", request()} {
		b.get(target)
		require.Empty(t, b.cookie(session), target)
	}
}

func TestLoginSurvivesARestart(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/a folder?#%/xmail.db"
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + mkdirOf(t, path) })
	require.Equal(t, path, s.app.StorePath())
	b := s.loggedIn("alice", "wonderland")
	page := b.consentPage(request())
	require.NoError(t, s.app.Close())
	s.use(s.start())
	require.True(t, b.isLoggedIn())
	require.NotEmpty(t, sentBack(t, b.submit(page, "decision", "yes")).Get("code"), "a page from before can be answered")
}

func TestReplicasOverOneStoreAreOne(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/xmail.db"
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + path })
	replicas := make([]*authserver.App, 3)
	var wg sync.WaitGroup
	for i := range replicas {
		wg.Go(func() { replicas[i], _ = authserver.New(t.Context(), s.options) })
	}
	wg.Wait()
	var mu sync.Mutex
	turn := 0
	rotating := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		turn++
		app := replicas[turn%len(replicas)]
		mu.Unlock()
		app.ServeHTTP(w, r)
	}))
	for _, app := range replicas {
		require.NotNil(t, app)
		t.Cleanup(func() { require.NoError(t, app.Close()) })
	}
	s.handler.Store(&rotating)
	for range 2 {
		b := s.browser()
		consent := b.follow(b.login(b.follow(b.get(request())), "alice", "wonderland"))
		require.NotEmpty(t, sentBack(t, b.submit(consent, "decision", "yes")).Get("code"))
		tokens := b.tokens()
		require.Equal(t, 200, s.refresh(tokens["refresh_token"])["status"])
	}
}

func TestUserWhoWasRemovedIsServedNoMore(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/xmail.db"
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + path })
	b := s.loggedIn("bob", "builder")
	tokens := b.tokens()
	require.NoError(t, s.app.Close())
	s.options.Users = map[string]string{"alice": "wonderland"}
	s.use(s.start())
	require.False(t, b.isLoggedIn())
	refused := s.refresh(tokens["refresh_token"])
	require.Equal(t, 400, refused["status"])
	require.Equal(t, "invalid_grant", refused["error"])
}
