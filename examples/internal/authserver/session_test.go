package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func (b *browser) isLoggedIn() bool {
	b.t.Helper()
	page := b.get("/")
	require.Equal(b.t, http.StatusOK, page.status, page.body)
	return strings.Contains(page.body, `id="logout"`)
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
