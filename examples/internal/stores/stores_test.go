package stores

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestASweepDrainsEveryBatch(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "xmail.db"), "test")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	now := time.Now()
	record := func(id string, expires time.Time) *oauth2.Authorization {
		return &oauth2.Authorization{ID: id, Version: 1, Format: 1, Issuer: "http://localhost", CreatedAt: now, ExpiresAt: expires, EndsAt: expires}
	}
	for i := range 2*sweepBatch + 1 {
		require.NoError(t, s.Tokens.Create(t.Context(), record(fmt.Sprint(i), now.Add(time.Minute))))
	}
	require.NoError(t, s.Tokens.Create(t.Context(), record("lasting", now.AddDate(1, 0, 0))))
	require.NoError(t, s.Sweep(t.Context(), now.Add(3*time.Hour)))
	left, err := s.Tokens.(oauth2.Lister).List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestEveryProgramHasAFileOfItsOwn(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for _, program := range []string{"one", "two"} {
		s, err := Open(t.Context(), "", program)
		require.NoError(t, err)
		require.FileExists(t, s.Path)
		require.Equal(t, program+".db", filepath.Base(s.Path))
		require.NoError(t, s.Close())
	}
}

func TestNoPasswordIsInTheNameOfAStore(t *testing.T) {
	t.Parallel()
	for store, name := range map[string]string{
		"memory":                               "memory",
		"redis://:secret@localhost:6379/1":     "redis://localhost:6379/1",
		"postgres://x:secret@db/xmail?a=b":     "postgres://db/xmail",
		"redis://a:1?password=secret&addr=b:2": "redis://a:1",
	} {
		require.Equal(t, name, nameOf(store))
	}
}
