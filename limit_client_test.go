package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// withBudget forgives so few failures of clients that a test can spend them, and believes this machine
// about addresses.
func withBudget(burst int) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		cfg.TrustedProxies = networks("127.0.0.0/8", "::1/128")
		cfg.FailureLimiter = oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: cfg.Now, Budgets: map[oauth2.AttemptKind]oauth2.FailureBudgets{
			oauth2.AttemptClient: {PerAddress: oauth2.FailureBudget{Burst: burst, Every: time.Minute}},
		}})
	}
}

const (
	honestAddr   = "192.0.2.1"
	attackerAddr = "198.51.100.1"
)

// from posts a form from an address, with Basic authentication unless client is empty.
func (w *world) from(addr, path, client, secret string, form url.Values) answer {
	w.t.Helper()
	authorization := ""
	if client != "" {
		authorization = basic(client, secret)
	}
	return w.raw(http.MethodPost, path, strings.NewReader(form.Encode()), "X-Forwarded-For", addr, "Authorization", authorization)
}

// limited requires 429, with a time to wait and without a word about the client.
func limited(t *testing.T, got answer) {
	t.Helper()
	refused(t, got, http.StatusTooManyRequests, "temporarily_unavailable")
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
	require.Empty(t, got.header.Get("WWW-Authenticate"))
}

func TestFailuresBeyondTheBudgetAre429AndARightSecretAlwaysPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBudget(5))
	form := values("grant_type", "client_credentials", "token", "x")
	endpoints := map[string]string{"/token": machine, "/revoke": webApp, "/introspect": api}
	for range 5 {
		require.Equal(t, http.StatusOK, w.from(attackerAddr, "/token", machine, secretOf(machine), form).status)
		refused(t, w.from(attackerAddr, "/token", machine, "wrong", form), 401, "invalid_client")
	}
	for path, client := range endpoints {
		limited(t, w.from(attackerAddr, path, client, "wrong", form))
		require.Equal(t, http.StatusOK, w.from(attackerAddr, path, client, secretOf(client), form).status, "a right secret, from the very same address")
		refused(t, w.from(honestAddr, path, client, "wrong", form), 401, "invalid_client")
	}
	w.clock.Advance(time.Minute)
	refused(t, w.from(attackerAddr, "/token", machine, "wrong", form), 401, "invalid_client")
	limited(t, w.from(attackerAddr, "/token", machine, "wrong", form))
}

func TestWhateverIsAnsweredInvalidClientCounts(t *testing.T) {
	t.Parallel()
	form := values("grant_type", "client_credentials")
	for name, fail := range map[string]func(w *world) answer{
		"wrong secret":   func(w *world) answer { return w.from(attackerAddr, "/token", machine, "wrong", form) },
		"unknown client": func(w *world) answer { return w.from(attackerAddr, "/token", "nobody", "wrong", form) },
		"public client with a secret": func(w *world) answer {
			return w.from(attackerAddr, "/token", browserApp, "any", form)
		},
		"confidential client without one": func(w *world) answer {
			return w.from(attackerAddr, "/token", "", "", values("grant_type", "client_credentials", "client_id", machine))
		},
		"no client": func(w *world) answer { return w.from(attackerAddr, "/token", "", "", form) },
		"malformed": func(w *world) answer {
			return w.raw(http.MethodPost, "/token", strings.NewReader(form.Encode()), "X-Forwarded-For", attackerAddr, "Authorization", "Basic !")
		},
	} {
		w := newWorld(t, withBudget(2))
		for range 2 {
			refused(t, fail(w), 401, "invalid_client")
		}
		require.Equal(t, 429, fail(w).status, name)
	}
}

func TestRefusalsOfOtherKindsDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBudget(1))
	for range 3 {
		refused(t, w.from(attackerAddr, "/token", machine, secretOf(machine), values("grant_type", "client_credentials", "scope", "admin")), 400, "invalid_scope")
		refused(t, w.from(attackerAddr, "/token", "", "", values("client_id", browserApp)), 400, "invalid_request")
		refused(t, w.from(attackerAddr, "/token", webApp, secretOf(webApp), redemption("ac_"+strings.Repeat("A", 64))), 400, "invalid_grant")
		refused(t, w.from(attackerAddr, "/introspect", machine, secretOf(machine), values("token", "x")), 403, "unauthorized_client")
	}
	refused(t, w.from(attackerAddr, "/token", machine, "wrong", values()), 401, "invalid_client")
}

func TestDefaultBudgetForgivesSomeHundredsOfFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := values("grant_type", "client_credentials")
	for range 300 {
		refused(t, w.from("", "/token", machine, "wrong", form), 401, "invalid_client")
	}
	limited(t, w.from("", "/token", machine, "wrong", form))
	require.Equal(t, http.StatusOK, w.token(machine, "grant_type", "client_credentials").status)
}

func TestLimitedAttemptsAreToldWithTheirAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBudget(1))
	for range 2 {
		w.from(attackerAddr, "/token", machine, "wrong", values())
	}
	w.from(attackerAddr, "/token", "a-misplaced-secret", "wrong", values())
	require.Equal(t, []oauth2.EventType{oauth2.EventClientAuthenticationFailed, oauth2.EventAttemptLimited, oauth2.EventAttemptLimited}, w.eventTypes())
	for i, e := range w.events {
		require.Equal(t, attackerAddr, e.Addr.String())
		require.Equal(t, []string{machine, machine, ""}[i], e.ClientID)
		require.Equal(t, i > 0, errors.Is(e.Err, oauth2.ErrTooManyAttempts))
	}
	require.NotErrorIs(t, w.events[1].Err, oauth2.ErrInvalidClient)
}

// A sharedLimiter is an operator's own. It remembers what it was asked.
type sharedLimiter struct {
	failed    []oauth2.Attempt
	succeeded int
	wait      time.Duration
}

func (l *sharedLimiter) Spent(context.Context, oauth2.Attempt) time.Duration { return 0 }
func (l *sharedLimiter) Failed(_ context.Context, a oauth2.Attempt) time.Duration {
	l.failed = append(l.failed, a)
	return l.wait
}
func (l *sharedLimiter) Succeeded(context.Context, oauth2.Attempt) { l.succeeded++ }

func TestALimiterOfOnesOwnDecidesAndIsAskedAboutFailuresAlone(t *testing.T) {
	t.Parallel()
	limiter := &sharedLimiter{}
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.FailureLimiter = limiter })
	require.Equal(t, http.StatusOK, w.token(machine, "grant_type", "client_credentials").status)
	require.Empty(t, limiter.failed, "an honest request costs nothing")
	form := values("grant_type", "client_credentials")
	refused(t, w.from("", "/token", machine, "wrong", form), 401, "invalid_client")
	limiter.wait = 90*time.Second + 1
	got := w.from("", "/token", "nobody", "wrong", form)
	limited(t, got)
	require.Equal(t, "91", got.header.Get("Retry-After"))
	require.Len(t, limiter.failed, 2)
	require.Equal(t, machine, limiter.failed[0].Name)
	require.Empty(t, limiter.failed[1].Name)
	require.True(t, limiter.failed[0].Addr.IsLoopback())
	require.Zero(t, limiter.succeeded)
}
