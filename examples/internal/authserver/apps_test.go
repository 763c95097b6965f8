package authserver_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestUserWithdrawsTheAccessOfAnApp(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"memory": "memory", "sqlite": "sqlite:" + t.TempDir() + "/xmail.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(o *authserver.Options) { o.Store = store })
			b := s.loggedIn("alice", "wonderland")
			require.Contains(t, b.get("/connected-apps").body, `id="none"`)
			first, second := b.tokens(), b.tokens()
			page := b.get("/connected-apps")
			require.Contains(t, page.body, "<h2>spam4All</h2>")
			require.Contains(t, page.body, "Has access to your contacts.")
			require.Contains(t, page.body, "Since "+s.clock.Now().UTC().Format("2 January 2006"))

			require.Equal(t, "/connected-apps", b.submit(page).header.Get("Location"))
			require.Contains(t, b.get("/connected-apps").body, `id="none"`)
			for _, tokens := range []map[string]any{first, second} {
				require.Equal(t, false, s.introspect(tokens["access_token"])["active"])
				require.Equal(t, "invalid_grant", s.refresh(tokens["refresh_token"])["error"])
			}
		})
	}
}

func TestWithdrawalTouchesNobodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	alice, bob := s.loggedIn("alice", "wonderland"), s.loggedIn("bob", "builder")
	alices, bobs := alice.tokens(), bob.tokens()
	require.Equal(t, http.StatusSeeOther, bob.submit(bob.get("/connected-apps")).status)
	require.Equal(t, true, s.introspect(alices["access_token"])["active"])
	require.Equal(t, false, s.introspect(bobs["access_token"])["active"])
}

func TestWithdrawalNeedsThePageOfThisUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	alice, bob := s.loggedIn("alice", "wonderland"), s.loggedIn("bob", "builder")
	tokens := alice.tokens()
	bob.tokens()
	const path = "/connected-apps"
	bobs := bob.get(path).fill()
	form := alice.get(path).fill()
	require.Equal(t, http.StatusForbidden, alice.do(http.MethodPost, path, bobs).status)
	require.Equal(t, http.StatusForbidden, alice.do(http.MethodPost, path, url.Values{"client_id": {"spam4All"}}).status)
	form.Del("client_id")
	require.Equal(t, http.StatusBadRequest, alice.do(http.MethodPost, path, form).status)
	require.Equal(t, "/login?return=%2Fconnected-apps", s.browser().do(http.MethodPost, path, bobs).header.Get("Location"))
	alice.header.Set("Origin", "https://evil.example.com")
	alice.header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, alice.submit(alice.get(path)).status)
	require.Equal(t, true, s.introspect(tokens["access_token"])["active"])
}

func TestConnectedAppsNeedALogin(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	page := b.follow(b.get("/connected-apps"))
	require.Equal(t, "/connected-apps", b.login(page, "alice", "wonderland").header.Get("Location"))
}

func TestAccessThatHasExpiredIsNotListed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	b.tokens()
	s.clock.Advance(31 * 24 * time.Hour)
	b = s.loggedIn("alice", "wonderland")
	require.Contains(t, b.get("/connected-apps").body, `id="none"`)
}
