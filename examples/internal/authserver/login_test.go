package authserver_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestEveryFailedLoginLooksTheSame(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	attempts := [][2]string{{"alice", "builder"}, {"alice", ""}, {"alice", "Wonderland"}, {"alice", "wonderland "}, {"nobody", "wonderland"}, {"", ""}, {"ALICE", "wonderland"}}
	for _, attempt := range attempts {
		page := b.login(b.get("/login"), attempt[0], attempt[1])
		require.Equal(t, http.StatusForbidden, page.status, attempt)
		require.Contains(t, page.body, "The user name and the password do not belong together.")
		require.Empty(t, b.cookie(session))
		if attempt[1] != "" {
			require.NotContains(t, page.body, attempt[1])
		}
	}
}

func TestLoginCanBeRepeatedOnThePageThatSaysWrong(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	wrong := b.login(b.follow(b.get(request())), "alice", "x")
	target := "/login?return=" + url.QueryEscape(request())
	require.Equal(t, request(), b.login(answerTo(wrong, target), "alice", "wonderland").header.Get("Location"))
}

func TestLoginFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	page := b.get("/login")
	b.header.Set("Origin", "https://evil.example.com")
	b.header.Set("Sec-Fetch-Site", "cross-site")
	refused := b.login(page, "alice", "wonderland")
	require.Equal(t, http.StatusForbidden, refused.status)
	require.Contains(t, refused.body, `id="error"`)
	require.Empty(t, b.cookie(session))
}

func TestLoginNeedsThePageThatThisBrowserWasShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attackers := s.browser().get("/login").fill("username", "alice", "password", "wonderland")
	b := s.browser()
	for name, form := range map[string]url.Values{"another browser's token": attackers, "none": {"username": {"alice"}, "password": {"wonderland"}}} {
		for _, visited := range []bool{false, true} {
			if visited {
				b.get("/login")
			}
			refused := b.do(http.MethodPost, "/login", form)
			require.Equal(t, http.StatusForbidden, refused.status, name)
			require.Contains(t, refused.body, "Please try again")
			require.Empty(t, b.cookie(session))
		}
	}
}

func TestReturnTargetsCannotLeaveTheSite(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	for _, target := range []string{
		"https://evil.example.com/", "//evil.example.com", "///evil.example.com", `/\evil.example.com`, `\\evil.example.com`, "/\t/evil.example.com",
		"/\r\nLocation: https://evil.example.com", "javascript:alert(1)", "evil.example.com", "/.//evil.example.com", "/%2f/evil.example.com", "/@evil.example.com",
		"", " /", "/login", "/logout", "/request-access/../x", "/?x=\x00", "/#//evil", "http:/", "/connected-apps\\..",
	} {
		page := b.get("/login?return=" + url.QueryEscape(target))
		require.Equal(t, "/", b.login(page, "alice", "wonderland").header.Get("Location"), "%q", target)
	}
	for _, target := range []string{"/", "/connected-apps", "/request-access?a=b%2F&return=//evil.example.com"} {
		page := b.get("/login?return=" + url.QueryEscape(target))
		require.Equal(t, target, b.login(page, "alice", "wonderland").header.Get("Location"))
	}
}

// Browsers leave a backslash in a query as it is.
func TestOddRequestSurvivesTheLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	odd := strings.Replace(request(), "state=xyz", `state=a\b'{}|^`, 1)
	consent := b.follow(b.login(b.follow(b.get(odd)), "alice", "wonderland"))
	require.Equal(t, `a\b'{}|^`, sentBack(t, b.submit(consent, "decision", "yes")).Get("state"))
}

func TestLoginHintIsFilledInAndEscaped(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	page := b.follow(b.get(request("login_hint", `bob"><script>`)))
	require.Contains(t, page.body, `value="bob&#34;&gt;&lt;script&gt;"`)
}

func TestTooManyFailuresOfANameAreToldToWait(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	page := b.get("/login")
	for range 10 {
		require.Equal(t, http.StatusForbidden, b.login(page, "alice", "guess").status)
	}
	limited := b.login(page, "alice", "guess")
	require.Equal(t, http.StatusTooManyRequests, limited.status)
	seconds, err := strconv.Atoi(limited.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
	require.Equal(t, http.StatusForbidden, b.login(page, "bob", "guess").status, "another name has its own count")

	require.Equal(t, http.StatusSeeOther, b.login(page, "alice", "wonderland").status, "the owner is not locked out")
	page = b.get("/login")
	require.Equal(t, http.StatusForbidden, b.login(page, "alice", "guess").status, "a right password forgets the failures")
}

func TestAFloodOfGuessesIsMostlyNotLookedAt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const guesses = 40
	statuses := make(chan int, guesses)
	var wg sync.WaitGroup
	for range guesses {
		wg.Go(func() {
			b := s.browser()
			statuses <- b.login(b.get("/login"), "nobody", "guess").status
		})
	}
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	require.GreaterOrEqual(t, count[http.StatusTooManyRequests], guesses-12, count)
	require.Equal(t, guesses, count[http.StatusTooManyRequests]+count[http.StatusForbidden])
}

func TestPasswordsMayBeHashedInTheFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) {
		o.Users = map[string]string{"clear": "in clear", "hashed": oauth2.HashPassword("hashed before")}
	})
	s.loggedIn("clear", "in clear")
	s.loggedIn("hashed", "hashed before")
	b := s.browser()
	require.Equal(t, http.StatusForbidden, b.login(b.get("/login"), "hashed", s.options.Users["hashed"]).status, "a hash is no password")
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	b.login(b.get("/login"), "mistyped-password", "guess-0815")
	tokens := b.tokens()
	s.refresh(tokens["refresh_token"])
	log := s.log.String()
	require.Contains(t, log, "token_refreshed")
	for _, secret := range []string{"wonderland", "guess-0815", "mistyped-password", "demo-secret", verifier, b.cookie(session), tokens["access_token"].(string), tokens["refresh_token"].(string)} {
		require.NotContains(t, log, secret)
	}
}
