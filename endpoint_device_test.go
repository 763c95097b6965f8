package oauth2_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestADeviceGetsTokensOnceItsUserSaidYes(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start("scope", "read")
	refused(t, d.poll(), 400, "authorization_pending")
	got := d.decided("yes").poll()
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "Bearer", got.str("token_type"))
	require.Equal(t, "read", got.str("scope"))
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, "alice", info.Subject)
	require.Equal(t, television, info.ClientID)
	require.Equal(t, oauth2.Scope{"read"}, info.Scope)
	again := w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", television))
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, []oauth2.EventType{oauth2.EventDeviceStarted, oauth2.EventDeviceApproved, oauth2.EventTokenIssued, oauth2.EventTokenRefreshed}, w.eventTypes())
	require.Equal(t, oauth2.GrantDeviceCode, w.events[2].GrantType)
	require.Equal(t, "alice", w.events[1].Subject)
	require.Equal(t, oauth2.Scope{"read"}, w.events[0].Scope)
}

func TestTheAnswerToADeviceHasItsCodesAndTheirTimes(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	got := w.post("/device_authorization", printer, values())
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Regexp(t, userCodePattern, got.str("user_code"))
	require.Regexp(t, `^dc_[A-Za-z0-9_-]{64}$`, got.str("device_code"))
	require.Equal(t, w.url+"/device", got.str("verification_uri"))
	require.Equal(t, w.url+"/device?user_code="+got.str("user_code"), got.str("verification_uri_complete"))
	require.EqualValues(t, 600, got.json["expires_in"])
	require.EqualValues(t, 5, got.json["interval"])
	require.Len(t, got.json, 6)
}

func TestLifetimeAndIntervalAreThoseConfigured(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = deviceGrants(oauth2.DeviceGrant{Lifetime: 2 * time.Minute, Interval: 20 * time.Second})
		cfg.Endpoints.Device, cfg.Endpoints.DeviceAuthorization = "/link", "/link/start"
		cfg.Prefixes.Device = "dev-"
	})
	got := w.post("/link/start", printer, values())
	require.EqualValues(t, 120, got.json["expires_in"])
	require.EqualValues(t, 20, got.json["interval"])
	require.Equal(t, w.url+"/link", got.str("verification_uri"))
	require.True(t, strings.HasPrefix(got.str("device_code"), "dev-"))
	require.Equal(t, http.StatusOK, w.get(w.browser, "/link", values("user_code", got.str("user_code"))).status)
	w.clock.Advance(2 * time.Minute)
	refused(t, w.token(printer, "grant_type", oauth2.GrantDeviceCode, "device_code", got.str("device_code")), 400, "expired_token")
}

func TestADeviceIsHeldToTheRulesOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com/"}} })
	for name, c := range map[string]struct {
		client string
		form   []string
		status int
		code   string
	}{
		"a client without the grant":     {webApp, nil, 400, "unauthorized_client"},
		"no client":                      {"", nil, 401, "invalid_client"},
		"an unknown client":              {"", []string{"client_id", "nobody"}, 401, "invalid_client"},
		"a confidential client without":  {"", []string{"client_id", printer}, 401, "invalid_client"},
		"a public client with a secret":  {"", []string{"client_id", television, "client_secret", "x"}, 401, "invalid_client"},
		"a scope that is not registered": {printer, []string{"scope", "write"}, 400, "invalid_scope"},
		"a malformed scope":              {printer, []string{"scope", `"`}, 400, "invalid_scope"},
		"a resource that is not served":  {printer, []string{"resource", "https://other.example.com/"}, 400, "invalid_target"},
		"a parameter twice":              {printer, []string{"scope", "read", "scope", "read"}, 400, "invalid_request"},
	} {
		got := w.post("/device_authorization", c.client, values(c.form...))
		refused(t, got, c.status, c.code)
		require.Empty(t, got.str("device_code"), name)
	}
	require.Equal(t, oauth2.EventDeviceRefused, func() oauth2.EventType {
		refused(t, w.post("/device_authorization", webApp, values()), 400, "unauthorized_client")
		return w.last().Type
	}())
	got := w.raw(http.MethodGet, "/device_authorization?client_id="+television, nil)
	require.Equal(t, http.StatusMethodNotAllowed, got.status)
	require.Equal(t, http.MethodPost, got.header.Get("Allow"))
	require.Equal(t, http.StatusBadRequest, w.raw(http.MethodPost, "/device_authorization?client_id="+television, strings.NewReader("{}"), "Content-Type", "application/json").status)
}

