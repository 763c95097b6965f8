package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

var contractSentences = []sentence{
	{"a Store keeps the contract", func(t *testing.T, e engine) {
		db := e.newDatabase(t)
		store := e.newStore(t, db)
		storetest.Run(t, func(t *testing.T) oauth2.TokenStore {
			empty(t, db)
			return store
		})
	}},
	{"two Stores on one database keep the contract together", func(t *testing.T, e engine) {
		open := e.create(t)
		db := open(t)
		stores := &replicas{TokenStore: e.newStore(t, db), other: e.newStore(t, open(t))}
		storetest.Run(t, func(t *testing.T) oauth2.TokenStore {
			empty(t, db)
			return stores
		})
	}},
	{"Clients keep the contract", func(t *testing.T, e engine) {
		db := e.newDatabase(t)
		store := e.newStore(t, db)
		storetest.RunClients(t, func(t *testing.T) storetest.ClientRegistry {
			empty(t, db)
			return store.Clients()
		})
	}},
}

func empty(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, table := range []string{"oauth2_authorizations", "oauth2_clients"} {
		_, err := db.ExecContext(t.Context(), "DELETE FROM "+table)
		require.NoError(t, err)
	}
}

// replicas spreads the calls over two stores of one database, as two processes have them.
type replicas struct {
	oauth2.TokenStore
	other oauth2.TokenStore
	mu    sync.Mutex
	turn  bool
}

func (r *replicas) next() oauth2.TokenStore {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn = !r.turn
	if r.turn {
		return r.TokenStore
	}
	return r.other
}

func (r *replicas) Create(ctx context.Context, a *oauth2.Authorization) error {
	return r.next().Create(ctx, a)
}

func (r *replicas) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	return r.next().Get(ctx, id)
}

func (r *replicas) Update(ctx context.Context, a *oauth2.Authorization) error {
	return r.next().Update(ctx, a)
}

func (r *replicas) Delete(ctx context.Context, id string) error { return r.next().Delete(ctx, id) }

func (r *replicas) Unwrap() oauth2.TokenStore { return r.TokenStore }

var storeSentences = []sentence{
	{"a closed Store fails and says nothing about records", closedStoreFails},
	{"a Sweep of more than a batch deletes up to the limit", sweepOfManyBatches},
	{"Sweeps that run at once delete each record once", sweepsAtOnce},
	{"a Sweep under load deletes what has expired, and no exchange fails", sweepUnderLoad},
	{"any number of refreshes leaves one small row", footprint},
	{"List refuses a limit below one", listRefusesLimit},
	{"a record that cannot be read is a fault", unreadableRecord},
	{"the version of its column is the only one", oneVersion},
	{"the longest keys are kept, and longer ones refused", longKeys},
	{"two prefixes in one database are two stores", twoPrefixes},
	{"reads go to the Reader, and ClosePools closes both pools", readerAndPools},
	{"a record of half a megabyte is kept", largeRecord},
}

// requireFault requires an error that is none of the outcomes which a store tells apart.
func requireFault(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, outcome := range []error{oauth2.ErrNotFound, oauth2.ErrExists, oauth2.ErrConflict} {
		require.NotErrorIs(t, err, outcome)
	}
}

func closedStoreFails(t *testing.T, e engine) {
	store := e.newStore(t, e.newDatabase(t))
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, store.Close())
	_, getErr := store.Get(t.Context(), a.ID)
	_, listErr := store.List(t.Context(), oauth2.ListQuery{Limit: 1})
	_, sweepErr := store.Sweep(t.Context(), time.Now(), 1)
	_, clientErr := store.Clients().Client(t.Context(), "web")
	for _, err := range []error{
		store.Create(t.Context(), a), getErr, store.Update(t.Context(), a), store.Delete(t.Context(), a.ID),
		listErr, sweepErr, clientErr, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"}),
		store.Clients().DeleteClient(t.Context(), "web"),
	} {
		requireFault(t, err)
	}
}

func sweepOfManyBatches(t *testing.T, e engine) {
	db := e.newDatabase(t)
	store := e.newStore(t, db)
	a := e.copy(t, db, store, 4999, "sweep_after")
	for _, sweep := range []struct{ limit, want int }{{2450, 2450}, {1400, 1400}, {1200, 1150}, {1200, 0}} {
		n, err := store.Sweep(t.Context(), a.SweepAfter().Add(time.Second), sweep.limit)
		require.NoError(t, err)
		require.Equal(t, sweep.want, n)
	}
}

