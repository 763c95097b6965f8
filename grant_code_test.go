package oauth2_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestRequestThatFailsAnyCheckChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest("scope", "read"))
	for rule, c := range map[string]struct {
		client string
		form   []string
		code   string
	}{
		"RFC 6749 section 4.1.3: the code was issued to another client": {otherApp, nil, "invalid_grant"},
		"RFC 6749 section 4.1.3: redirect_uri is missing":               {webApp, []string{"redirect_uri", ""}, "invalid_request"},
		"RFC 6749 section 4.1.3: redirect_uri is another":               {webApp, []string{"redirect_uri", webRedirect + "/"}, "invalid_grant"},
		"RFC 9700 section 2.1.1: code_verifier is missing":              {webApp, []string{"code_verifier", ""}, "invalid_request"},
		"RFC 7636 section 4.6: code_verifier does not match":            {webApp, []string{"code_verifier", verifier + "x"}, "invalid_grant"},
		"RFC 7636 section 4.1: code_verifier is too short":              {webApp, []string{"code_verifier", "short"}, "invalid_grant"},
		"RFC 7636 section 4.6: the challenge is no verifier":            {webApp, []string{"code_verifier", challengeOf(verifier)}, "invalid_grant"},
		"RFC 6749 section 3.3: scope is widened":                        {webApp, []string{"scope", "read write"}, "invalid_scope"},
	} {
		t.Run(rule, func(t *testing.T) {
			for range 2 {
				refused(t, w.post("/token", c.client, redemption(code, c.form...)), 400, c.code)
			}
		})
	}
	refused(t, w.token(webApp, "grant_type", "authorization_code", "code", code, "client_secret", "x"), 400, "invalid_request")
	got := w.post("/token", webApp, redemption(code))
	require.Equal(t, 200, got.status, "a failed attempt burns nothing")
	require.Equal(t, "read", got.str("scope"))
}

func TestCodeIsShortLived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest())
	w.clock.Advance(time.Minute)
	refused(t, w.post("/token", webApp, redemption(code)), 400, "invalid_grant")
}

func TestReplayedCodeIsRefusedAndEndsWhatWasIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest())
	first := w.post("/token", webApp, redemption(code))
	require.True(t, w.active(first.str("access_token")))
	refused(t, w.post("/token", webApp, redemption(code)), 400, "invalid_grant")
	require.False(t, w.active(first.str("access_token")))
	refused(t, w.refresh(first.str("refresh_token")), 400, "invalid_grant")
	require.Contains(t, w.eventTypes(), oauth2.EventCodeReplayed)
}

func TestStrangersReplayRevokesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest())
	first := w.post("/token", webApp, redemption(code))
	refused(t, w.post("/token", otherApp, redemption(code)), 400, "invalid_grant")
	refused(t, w.post("/token", webApp, redemption(code, "code_verifier", verifier+"x")), 400, "invalid_grant")
	refused(t, w.post("/token", webApp, redemption(code, "redirect_uri", otherRedirect)), 400, "invalid_grant")
	require.True(t, w.active(first.str("access_token")))
	require.NotContains(t, w.eventTypes(), oauth2.EventCodeReplayed)
}

func TestCodeIsNeitherAccessTokenNorRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest())
	require.False(t, w.active(code))
	require.False(t, w.active("at_"+code[3:]))
	refused(t, w.refresh(code), 400, "invalid_grant")
	refused(t, w.refresh("rt_"+code[3:]), 400, "invalid_grant")
	require.Equal(t, 200, w.post("/token", webApp, redemption(code)).status)
}

// countStatus makes n calls at once and counts the answers with a status.
func countStatus(n, status int, call func() answer) int {
	answers := parallel(n, call)
	count := 0
	for _, a := range answers {
		if a.status == status {
			count++
		}
	}
	return count
}

func parallel(n int, call func() answer) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			<-start
			answers[i] = call()
		})
	}
	close(start)
	all.Wait()
	return answers
}

func TestPublicClientRedeemsWithPKCEAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.approve(codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read"))
	got := w.post("/token", "", redemption(code, "client_id", browserApp, "redirect_uri", browserRedirect))
	require.Equal(t, 200, got.status, got.body)
	refreshed := w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", browserApp))
	require.Equal(t, 200, refreshed.status, refreshed.body)
	require.NotEqual(t, got.str("refresh_token"), refreshed.str("refresh_token"))
}

func TestRefreshTokenIsForClientsRegisteredForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const loopback = "http://127.0.0.1:7777/cb"
	code := w.approve(codeRequest("client_id", nativeApp, "redirect_uri", loopback, "scope", "read"))
	got := w.post("/token", "", redemption(code, "client_id", nativeApp, "redirect_uri", loopback))
	require.Equal(t, 200, got.status, got.body)
	require.NotContains(t, got.json, "refresh_token")
}

func TestClientsOwnLifetimesCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &oauth2.Client{ID: "quick", RedirectURIs: []string{webRedirect}, GrantTypes: []string{"authorization_code", "refresh_token"},
		CodeLifetime: 5 * time.Second, AccessLifetime: time.Minute, RefreshLifetime: time.Hour}
	require.NoError(t, w.clients.CreateClient(t.Context(), c))
	code := w.approve(codeRequest("client_id", "quick", "scope", ""))
	w.clock.Advance(4 * time.Second)
	got := w.post("/token", "", redemption(code, "client_id", "quick"))
	require.Equal(t, 60.0, got.json["expires_in"])
	w.clock.Advance(time.Minute)
	require.False(t, w.active(got.str("access_token")))
	w.clock.Advance(time.Hour - time.Minute)
	refused(t, w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", "quick")), 400, "invalid_grant")
}
