package oauth2_test

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

func TestFullDiskIs503AndLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "full.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	store, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	defer store.Close()
	w := newWorld(t, withTokens(store))
	access, refresh := w.tokens()

	_, err = db.ExecContext(t.Context(), "PRAGMA max_page_count = 64") // as a disk with room for little more
	require.NoError(t, err)
	issued := []string{access}
	full := false
	for range 1000 {
		got := w.token(machine, "grant_type", "client_credentials")
		if got.status != http.StatusOK {
			require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
			full = true
			break
		}
		issued = append(issued, got.str("access_token"))
	}
	require.True(t, full, "the disk is full")
	require.Greater(t, len(issued), 10)
	for _, token := range issued {
		require.True(t, w.active(token))
	}
	_, err = db.ExecContext(t.Context(), "PRAGMA max_page_count = 100000")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, w.token(machine, "grant_type", "client_credentials").status)
	require.Equal(t, http.StatusOK, w.refresh(refresh).status)
}

// A slowStore answers when it is told to, or when the caller has waited for long enough.
type slowStore struct {
	oauth2.TokenStore
	until chan struct{}
}

func (s slowStore) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.until:
		return nil
	}
}

func (s slowStore) Update(ctx context.Context, a *oauth2.Authorization) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.TokenStore.Update(ctx, a)
}

func TestStoreThatMissesTheDeadlineIs503AndTheRetrySucceeds(t *testing.T) {
	t.Parallel()
	until := make(chan struct{})
	w := newWorld(t, withTokens(slowStore{memory.New(), until}))
	code := w.approve(codeRequest())
	server := w.server
	w.http.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 30*time.Millisecond)
		defer cancel()
		server.ServeHTTP(rw, r.WithContext(ctx))
	})
	unavailable(t, w.post("/token", webApp, redemption(code)))
	close(until)
	w.http.Config.Handler = server
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
}
