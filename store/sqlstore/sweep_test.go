package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// expiredRows is how many rows the sweep under load deletes: SQLSTORE_EXPIRED_ROWS, or a few.
func expiredRows(t *testing.T) int {
	t.Helper()
	text := os.Getenv("SQLSTORE_EXPIRED_ROWS")
	if text == "" {
		return 5000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// load is traffic on live records, and how long each of its exchanges took.
type load struct {
	mu    sync.Mutex
	took  []time.Duration
	errs  []error
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// startLoad reads and updates records, a writer each, once at least and until it is stopped.
func startLoad(t *testing.T, store *sqlstore.Store, records []*oauth2.Authorization) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{stop: cancel}
	for _, a := range records {
		l.ended.Go(func() {
			for again := true; again; again = ctx.Err() == nil {
				began := time.Now()
				err := exchange(t.Context(), store, a.ID)
				l.mu.Lock()
				l.took, l.errs = append(l.took, time.Since(began)), append(l.errs, err)
				l.mu.Unlock()
			}
		})
	}
	return l
}

// exchange does what a token request costs: a read and a write.
func exchange(ctx context.Context, store *sqlstore.Store, id string) error {
	a, err := store.Get(ctx, id)
	if err != nil {
		return err
	}
	return store.Update(ctx, a)
}

// end stops the load and tells how it went.
func (l *load) end(t *testing.T) string {
	t.Helper()
	l.stop()
	l.ended.Wait()
	require.NoError(t, errors.Join(l.errs...))
	require.NotEmpty(t, l.took)
	slices.Sort(l.took)
	at := func(share float64) time.Duration {
		return l.took[int(share*float64(len(l.took)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d exchanges, p50 %v, p99 %v, p99.9 %v, longest %v", len(l.took), at(0.5), at(0.99), at(0.999), at(1))
}

func sweepUnderLoad(t *testing.T, e engine) {
	expired := expiredRows(t)
	db := e.newDatabase(t)
	store := e.newStore(t, db)
	e.copy(t, db, store, expired, "i % 1000")
	var live []*oauth2.Authorization
	for i := range 4 {
		live = append(live, record(fmt.Sprintf("live%d", i)))
		require.NoError(t, store.Create(t.Context(), live[i]))
	}

	alone := startLoad(t, store, live)
	time.Sleep(time.Duration(expired) * 10 * time.Microsecond)
	t.Log("alone:", alone.end(t))

	swept, began := 0, time.Now()
	traffic := startLoad(t, store, live)
	for n := -1; n != 0; swept += n {
		var err error
		n, err = store.Sweep(t.Context(), time.Now(), 10_000)
		require.NoError(t, err)
	}
	took := time.Since(began)
	t.Log("while sweeping:", traffic.end(t))
	t.Logf("%d rows in %v, %.0f a second", swept, took.Round(time.Millisecond), float64(swept)/took.Seconds())
	require.Equal(t, expired, swept)
	for _, a := range live {
		got, err := store.Get(t.Context(), a.ID)
		require.NoError(t, err)
		require.Greater(t, got.Version, a.Version)
	}
}
