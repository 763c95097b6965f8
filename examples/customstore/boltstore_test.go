package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

func TestBoltStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) oauth2.TokenStore {
		store, err := openStore(filepath.Join(t.TempDir(), "oauth2.db"))
		require.NoError(t, err)
		store.db.NoSync = true // the power stays on, and hundreds of writes wait for no disk
		t.Cleanup(func() { require.NoError(t, store.db.Close()) })
		return store
	})
}

func TestTokenOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), filepath.Join(t.TempDir(), "oauth2.db"), &out))
	require.Equal(t, "issued a token\nafter a restart it is good: client machine, scope read\n", out.String())
}

func TestFileThatAnotherHasOpenIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oauth2.db")
	store, err := openStore(path)
	require.NoError(t, err)
	_, err = openStore(path)
	require.Error(t, err)
	require.NoError(t, store.db.Close())
}
