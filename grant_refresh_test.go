package oauth2_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func strict(cfg *oauth2.ServerConfig) { cfg.RefreshGrace = -1 }

func TestRefreshRotatesTheRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	got := w.refresh(refresh)
	require.Equal(t, 200, got.status, got.body)
	require.NotEqual(t, refresh, got.str("refresh_token"))
	require.NotEqual(t, access, got.str("access_token"))
	require.Equal(t, "read write", got.str("scope"))
	require.True(t, w.active(access), "the access token before it lives on until it expires")
	require.True(t, w.active(got.str("access_token")))
	require.False(t, w.active(got.str("refresh_token")), "a refresh token is no access token")
}

func TestRetryInTheGraceGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens()
	first := w.refresh(refresh)
	w.clock.Advance(30 * time.Second)
	retried := w.refresh(refresh)
	require.Equal(t, 200, retried.status, retried.body)
	require.Equal(t, first.str("access_token"), retried.str("access_token"))
	require.Equal(t, first.str("refresh_token"), retried.str("refresh_token"))
	require.Equal(t, 3570.0, retried.json["expires_in"], "what is left of it")
	require.Contains(t, w.eventTypes(), oauth2.EventRefreshRetried)
	require.Equal(t, 200, w.refresh(first.str("refresh_token")).status)
}

func TestRetryInTheGraceWithAnotherScopeGetsAnotherAccessTokenAndTheSameRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens()
	first := w.refresh(refresh)
	narrowed := w.refresh(refresh, "scope", "read")
	require.Equal(t, 200, narrowed.status, narrowed.body)
	require.Equal(t, "read", narrowed.str("scope"))
	require.NotEqual(t, first.str("access_token"), narrowed.str("access_token"))
	require.Equal(t, first.str("refresh_token"), narrowed.str("refresh_token"))
	require.True(t, w.active(first.str("access_token")))
	require.True(t, w.active(narrowed.str("access_token")))
}

func TestRetryAfterItsAccessTokenWasRevokedGetsAnotherOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens()
	first := w.refresh(refresh)
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", first.str("access_token"))).status)
	retried := w.refresh(refresh)
	require.NotEqual(t, first.str("access_token"), retried.str("access_token"))
	require.False(t, w.active(first.str("access_token")), "what was revoked stays dead")
}

func TestReuseEndsTheFamilyWithItsAccessTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		configure func(*oauth2.ServerConfig)
		later     time.Duration
	}{
		"past the grace": {func(*oauth2.ServerConfig) {}, 36 * time.Second},
		"strictly":       {strict, 0},
	} {
		w := newWorld(t, c.configure)
		access, refresh := w.tokens()
		current := w.refresh(refresh)
		w.clock.Advance(c.later)
		refused(t, w.refresh(refresh), 400, "invalid_grant")
		require.False(t, w.active(access), name)
		require.False(t, w.active(current.str("access_token")), name)
		refused(t, w.refresh(current.str("refresh_token")), 400, "invalid_grant")
		require.Contains(t, w.eventTypes(), oauth2.EventRefreshTokenReused)
	}
}

func TestBetweenGraceAndReuseARetryIsRefusedAndNothingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens()
	current := w.refresh(refresh)
	w.clock.Advance(33 * time.Second)
	refused(t, w.refresh(refresh), 400, "invalid_grant")
	require.Equal(t, 200, w.refresh(current.str("refresh_token")).status)
}

func TestAnotherClientsAttemptChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strict)
	access, refresh := w.tokens()
	current := w.refresh(refresh)
	for _, stolen := range []string{refresh, current.str("refresh_token")} {
		refused(t, w.token(otherApp, "grant_type", "refresh_token", "refresh_token", stolen), 400, "invalid_grant")
	}
	require.True(t, w.active(access))
	require.Equal(t, 200, w.refresh(current.str("refresh_token")).status)
}

func TestNarrowingIsToldAndTheOriginalScopeIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens()
	narrowed := w.refresh(refresh, "scope", "read")
	require.Equal(t, "read", narrowed.str("scope"))
	require.Equal(t, "read", w.post("/introspect", api, values("token", narrowed.str("access_token"))).str("scope"))
	require.Equal(t, "read write", w.refresh(narrowed.str("refresh_token")).str("scope"))
}

func TestARegistrationThatWasNarrowedCountsFromTheNextTokenOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	register := func(scope ...string) { w.changeClient(webApp, func(c *oauth2.Client) { c.Scope = scope }) }
	_, refresh := w.tokens()
	register("read")
	less := w.refresh(refresh)
	require.Equal(t, "read", less.str("scope"), less.body)
	require.Equal(t, "read", w.told(less.str("access_token"))["scope"])
	require.Equal(t, less.str("access_token"), w.refresh(refresh).str("access_token"), "a retry is told the same")
	register("stats")
	refused(t, w.refresh(less.str("refresh_token")), 400, "invalid_scope")
	register("read", "write")
	require.Equal(t, "read write", w.refresh(less.str("refresh_token")).str("scope"), "the grant is what it was")
}

func TestWideningIsInvalidScopeAndSpendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, refresh := w.tokens("scope", "read")
	refused(t, w.refresh(refresh, "scope", "read write"), 400, "invalid_scope")
	refused(t, w.refresh(refresh, "scope", "admin"), 400, "invalid_scope")
	require.Equal(t, "read", w.refresh(refresh).str("scope"))
}

func TestRefreshTokenExpiresSinceItsLastUseAndTheAuthorizationEnds(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.AuthorizationLifetime = 50 * day })
	_, refresh := w.tokens()
	w.clock.Advance(29 * day)
	got := w.refresh(refresh)
	require.Equal(t, 200, got.status, got.body)
	w.clock.Advance(21*day - 10*time.Minute)
	got = w.refresh(got.str("refresh_token"))
	require.Equal(t, 600.0, got.json["expires_in"], "nothing outlives the authorization")
	w.clock.Advance(10 * time.Minute)
	refused(t, w.refresh(got.str("refresh_token")), 400, "invalid_grant")

	w = newWorld(t)
	_, refresh = w.tokens()
	w.clock.Advance(30 * day)
	refused(t, w.refresh(refresh), 400, "invalid_grant")
}

func TestYearOfHourlyRefreshesIsOneSmallRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.AuthorizationLifetime = 2 * 365 * 24 * time.Hour })
	_, refresh := w.tokens()
	for range 1000 {
		w.clock.Advance(time.Hour)
		refresh = w.refresh(refresh).str("refresh_token")
	}
	records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{Subject: "alice", Limit: 10})
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.LessOrEqual(t, len(records[0].Access), 2)
	require.Len(t, records[0].Refresh.Rotations, 1)
}

func TestLockedSubjectStopsRefreshingAtOnce(t *testing.T) {
	t.Parallel()
	active := true
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(_ context.Context, subject string) (bool, error) { return active && subject == "alice", nil }
		cfg.SubjectActiveOnCheck = true
	})
	access, refresh := w.tokens()
	active = false
	refused(t, w.refresh(refresh), 400, "invalid_grant")
	require.False(t, w.active(access))
	active = true
	require.Equal(t, 200, w.refresh(refresh).status, "nothing was spent")
	require.True(t, w.active(access))
}
