package attack

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var deviceAttacks = []attack{
	{name: "nobody starts a device in a client's name", source: "RFC 8628 section 3.1", run: deviceAuthenticated},
	{name: "what the client may not have is refused at once", source: "RFC 8628 section 3.1", run: deviceChecked},
	{name: "there are no tokens before the user said yes", source: "RFC 8628 section 3.5", run: devicePending},
	{name: "a device that polls too often is slowed down", source: "RFC 8628 section 3.5", run: deviceHasty},
	{name: "a device code is good for its client alone", source: "RFC 8628 section 3.4", run: deviceForeign},
	{name: "a device code that is changed is refused", source: "RFC 8628 section 5.2", run: deviceForged},
	{name: "of eight parallel polls one gets the tokens", source: "RFC 8628 section 3.4", run: deviceParallel},
	{name: "a device code is used once", source: "RFC 8628 section 3.4", run: deviceReplayed},
	{name: "a device code is neither a code nor a token", source: "RFC 6749 section 10.10", run: deviceNoToken},
	{name: "a device code expires", source: "RFC 8628 section 3.5", only: embedded, run: deviceExpired},
	{name: "the tokens are no wider than what was granted", source: "RFC 6749 section 3.3", run: deviceWidened},
	{name: "a link with the code in it approves nothing", source: "RFC 8628 section 5.4", run: deviceLink},
	{name: "the page shows the code, the client and the scope", source: "RFC 8628 section 5.4", run: deviceShown},
	{name: "an answer comes from the browser and for the code that it was asked about", source: "RFC 8628 section 5.4", run: deviceSwapped},
	{name: "an answer from another site is refused", source: "RFC 6749 section 10.12", run: deviceCrossSite},
	{name: "a no cannot be turned into a yes", source: "RFC 8628 section 3.3", run: deviceDenied},
	{name: "user codes cannot be foreseen", source: "RFC 8628 section 6.1", run: deviceCodes},
	{name: "guesses at user codes are limited by address, right ones too", source: "RFC 8628 section 5.1", run: deviceGuessed},
	{name: "a user code that cannot be read is refused on the page", source: "RFC 8628 section 3.3", run: deviceGarbage},
}

// A gadget is what a device was given.
type gadget struct {
	*site
	client, code, userCode, page string
}

// device starts a device of a client.
func (s *site) device(client string, pairs ...string) *gadget {
	s.t.Helper()
	got := s.call(s.deviceURL(), client, pairs...)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	return &gadget{s, client, got.str("device_code"), got.str("user_code"), got.str("verification_uri_complete")}
}

// deviceURL is the device authorization endpoint, as the metadata names it.
func (s *site) deviceURL() string {
	s.t.Helper()
	endpoint := s.get(metadataURL(s.t, s.issuer)).str("device_authorization_endpoint")
	require.NotEmpty(s.t, endpoint)
	return endpoint
}

// poll asks for the tokens as a client.
func (g *gadget) poll(client string, pairs ...string) answer {
	g.t.Helper()
	form := change(values("grant_type", oauth2.GrantDeviceCode, "device_code", g.code), pairs...)
	return g.token(client, flat(form)...)
}

// asked shows the consent page of a device to a browser, which logs in if need be.
func (b *browser) asked(g *gadget) answer {
	b.t.Helper()
	page := b.follow(b.visit(g.page))
	if strings.Contains(page.body, `id="login"`) {
		page = b.login(page)
	}
	require.Equal(b.t, http.StatusOK, page.status, page.body)
	require.Contains(b.t, page.body, `id="consent"`)
	return page
}

// allowed is a device whose user said yes.
func (g *gadget) allowed() *gadget {
	g.t.Helper()
	done := g.alice().decide(g.alice().asked(g), "yes")
	require.Contains(g.t, done.body, `id="device-done"`, "%d %s", done.status, done.header.Get("Location"))
	return g
}

// pending requires that nobody said yes. A poll may be too early.
func (g *gadget) pending(about string) {
	g.t.Helper()
	got := g.poll(g.client)
	require.Equal(g.t, http.StatusBadRequest, got.status, about)
	require.Contains(g.t, []string{"authorization_pending", "slow_down"}, got.str("error"), about)
	require.Empty(g.t, got.str("access_token"))
}

func deviceAuthenticated(t *testing.T, s *site) {
	for _, pairs := range [][]string{{}, {"client_secret", "wrong"}, {"client_secret", s.secrets[web]}} {
		got := s.do(s.client, s.form(s.deviceURL(), values(append([]string{"client_id", box}, pairs...)...)))
		require.Equal(t, http.StatusUnauthorized, got.status, got.body)
		require.Equal(t, "invalid_client", got.str("error"))
	}
	require.Equal(t, "unauthorized_client", s.call(s.deviceURL(), web).str("error"), "a client without the grant")
	require.Equal(t, http.StatusMethodNotAllowed, s.get(s.deviceURL()+"?client_id="+tv).status)
}

