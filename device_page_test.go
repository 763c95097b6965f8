package oauth2_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func activeUnless(locked *bool) func(context.Context, string) (bool, error) {
	return func(context.Context, string) (bool, error) { return !*locked, nil }
}

// deviceRecord is the record of a device.
func (w *world) deviceRecord(d *device) *oauth2.Authorization {
	w.t.Helper()
	a, err := w.store.Get(w.t.Context(), d.code[len("dc_"):][:20])
	require.NoError(w.t, err)
	return a
}

func TestWithoutACodeThePageAsksForOne(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	page := w.get(w.browser, "/device", nil)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, `<form id="device" method="post">`)
	require.Contains(t, page.body, `name="user_code"`)
	require.Equal(t, "no-store", page.header.Get("Cache-Control"))
	require.Equal(t, "DENY", page.header.Get("X-Frame-Options"))
	require.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))
	require.Equal(t, "same-origin", page.header.Get("Referrer-Policy"))
	require.Contains(t, page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Equal(t, http.StatusOK, w.submit(w.browser, "/device", values("user_code", "")).status)
	require.Equal(t, http.StatusMethodNotAllowed, w.raw(http.MethodPut, "/device", nil).status)
}

func TestACodeIsTakenAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	plain := strings.ReplaceAll(d.userCode, "-", "")
	for _, typed := range []string{d.userCode, plain, strings.ToLower(plain), " " + plain[:3] + " " + plain[3:] + "\t", strings.ReplaceAll(strings.ToLower(d.userCode), "-", " – ")} {
		got := w.enter(typed)
		require.Equal(t, http.StatusSeeOther, got.status, typed)
		require.Equal(t, "/device?user_code="+d.userCode, got.header.Get("Location"))
	}
}

func TestThePageOfACodeShowsWhoAsksForWhat(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	var shown *oauth2.AuthorizationRequest
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		shown = req
		return askOnPage(rw, r, req)
	}
	d := w.start("scope", "write")
	require.Equal(t, http.StatusOK, d.open(w.browser).status)
	require.Equal(t, television, shown.Client.ID)
	require.Equal(t, oauth2.Scope{"write"}, shown.Scope)
	require.Equal(t, d.userCode, shown.UserCode)
	require.NotEmpty(t, shown.FormToken)
	require.False(t, shown.Answered)
	require.Empty(t, shown.RedirectURI)
	require.NotContains(t, d.open(w.browser).header.Get("Content-Security-Policy"), "http", "the answer leads nowhere else")
}

// RFC 8628 section 5.4: a link with the code in it is all that a phisher needs, unless the user is asked.
func TestNothingIsApprovedThatWasNotShown(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice"}, nil
	}
	d := w.start()
	require.Equal(t, http.StatusInternalServerError, d.open(w.browser).status)
	require.Equal(t, oauth2.EventFault, w.last().Type)
	refused(t, d.poll(), 400, "authorization_pending")
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return nil, oauth2.ErrAccessDenied
	}
	require.Equal(t, http.StatusBadRequest, d.open(w.browser).status)
	w.clock.Advance(5 * time.Second)
	refused(t, d.poll(), 400, "authorization_pending")
}

func TestAnAnswerComesFromTheBrowserThatWasAskedAndForThatCode(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	one, two := w.start(), w.start()
	page := one.open(w.browser)
	require.Equal(t, http.StatusForbidden, one.say(newBrowser(t), page, "yes").status, "another browser")
	require.Equal(t, http.StatusForbidden, two.say(w.browser, page, "yes").status, "another code")
	require.Equal(t, http.StatusForbidden, w.submit(w.browser, "/device", values("form_token", formTokenIn(page.body), "decision", "yes", "user_code", one.userCode)).status, "no code in the URL")
	require.Equal(t, http.StatusForbidden, w.submit(w.browser, "/device?user_code="+one.userCode, values("form_token", "x", "decision", "yes")).status)

	authorize := w.ask(codeRequest())
	require.Equal(t, http.StatusForbidden, one.say(w.browser, authorize, "yes").status, "a page of the authorization endpoint")
	foreign, err := http.NewRequest(http.MethodPost, w.url+"/device?user_code="+one.userCode, strings.NewReader(values("form_token", formTokenIn(page.body), "decision", "yes").Encode()))
	require.NoError(t, err)
	foreign.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	foreign.Header.Set("Origin", "https://evil.example.com")
	require.Equal(t, http.StatusForbidden, w.do(w.browser, foreign).status, "another site")
	w.clock.Advance(5 * time.Second)
	refused(t, one.poll(), 400, "authorization_pending")
	require.Equal(t, http.StatusOK, one.say(w.browser, page, "yes").status)
}

