package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

func open(t *testing.T, path string) *sqlstore.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "oauth2.db") }

func record(id string) *oauth2.Authorization {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &oauth2.Authorization{
		ID: id, Version: 1, Format: 1, Issuer: "https://id.example.com",
		ClientID: "web", Subject: "alice", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func TestAFileKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) oauth2.TokenStore { return open(t, newPath(t)) })
}

func TestClientsKeepTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunClients(t, func(t *testing.T) storetest.ClientRegistry { return open(t, newPath(t)).Clients() })
}

func TestEverythingIsThereAfterTheFileIsOpenedAgain(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	before, err := sqlite.Open(t.Context(), path)
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
	wg.Wait() // who has the lock keeps it: whose turn it is would get it as its context ends
	for _, err := range errs {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, oauth2.ErrConflict)
	}
	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), a.ID), "the connection is as good as before")
}

func TestAPathThatCannotBeOpenedIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage")
	require.NoError(t, os.WriteFile(garbage, []byte("this is no database, and long enough to tell"), 0o600))
	for _, path := range []string{"", folder, "nul\x00byte", garbage, filepath.Join(folder, "missing", "oauth2.db"), filepath.Join(garbage, "oauth2.db")} {
		_, err := sqlite.Open(t.Context(), path)
		require.ErrorContains(t, err, fmt.Sprintf("open %q", path))
	}
	_, err := sqlite.Open(t.Context(), filepath.Join(folder, "missing", "oauth2.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	text, err := os.ReadFile(garbage)
	require.NoError(t, err)
	require.Contains(t, string(text), "no database", "it was left alone")
}

func TestAPathIsAFileWhateverItsName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{":memory:", "a?mode=memory&cache=shared", "50%20 of #1.db", "file:x", "漢字 'n\" db"} {
		path := filepath.Join(t.TempDir(), name)
		store := open(t, path)
		require.NoError(t, store.Create(t.Context(), record("a")))
		require.FileExists(t, path)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlite.Open(ctx, newPath(t))
	require.ErrorIs(t, err, context.Canceled)
}

func TestManyThatOpenANewFileAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	for range 5 {
		path := newPath(t)
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				store, err := sqlite.Open(t.Context(), path)
				if errs[i] = err; err == nil {
					errs[i] = store.Close()
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
}

// Longer than a writer waits: a process may take its time for a new version's tables.
func TestOpenWaitsForAProcessThatBringsTheTablesUpToDate(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = WAL")
	require.NoError(t, err)
	other, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer other.Close()
	_, err = other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = sqlite.Open(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	done := time.AfterFunc(6*time.Second, func() { _, _ = other.ExecContext(context.Background(), "ROLLBACK") })
	defer done.Stop()
	store, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, store.Close())
}