func deviceChecked(t *testing.T, s *site) {
	for code, pairs := range map[string][]string{
		"invalid_scope": {"scope", "admin"}, "invalid_target": {"resource", "https://evil.example/"},
	} {
		got := s.call(s.deviceURL(), box, pairs...)
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
		require.Equal(t, code, got.str("error"))
		require.Empty(t, got.str("device_code"))
	}
}

func devicePending(t *testing.T, s *site) {
	g := s.device(tv)
	got := g.poll(tv)
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Equal(t, "authorization_pending", got.str("error"), got.body)
	g.alice().asked(g) // being shown is not being answered
	g.pending("the page was shown")
}

func deviceHasty(t *testing.T, s *site) {
	g := s.device(tv)
	require.Equal(t, "authorization_pending", g.poll(tv).str("error"))
	for range 3 {
		got := g.poll(tv)
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Equal(t, "slow_down", got.str("error"))
	}
	require.Equal(t, http.StatusOK, g.allowed().poll(tv).status)
}

func deviceForeign(t *testing.T, s *site) {
	g := s.device(tv)
	require.Equal(t, "invalid_grant", g.poll(box).str("error"), "nor is it told that nobody has answered yet")
	g.allowed()
	require.Equal(t, "invalid_grant", g.poll(box).str("error"))
	require.Equal(t, "unauthorized_client", g.poll(web).str("error"))
	require.Equal(t, "invalid_client", g.poll("nobody").str("error"))
	require.Equal(t, http.StatusOK, g.poll(tv).status, "none of which used it up")
}

func deviceForged(t *testing.T, s *site) {
	g := s.device(tv).allowed()
	for _, forged := range append(forgeries(g.code), g.userCode, strings.ReplaceAll(g.userCode, "-", "")) {
		if forged == g.code {
			continue
		}
		require.Equal(t, "invalid_grant", g.poll(tv, "device_code", forged).str("error"), forged)
	}
	require.Equal(t, "invalid_request", g.poll(tv, "device_code", "").str("error"))
	require.Equal(t, http.StatusOK, g.poll(tv).status)
}

func deviceParallel(t *testing.T, s *site) {
	g := s.device(tv).allowed()
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = g.poll(tv) })
	}
	wg.Wait()
	tokens := 0
	for _, got := range answers {
		if got.status == http.StatusOK {
			tokens++
			continue
		}
		require.Equal(t, "invalid_grant", got.str("error"), got.body)
	}
	require.Equal(t, 1, tokens)
}

func deviceReplayed(t *testing.T, s *site) {
	g := s.device(tv).allowed()
	got := g.poll(tv)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "invalid_grant", g.poll(tv).str("error"))
	require.Equal(t, http.StatusBadRequest, s.alice().visit(g.page).status, "the user code leads nowhere any more")
}

func deviceNoToken(t *testing.T, s *site) {
	g := s.device(tv).allowed()
	body := g.code[len("dc_"):]
	require.Equal(t, "invalid_grant", s.call(s.tokenURL, web, refreshment("rt_"+body)...).str("error"))
	require.Equal(t, "invalid_grant", s.redeem(grant{client: web, code: "ac_" + body, redirect: redirects[web], verifier: strings.Repeat("v", 43)}).str("error"))
	for _, token := range []string{g.code, "at_" + body} {
		require.JSONEq(t, `{"active":false}`, s.call(s.introspectURL, api, "token", token).body)
	}
	tokens := g.poll(tv)
	require.Equal(t, http.StatusOK, tokens.status)
	for _, other := range []string{tokens.str("access_token"), tokens.str("refresh_token")} {
		require.Equal(t, "invalid_grant", g.poll(tv, "device_code", other).str("error"))
		require.Equal(t, "invalid_grant", g.poll(tv, "device_code", "dc_"+other[3:]).str("error"))
	}
}

func deviceExpired(t *testing.T, s *site) {
	late := s.anew().in(t) // with a clock of its own
	waiting, approved := late.device(tv), late.device(tv).allowed()
	late.app.clock.Advance(10 * time.Minute)
	require.Equal(t, "expired_token", waiting.poll(tv).str("error"))
	require.Equal(t, "expired_token", approved.poll(tv).str("error"))
	require.Equal(t, http.StatusBadRequest, late.alice().visit(waiting.page).status)
}

func deviceWidened(t *testing.T, s *site) {
	g := s.device(tv, "scope", scopeRead).allowed()
	require.Equal(t, "invalid_scope", g.poll(tv, "scope", scopeStats).str("error"))
	require.Equal(t, "invalid_target", g.poll(tv, "resource", "https://evil.example/").str("error"))
	got := g.poll(tv, "scope", scopeRead+" "+scopeStats)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"), "what was not granted is dropped, and told")
	require.Equal(t, "invalid_scope", s.refresh(tv, got.str("refresh_token"), "scope", scopeStats).str("error"))
}