func TestADoubleClickIsToldTwice(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"yes", "no"} {
		w := newDeviceWorld(t)
		d := w.start()
		page := d.open(w.browser)
		for range 3 {
			require.Contains(t, d.say(w.browser, page, decision).body, `id="device-done"`)
		}
		other := map[string]string{"yes": "no", "no": "yes"}[decision]
		require.Equal(t, http.StatusConflict, d.say(w.browser, page, other).status, "the first answer counts")
		if decision == "yes" {
			require.Equal(t, http.StatusOK, d.poll().status)
			require.Contains(t, d.say(w.browser, page, "yes").body, `id="device-done"`, "the device was quicker")
		}
		require.Equal(t, 1, count(w.eventTypes(), map[string]oauth2.EventType{"yes": oauth2.EventDeviceApproved, "no": oauth2.EventDeviceDenied}[decision]))
	}
}

func count(types []oauth2.EventType, wanted oauth2.EventType) (n int) {
	for _, found := range types {
		if found == wanted {
			n++
		}
	}
	return n
}

func TestAFaultOfTheApplicationChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		approval *oauth2.Approval
		err      error
		status   int
	}{
		"neither":                       {nil, nil, 500},
		"no subject":                    {&oauth2.Approval{}, nil, 500},
		"a scope that nobody asked for": {&oauth2.Approval{Subject: "alice", Scope: oauth2.Scope{"admin"}}, nil, 500},
		"a fault":                       {nil, errors.New("no database"), 500},
		"out of order":                  {nil, oauth2.ErrTemporarilyUnavailable, 503},
		"a login that is missing":       {nil, oauth2.ErrLoginRequired, 400},
	} {
		w := newDeviceWorld(t)
		d := w.start()
		page := d.open(w.browser)
		w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return c.approval, c.err
		}
		require.Equal(t, c.status, d.say(w.browser, page, "yes").status, name)
		refused(t, d.poll(), 400, "authorization_pending")
	}
}

func TestAClientThatIsGoneIsNotShown(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	require.NoError(t, w.clients.DeleteClient(t.Context(), television))
	require.Equal(t, http.StatusBadRequest, d.open(w.browser).status)
}

func TestGuessesAtUserCodesAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) { cfg.TrustedProxies = networks("127.0.0.0/8", "::1/128") })
	d := w.start()
	guess := func(addr, code string) answer {
		r, err := http.NewRequest(http.MethodPost, w.url+"/device", strings.NewReader(values("user_code", code).Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", addr)
		return w.do(w.browser, r)
	}
	require.Equal(t, http.StatusSeeOther, guess(attackerAddr, d.userCode).status, "a right code is no failure")
	for i := range 20 {
		got := guess(attackerAddr, []string{"BBBB-BBBB", "x", "AAAA-AAAA"}[i%3])
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Contains(t, got.body, `id="device"`)
	}
	got := guess(attackerAddr, "CCCC-CCCC")
	require.Equal(t, http.StatusTooManyRequests, got.status)
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
	require.Equal(t, oauth2.EventAttemptLimited, w.last().Type)
	require.Equal(t, attackerAddr, w.last().Addr.String())

	right := guess(attackerAddr, d.userCode)
	require.Equal(t, http.StatusTooManyRequests, right.status, "to tell a right code from a wrong one is what a guesser wants")
	link := w.raw(http.MethodGet, "/device?user_code="+d.userCode, nil, "X-Forwarded-For", attackerAddr)
	require.Equal(t, http.StatusTooManyRequests, link.status)
	require.Equal(t, http.StatusSeeOther, guess(honestAddr, d.userCode).status, "another address")
	w.clock.Advance(6 * time.Second)
	require.Equal(t, http.StatusSeeOther, guess(attackerAddr, d.userCode).status)
}

// A page that was shown proves that its code was known, so an answer to it is no guess.
func TestWhoWasShownThePageCanAnswerItWhateverOthersGuess(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	page := d.open(w.browser)
	for range 25 {
		w.enter("BBBB-BBBB")
	}
	require.Equal(t, http.StatusTooManyRequests, w.enter(d.userCode).status)
	require.Equal(t, http.StatusOK, d.say(w.browser, page, "yes").status)
}

func TestParallelGuessesAtUserCodesCannotOutrunTheCount(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	answers := parallel(60, func() answer { return w.enter("BBBB-BBBB") })
	wrong := 0
	for _, got := range answers {
		if got.status == http.StatusBadRequest {
			wrong++
		} else {
			require.Equal(t, http.StatusTooManyRequests, got.status)
		}
	}
	require.Equal(t, 20, wrong)
}

// An overtakenLimiter has a budget left at every first look, which others have spent at every second one.
type overtakenLimiter struct {
	oauth2.FailureLimiter
	looks atomic.Int64
}

func (l *overtakenLimiter) Spent(context.Context, oauth2.Attempt) time.Duration {
	if l.looks.Add(1)%2 == 0 {
		return 6 * time.Second
	}
	return 0
}

func TestARightCodeIsRefusedWhereOthersHaveSpentTheBudgetMeanwhile(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.FailureLimiter = &overtakenLimiter{FailureLimiter: oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{})}
	})
	d := w.start()
	require.Equal(t, http.StatusTooManyRequests, w.enter(d.userCode).status)
}

func TestWhatWasTypedIsEscaped(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	got := w.enter(`"><script>alert(1)</script>`)
	require.Equal(t, http.StatusBadRequest, got.status)
	require.NotContains(t, got.body, "<script")
	require.Equal(t, http.StatusBadRequest, w.get(w.browser, "/device", values("user_code", "B", "user_code", "C")).status)
}

func TestThePagesAreTheApplicationsOwnIfItLikes(t *testing.T) {
	t.Parallel()
	var pages []oauth2.DevicePage
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = deviceGrants(oauth2.DeviceGrant{Page: func(rw http.ResponseWriter, _ *http.Request, page *oauth2.DevicePage) {
			pages = append(pages, *page)
			rw.WriteHeader(page.Status)
			if page.Answer != oauth2.DeviceWaiting {
				_, _ = rw.Write([]byte(`id="device-done"`))
			}
		}})
	})
	w.get(w.browser, "/device", nil)
	w.enter("wrong")
	w.start().decided("yes")
	w.start().decided("no")
	require.Len(t, pages, 4)
	require.Equal(t, oauth2.DevicePage{Status: 200}, pages[0])
	require.Equal(t, 400, pages[1].Status)
	require.Equal(t, "wrong", pages[1].Entered)
	require.ErrorIs(t, pages[1].Err, oauth2.ErrInvalidRequest)
	require.Equal(t, oauth2.DeviceApproved, pages[2].Answer)
	require.Equal(t, oauth2.DeviceDenied, pages[3].Answer)
	require.Equal(t, television, pages[3].Client.ID)
}

func TestARecordOfADeviceHasNeitherOfItsCodes(t *testing.T) {
	t.Parallel()
	peppered, plain := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Pepper = []byte("pepper") }), newDeviceWorld(t)
	for _, w := range []*world{peppered, plain} {
		d := w.start()
		record := w.deviceRecord(d)
		require.Equal(t, 3, record.Format)
		document, err := json.Marshal(record)
		require.NoError(t, err)
		text := string(document)
		require.NotContains(t, text, d.userCode)
		require.NotContains(t, text, strings.ReplaceAll(d.userCode, "-", ""))
		require.NotContains(t, text, d.code[len("dc_")+20:])
		require.Empty(t, record.Subject)
		require.Empty(t, record.Scope, "nothing is granted yet")
		require.False(t, record.Live(w.clock.Now()))
		require.True(t, w.deviceRecord(d.decided("yes")).Live(w.clock.Now()))
		require.Equal(t, http.StatusOK, d.poll().status)
		require.Nil(t, w.deviceRecord(d).Device)
	}
}
