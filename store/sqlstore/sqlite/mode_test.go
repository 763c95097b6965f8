//go:build unix

package sqlite_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Files have a mode on Unix alone.
func TestANewFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store := open(t, path)
	require.NoError(t, store.Create(t.Context(), record("a")))
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), file)
	}
}