func TestADeviceThatPollsTooOftenIsSlowedDown(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	refused(t, d.poll(), 400, "authorization_pending")
	refused(t, d.poll(), 400, "slow_down")
	w.clock.Advance(5 * time.Second)
	refused(t, d.poll(), 400, "slow_down")
	w.clock.Advance(10 * time.Second) // fifteen since the poll that was not too early
	refused(t, d.poll(), 400, "authorization_pending")
	w.clock.Advance(14 * time.Second) // a tenth is forgiven
	refused(t, d.poll(), 400, "authorization_pending")
	w.clock.Advance(13 * time.Second)
	refused(t, d.poll(), 400, "slow_down")
	require.Equal(t, http.StatusOK, d.decided("yes").poll().status, "who is approved need not wait")
}

// The interval is in the record, so it is the same at every replica.
func TestSlowDownHoldsAtEveryReplica(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		one := newDeviceWorld(t, withTokens(store))
		two := newDeviceWorld(t, withTokens(store), func(cfg *oauth2.ServerConfig) { cfg.Issuer, cfg.Now = one.url, one.clock.Now })
		d := one.start()
		other := *d
		other.world = two
		other.url = two.http.URL
		refused(t, d.poll(), 400, "authorization_pending")
		refused(t, other.poll(), 400, "slow_down")
		one.clock.Advance(6 * time.Second)
		refused(t, d.poll(), 400, "slow_down")
	})
}

func TestADeviceThatDoesNotListenStopsMakingTheStoreWrite(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	refused(t, d.poll(), 400, "authorization_pending")
	for range 30 {
		refused(t, d.poll(), 400, "slow_down")
	}
	record := w.deviceRecord(d)
	require.EqualValues(t, 60, record.Device.Interval)
	require.EqualValues(t, 1+1+11, record.Version)
	w.clock.Advance(time.Minute)
	refused(t, d.poll(), 400, "authorization_pending")
}

func TestAUserWhoSaysNoIsTold(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start().decided("no")
	for range 2 {
		refused(t, d.poll(), 400, "access_denied")
	}
	require.Contains(t, w.eventTypes(), oauth2.EventDeviceDenied)
	require.Equal(t, http.StatusBadRequest, d.open(w.browser).status, "it is answered")
	w.clock.Advance(10 * time.Minute)
	refused(t, d.poll(), 400, "expired_token")
}

func TestADeviceCodeExpires(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	waiting, approved := w.start(), w.start().decided("yes")
	page := waiting.open(w.browser)
	w.clock.Advance(10 * time.Minute)
	refused(t, waiting.poll(), 400, "expired_token")
	refused(t, approved.poll(), 400, "expired_token")
	require.Equal(t, http.StatusBadRequest, waiting.open(w.browser).status)
	late := waiting.say(w.browser, page, "yes")
	require.Equal(t, http.StatusBadRequest, late.status, "the page was shown in time, and the code has expired since")
	refused(t, waiting.poll(), 400, "expired_token")
}

func TestADeviceCodeIsBoundToItsClient(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start()
	for range 3 {
		refused(t, w.token(printer, "grant_type", oauth2.GrantDeviceCode, "device_code", d.code), 400, "invalid_grant")
	}
	refused(t, d.poll(), 400, "authorization_pending") // a stranger's polls are not held against the device
	d.decided("yes")
	refused(t, w.token(printer, "grant_type", oauth2.GrantDeviceCode, "device_code", d.code), 400, "invalid_grant")
	refused(t, w.token(webApp, "grant_type", oauth2.GrantDeviceCode, "device_code", d.code), 400, "unauthorized_client")
	require.Equal(t, http.StatusOK, d.poll().status, "a stranger's attempt changed nothing")
}

func TestADeviceCodeThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start().decided("yes")
	body := strings.TrimPrefix(d.code, "dc_")
	for _, code := range []string{"x", d.userCode, "dc_" + strings.Repeat("A", 64), d.code[:len(d.code)-1], d.code + "A", "ac_" + body, "rt_" + body, strings.ToUpper(d.code)} {
		d := *d
		d.code = code
		refused(t, d.poll(), 400, "invalid_grant")
	}
	d2 := *d
	d2.code = ""
	refused(t, d2.poll(), 400, "invalid_request")
	// A device code is no code, no token, and says nothing to a resource server.
	refused(t, w.token(webApp, "grant_type", "refresh_token", "refresh_token", "rt_"+body), 400, "invalid_grant")
	require.False(t, w.active(d.code))
	require.False(t, w.active("at_"+body))
	require.Equal(t, http.StatusOK, d.poll().status)
}

