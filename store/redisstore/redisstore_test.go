package redisstore_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis tells of every server that a test kills
	os.Exit(m.Run())
}

// newClient is closed when the test ends.
func newClient(t *testing.T, opts *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(opts)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func newCluster(t *testing.T, opts *redis.ClusterOptions) *redis.ClusterClient {
	t.Helper()
	client := redis.NewClusterClient(opts)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// single is a client of a server of its own, which need not outlive a crash.
func single(t *testing.T) *redis.Client {
	t.Helper()
	addr, _ := testserver.Redis(t, "--appendonly", "no")
	return newClient(t, &redis.Options{Addr: addr})
}

func newStore(t *testing.T, client redis.UniversalClient, opts redisstore.Options) *redisstore.Store {
	t.Helper()
	store, err := redisstore.New(t.Context(), client, opts)
	require.NoError(t, err)
	return store
}

func record(id string) *oauth2.Authorization {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &oauth2.Authorization{
		ID: id, Version: 1, Format: 1, Issuer: "https://id.example.com",
		ClientID: "web", Subject: "alice", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

// requireFault requires an error that is none of the outcomes which a store tells apart.
func requireFault(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, outcome := range []error{oauth2.ErrNotFound, oauth2.ErrExists, oauth2.ErrConflict} {
		require.NotErrorIs(t, err, outcome)
	}
}

func requireStored(t *testing.T, store *redisstore.Store, want *oauth2.Authorization) {
	t.Helper()
	got, err := store.Get(t.Context(), want.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// requireListed requires that all records of alice are these.
func requireListed(t *testing.T, store *redisstore.Store, ids ...string) {
	t.Helper()
	records, err := store.List(t.Context(), oauth2.ListQuery{Subject: "alice", Limit: 100})
	require.NoError(t, err)
	listed := make([]string, 0, len(records))
	for _, a := range records {
		listed = append(listed, a.ID)
	}
	require.Equal(t, append([]string{}, ids...), listed)
}

var prefixes atomic.Int64

// eachEmpty makes stores that share a Redis, each empty because it has a prefix of its own.
func eachEmpty(client redis.UniversalClient, opts redisstore.Options) func(t *testing.T) *redisstore.Store {
	return func(t *testing.T) *redisstore.Store {
		opts.KeyPrefix = fmt.Sprintf("test%d:", prefixes.Add(1))
		return newStore(t, client, opts)
	}
}

// keepTheContracts runs the conformance kit.
func keepTheContracts(t *testing.T, newStore func(t *testing.T) *redisstore.Store) {
	storetest.Run(t, func(t *testing.T) oauth2.TokenStore { return newStore(t) })
	t.Run("clients", func(t *testing.T) {
		storetest.RunClients(t, func(t *testing.T) storetest.ClientRegistry { return newStore(t).Clients() })
	})
}

func TestASingleServerKeepsTheContracts(t *testing.T) {
	t.Parallel()
	keepTheContracts(t, eachEmpty(single(t), redisstore.Options{}))
}
