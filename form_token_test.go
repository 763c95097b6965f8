package oauth2_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestAnswerFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	for header, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
		r, _ := http.NewRequest(http.MethodPost, w.url+"/authorize?"+query.Encode(), strings.NewReader(values("form_token", token, "decision", "yes").Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header, value)
		got := w.do(w.browser, r)
		require.Equal(t, http.StatusForbidden, got.status, header)
		require.Empty(t, got.header.Get("Location"))
	}
	require.NotEmpty(t, w.decide(query, token, "yes").location(t).Get("code"), "the honest answer still counts")
}

func TestFormTokenIsBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)

	w.browser = newBrowser(t)
	require.Equal(t, http.StatusForbidden, w.decide(query, token, "yes").status, "a browser without the cookie")
	w.ask(query)
	require.Equal(t, http.StatusForbidden, w.decide(query, token, "yes").status, "a browser with another cookie")
}

func TestFormTokenIsBoundToTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := formTokenIn(w.ask(codeRequest("scope", "read")).body)
	for _, other := range []url.Values{
		codeRequest("scope", "read write"),
		codeRequest("scope", "read", "state", "other"),
		codeRequest("scope", "read", "client_id", otherApp, "redirect_uri", otherRedirect),
		codeRequest("scope", "read", "code_challenge", challengeOf(verifier+"x")),
	} {
		require.Equal(t, http.StatusForbidden, w.decide(other, token, "yes").status)
	}
}

func TestFormFieldsCannotChangeTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest("scope", "read")
	body := values("form_token", formTokenIn(w.ask(query).body), "decision", "yes", "scope", "read write", "client_id", otherApp, "redirect_uri", "https://evil.example/", "state", "evil")
	r, _ := http.NewRequest(http.MethodPost, w.url+"/authorize?"+query.Encode(), strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got := w.do(w.browser, r)
	require.True(t, strings.HasPrefix(got.header.Get("Location"), webRedirect+"?code="))
	require.Equal(t, "xyz", got.location(t).Get("state"))
	require.Equal(t, "read", w.post("/token", webApp, redemption(got.location(t).Get("code"))).str("scope"))
}

func TestMadeUpFormTokenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	for _, bad := range []string{"x", token[1:], token + "A", token + "\n", "B" + token[1:], strings.Repeat("A", len(token))} {
		require.Equal(t, http.StatusForbidden, w.decide(query, bad, "yes").status)
	}
}

func TestFormTokenIsGoodForTenMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest()
	token := formTokenIn(w.ask(query).body)
	w.clock.Advance(10 * time.Minute)
	require.NotEmpty(t, w.decide(query, token, "yes").location(t).Get("code"))
	token = formTokenIn(w.ask(query).body)
	w.clock.Advance(10*time.Minute + time.Second)
	require.Equal(t, http.StatusForbidden, w.decide(query, token, "yes").status)
}

func TestParallelRequestsInOneBrowserCanEachBeFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := codeRequest("state", "1"), codeRequest("state", "2", "client_id", otherApp, "redirect_uri", otherRedirect)
	one, two := formTokenIn(w.ask(first).body), formTokenIn(w.ask(second).body)
	require.Equal(t, http.StatusForbidden, w.decide(first, two, "yes").status, "they never mix")
	require.Equal(t, "2", w.decide(second, two, "yes").location(t).Get("state"))
	require.Equal(t, "1", w.decide(first, one, "yes").location(t).Get("state"))
}

func TestFormCookieIsHttpOnlyLaxAndOnHTTPSSecureWithHostPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie := w.ask(codeRequest()).header.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Lax")
	require.NotContains(t, cookie, "Secure")

	w = newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Issuer = "https://id.example.com" })
	w.url = w.http.URL
	cookie = w.ask(codeRequest()).header.Get("Set-Cookie")
	require.True(t, strings.HasPrefix(cookie, "__Host-"))
	require.Contains(t, cookie, "; Secure")
	require.Contains(t, cookie, "Path=/")
	require.NotContains(t, cookie, "Domain")
}
