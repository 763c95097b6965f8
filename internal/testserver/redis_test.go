package testserver_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

func TestRedisKeepsWhatItAcknowledgedWhenItIsKilled(t *testing.T) {
	t.Parallel()
	addr, server := testserver.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.NoError(t, client.Set(t.Context(), "key", "value", 0).Err())
	server.Kill()
	server.Start()
	value, err := client.Get(t.Context(), "key").Result()
	require.NoError(t, err)
	require.Equal(t, "value", value)
}

func TestRedisClusterServesEverySlotAndReplicates(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: testserver.RedisCluster(t)})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		require.NoError(t, client.Set(t.Context(), key, key, 0).Err())
	}
	shards, err := client.ClusterShards(t.Context()).Result()
	require.NoError(t, err)
	require.Len(t, shards, 3)
	for _, shard := range shards {
		require.Len(t, shard.Nodes, 2)
	}
}

func TestRedisSentinelNamesThePrimary(t *testing.T) {
	t.Parallel()
	s := testserver.RedisSentinel(t, time.Minute) // however busy the machine is
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: s.MasterName, SentinelAddrs: []string{s.Addr}})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.NoError(t, client.Set(t.Context(), "key", "value", 0).Err())
	direct := redis.NewClient(&redis.Options{Addr: s.PrimaryAddr})
	t.Cleanup(func() { require.NoError(t, direct.Close()) })
	value, err := direct.Get(t.Context(), "key").Result()
	require.NoError(t, err)
	require.Equal(t, "value", value)
}
