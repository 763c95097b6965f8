package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

func open(t *testing.T, path string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "oauth2.db") }

// ownDatabase is a database as an application has it.
func ownDatabase(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func record(id string) *oauth2.Authorization {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &oauth2.Authorization{
		ID: id, Version: 1, Format: 1, Issuer: "https://id.example.com",
		ClientID: "web", Subject: "alice", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func TestSQLiteFileKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) oauth2.TokenStore { return open(t, newPath(t)) })
}

func TestOwnDatabaseKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) oauth2.TokenStore {
		store, err := sqlstore.New(t.Context(), ownDatabase(t), sqlstore.Options{Dialect: sqlstore.SQLite})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		return store
	})
}

func TestClientsKeepTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunClients(t, func(t *testing.T) storetest.ClientRegistry { return open(t, newPath(t)).Clients() })
}

// replicas spreads the calls over two handles of one file, as two processes have them.
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

func TestTwoHandlesOnOneFileKeepTheContractTogether(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) oauth2.TokenStore {
		path := newPath(t)
		return &replicas{TokenStore: open(t, path), other: open(t, path)}
	})
}

func TestEverythingIsThereAfterTheFileIsOpenedAgain(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	before, err := sqlstore.OpenSQLite(t.Context(), path)
	require.NoError(t, err)
	a, deleted, client := record("kept"), record("deleted"), &oauth2.Client{ID: "web", Name: "Web"}
	require.NoError(t, before.Create(t.Context(), a))
	require.NoError(t, before.Create(t.Context(), deleted))
	require.NoError(t, before.Update(t.Context(), a))
	require.NoError(t, before.Delete(t.Context(), deleted.ID))
	require.NoError(t, before.Clients().CreateClient(t.Context(), client))
	require.NoError(t, before.Close())

	after := open(t, path)
	got, err := after.Get(t.Context(), a.ID)
	require.NoError(t, err)
	a.Version++
	require.Equal(t, a, got)
	_, err = after.Get(t.Context(), deleted.ID)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	gotClient, err := after.Clients().Client(t.Context(), client.ID)
	require.NoError(t, err)
	require.Equal(t, client, gotClient)
}

func TestAClosedStoreFailsAndSaysNothingAboutRecords(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
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

// requireFault requires an error that is none of the outcomes which a store tells apart.
func requireFault(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, outcome := range []error{oauth2.ErrNotFound, oauth2.ErrExists, oauth2.ErrConflict} {
		require.NotErrorIs(t, err, outcome)
	}
}

func TestSweepOfMoreThanABatchDeletesUpToTheLimit(t *testing.T) {
	t.Parallel()
	db := ownDatabase(t)
	store, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
		INSERT INTO oauth2_authorizations SELECT id || i, version, client_id, subject, sweep_after, document FROM oauth2_authorizations, n`)
	require.NoError(t, err)
	for _, sweep := range []struct{ limit, want int }{{450, 450}, {400, 400}, {200, 150}, {200, 0}} {
		n, err := store.Sweep(t.Context(), a.SweepAfter().Add(time.Second), sweep.limit)
		require.NoError(t, err)
		require.Equal(t, sweep.want, n)
	}
}

func TestAWriterThatMustWaitGivesUpWithItsContextAndAReaderNeverWaits(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store := open(t, path)
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))

	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	other, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer other.Close()
	_, err = other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = store.Update(ctx, a) })
	}
	<-ctx.Done()
	got, err := store.Get(t.Context(), a.ID)
	require.NoError(t, err, "a reader waits for no writer")
	require.Equal(t, a, got)
	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	wg.Wait()
	for _, err := range errs {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		requireFault(t, err)
	}
	require.NoError(t, store.Delete(t.Context(), a.ID), "the connection is as good as before")
}

func TestListRefusesALimitBelowOne(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	for _, limit := range []int{0, -1} {
		_, err := store.List(t.Context(), oauth2.ListQuery{Limit: limit})
		require.ErrorContains(t, err, "limit")
	}
}

func TestARecordThatCannotBeReadIsAFault(t *testing.T) {
	t.Parallel()
	db := ownDatabase(t)
	store, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	require.NoError(t, store.Create(t.Context(), record("a")))
	require.NoError(t, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"}))
	for _, table := range []string{"authorizations", "clients"} {
		_, err = db.ExecContext(t.Context(), "UPDATE oauth2_"+table+" SET document = '{'")
		require.NoError(t, err)
	}
	_, err = store.Get(t.Context(), "a")
	requireFault(t, err)
	_, err = store.List(t.Context(), oauth2.ListQuery{Limit: 1})
	requireFault(t, err)
	_, err = store.Clients().Client(t.Context(), "web")
	requireFault(t, err)
}

func TestTheVersionOfItsColumnIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	db := ownDatabase(t)
	store, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	require.NoError(t, store.Create(t.Context(), record("a")))
	var document string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT document FROM oauth2_authorizations").Scan(&document))
	require.NotContains(t, document, `"version"`)

	_, err = db.ExecContext(t.Context(), `UPDATE oauth2_authorizations SET version = 7, document = json_set(document, '$.version', 3)`)
	require.NoError(t, err)
	got, err := store.Get(t.Context(), "a")
	require.NoError(t, err)
	require.EqualValues(t, 7, got.Version)
}

func TestTheOptionsThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	for _, opts := range []sqlstore.Options{
		{},
		{Dialect: "oracle"},
		{Dialect: sqlstore.SQLite, TablePrefix: "1"},
		{Dialect: sqlstore.SQLite, TablePrefix: "_"},
		{Dialect: sqlstore.SQLite, TablePrefix: "a-b"},
		{Dialect: sqlstore.SQLite, TablePrefix: "a; DROP TABLE users; --"},
		{Dialect: sqlstore.SQLite, TablePrefix: "é"},
		{Dialect: sqlstore.SQLite, TablePrefix: strings.Repeat("a", 33)},
	} {
		_, err := sqlstore.New(t.Context(), ownDatabase(t), opts)
		require.ErrorContains(t, err, "sqlstore: ")
	}
}

func TestTwoPrefixesInOneDatabaseAreTwoStores(t *testing.T) {
	t.Parallel()
	db := ownDatabase(t)
	db.SetMaxOpenConns(1) // as many applications have it: nothing may need a second connection
	var stores [2]*sqlstore.Store
	for i, prefix := range []string{"a_", "B2_"} {
		var err error
		stores[i], err = sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: sqlstore.SQLite, TablePrefix: prefix})
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
