package sqlstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/store/internal/flow"
)

// A rotation that is no heap-only tuple update writes to each of the four indexes too.
func rotationsAreHOT(t *testing.T, e engine) {
	const authorizations, rotations = 20, 50
	db := e.newDatabase(t)
	db.SetMaxOpenConns(1) // whose statistics can then be flushed
	f := flow.New(t, e.newStore(t, db))
	for range authorizations {
		_, refresh := f.Redeem(f.Code())
		for range rotations {
			f.Advance(time.Hour)
			_, refresh = f.Refresh(refresh)
		}
	}
	var updates, hot int
	_, err := db.ExecContext(t.Context(), "SELECT pg_stat_force_next_flush()")
	require.NoError(t, err)
	require.NoError(t, db.QueryRowContext(t.Context(),
		"SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'oauth2_authorizations'").Scan(&updates, &hot))
	require.Equal(t, authorizations*(rotations+1), updates)
	t.Logf("%d of %d updates were HOT", hot, updates)
	require.Greater(t, hot, updates*9/10)
}
