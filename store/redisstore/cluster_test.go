package redisstore_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	addrs := testserver.RedisCluster(t)
	cluster := newCluster(t, &redis.ClusterOptions{Addrs: addrs})
	t.Run("keeps the contracts", func(t *testing.T) { keepTheContracts(t, eachEmpty(cluster, redisstore.Options{})) })
	for _, opts := range []redisstore.Options{{}, {WaitReplicas: 1, WaitTimeout: 4 * time.Second}} {
		t.Run(fmt.Sprintf("waiting for %d replicas", opts.WaitReplicas), func(t *testing.T) {
			t.Run("spreads the records of a subject", func(t *testing.T) {
				recordsOfASubjectAreSpread(t, cluster, eachEmpty(cluster, opts)(t))
			})
			t.Run("keeps the contract though connections break", func(t *testing.T) {
				cut := new(cutter)
				client := newCluster(t, &redis.ClusterOptions{Addrs: addrs, Dialer: cut.dial})
				requireUnknownOutcomes(t, eachEmpty(client, opts)(t), cut)
				runUnreliable(t, eachEmpty(client, opts), cut)
			})
			t.Run("follows a slot that moves", func(t *testing.T) { slotIsFollowed(t, addrs, opts) })
		})
	}
}

func recordsOfASubjectAreSpread(t *testing.T, cluster *redis.ClusterClient, store *redisstore.Store) {
	ids := make([]string, 0, 30)
	slots := map[int64]bool{}
	for i := range cap(ids) {
		ids = append(ids, fmt.Sprintf("%02d", i))
		require.NoError(t, store.Create(t.Context(), record(ids[i])))
		slots[cluster.ClusterKeySlot(t.Context(), "oauth2:a:"+ids[i]).Val()] = true
	}
	require.Greater(t, len(slots), 20)
	requireListed(t, store, ids...)
	page, err := store.List(t.Context(), oauth2.ListQuery{After: "09", Limit: 5})
	require.NoError(t, err)
	require.Len(t, page, 5)
	require.Equal(t, "10", page[0].ID)
}

// slotIsFollowed uses one client through the whole move, which learns of it by redirects.
func slotIsFollowed(t *testing.T, addrs []string, opts redisstore.Options) {
	cluster := newCluster(t, &redis.ClusterOptions{Addrs: addrs})
	opts.KeyPrefix = fmt.Sprintf("moving%d:", opts.WaitReplicas)
	store := newStore(t, cluster, opts)
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	step := func() {
		t.Helper()
		require.NoError(t, store.Update(t.Context(), a))
		a.Version++
		requireStored(t, store, a)
		require.ErrorIs(t, store.Create(t.Context(), a), oauth2.ErrExists)
		requireListed(t, store, a.ID)
	}
	moveSlot(t, cluster, addrs, opts.KeyPrefix+"a:a", step)
	step()
	require.NoError(t, store.Delete(t.Context(), a.ID))
	requireListed(t, store)
}

// moveSlot moves the hash slot of a key to another primary, and calls do while it is on its way.
func moveSlot(t *testing.T, cluster *redis.ClusterClient, addrs []string, key string, do func()) {
	t.Helper()
	ctx := t.Context()
	source, err := cluster.MasterForKey(ctx, key)
	require.NoError(t, err)
	target := newClient(t, &redis.Options{Addr: addrs[0]})
	if source.Options().Addr == addrs[0] {
		target = newClient(t, &redis.Options{Addr: addrs[1]})
	}
	slot := cluster.ClusterKeySlot(ctx, key).Val()
	setSlot := func(node *redis.Client, state string, other *redis.Client) {
		t.Helper()
		id := other.Do(ctx, "cluster", "myid").Val()
		require.NoError(t, node.Do(ctx, "cluster", "setslot", slot, state, id).Err())
	}
	setSlot(target, "importing", source)
	setSlot(source, "migrating", target)
	host, port, err := net.SplitHostPort(target.Options().Addr)
	require.NoError(t, err)
	for _, moved := range source.ClusterGetKeysInSlot(ctx, int(slot), 100).Val() {
		require.NoError(t, source.Migrate(ctx, host, port, moved, 0, 5*time.Second).Err())
	}
	do()
	setSlot(target, "node", target)
	setSlot(source, "node", target)
}
