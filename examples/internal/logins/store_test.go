package logins

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// eachStore runs a test on the places where sessions live.
func eachStore(t *testing.T, test func(t *testing.T, store *Store, advance func(time.Duration))) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	advance := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	t.Run("memory", func(t *testing.T) { test(t, memorySessions(clock), advance) })
	t.Run("sqlite", func(t *testing.T) {
		test(t, sqliteSessions(t, filepath.Join(t.TempDir(), "xmail.db"), clock), advance)
	})
}

const testIssuer = "http://localhost:8620"

func memorySessions(now func() time.Time) *Store {
	return NewStore(memory.New(), testIssuer, now)
}

func sqliteSessions(t *testing.T, path string, now func() time.Time) *Store {
	t.Helper()
	tokens, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tokens.Close()) })
	return NewStore(tokens, testIssuer, now)
}

func TestSessionStoreKeepsWhatWasSaved(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *Store, _ func(time.Duration)) {
		ctx := t.Context()
		one, err := store.Refresh(ctx, "none", "one", 60)
		require.NoError(t, err)
		require.Equal(t, "one", one.SessionID())
		one.Set("text", "é\x00\"")
		one.Set("number", 7)
		unsaved, err := store.Update(ctx, "one", 60)
		require.NoError(t, err)
		require.Empty(t, text(unsaved, "text"), "nothing counts before Save")

		require.NoError(t, one.Save())
		again, err := store.Update(ctx, "one", 60)
		require.NoError(t, err)
		require.Equal(t, "é\x00\"", text(again, "text"))
		require.Equal(t, "7", text(again, "number"), "values are text in every store")
		require.Equal(t, "7", again.Delete("number"))
		require.Nil(t, again.Delete("number"))
		require.Equal(t, "7", text(one, "number"), "two requests share nothing")
		require.NoError(t, again.Flush())
		flushed, err := store.Update(ctx, "one", 60)
		require.NoError(t, err)
		require.Empty(t, text(flushed, "text"))
	})
}

func TestSessionStoreMovesASessionToANewID(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *Store, _ func(time.Duration)) {
		ctx := t.Context()
		one, err := store.Refresh(ctx, "none", "one", 60)
		require.NoError(t, err)
		one.Set("k", "v")
		require.NoError(t, one.Save())
		two, err := store.Refresh(ctx, "one", "two", 60)
		require.NoError(t, err)
		require.Equal(t, "v", text(two, "k"))
		found, err := store.Check(ctx, "one")
		require.NoError(t, err)
		require.False(t, found)
		require.ErrorIs(t, one.Save(), ErrNoSession, "the old one does not come back")
	})
}

func TestSessionStoreCreatesNothingForStrangers(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *Store, _ func(time.Duration)) {
		_, err := store.Create(t.Context(), "x", 60)
		require.ErrorIs(t, err, ErrNoSession)
		_, err = store.Update(t.Context(), "x", 60)
		require.ErrorIs(t, err, ErrNoSession)
		found, err := store.Check(t.Context(), "x")
		require.NoError(t, err)
		require.False(t, found)
	})
}

func TestSessionThatEndedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *Store, advance func(time.Duration)) {
		ctx := t.Context()
		deleted, err := store.Refresh(ctx, "none", "deleted", 60)
		require.NoError(t, err)
		require.NoError(t, store.Delete(ctx, "deleted"))
		require.NoError(t, store.Delete(ctx, "deleted"))
		require.ErrorIs(t, deleted.Save(), ErrNoSession)

		expired, err := store.Refresh(ctx, "none", "expired", 60)
		require.NoError(t, err)
		expired.Set("k", "v")
		require.NoError(t, expired.Save())
		advance(time.Minute)
		require.ErrorIs(t, expired.Save(), ErrNoSession)
		_, err = store.Update(ctx, "expired", 60)
		require.ErrorIs(t, err, ErrNoSession)
		moved, err := store.Refresh(ctx, "expired", "moved", 60)
		require.NoError(t, err)
		require.Empty(t, text(moved, "k"))
	})
}

func TestVisitMakesASessionLastAnew(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *Store, advance func(time.Duration)) {
		_, err := store.Refresh(t.Context(), "none", "one", 60)
		require.NoError(t, err)
		for range 3 {
			advance(50 * time.Second)
			_, err = store.Update(t.Context(), "one", 60)
			require.NoError(t, err)
		}
		before, err := store.get(t.Context(), "one")
		require.NoError(t, err)
		advance(time.Second / 2)
		_, err = store.Update(t.Context(), "one", 60)
		require.NoError(t, err)
		after, err := store.get(t.Context(), "one")
		require.NoError(t, err)
		require.Equal(t, before.Version, after.Version, "but a second visit at once writes nothing")
	})
}

func TestServerNeverTakesASessionForAnAuthorization(t *testing.T) {
	t.Parallel()
	store := memorySessions(time.Now)
	_, err := store.Refresh(t.Context(), "none", "one", 60)
	require.NoError(t, err)
	_, err = oauth2.New(oauth2.ServerConfig{Issuer: store.issuer})
	require.ErrorContains(t, err, "fragment", "no server can have the sessions' issuer")
}

func TestCookieKeyIsMadeOnceByReplicasThatStartTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "xmail.db")
	keys := make([][]byte, 6)
	var wg sync.WaitGroup
	for i := range keys {
		store := sqliteSessions(t, path, time.Now)
		wg.Go(func() { keys[i], _ = store.CookieKey(t.Context()) })
	}
	wg.Wait()
	for _, key := range keys {
		require.Len(t, key, KeyBytes)
		require.Equal(t, keys[0], key)
	}
}

func TestEveryDatabaseHasACookieKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	keyOf := func(file string) []byte {
		key, err := sqliteSessions(t, filepath.Join(folder, file), time.Now).CookieKey(t.Context())
		require.NoError(t, err)
		require.Len(t, key, KeyBytes)
		return key
	}
	one := keyOf("one.db")
	require.NotEqual(t, one, keyOf("two.db"))
	require.Equal(t, one, keyOf("one.db"), "and keeps it")
}

func TestSessionDatabaseHasNoSessionID(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "xmail.db")
	store := sqliteSessions(t, path, time.Now)
	_, err := store.Refresh(t.Context(), "none", "the-session-id", 60)
	require.NoError(t, err)
	found := 0
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		found += bytes.Count(content, []byte(recordID("session", "the-session-id")))
		require.NotContains(t, string(content), "the-session-id")
	}
	require.Positive(t, found, "the digest is there")
}

func TestRequestsThatWaitForAnAnswerAreBounded(t *testing.T) {
	t.Parallel()
	store := memorySessions(time.Now)
	one, err := store.Refresh(t.Context(), "none", "one", 60)
	require.NoError(t, err)
	l := &Login{Subject: "alice", Key: "k", AuthTime: time.Now(), store: one}
	now := time.Now()
	for i := range 3 * maxFresh {
		now = now.Add(time.Second)
		l.write(fmt.Sprint("/", i), now)
	}
	require.Len(t, one.(*sessionValues).values, 3+maxFresh)
	require.True(t, l.FreshFor(fmt.Sprint("/", 3*maxFresh-1), now))
	require.False(t, l.FreshFor("/0", now))
}