func deviceLink(_ *testing.T, s *site) {
	g := s.device(tv)
	s.alice().asked(g)
	for _, extra := range []string{"&decision=yes", "&form_token=x&decision=yes", "&approve=true"} {
		s.alice().follow(s.alice().visit(g.page + extra))
	}
	s.alice().post(g.page, values("decision", "yes"))
	g.pending("a link is no answer")
}

func deviceShown(t *testing.T, s *site) {
	g := s.device(tv, "scope", scopeRead)
	page := s.alice().asked(g)
	require.Contains(t, page.body, g.userCode)
	require.Contains(t, page.body, "Television")
	require.NotContains(t, page.body, "<script")
	require.Equal(t, "DENY", page.header.Get("X-Frame-Options"))
	require.Contains(t, page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Equal(t, "no-store", page.header.Get("Cache-Control"))
}

func deviceSwapped(t *testing.T, s *site) {
	mine, theirs := s.device(tv), s.device(tv)
	page := s.alice().asked(mine)
	other := page
	other.url = s.alice().asked(theirs).url
	s.refusedOnPage(s.alice().decide(other, "yes"), "the page of another code")
	bob := s.browser("bob")
	bob.asked(theirs)
	s.refusedOnPage(bob.decide(page, "yes"), "the page of another browser")
	s.refusedOnPage(s.alice().post(strings.Split(mine.page, "?")[0], s.alice().fill(page, "decision", "yes", "user_code", mine.userCode)), "a code in the form")
	mine.pending("mine")
	theirs.pending("theirs")
	require.Contains(t, s.alice().decide(page, "yes").body, `id="device-done"`)
}

func deviceCrossSite(_ *testing.T, s *site) {
	g := s.device(tv)
	page := s.alice().asked(g)
	form := s.alice().fill(page, "decision", "yes")
	s.refusedOnPage(s.alice().post(page.url, form, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), "another site")
	g.pending("another site")
}

func deviceDenied(t *testing.T, s *site) {
	g := s.device(tv)
	page, later := s.alice().asked(g), s.alice().asked(g)
	require.Contains(t, s.alice().decide(page, "no").body, `id="device-done"`)
	require.Equal(t, "access_denied", g.poll(tv).str("error"))
	for _, again := range []answer{page, later} {
		require.Equal(t, http.StatusConflict, s.alice().decide(again, "yes").status)
	}
	require.Equal(t, "access_denied", g.poll(tv).str("error"))
}

func deviceCodes(t *testing.T, s *site) {
	seen := map[string]bool{}
	letters := [8]map[rune]bool{}
	for range 60 {
		g := s.device(tv)
		require.Regexp(t, `^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`, g.userCode)
		require.False(t, seen[g.userCode])
		seen[g.userCode] = true
		for i, r := range strings.ReplaceAll(g.userCode, "-", "") {
			if letters[i] == nil {
				letters[i] = map[rune]bool{}
			}
			letters[i][r] = true
		}
	}
	for _, found := range letters {
		require.Greater(t, len(found), 10)
	}
}

// from is a client whose connections come from another address of this machine.
func (s *site) from(address string) *http.Client {
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext}
	transport.TLSClientConfig = &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport, CheckRedirect: s.client.CheckRedirect}
}

func deviceGuessed(t *testing.T, s *site) {
	g := s.device(tv)
	page := strings.Split(g.page, "?")[0]
	guesser := s.from("127.0.0.77")
	var answers []int
	for range 60 {
		got := s.do(guesser, s.form(page, url.Values{"user_code": {"BBBB-CCCC"}}))
		answers = append(answers, got.status)
		if got.status == http.StatusTooManyRequests {
			require.NotEmpty(t, got.header.Get("Retry-After"))
			break
		}
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
	}
	require.True(t, slices.Contains(answers, http.StatusTooManyRequests), answers)
	right := s.do(guesser, s.form(page, url.Values{"user_code": {g.userCode}}))
	require.Equal(t, http.StatusTooManyRequests, right.status, "a right guess is told from a wrong one")
	require.Contains(t, s.alice().asked(g).body, g.userCode, "who did not guess is let in")
}

func deviceGarbage(t *testing.T, s *site) {
	page := strings.Split(s.device(tv).page, "?")[0]
	stranger := s.from("127.0.0.78")
	for _, code := range []string{"<script>alert(1)</script>", "' or 1=1 --", "ＢＣＤＦＧＨＪＫ", strings.Repeat("B", 5000), "../../etc/passwd"} {
		got := s.do(stranger, s.form(page, url.Values{"user_code": {code}}))
		require.Equal(t, http.StatusBadRequest, got.status, code)
		require.NotContains(t, got.body, "<script")
	}
	for _, query := range []string{"?user_code=%00", "?user_code=%FF", "?user_code=B&user_code=C"} {
		r, err := http.NewRequest(http.MethodGet, page+query, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, s.do(stranger, r).status, query)
	}
}
