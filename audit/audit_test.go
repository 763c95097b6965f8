package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
)

func TestALineHasTheEventAndItsPlaceInTheChain(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	o := testOptions("replica-1")
	type traceKey struct{}
	o.Context = func(ctx context.Context) map[string]string {
		return map[string]string{"trace": ctx.Value(traceKey{}).(string)}
	}
	log, err := audit.New(&b, o)
	require.NoError(t, err)
	log.OnEvent(context.WithValue(t.Context(), traceKey{}, "t-1"), oauth2.Event{
		Type: oauth2.EventAuthorizationRevoked, Time: o.Now(), Issuer: "https://id.example.com", ClientID: "app", Subject: "alice",
		AuthorizationID: "A1", GrantType: "authorization_code", Scope: oauth2.Scope{"read", "write"}, By: oauth2.ByClient, Addr: netip.MustParseAddr("192.0.2.7"),
		DetailsTypes: []string{"payment"}, Actor: &oauth2.Actor{Subject: "proxy"}, Audience: "https://other.example.com",
		Changed: []string{"scope"}, Err: fmt.Errorf("outer: %w", oauth2.ErrInvalidGrant.With("It is over.").Because(errDiskFull)),
	})
	lines := linesOf(b.Bytes())
	require.Len(t, lines, 2)
	var first, second map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
	require.Equal(t, "audit_opened", first["type"])
	require.Empty(t, first["prev"])
	require.Equal(t, first["hash"], second["prev"])
	require.Equal(t, log.Head().Hash, second["hash"])
	delete(second, "prev")
	delete(second, "hash")
	require.Equal(t, map[string]any{
		"seq": 2.0, "replica": "replica-1", "time": "2026-03-01T12:00:00Z", "type": "authorization_revoked",
		"issuer": "https://id.example.com", "client_id": "app", "sub": "alice", "authorization": "A1",
		"grant_type": "authorization_code", "scope": "read write", "addr": "192.0.2.7", "by": "client", "details_types": []any{"payment"}, "act": map[string]any{"sub": "proxy"}, "aud": "https://other.example.com", "changed": []any{"scope"}, "error": "invalid_grant",
		"reason": "outer: oauth2: invalid_grant: It is over.: no space left on device", "context": map[string]any{"trace": "t-1"},
	}, second)
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	head := audit.Checkpoint{Replica: "a", Seq: 1, Hash: strings.Repeat("0", 64)}
	for name, o := range map[string]audit.Options{
		"a blank in the name":     {Replica: "a b"},
		"a name without an end":   {Replica: strings.Repeat("a", 65)},
		"a short key":             {Key: []byte("short")},
		"another chain's head":    {Replica: "b", After: head},
		"a head without a hash":   {After: audit.Checkpoint{Replica: "a", Seq: 1}},
		"a negative number":       {CheckpointEvery: -1},
		"a newline in the name":   {Replica: "a\n"},
		"a colon, as checkpoints": {Replica: "a:b"},
	} {
		var b bytes.Buffer
		_, err := audit.New(&b, o)
		require.Error(t, err, name)
		require.Empty(t, b.String(), name)
	}
	_, err := audit.New(&flakyDisk{room: []int{0}}, testOptions("a"))
	require.ErrorIs(t, err, errDiskFull)
}

func TestChainsThatAreNotNamedDiffer(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for range 2 { // a process that starts anew on the same stream
		_, err := audit.New(&b, audit.Options{Key: testKey})
		require.NoError(t, err)
	}
	require.Len(t, verified(t, b.Bytes()).Chains, 2)
}

func TestParallelEventsAreOneChain(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log, err := audit.New(&b, testOptions("a"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 25 {
				log.OnEvent(t.Context(), issued("app"))
				_, _, _ = log.Head(), log.Err(), log.Lost()
			}
		})
	}
	wg.Wait()
	require.NoError(t, log.Close())
	require.Equal(t, 402, verified(t, b.Bytes(), log.Head()).Lines)
}

