package oauth2_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestWhatWasAdoptedAndEndedStaysDeadEvenIfTheOtherServerForgotNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		for name, end := range map[string]func(w *world, mine answer){
			"revoked by the new refresh token": func(w *world, mine answer) { w.post("/revoke", webApp, values("token", mine.str("refresh_token"))) },
			"revoked by the old refresh token": func(w *world, _ answer) { w.post("/revoke", webApp, values("token", oldRefresh)) },
			"logged out everywhere":            func(w *world, _ answer) { _, _ = w.server.ExpireSubject(t.Context(), "alice") },
			"reused": func(w *world, _ answer) {
				w.clock.Advance(time.Minute)
				w.refresh(oldRefresh)
			},
		} {
			w, p := newAdoptingWorld(t, withTokens(store))
			mine := w.refresh(oldRefresh)
			require.Equal(t, 200, mine.status, mine.body)
			end(w, mine)
			p.unforgetting()
			for range 2 {
				refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
				refused(t, w.refresh(mine.str("refresh_token")), 400, "invalid_grant")
			}
			require.False(t, w.active(mine.str("access_token")), name)
			require.False(t, w.active(oldAccess), name)
			require.Equal(t, 200, w.post("/revoke", webApp, values("token", mine.str("refresh_token"))).status)
			records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{Subject: "alice"})
			require.NoError(t, err)
			for _, a := range records {
				require.False(t, a.Live(w.clock.Now()), name)
				require.True(t, a.ExpiresAt.After(w.clock.Now()), "it stays as long as the token could come back")
			}
		}
	})
}

func TestAdoptedAuthorizationThatOutlivesTheOldTokenIsDeletedInTheEnd(t *testing.T) {
	t.Parallel()
	w, _ := newAdoptingWorld(t)
	mine := w.refresh(oldRefresh)
	w.clock.Advance(72 * time.Hour)
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", mine.str("refresh_token"))).status)
	records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{})
	require.NoError(t, err)
	require.Empty(t, records)
}

func TestWhatWasAdoptedLivesOnWithoutTheAdopter(t *testing.T) {
	t.Parallel()
	w, _ := newAdoptingWorld(t)
	mine := w.refresh(oldRefresh)
	w.config.Adopt = nil
	server, err := oauth2.New(w.config)
	require.NoError(t, err)
	w.http.Config.Handler = server
	require.True(t, w.active(mine.str("access_token")))
	require.Equal(t, 200, w.refresh(mine.str("refresh_token")).status)
	require.False(t, w.active(oldAccess))
	refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", oldRefresh)).status)
}

func TestExpiryIsJudgedByThisServersClock(t *testing.T) {
	t.Parallel()
	w, _ := newAdoptingWorld(t)
	w.clock.Advance(2*time.Hour - time.Second)
	require.True(t, w.active(oldAccess))
	w.clock.Advance(time.Second)
	require.False(t, w.active(oldAccess))
	w.clock.Advance(70 * time.Hour)
	refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
	require.NotContains(t, w.eventTypes(), oauth2.EventTokenAdopted)
}

func TestAccessTokenOfAnotherServerTellsWhatOneOfThisServerWould(t *testing.T) {
	t.Parallel()
	const resource = "https://api.example.com/"
	w, p := newAdoptingWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Resources = []oauth2.Resource{{URI: resource}}
		cfg.Scopes = oauth2.Scope{"read"}
		cfg.Claims = func(_ context.Context, a *oauth2.Authorization) (map[string]any, error) {
			return map[string]any{"tenant": "of " + a.Subject, "active": false}, nil
		}
	})
	got := w.post("/introspect", api, values("token", oldAccess))
	require.Equal(t, map[string]any{
		"active": true, "iss": w.url, "client_id": webApp, "sub": "alice", "scope": "read", "aud": resource, "token_type": "Bearer",
		"iat": float64(w.clock.Now().Unix()), "exp": float64(w.clock.Now().Add(2 * time.Hour).Unix()), "tenant": "of alice",
	}, got.json)
	require.Equal(t, resource, w.post("/introspect", api, values("token", w.refresh(oldRefresh).str("access_token"))).str("aud"))

	require.NoError(t, w.clients.DeleteClient(t.Context(), webApp))
	require.False(t, w.active(oldAccess), "its client is gone")
	p.access[oldAccess].ClientID = machine
	require.True(t, w.active(oldAccess))
}

func TestRevokedBeforeItWasAdoptedIsDeadAndForgotten(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", oldRefresh)).status)
	require.NotContains(t, p.refresh, oldRefresh)
	require.False(t, w.active(oldAccess), "the access token beside it has ended too")
	p.unforgetting()
	refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
	require.NotContains(t, w.eventTypes(), oauth2.EventTokenAdopted)
	require.Contains(t, w.eventTypes(), oauth2.EventAuthorizationRevoked)
}
