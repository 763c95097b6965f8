//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

func TestAServerThatIsKilledLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	addr, server := testserver.Redis(t)
	client := newClient(t, &redis.Options{Addr: addr, DialerRetries: 1})
	store := newStore(t, client, redisstore.Options{})
	for round := range 2 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		told := map[string]int64{} // the version, and 0 once it is deleted
		enough := make(chan struct{})
		writes := 0
		tell := func(id string, version int64) {
			mu.Lock()
			defer mu.Unlock()
			told[id] = version
			if writes++; writes == 300 {
				close(enough)
			}
		}
		for writer := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					if err := writeOne(t, store, fmt.Sprintf("%d-%d-%d", round, writer, i), i%2 == 0, tell); err != nil {
						return
					}
				}
			})
		}
		<-enough
		server.Kill()
		wg.Wait()
		server.Start()
		requireAcknowledged(t, store, told)
	}
}

// writeOne writes until a write is not acknowledged.
func writeOne(t *testing.T, store *redisstore.Store, id string, remove bool, tell func(id string, version int64)) error {
	a := record(id)
	if err := store.Create(t.Context(), a); err != nil {
		return err
	}
	for tell(id, a.Version); a.Version < 3; tell(id, a.Version) {
		if err := store.Update(t.Context(), a); err != nil {
			return err
		}
		a.Version++
	}
	if !remove {
		return nil
	}
	err := store.Delete(t.Context(), id)
	if err == nil {
		tell(id, 0)
	}
	return err
}

// requireAcknowledged requires that every write is there and is listed, or a later one that could
// not be acknowledged any more.
func requireAcknowledged(t *testing.T, store *redisstore.Store, told map[string]int64) {
	t.Helper()
	records, err := store.List(t.Context(), oauth2.ListQuery{Subject: "alice", Limit: 100_000})
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, a := range records {
		listed[a.ID] = true
	}
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
			require.True(t, listed[id], id)
		}
	}
}

func TestAPrimaryThatBecameAReplicaIsNotRead(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	client := newClient(t, &redis.Options{Addr: addr, MaxRetries: -1})
	store := newStore(t, client, redisstore.Options{})
	require.NoError(t, store.Create(t.Context(), record("a")))
	require.NoError(t, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"}))
	// The new primary cannot be reached, so this one keeps its data, and lags.
	require.NoError(t, client.Do(t.Context(), "replicaof", "127.0.0.1", "1").Err())
	require.NotEmpty(t, client.Get(t.Context(), "oauth2:a:a").Val(), "it would answer")

	_, getErr := store.Get(t.Context(), "a")
	_, listErr := store.List(t.Context(), oauth2.ListQuery{Subject: "nobody", Limit: 1})
	_, clientErr := store.Clients().Client(t.Context(), "web")
	for _, err := range []error{getErr, listErr, clientErr} {
		require.ErrorContains(t, err, "READONLY")
		requireFault(t, err)
	}
}

func TestAPrimaryThatLostItsReplicasIsNotReadWhereTheyAreRequired(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, client.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err())
	_, err := store.Get(t.Context(), a.ID)
	require.ErrorContains(t, err, "NOREPLICAS")
	requireFault(t, err)
	require.NoError(t, client.ConfigSet(t.Context(), "min-replicas-to-write", "0").Err())
	requireStored(t, store, a)
}

func TestAWriteThatTooFewReplicasAcknowledgeIsNoSuccess(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	waiting := newStore(t, client, redisstore.Options{WaitReplicas: 1, WaitTimeout: 10 * time.Millisecond})
	a, web := record("a"), &oauth2.Client{ID: "web"}
	requireTooFew := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, redisstore.ErrTooFewReplicas)
		requireFault(t, err)
	}
	requireTooFew(waiting.Create(t.Context(), a))
	require.NoError(t, store.Create(t.Context(), a), "it could not even be filed")
	requireTooFew(waiting.Update(t.Context(), a))
	a.Version++
	requireStored(t, waiting, a)
	requireListed(t, waiting, a.ID)
	requireTooFew(waiting.Delete(t.Context(), a.ID))
	_, err := waiting.Get(t.Context(), a.ID)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	requireTooFew(waiting.Clients().CreateClient(t.Context(), web))
	_, err = waiting.Clients().Client(t.Context(), web.ID)
	require.NoError(t, err)
}

func TestACallToAServerThatHangsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	addr, server := testserver.Redis(t)
	store := newStore(t, newClient(t, &redis.Options{Addr: addr, ReadTimeout: -1}), redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	server.Signal(syscall.SIGSTOP)
	t.Cleanup(func() { server.Signal(syscall.SIGCONT) })

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, getErr := store.Get(ctx, a.ID)
	_, listErr := store.List(ctx, oauth2.ListQuery{Subject: "alice", Limit: 1})
	_, allErr := store.List(ctx, oauth2.ListQuery{Limit: 1})
	for _, err := range []error{getErr, listErr, allErr, store.Create(ctx, record("b")), store.Update(ctx, a), store.Delete(ctx, a.ID)} {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		requireFault(t, err)
	}
	server.Signal(syscall.SIGCONT)
	requireStored(t, store, a)
}

// What the package's documentation says about a failover is true, the bad and the good.
func TestAFailoverLosesWhatNoReplicaHadAndWaitReplicasTellsOfIt(t *testing.T) {
	t.Parallel()
	s := testserver.RedisSentinel(t, 2*time.Second)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: s.MasterName, SentinelAddrs: []string{s.Addr}, DialerRetries: 1})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	store := newStore(t, client, redisstore.Options{})
	waiting := newStore(t, client, redisstore.Options{WaitReplicas: 1, WaitTimeout: 4 * time.Second})
	hasty := newStore(t, client, redisstore.Options{WaitReplicas: 1, WaitTimeout: 10 * time.Millisecond})
	kept, lost := record("kept"), record("lost")
	require.NoError(t, waiting.Create(t.Context(), kept))

	// The replica hangs, and its connection breaks: nothing more is on the way to it.
	s.Replica.Signal(syscall.SIGSTOP)
	t.Cleanup(func() { s.Replica.Signal(syscall.SIGCONT) })
	require.NoError(t, client.Do(t.Context(), "client", "kill", "type", "replica").Err())
	require.NoError(t, store.Create(t.Context(), lost))
	err := hasty.Update(t.Context(), kept)
	require.ErrorIs(t, err, redisstore.ErrTooFewReplicas)
	s.Primary.Kill()
	s.Replica.Signal(syscall.SIGCONT)

	require.Eventually(t, func() bool {
		err := store.Create(t.Context(), record("after"))
		return err == nil || errors.Is(err, oauth2.ErrExists)
	}, time.Minute, 50*time.Millisecond, "writes go on")
	requireStored(t, store, kept)
	_, err = store.Get(t.Context(), lost.ID)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	requireListed(t, store, "after", "kept")
}