func sweepsAtOnce(t *testing.T, e engine) {
	const records = 3000
	open := e.create(t)
	db := open(t)
	stores := []*sqlstore.Store{e.newStore(t, db), e.newStore(t, open(t)), e.newStore(t, open(t))}
	a := e.copy(t, db, stores[0], records-1, "sweep_after")
	after := a.SweepAfter().Add(time.Second)
	var wg sync.WaitGroup
	swept, errs := make([]int, len(stores)), make([]error, len(stores))
	for i, store := range stores {
		wg.Go(func() { swept[i], errs[i] = store.Sweep(t.Context(), after, records) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	rest, err := stores[0].Sweep(t.Context(), after, records)
	require.NoError(t, err)
	require.Equal(t, records, swept[0]+swept[1]+swept[2]+rest)
}

func listRefusesLimit(t *testing.T, e engine) {
	store := e.newStore(t, e.newDatabase(t))
	for _, limit := range []int{0, -1} {
		_, err := store.List(t.Context(), oauth2.ListQuery{Limit: limit})
		require.ErrorContains(t, err, "limit")
	}
}

func unreadableRecord(t *testing.T, e engine) {
	db := e.newDatabase(t)
	store := e.newStore(t, db)
	require.NoError(t, store.Create(t.Context(), record("a")))
	require.NoError(t, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"}))
	for _, table := range []string{"authorizations", "clients"} {
		_, err := db.ExecContext(t.Context(), "UPDATE oauth2_"+table+" SET document = '{'")
		require.NoError(t, err)
	}
	_, err := store.Get(t.Context(), "a")
	requireFault(t, err)
	_, err = store.List(t.Context(), oauth2.ListQuery{Limit: 1})
	requireFault(t, err)
	_, err = store.Clients().Client(t.Context(), "web")
	requireFault(t, err)
}

func oneVersion(t *testing.T, e engine) {
	db := e.newDatabase(t)
	store := e.newStore(t, db)
	require.NoError(t, store.Create(t.Context(), record("a")))
	var document string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT document FROM oauth2_authorizations").Scan(&document))
	require.NotContains(t, document, `"version"`)

	_, err := db.ExecContext(t.Context(), `UPDATE oauth2_authorizations SET version = 7, document = '{"id":"a","version":3}'`)
	require.NoError(t, err)
	got, err := store.Get(t.Context(), "a")
	require.NoError(t, err)
	require.EqualValues(t, 7, got.Version)
}

func longKeys(t *testing.T, e engine) {
	store := e.newStore(t, e.newDatabase(t))
	// Text without a repetition, which no index could compress.
	var text strings.Builder
	for text.Len() < 4096 {
		text.WriteString(oauth2.NewSecret())
	}
	keys := func(id, client, subject int) *oauth2.Authorization {
		a := record(text.String()[:id])
		a.ClientID, a.Subject = text.String()[:client], text.String()[:subject]
		return a
	}
	longest := keys(255, 2048, 2048)
	require.NoError(t, store.Create(t.Context(), longest))
	found, err := store.List(t.Context(), oauth2.ListQuery{Subject: longest.Subject, ClientID: longest.ClientID, Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []*oauth2.Authorization{longest}, found)

	for _, tooLong := range []*oauth2.Authorization{keys(256, 1, 1), keys(255, 2049, 1), keys(255, 1, 2049)} {
		requireFault(t, store.Create(t.Context(), tooLong))
		requireFault(t, store.Update(t.Context(), tooLong))
		requireFault(t, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: text.String()[:2049]}))
	}
	got, err := store.Get(t.Context(), longest.ID)
	require.NoError(t, err)
	require.Equal(t, longest, got)
}

func largeRecord(t *testing.T, e engine) {
	store := e.newStore(t, e.newDatabase(t))
	a := record("a")
	a.Claims = []byte(`{"photo":"` + strings.Repeat("x", 1<<19) + `"}`)
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, store.Update(t.Context(), a))
	got, err := store.Get(t.Context(), a.ID)
	require.NoError(t, err)
	a.Version++
	require.Equal(t, a, got)
}

func twoPrefixes(t *testing.T, e engine) {
	db := e.newDatabase(t)
	db.SetMaxOpenConns(1) // as some applications have it: nothing may need a second connection
	var stores [2]*sqlstore.Store
	for i, prefix := range []string{"a_", "B2_"} {
		var err error
		stores[i], err = sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: e.dialect, TablePrefix: prefix})
		require.NoError(t, err)
	}
	require.NoError(t, stores[0].Create(t.Context(), record("a")))
	require.NoError(t, stores[0].Update(t.Context(), record("a")))
	require.ErrorIs(t, stores[0].Update(t.Context(), record("a")), oauth2.ErrConflict)
	_, err := stores[1].Get(t.Context(), "a")
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	require.NoError(t, errors.Join(stores[0].Close(), stores[1].Close()))
	require.NoError(t, db.PingContext(t.Context()), "the application's database stays open")
}

func readerAndPools(t *testing.T, e engine) {
	open := e.create(t)
	write, read := open(t), open(t)
	store, err := sqlstore.New(t.Context(), write, sqlstore.Options{Dialect: e.dialect, Reader: read, ClosePools: true})
	require.NoError(t, err)
	require.NoError(t, store.Create(t.Context(), record("a")))
	// With every connection for the writes in use, a read still has one.
	write.SetMaxOpenConns(1)
	busy, err := write.Conn(t.Context())
	require.NoError(t, err)
	_, err = store.Get(t.Context(), "a")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, store.Update(ctx, record("a")), context.DeadlineExceeded)
	require.NoError(t, busy.Close())

	require.NoError(t, store.Close())
	require.Error(t, write.PingContext(t.Context()))
	require.Error(t, read.PingContext(t.Context()))
}

func TestTheOptionsThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	for _, opts := range []sqlstore.Options{
		{},
		{Dialect: "oracle"},
		{Dialect: sqlstore.SQLite, TablePrefix: "1"},
		{Dialect: sqlstore.SQLite, TablePrefix: "_"},
		{Dialect: sqlstore.SQLite, TablePrefix: "a-b"},
		{Dialect: sqlstore.PostgreSQL, TablePrefix: "a; DROP TABLE users; --"},
		{Dialect: sqlstore.SQLite, TablePrefix: "é"},
		{Dialect: sqlstore.MySQL, TablePrefix: strings.Repeat("a", 33)},
	} {
		_, err := sqlstore.New(t.Context(), sqliteEngine().newDatabase(t), opts)
		require.ErrorContains(t, err, "sqlstore: ")
	}
}
