package spam4all_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmailtest"
)

func TestTheUserGivesAccessAndSeesTheContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.get("/")
	require.Equal(t, http.StatusOK, before.status)
	require.Equal(t, 1, strings.Count(before.body, `id="start"`))
	require.Equal(t, 1, strings.Count(before.body, `href="/start"`))
	require.NotContains(t, before.body, "<form")
	require.Empty(t, before.header.Get("Set-Cookie"))

	after := w.get("/start")
	require.Equal(t, http.StatusOK, after.status)
	require.Equal(t, w.url+"/", after.url)
	require.Contains(t, after.body, `id="contacts"`)
	require.Contains(t, after.body, "hatter@teaparty.example")
	require.NotContains(t, after.body, `id="start"`)
	for _, button := range []string{"/contacts", "/refresh", "/revoke"} {
		require.Contains(t, after.body, `<form method="post" action="`+button+`">`)
	}
	require.Equal(t, 5, strings.Count(after.body, "<h3>"))
	require.Equal(t, after.body, w.get("/").body)
	require.Equal(t, 1, w.server.Hits("/token"))
}

func TestCodesAndTokensAreShownByTheirBeginningOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.get("/start").body
	for _, kind := range []string{"ac_", "at_", "rt_"} {
		require.Regexp(t, kind+`[A-Za-z0-9_-]{3}\.{8}`, page)
	}
	require.Empty(t, tokenPattern.FindAllString(page, -1))
	require.NotContains(t, page, xmailtest.SecretOf(xmailtest.Client))
}

func TestTheRequestIsWhatTheSpecificationsAskFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stopAt = "/request-access"
	states, challenges := map[string]bool{}, map[string]bool{}
	for range 3 {
		u, err := url.Parse(w.get("/start").location)
		require.NoError(t, err)
		q := u.Query()
		require.Equal(t, w.server.Issuer()+"/request-access", u.Scheme+"://"+u.Host+u.Path)
		require.Equal(t, "code", q.Get("response_type"))
		require.Equal(t, xmailtest.Client, q.Get("client_id"))
		require.Equal(t, w.url+"/process-temp-code", q.Get("redirect_uri"))
		require.Equal(t, "contacts.read", q.Get("scope"))
		require.Equal(t, w.api.URL, q.Get("resource"))
		require.Equal(t, "S256", q.Get("code_challenge_method"))
		require.Len(t, q.Get("code_challenge"), 43)
		require.GreaterOrEqual(t, len(q.Get("state")), 43)
		states[q.Get("state")], challenges[q.Get("code_challenge")] = true, true
	}
	require.Len(t, states, 3)
	require.Len(t, challenges, 3)
}

func TestTheSessionCookieIsHardAndRenewedWithTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stopAt = "/"
	first := w.get("/start").header.Get("Set-Cookie")
	require.Regexp(t, `^spam4all_session=[A-Z2-7]{26}; Path=/; HttpOnly; SameSite=Lax$`, first)
	require.Empty(t, w.get("/start").header.Get("Set-Cookie"))

	w.stopAt = ""
	address := w.callbackURL()
	w.stopAt = "/"
	renewed := w.get(address)
	require.Equal(t, http.StatusSeeOther, renewed.status)
	require.Equal(t, "/", renewed.location)
	require.Regexp(t, `^spam4all_session=`, renewed.header.Get("Set-Cookie"))
	require.NotEqual(t, first, renewed.header.Get("Set-Cookie"))

	planted := w.newBrowser()
	u, err := url.Parse(w.url)
	require.NoError(t, err)
	cookie, err := http.ParseSetCookie(first)
	require.NoError(t, err)
	planted.Jar.SetCookies(u, []*http.Cookie{cookie})
	w.browser, w.stopAt = planted, ""
	require.Contains(t, w.get("/").body, `id="start"`)
}

func TestOnHTTPSTheCookieIsSecure(t *testing.T) {
	t.Parallel()
	server := xmailtest.Start(t, "https://api.example.com", "https://spam4all.example.com"+spam4all.CallbackPath)
	handler, err := spam4all.New(spam4all.Options{
		BaseURL: "https://spam4all.example.com", Issuer: server.Issuer(), Resource: "https://api.example.com", ClientID: "x", ClientSecret: "y",
	})
	require.NoError(t, err)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/start", nil))
	require.Contains(t, rec.Header().Get("Set-Cookie"), "; Secure")
}

func TestReloadingTheCallbackRedeemsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.callbackURL()
	require.Equal(t, http.StatusOK, w.get(address).status)
	for range 3 {
		failed(t, w.get(address), http.StatusBadRequest, "not expected")
	}
	require.Equal(t, 1, w.server.Hits("/token"))
	require.Contains(t, w.get("/").body, "hatter@teaparty.example")
}

func TestOfParallelCallbacksOneRedeems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.callbackURL()
	var good atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if w.get(address).status == http.StatusOK {
				good.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, good.Load())
	require.Equal(t, 1, w.server.Hits("/token"))
}

func TestTwoTabsCanBothBeFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.callbackURL(), w.callbackURL()
	require.Equal(t, http.StatusOK, w.get(second).status)
	require.Equal(t, http.StatusOK, w.get(first).status)
	require.Equal(t, 2, w.server.Hits("/token"))
}

func TestAnAnswerThatDoesNotBelongIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name, value, title string
	}{
		"another state":    {"state", "made-up", "not expected"},
		"no state":         {"state", "", "not expected"},
		"another issuer":   {"iss", "https://evil.example.com", "came from elsewhere"},
		"no issuer":        {"iss", "", "came from elsewhere"},
		"no code":          {"code", "", "cannot be understood"},
		"a code and error": {"error", "server_error", "Xmail refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			got := w.get(changed(t, w.callbackURL(), c.name, c.value))
			require.Equal(t, http.StatusBadRequest, got.status)
			require.Contains(t, got.body, c.title)
			require.Zero(t, w.server.Hits("/token"))
			require.Contains(t, w.get("/").body, `id="start"`)
		})
	}
}

func TestARepeatedParameterIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failed(t, w.get(w.callbackURL()+"&code=other"), http.StatusBadRequest, "cannot be understood")
	require.Zero(t, w.server.Hits("/token"))
}

func TestAnotherBrowsersAnswerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.callbackURL()
	w.browser = w.newBrowser()
	failed(t, w.get(address), http.StatusBadRequest, "not expected")
	w.get("/start")
	failed(t, w.get(address), http.StatusBadRequest, "not expected")
}

func TestAnAnswerThatTookTooLongIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.callbackURL()
	w.skew.Store(int64(11 * time.Minute))
	failed(t, w.get(address), http.StatusBadRequest, "not expected")
	require.Zero(t, w.server.Hits("/token"))
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("/start")
	w.skew.Store(int64(61 * time.Minute))
	require.Contains(t, w.get("/").body, `id="start"`)
}

func TestANoIsToldInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.SetUser("")
	failed(t, w.get("/start"), http.StatusForbidden, "You said no")
	require.Zero(t, w.server.Hits("/token"))
}

func TestAnyOtherErrorIsToldEscaped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := changed(t, changed(t, w.callbackURL(), "code", ""), "error", "<script>")
	r, err := http.NewRequest(http.MethodGet, changed(t, address, "error_description", `"><img src=x>`), nil)
	require.NoError(t, err)
	res, err := w.browser.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(raw), "&lt;script&gt;: &#34;&gt;&lt;img src=x&gt;")
	require.NotContains(t, string(raw), "<script>")
	require.NotContains(t, string(raw), "<img")
}

func TestACodeThatIsRefusedIsToldInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failed(t, w.get(changed(t, w.callbackURL(), "code", "ac_made-up")), http.StatusBadRequest, "code is not accepted")
}

func TestTheButtonsCallRefreshAndRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.get("/start").body
	require.Equal(t, http.StatusOK, w.press("/contacts").status)
	require.Equal(t, 2, w.server.Hits("/introspect"))

	refreshed := w.press("/refresh")
	require.Equal(t, http.StatusOK, refreshed.status)
	require.Equal(t, w.url+"/", refreshed.url)
	require.NotEqual(t, before, refreshed.body)
	require.Equal(t, 2, w.server.Hits("/token"))
	require.Contains(t, w.press("/contacts").body, "hatter@teaparty.example")

	revoked := w.press("/revoke")
	require.Equal(t, http.StatusOK, revoked.status)
	require.Contains(t, revoked.body, `id="start"`)
	left, err := w.server.Store.List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, left)
	for _, button := range []string{"/contacts", "/refresh", "/revoke"} {
		failed(t, w.press(button), http.StatusConflict, "no access")
	}
}

func TestAButtonPressedOnAnotherSiteDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("/start")
	for _, button := range []string{"/contacts", "/refresh", "/revoke"} {
		r, err := http.NewRequest(http.MethodPost, w.url+button, nil)
		require.NoError(t, err)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example.com")
		failed(t, w.do(r), http.StatusForbidden, "another site")
		require.Equal(t, http.StatusMethodNotAllowed, w.get(button).status)
	}
	require.Contains(t, w.get("/").body, "hatter@teaparty.example")
	require.Equal(t, 1, w.server.Hits("/token"))
}

func TestParallelRefreshesNeverLoseTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("/start")
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() { w.press("/refresh") })
	}
	all.Wait()
	require.Equal(t, http.StatusOK, w.press("/refresh").status)
	require.Contains(t, w.press("/contacts").body, "hatter@teaparty.example")
}

func TestAWithdrawnAccessIsToldInWords(t *testing.T) {
	t.Parallel()
	for _, button := range []string{"/contacts", "/refresh"} {
		w := newWorld(t)
		w.get("/start")
		_, err := w.server.ExpireSubject(t.Context(), "alice")
		require.NoError(t, err)
		failed(t, w.press(button), http.StatusForbidden, "access has ended")
		require.Contains(t, w.get("/").body, `id="start"`)
	}
}

func TestAnAccessTokenThatEndedEarlyIsRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("/start")
	endAccessTokens(t, w.server.Store)
	require.Contains(t, w.press("/contacts").body, "hatter@teaparty.example")
	require.Equal(t, 2, w.server.Hits("/token"))
}

// endAccessTokens ends every access token and leaves the refresh tokens.
func endAccessTokens(t *testing.T, store oauth2.TokenStore) {
	records, err := store.(oauth2.Lister).List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.NotEmpty(t, records)
	for _, a := range records {
		a.Access = nil
		require.NoError(t, store.Update(t.Context(), a))
	}
}

func TestAServerThatIsDownIsToldInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.SetDown(true)
	failed(t, w.get("/start"), http.StatusBadGateway, "Xmail does not answer")
	w.server.SetDown(false)
	address := w.callbackURL()
	w.server.SetDown(true)
	failed(t, w.get(address), http.StatusBadGateway, "Xmail does not answer")
	w.server.SetDown(false)
	require.Contains(t, w.get("/start").body, "hatter@teaparty.example")
	w.server.SetDown(true)
	for _, button := range []string{"/contacts", "/refresh", "/revoke"} {
		require.Equal(t, http.StatusBadGateway, w.press(button).status)
	}
	w.server.SetDown(false)
	require.Contains(t, w.press("/contacts").body, "hatter@teaparty.example")
}

func TestAnAPIThatIsDownIsToldInWordsAndTheAccessIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apiDown.Store(true) // its port stays its own
	failed(t, w.get("/start"), http.StatusBadGateway, "cannot be fetched")
	page := w.get("/")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, "not been fetched yet")
	require.Equal(t, http.StatusOK, w.press("/revoke").status)
}

func TestThePagesAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for header, c := range map[string][2]string{
		"":                        {"en", "Give access"},
		"nl":                      {"nl", "Toegang geven"},
		"nl-BE,en;q=0.5":          {"nl", "Toegang geven"},
		"fr, nl;q=0.8, en;q=0.3":  {"nl", "Toegang geven"},
		"fr":                      {"en", "Give access"},
		"\"';<>,,;q=nonsense=;;;": {"en", "Give access"},
	} {
		r, err := http.NewRequest(http.MethodGet, w.url, nil)
		require.NoError(t, err)
		r.Header.Set("Accept-Language", header)
		got := w.do(r)
		require.Equal(t, http.StatusOK, got.status)
		require.Contains(t, got.body, `<html lang="`+c[0]+`">`)
		require.Contains(t, got.body, c[1])
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, status := range map[string]int{"/": 200, "/healthz": 200, "/process-temp-code": 400, "/nothing": 404} {
		got := w.get(path)
		require.Equal(t, status, got.status)
		require.Contains(t, got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	}
	css := w.get("/style.css")
	require.Equal(t, http.StatusOK, css.status)
	require.Contains(t, css.header.Get("Content-Type"), "text/css")
}

func TestMisconfigurationIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := spam4all.New(spam4all.Options{BaseURL: "http://localhost:8600/path"})
	for _, name := range []string{"BaseURL", "Issuer", "Resource", "ClientID", "ClientSecret"} {
		require.ErrorContains(t, err, name)
	}
}
