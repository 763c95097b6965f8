package authserver

import (
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-session/session/v3"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

type sweepingStore interface {
	session.ManagerStore
	Sweep(ctx context.Context, limit int) (int, error)
}

// eachStore runs a test on both places where sessions live.
func eachStore(t *testing.T, test func(t *testing.T, store sweepingStore, advance func(time.Duration))) {
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
	t.Run("memory", func(t *testing.T) { test(t, newMemorySessions(clock), advance) })
	t.Run("sqlite", func(t *testing.T) {
		store := openTestSessions(t, filepath.Join(t.TempDir(), "xmail.db"), clock)
		test(t, store, advance)
	})
}

func openTestSessions(t *testing.T, path string, now func() time.Time) *sqliteSessions {
	t.Helper()
	tokens, err := sqlstore.OpenSQLite(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, tokens.Close())
	store, err := openSQLiteSessions(t.Context(), path, now)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func TestSessionStoreKeepsWhatWasSaved(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store sweepingStore, _ func(time.Duration)) {
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
	eachStore(t, func(t *testing.T, store sweepingStore, _ func(time.Duration)) {
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
		require.ErrorIs(t, one.Save(), errNoSession, "the old one does not come back")
	})
}

func TestSessionStoreCreatesNothingForStrangers(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store sweepingStore, _ func(time.Duration)) {
		_, err := store.Create(t.Context(), "x", 60)
		require.ErrorIs(t, err, errNoSession)
		_, err = store.Update(t.Context(), "x", 60)
		require.ErrorIs(t, err, errNoSession)
		found, err := store.Check(t.Context(), "x")
		require.NoError(t, err)
		require.False(t, found)
	})
}

func TestSessionThatEndedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store sweepingStore, advance func(time.Duration)) {
		ctx := t.Context()
		deleted, err := store.Refresh(ctx, "none", "deleted", 60)
		require.NoError(t, err)
		require.NoError(t, store.Delete(ctx, "deleted"))
		require.NoError(t, store.Delete(ctx, "deleted"))
		require.ErrorIs(t, deleted.Save(), errNoSession)

		expired, err := store.Refresh(ctx, "none", "expired", 60)
		require.NoError(t, err)
		expired.Set("k", "v")
		require.NoError(t, expired.Save())
		advance(time.Minute)
		require.ErrorIs(t, expired.Save(), errNoSession)
		_, err = store.Update(ctx, "expired", 60)
		require.ErrorIs(t, err, errNoSession)
		moved, err := store.Refresh(ctx, "expired", "moved", 60)
		require.NoError(t, err)
		require.Empty(t, text(moved, "k"))
	})
}

func TestExpiredSessionsAreSweptInBatches(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store sweepingStore, advance func(time.Duration)) {
		ctx := t.Context()
		for i := range 5 {
			_, err := store.Refresh(ctx, "none", fmt.Sprint("old", i), 60)
			require.NoError(t, err)
		}
		_, err := store.Refresh(ctx, "none", "young", 120)
		require.NoError(t, err)
		advance(time.Minute)
		for _, want := range []int{3, 2, 0} {
			n, err := store.Sweep(ctx, 3)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		found, err := store.Check(ctx, "young")
		require.NoError(t, err)
		require.True(t, found)
	})
}

func TestCookieKeyIsMadeOnceByReplicasThatStartTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "xmail.db")
	openTestSessions(t, path, time.Now)
	keys := make([][]byte, 6)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			store, err := openSQLiteSessions(t.Context(), path, time.Now)
			if err == nil {
				keys[i], _ = store.cookieKey(t.Context())
				_ = store.Close()
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		require.Len(t, key, cookieKeyBytes)
		require.Equal(t, keys[0], key)
	}
}

func TestEveryDatabaseHasACookieKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	keyOf := func(file string) []byte {
		s, err := openStores(t.Context(), &Options{Store: "sqlite:" + filepath.Join(folder, file), Now: time.Now})
		require.NoError(t, err)
		require.NoError(t, s.close())
		require.GreaterOrEqual(t, len(s.cookieKey), cookieKeyBytes)
		return s.cookieKey
	}
	one := keyOf("one.db")
	require.NotEqual(t, one, keyOf("two.db"))
	require.Equal(t, one, keyOf("one.db"), "and keeps it")
}

