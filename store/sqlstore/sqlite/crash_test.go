package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// childPath names the file that a copy of the test program writes to until it is killed.
const childPath = "SQLITE_TEST_CHILD_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled tells each write on standard output as soon as it is acknowledged: the ID and the
// version, which is 0 for a deleted record. Once nobody listens, the signal SIGPIPE ends the process.
func writeUntilKilled(path string) error {
	store, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for writer := range 4 {
		go func() {
			for i := 0; ; i++ {
				// Processes that write without a pause may starve another. What it could not write it does not tell.
				if err := writeOne(store, fmt.Sprintf("%d-%d-%d", os.Getpid(), writer, i), i%2 == 0); err != nil && !sqlite.Busy(err) {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func writeOne(store *sqlstore.Store, id string, remove bool) error {
	ctx, a := context.Background(), record(id)
	if err := store.Create(ctx, a); err != nil {
		return err
	}
	for fmt.Println(id, a.Version); a.Version < 3; fmt.Println(id, a.Version) {
		if err := store.Update(ctx, a); err != nil {
			return err
		}
		a.Version++
	}
	if !remove {
		return nil
	}
	if err := store.Delete(ctx, id); err != nil {
		return err
	}
	fmt.Println(id, 0)
	return nil
}

// A writer is a process that writes to a file, and the writes it told of.
type writer struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	told map[string]int64
}

func startWriter(t *testing.T, path string) *writer {
	t.Helper()
	w := &writer{cmd: exec.CommandContext(t.Context(), os.Args[0]), told: map[string]int64{}}
	w.cmd.Env = append(os.Environ(), childPath+"="+path)
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, w.cmd.Start())
	w.out = bufio.NewReader(out)
	return w
}

// killAfter ends the process in the middle of its work once it has told of n writes.
func (w *writer) killAfter(t *testing.T, n int) {
	t.Helper()
	w.listen(n)
	require.NoError(t, w.cmd.Process.Kill())
	w.listen(math.MaxInt)
	require.Error(t, w.cmd.Wait())
	require.Equal(t, -1, w.cmd.ProcessState.ExitCode(), "the process ended by itself")
	require.NotEmpty(t, w.told)
}

// listen reads the next n writes, or all until the process ended.
func (w *writer) listen(n int) {
	for range n {
		var id string
		var version int64
		if _, err := fmt.Fscanln(w.out, &id, &version); err != nil {
			return
		}
		w.told[id] = version
	}
}

func TestAKilledProcessLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var writers []*writer
	for range 3 {
		w := startWriter(t, path)
		w.killAfter(t, 200)
		writers = append(writers, w)
	}
	store := open(t, path)
	for _, w := range writers {
		requireAcknowledged(t, store, w.told)
	}
}

func TestProcessesThatCreateOneFileAtOnceShareIt(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	writers := []*writer{startWriter(t, path), startWriter(t, path), startWriter(t, path)}
	for _, w := range writers {
		w.killAfter(t, 50)
	}
	store := open(t, path)
	for _, w := range writers {
		requireAcknowledged(t, store, w.told)
	}
}

// requireAcknowledged requires that every write is there, or a later one that could not be
// acknowledged any more.
func requireAcknowledged(t *testing.T, store *sqlstore.Store, told map[string]int64) {
	t.Helper()
	for id, version := range told {
		got, err := store.Get(t.Context(), id)
		switch {
		case version == 0:
			require.ErrorIs(t, err, oauth2.ErrNotFound, id)
		case version == 3 && err != nil:
			require.ErrorIs(t, err, oauth2.ErrNotFound, id) // its Delete had begun
		default:
			require.NoError(t, err, id)
			require.GreaterOrEqual(t, got.Version, version, id)
		}
	}
}
