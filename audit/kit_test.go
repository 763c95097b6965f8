package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func testOptions(replica string) audit.Options {
	clock := testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	return audit.Options{Replica: replica, Key: testKey, Now: clock.Now}
}

func issued(client string) oauth2.Event {
	return oauth2.Event{Type: oauth2.EventTokenIssued, ClientID: client, Subject: "alice", Scope: oauth2.Scope{"read"}}
}

func refusedEvent() oauth2.Event {
	return oauth2.Event{Type: oauth2.EventTokenRefused, ClientID: "app", Err: oauth2.ErrInvalidGrant.With("The code has expired.")}
}

// verified requires that a log is what was written.
func verified(t testing.TB, text []byte, checkpoints ...audit.Checkpoint) audit.Report {
	t.Helper()
	report, err := audit.Verify(bytes.NewReader(text), audit.VerifyOptions{Key: testKey, Checkpoints: checkpoints})
	require.NoError(t, err, "%s", text)
	return report
}

func verify(text []byte, checkpoints ...audit.Checkpoint) error {
	_, err := audit.Verify(bytes.NewReader(text), audit.VerifyOptions{Key: testKey, Checkpoints: checkpoints})
	return err
}

// found requires an error of one of the four kinds.
func found(t testing.TB, err error, args ...any) {
	t.Helper()
	var at *audit.LineError
	require.ErrorAs(t, err, &at, args...)
	for _, kind := range []error{audit.ErrChanged, audit.ErrGap, audit.ErrRepeated, audit.ErrTruncated} {
		if errors.Is(err, kind) {
			return
		}
	}
	require.Fail(t, "the error is of no kind", err.Error())
}

// A chain that was resumed after a crash in the middle of a line, in a file.
func crashedFile(t testing.TB) (text []byte, head audit.Checkpoint) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(path, testOptions("b"))
	require.NoError(t, err)
	log.OnEvent(t.Context(), issued("app"))
	appendTo(t, path, `{"seq":3,"repl`) // and here the machine went down
	log, err = audit.Open(path, testOptions(""))
	require.NoError(t, err)
	log.OnEvent(t.Context(), refusedEvent())
	require.NoError(t, log.Close())
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	return text, log.Head()
}

func appendTo(t testing.TB, path, text string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// A small log that has everything: two replicas, a line that a crash cut off, one that a full disk cut
// off, events that were lost, an application's own event, and both ends.
func fullLog(t testing.TB) (text []byte, heads []audit.Checkpoint) {
	crashed, head := crashedFile(t)
	disk := &flakyDisk{}
	log, err := audit.New(disk, testOptions("a"))
	require.NoError(t, err)
	log.OnEvent(t.Context(), issued("app"))
	disk.room = []int{30}
	log.OnEvent(t.Context(), issued("lost"))
	require.NoError(t, log.Record(t.Context(), "login", map[string]any{"user": "alice"}))
	require.NoError(t, log.Close())
	lines := bytes.SplitAfter(disk.written.Bytes(), []byte("\n"))
	// Replica a began and wrote its first event before b, and went on in the middle of b.
	merged := append([]byte{}, bytes.Join(lines[:2], nil)...)
	of := bytes.SplitAfter(crashed, []byte("\n"))
	merged = append(merged, bytes.Join(of[:2], nil)...)
	merged = append(merged, bytes.Join(lines[2:], nil)...)
	merged = append(merged, bytes.Join(of[2:], nil)...)
	return merged, []audit.Checkpoint{log.Head(), head}
}

var errDiskFull = errors.New("no space left on device")

// A flakyDisk has room for only so many bytes in each of the next writes.
type flakyDisk struct {
	written bytes.Buffer
	room    []int
}

func (d *flakyDisk) Write(p []byte) (int, error) {
	if len(d.room) == 0 {
		return d.written.Write(p)
	}
	n := min(d.room[0], len(p))
	d.room = d.room[1:]
	d.written.Write(p[:n])
	return n, errDiskFull
}

func linesOf(text []byte) []string {
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}