func TestAttemptsBeyondTheFreeFailuresAreLookedAtInTurn(t *testing.T) {
	t.Parallel()
	l := newLimiter()
	for range freeFailures {
		seen, limited := l.admit(t.Context(), "alice")
		require.True(t, seen)
		require.False(t, limited)
	}
	// The deadline is shorter than the turns are apart, so only the first gets one.
	ctx, cancel := context.WithTimeout(t.Context(), slowedAttempts/4)
	defer cancel()
	looked := 0
	for range 20 {
		seen, limited := l.admit(ctx, "alice")
		require.True(t, limited)
		if seen {
			looked++
		}
	}
	require.Equal(t, 1, looked)
	l.succeed("alice")
	_, limited := l.admit(t.Context(), "alice")
	require.False(t, limited)
}

func TestSessionDatabaseHasNoSessionID(t *testing.T) {
	t.Parallel()
	store := openTestSessions(t, filepath.Join(t.TempDir(), "xmail.db"), time.Now)
	_, err := store.Refresh(t.Context(), "none", "the-session-id", 60)
	require.NoError(t, err)
	var n int
	require.NoError(t, store.db.QueryRow(`SELECT count(*) FROM xmail_sessions WHERE instr(id, 'the-session-id') OR instr("values", 'the-session-id')`).Scan(&n))
	require.Zero(t, n)
}

func TestRequestsThatWaitForAnAnswerAreBounded(t *testing.T) {
	t.Parallel()
	store := newMemorySessions(time.Now)
	one, err := store.Refresh(t.Context(), "none", "one", 60)
	require.NoError(t, err)
	l := &login{Subject: "alice", Key: "k", AuthTime: time.Now(), store: one}
	now := time.Now()
	for i := range 3 * maxFresh {
		now = now.Add(time.Second)
		l.write(fmt.Sprint("/", i), now)
	}
	require.Len(t, one.(*sessionValues).values, 3+maxFresh)
	require.True(t, l.freshFor(fmt.Sprint("/", 3*maxFresh-1), now))
	require.False(t, l.freshFor("/0", now))
}

func TestProofIsGoodForOnePurposeKeyAndValue(t *testing.T) {
	t.Parallel()
	field := prove("key", proofConsent, "value")
	require.True(t, proven(field, "key", proofConsent, "value"))
	require.NotEqual(t, field, prove("key", proofConsent, "value"))
	require.False(t, proven(field, "other", proofConsent, "value"))
	require.False(t, proven(field, "key", proofSite, "value"))
	require.False(t, proven(field, "key", proofConsent, "other"))
	for _, garbage := range []string{"", ".", field[:len(field)-1], field + "A", "x" + field, strings.Replace(field, ".", "", 1)} {
		require.False(t, proven(garbage, "key", proofConsent, "value"), garbage)
	}
}

func TestEveryMessageOfThePagesIsThereInEveryLanguage(t *testing.T) {
	t.Parallel()
	for key, texts := range messages {
		for i, text := range texts {
			require.NotEmpty(t, text, "%s in %s", key, languages[i])
			require.Equal(t, strings.Count(texts[0], "%s"), strings.Count(text, "%s"), key)
			_, err := template.New("").Parse(text)
			require.NoError(t, err)
		}
	}
	used := map[string]bool{}
	uses := regexp.MustCompile(`\.[TH] "([^"]+)"`)
	require.NoError(t, fs.WalkDir(pageFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := fs.ReadFile(pageFiles, path)
		for _, m := range uses.FindAllSubmatch(source, -1) {
			used[string(m[1])] = true
		}
		return err
	}))
	require.Greater(t, len(used), 20)
	for _, key := range slices.Sorted(maps.Keys(used)) {
		require.Contains(t, messages, key)
	}
}

func TestASweepDrainsEveryBatch(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	o := Options{Store: "sqlite:" + filepath.Join(t.TempDir(), "xmail.db"), Now: clock}
	s, err := openStores(t.Context(), &o)
	require.NoError(t, err)
	for i := range 2*sweepBatch + 1 {
		_, err := s.sessions.Refresh(t.Context(), "none", fmt.Sprint(i), 60)
		require.NoError(t, err)
	}
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	require.NoError(t, s.sweep(t.Context(), clock()))
	var left int
	require.NoError(t, s.sessions.(*sqliteSessions).db.QueryRow(`SELECT count(*) FROM xmail_sessions`).Scan(&left))
	require.Zero(t, left)
	require.NoError(t, s.close())
}
