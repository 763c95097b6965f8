package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

var committerSentences = []sentence{
	{"writes that wait reach the disk together, each with its own outcome", writesTogether},
	{"a write that fails fails no other", failingWrite},
	{"a write that waits leaves with its context, at once, and changes nothing", waitingWriteLeaves},
	{"Close waits for the write that has begun, and refuses the next", closeRefusesWrites},
}

// A jam is a database that another process writes to, so that the writes of a store pile up.
type jam struct {
	t     *testing.T
	store *sqlstore.Store
	db    *sql.DB
	other *sql.Conn
	first chan error
	// firstErr is what became of it.
	firstErr error
	wg       sync.WaitGroup
}

func newJam(t *testing.T, e engine) *jam {
	open := e.create(t)
	j := &jam{t: t, db: open(t)}
	j.store = e.newStore(t, open(t))
	var err error
	j.other, err = j.db.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { j.other.Close() })
	return j
}

func (j *jam) begin() {
	_, err := j.other.ExecContext(j.t.Context(), "BEGIN IMMEDIATE")
	require.NoError(j.t, err)
	// The first write waits in SQLite, and all others for it.
	j.first = make(chan error, 1)
	go func() { j.first <- j.store.Create(j.t.Context(), record("first")) }()
	require.Eventually(j.t, j.store.Jammed, 10*time.Second, time.Millisecond)
}

func (j *jam) end() {
	_, err := j.other.ExecContext(j.t.Context(), "ROLLBACK")
	require.NoError(j.t, err)
	j.firstErr = <-j.first
	j.wg.Wait()
}

// pileUp starts writes and waits until they wait.
func (j *jam) pileUp(n int, write func(i int) error) []error {
	errs := make([]error, n)
	for i := range n {
		j.wg.Go(func() { errs[i] = write(i) })
	}
	require.Eventually(j.t, func() bool { return j.store.Waiting() == n }, 10*time.Second, time.Millisecond)
	return errs
}

func writesTogether(t *testing.T, e engine) {
	const n = 60
	j := newJam(t, e)
	j.begin()
	errs := j.pileUp(n, func(i int) error {
		if i%3 == 0 {
			return j.store.Update(t.Context(), record(fmt.Sprintf("none %d", i)))
		}
		return j.store.Create(t.Context(), record(fmt.Sprintf("%d", i%3*1000+i/3/2))) // each twice
	})
	before := walFrames(t, j.db)
	j.end()
	var created, taken int
	for i, err := range errs {
		switch {
		case i%3 == 0:
			require.ErrorIs(t, err, oauth2.ErrNotFound)
		case err == nil:
			created++
		default:
			require.ErrorIs(t, err, oauth2.ErrExists)
			taken++
		}
	}
	require.Equal(t, n/3, created)
	require.Equal(t, n/3, taken)
	all, err := j.store.List(t.Context(), oauth2.ListQuery{Limit: n})
	require.NoError(t, err)
	require.Len(t, all, created+1)
	// Each transaction writes several pages, even for a single row.
	require.Less(t, walFrames(t, j.db)-before, created)
}

// walFrames is how many pages the write-ahead log has.
func walFrames(t *testing.T, db *sql.DB) (frames int) {
	t.Helper()
	var busy, checkpointed int
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &frames, &checkpointed))
	return frames
}

func failingWrite(t *testing.T, e engine) {
	for _, how := range []string{"ABORT", "ROLLBACK"} { // the statement alone, or the transaction with it
		j := newJam(t, e)
		_, err := j.db.ExecContext(t.Context(), fmt.Sprintf(`CREATE TRIGGER refuse BEFORE INSERT ON oauth2_authorizations
			WHEN new.id = '7' BEGIN SELECT RAISE(%s, 'refused'); END`, how))
		require.NoError(t, err)
		j.begin()
		errs := j.pileUp(20, func(i int) error { return j.store.Create(t.Context(), record(fmt.Sprint(i))) })
		j.end()
		for i, err := range errs {
			_, getErr := j.store.Get(t.Context(), fmt.Sprint(i))
			if i == 7 {
				requireFault(t, err)
				require.ErrorContains(t, err, "refused")
				require.ErrorIs(t, getErr, oauth2.ErrNotFound)
				continue
			}
			require.NoError(t, err, "%s: %d", how, i)
			require.NoError(t, getErr, "%s: %d", how, i)
		}
		require.NoError(t, j.store.Delete(t.Context(), "1"), "the connection is as good as before")
	}
}

func waitingWriteLeaves(t *testing.T, e engine) {
	j := newJam(t, e)
	j.begin()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := j.store.Create(ctx, record("late")) // returns though nobody has made room yet
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireFault(t, err)
	j.end()
	_, err = j.store.Get(t.Context(), "late")
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	_, err = j.store.Get(t.Context(), "first")
	require.NoError(t, err)
}

func closeRefusesWrites(t *testing.T, e engine) {
	j := newJam(t, e)
	j.begin()
	closed := make(chan error, 1)
	go func() { closed <- j.store.Close() }()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		err := j.store.Create(ctx, record("late"))
		requireFault(t, err)
		return !errors.Is(err, context.DeadlineExceeded)
	}, 10*time.Second, time.Millisecond, "writes are refused from now on")
	j.end()
	require.NoError(t, <-closed)
	require.NoError(t, j.firstErr, "and Close waits for the one that had begun")
}
