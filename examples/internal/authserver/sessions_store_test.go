package authserver

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// eachStore runs a test on the places where sessions live.
func eachStore(t *testing.T, test func(t *testing.T, store *storedSessions, advance func(time.Duration))) {
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

func memorySessions(now func() time.Time) *storedSessions {
	return newStoredSessions(memory.New(), testIssuer, now)
}

func sqliteSessions(t *testing.T, path string, now func() time.Time) *storedSessions {
	t.Helper()
	tokens, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tokens.Close()) })
	return newStoredSessions(tokens, testIssuer, now)
}

func TestSessionStoreKeepsWhatWasSaved(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *storedSessions, _ func(time.Duration)) {
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
	eachStore(t, func(t *testing.T, store *storedSessions, _ func(time.Duration)) {
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
	eachStore(t, func(t *testing.T, store *storedSessions, _ func(time.Duration)) {
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
	eachStore(t, func(t *testing.T, store *storedSessions, advance func(time.Duration)) {
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

func TestVisitMakesASessionLastAnew(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *storedSessions, advance func(time.Duration)) {
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
		wg.Go(func() { keys[i], _ = store.cookieKey(t.Context()) })
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
		s, err := openStores(t.Context(), &Options{Store: "sqlite:" + filepath.Join(folder, file), Issuer: testIssuer, Now: time.Now})
		require.NoError(t, err)
		require.NoError(t, s.close())
		require.GreaterOrEqual(t, len(s.cookieKey), cookieKeyBytes)
		return s.cookieKey
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
	o := Options{Store: "sqlite:" + filepath.Join(t.TempDir(), "xmail.db"), Issuer: testIssuer, Now: time.Now}
	s, err := openStores(t.Context(), &o)
	require.NoError(t, err)
	for i := range 2*sweepBatch + 1 {
		_, err := s.sessions.Refresh(t.Context(), "none", fmt.Sprint(i), 60)
		require.NoError(t, err)
	}
	require.NoError(t, s.sweep(t.Context(), time.Now().Add(3*time.Hour)))
	left, err := s.tokens.(oauth2.Lister).List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.Len(t, left, 1, "the cookie key stays")
	require.NoError(t, s.close())
}