func TestASecondRedemptionIsRefusedAndEndsNothing(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	d := w.start().decided("yes")
	got := d.poll()
	require.Equal(t, http.StatusOK, got.status)
	refused(t, d.poll(), 400, "invalid_grant")
	require.True(t, w.active(got.str("access_token")))
	require.Equal(t, "alice", w.last().Subject, "the refusal names the record")
}

func TestOf16ParallelPollsOneGetsTheTokensOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newDeviceWorld(t, withTokens(store))
		for range 3 {
			d := w.start().decided("yes")
			answers := parallel(16, func() answer { return d.poll() })
			tokens := 0
			for _, got := range answers {
				if got.status == http.StatusOK {
					tokens++
					require.True(t, w.active(got.str("access_token")))
					continue
				}
				refused(t, got, 400, "invalid_grant")
			}
			require.Equal(t, 1, tokens)
		}
	})
}

func TestPollsApprovalAndDenialMayCollide(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newDeviceWorld(t, withTokens(store))
		for range 3 {
			d := w.start()
			other := newBrowser(t)
			yes, no := d.open(w.browser), d.open(other)
			var answers [2]answer
			var wg sync.WaitGroup
			wg.Go(func() { answers[0] = d.say(w.browser, yes, "yes") })
			wg.Go(func() { answers[1] = d.say(other, no, "no") })
			for range 8 {
				wg.Go(func() { d.poll() })
			}
			wg.Wait()
			kept := 0
			for _, got := range answers {
				if got.status == http.StatusOK {
					kept++
				} else {
					require.Equal(t, http.StatusConflict, got.status, got.body)
				}
			}
			require.Equal(t, 1, kept, "one answer counts")
		}
	})
}

func TestTokensOfADeviceAreNoWiderThanWhatWasGranted(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Resources = []oauth2.Resource{{URI: "https://a.example.com/"}, {URI: "https://b.example.com/"}}
	})
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		approval, err := askOnPage(rw, r, req)
		if approval != nil {
			approval.Scope = oauth2.Scope{"read"}
		}
		return approval, err
	}
	d := w.start("resource", "https://a.example.com/").decided("yes")
	refused(t, d.poll("scope", "write"), 400, "invalid_scope")
	refused(t, d.poll("resource", "https://b.example.com/"), 400, "invalid_target")
	got := d.poll("scope", "read write") // as clients do that do not know yet what they got
	require.Equal(t, "read", got.str("scope"), got.body)
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, []string{"https://a.example.com/"}, info.Audience)
}

func TestTheTokensOfADeviceAreBoundToItsKey(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t, withDPoP)
	d := w.start()
	key := w.dpopKey()
	proven := func(form url.Values) answer {
		return w.raw(http.MethodPost, "/token", strings.NewReader(form.Encode()), "DPoP", w.proof(key))
	}
	form := values("grant_type", oauth2.GrantDeviceCode, "device_code", d.code, "client_id", television)
	refused(t, proven(form), 400, "authorization_pending")
	d.decided("yes")
	got := proven(form)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "DPoP", got.str("token_type"))
	refresh := values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", television)
	refused(t, w.post("/token", "", refresh), 400, "invalid_grant")
	require.Equal(t, http.StatusOK, proven(refresh).status)
}

func TestAClientThatMayNotRefreshGetsNoRefreshToken(t *testing.T) {
	t.Parallel()
	w := newDeviceWorld(t)
	got := w.post("/device_authorization", printer, values())
	d := &device{w, printer, got.str("device_code"), got.str("user_code"), ""}
	d.decided("yes")
	tokens := w.token(printer, "grant_type", oauth2.GrantDeviceCode, "device_code", d.code)
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	require.NotContains(t, tokens.json, "refresh_token")
}

func TestWhoMayNotBeServedAnyMoreGetsNoTokens(t *testing.T) {
	t.Parallel()
	locked := false
	w := newDeviceWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = activeUnless(&locked)
	})
	d := w.start().decided("yes")
	locked = true
	refused(t, d.poll(), 400, "invalid_grant")
}

func TestADeviceRequestCanBeEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, d *device) error{
		"by its code": func(w *world, d *device) error { return w.server.ExpireToken(t.Context(), d.code) },
		"by its client": func(w *world, d *device) error {
			if got := w.post("/revoke", "", values("token", d.code, "client_id", television)); got.status != http.StatusOK {
				return fmt.Errorf("status %d", got.status)
			}
			return nil
		},
		"of the subject": func(w *world, d *device) error {
			_, err := w.server.ExpireSubject(t.Context(), "alice")
			return err
		},
	} {
		w := newDeviceWorld(t)
		d := w.start().decided("yes")
		require.NoError(t, end(w, d), name)
		refused(t, d.poll(), 400, "invalid_grant")
	}
}