// Whatever part of a line a failing disk takes, the log goes on and says what was lost.
func TestAWriteThatFailsAnywhereIsToldAndTheChainGoesOn(t *testing.T) {
	t.Parallel()
	var whole bytes.Buffer
	log, err := audit.New(&whole, testOptions("a"))
	require.NoError(t, err)
	before := whole.Len()
	log.OnEvent(t.Context(), issued("app"))
	size := whole.Len() - before
	for room := range size + 1 {
		for _, second := range []int{-1, 0, 1, 2, 40} {
			disk := &flakyDisk{}
			var failures []error
			o := testOptions("a")
			o.Error = func(err error) { failures = append(failures, err) }
			log, err := audit.New(disk, o)
			require.NoError(t, err)
			disk.room = []int{room}
			if second >= 0 {
				disk.room = append(disk.room, second)
			}
			log.OnEvent(t.Context(), issued("app"))
			require.ErrorIs(t, log.Err(), errDiskFull)
			log.OnEvent(t.Context(), issued("app"))
			log.OnEvent(t.Context(), issued("app"))
			require.NoError(t, log.Err(), "the disk works again")
			require.NotEmpty(t, failures)
			require.NoError(t, log.Close())
			report := verified(t, disk.written.Bytes(), log.Head())
			require.Equal(t, log.Lost(), report.Chains[0].Lost, "room for %d, then %d", room, second)
			require.Equal(t, 3, wholeLines(disk.written.String(), "token_issued")+int(log.Lost()), "room for %d, then %d", room, second)
		}
	}
}

// wholeLines counts the lines of a type that are not cut off.
func wholeLines(text, eventType string) (n int) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, `"type":"`+eventType+`"`) && json.Valid([]byte(line)) {
			n++
		}
	}
	return n
}

func TestAFileIsContinuedWhereverACrashCutIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "whole")
	log, err := audit.Open(path, testOptions("a"))
	require.NoError(t, err)
	log.OnEvent(t.Context(), issued("one"))
	log.OnEvent(t.Context(), issued("two"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := range len(text) + 1 {
		path := filepath.Join(dir, fmt.Sprint(n))
		require.NoError(t, os.WriteFile(path, text[:n], 0o600))
		o := testOptions("")
		if n < bytes.IndexByte(text, '\n') {
			o.Replica = "a" // no whole line names the chain yet
		}
		log, err := audit.Open(path, o)
		require.NoError(t, err, "cut to %d bytes", n)
		log.OnEvent(t.Context(), issued("three"))
		require.NoError(t, log.Close())
		resumed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(text[:n]), string(resumed[:n]), "nothing is overwritten")
		report := verified(t, resumed, log.Head())
		require.Len(t, report.Chains, 1)
		require.LessOrEqual(t, report.Chains[0].Torn, 1)
	}
}

func TestAFileOfAnotherKeyOrKindIsNotContinued(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	crashed, _ := crashedFile(t)
	for name, text := range map[string]string{
		"other key":      string(crashed),
		"no log":         "root:x:0:0\ndaemon:x:1:1\n",
		"one empty line": "\n",
		"one long line":  strings.Repeat("x", 1<<17),
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := audit.Open(path, audit.Options{Key: []byte("another key of another operator")})
		require.ErrorIs(t, err, audit.ErrChanged, name)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(after), name)
	}
	path := filepath.Join(dir, "replica")
	require.NoError(t, os.WriteFile(path, crashed, 0o600))
	_, err := audit.Open(path, testOptions("other"))
	require.Error(t, err, "the file has the chain of another replica")
	_, err = audit.Open(dir, testOptions("a"))
	require.Error(t, err, "a folder")
}

func TestALogGoesOnInANewFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, err := audit.Open(filepath.Join(dir, "1"), testOptions("a"))
	require.NoError(t, err)
	require.NoError(t, old.Close())
	o := testOptions("")
	o.After = old.Head()
	for range 2 { // and after a restart, in the middle of the second
		log, err := audit.Open(filepath.Join(dir, "2"), o)
		require.NoError(t, err)
		require.NoError(t, log.Close())
		o = testOptions("")
	}
	text, err := os.ReadFile(filepath.Join(dir, "2"))
	require.NoError(t, err)
	report, err := audit.Verify(bytes.NewReader(text), audit.VerifyOptions{Key: testKey, After: []audit.Checkpoint{old.Head()}})
	require.NoError(t, err)
	require.EqualValues(t, 3, report.Chains[0].First)
	require.Equal(t, 2, report.Chains[0].Resumed)
	require.ErrorIs(t, verify(text), audit.ErrGap, "the first file is missing")
}

func BenchmarkOnEvent(b *testing.B) {
	log, err := audit.Open(filepath.Join(b.TempDir(), "audit.jsonl"), audit.Options{Key: testKey})
	require.NoError(b, err)
	event := issued("app")
	event.Time = time.Now()
	for b.Loop() {
		log.OnEvent(b.Context(), event)
	}
	require.NoError(b, log.Close())
}

func TestCheckpointsComeAfterSoManyLinesAndAtTheEnd(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var kept []audit.Checkpoint
	o := testOptions("a")
	o.CheckpointEvery = 2
	o.Checkpoint = func(c audit.Checkpoint) { kept = append(kept, c) }
	log, err := audit.New(&b, o)
	require.NoError(t, err)
	for range 4 {
		log.OnEvent(t.Context(), issued("app"))
	}
	require.Len(t, kept, 2)
	require.NoError(t, log.Close())
	require.NoError(t, log.Close(), "a second time")
	require.Equal(t, log.Head(), kept[len(kept)-1])
	verified(t, b.Bytes(), kept...)
	log.OnEvent(t.Context(), issued("late"))
	require.ErrorIs(t, log.Err(), audit.ErrClosed)
	require.EqualValues(t, 1, log.Lost())
}

func TestAnApplicationAddsItsOwnEventsButNotTheChains(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log, err := audit.New(&b, testOptions("a"))
	require.NoError(t, err)
	require.NoError(t, log.Record(t.Context(), "login.failed", map[string]any{"user": "bob", "attempt": 3}))
	for _, name := range []string{"", "audit_gap", "two words", "line\nbreak", strings.Repeat("x", 65)} {
		require.Error(t, log.Record(t.Context(), name, nil), name)
	}
	require.Error(t, log.Record(t.Context(), "login", map[string]any{"user": make(chan int)}))
	require.Error(t, log.Record(t.Context(), "login", map[string]any{"user": strings.Repeat("x", 1<<16)}))
	require.NoError(t, log.Close())
	require.Contains(t, b.String(), `"type":"login.failed","data":{"attempt":3,"user":"bob"}`)
	require.EqualValues(t, 7, verified(t, b.Bytes()).Chains[0].Lost, "what could not be written is counted")
}

type syncer struct {
	bytes.Buffer
	synced int
	err    error
}

func (s *syncer) Sync() error { s.synced++; return s.err }

func TestSyncWaitsForTheDiskAfterEveryLine(t *testing.T) {
	t.Parallel()
	disk := &syncer{}
	o := testOptions("a")
	o.Sync = true
	log, err := audit.New(disk, o)
	require.NoError(t, err)
	log.OnEvent(t.Context(), issued("app"))
	require.Equal(t, 2, disk.synced)
	disk.err = errors.New("input/output error")
	log.OnEvent(t.Context(), issued("app"))
	require.ErrorIs(t, log.Err(), disk.err)
	require.Zero(t, log.Lost(), "the line is there, though perhaps not after a power cut")
	verified(t, disk.Bytes(), log.Head())
}
