package oauth2_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// onEachStore proves the same of every store that comes along.
func onEachStore(t *testing.T, prove func(t *testing.T, store oauth2.TokenStore)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		prove(t, memory.New())
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "tokens.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		prove(t, store)
	})
}

func withTokens(store oauth2.TokenStore) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) { cfg.Tokens = store }
}

func TestOf50ParallelRedemptionsExactlyOneSucceedsOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store))
		for range 3 {
			code := w.approve(codeRequest())
			require.Equal(t, 1, countStatus(50, 200, func() answer { return w.post("/token", webApp, redemption(code)) }))
		}
	})
}

func TestOf50ParallelRefreshesInTheGraceAllGetTheSameTokensOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store))
		_, refresh := w.tokens()
		for range 3 {
			answers := parallel(50, func() answer { return w.refresh(refresh) })
			for _, a := range answers {
				require.Equal(t, 200, a.status, a.body)
				require.Equal(t, answers[0].body, a.body)
			}
			refresh = answers[0].str("refresh_token")
		}
	})
}

func TestOf50ParallelStrictRefreshesAtMostOneLeavesALiveTokenOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, strict, withTokens(store))
		_, refresh := w.tokens()
		won := 0
		for _, a := range parallel(50, func() answer { return w.refresh(refresh) }) {
			if a.status != 200 {
				refused(t, a, 400, "invalid_grant")
				continue
			}
			won++
			refused(t, w.refresh(a.str("refresh_token")), 400, "invalid_grant")
		}
		require.Equal(t, 1, won)
	})
}

func TestReplicasOverOneStoreBehaveAsOne(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store))
		replicas := []*oauth2.Server{w.server}
		for range 2 {
			replica, err := oauth2.New(w.config)
			require.NoError(t, err)
			replicas = append(replicas, replica)
		}
		next := 0
		w.http.Config.Handler = roundRobin(replicas, &next)
		access, refresh := w.tokens()
		require.True(t, w.active(access))
		for range 7 {
			got := w.refresh(refresh)
			require.Equal(t, 200, got.status, got.body)
			require.Equal(t, got.body, w.refresh(refresh).body, "another replica forgives it too")
			refresh = got.str("refresh_token")
		}
		w.clock.Advance(time.Hour)
		require.Equal(t, 200, w.post("/revoke", webApp, values("token", refresh)).status)
		refused(t, w.refresh(refresh), 400, "invalid_grant")
		require.False(t, w.active(access))
	})
}
