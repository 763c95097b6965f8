package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

func TestAClientThatCannotKeepTheContractIsRefused(t *testing.T) {
	t.Parallel()
	cluster := func(opts redis.ClusterOptions) redis.UniversalClient {
		opts.Addrs = []string{"127.0.0.1:1"}
		return newCluster(t, &opts)
	}
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() { require.NoError(t, ring.Close()) })
	for complaint, client := range map[string]redis.UniversalClient{
		"ReadOnly":       cluster(redis.ClusterOptions{ReadOnly: true}),
		"RouteByLatency": cluster(redis.ClusterOptions{RouteByLatency: true}),
		"RouteRandomly":  cluster(redis.ClusterOptions{RouteRandomly: true}),
		"*redis.Ring":    ring,
		"<nil>":          nil,
	} {
		_, err := redisstore.New(t.Context(), client, redisstore.Options{})
		require.ErrorContains(t, err, complaint)
	}
}

func TestOptionsThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	client := newClient(t, &redis.Options{Addr: "127.0.0.1:1", ReadTimeout: time.Second})
	for complaint, opts := range map[string]redisstore.Options{
		`prefix "{a}"`: {KeyPrefix: "{a}"},
		`prefix "a*"`:  {KeyPrefix: "a*"},
		`prefix "aa`:   {KeyPrefix: strings.Repeat("a", 65)},
		"negative":     {WaitReplicas: -1},
		"not negative": {WaitTimeout: -1},
		"ReadTimeout":  {WaitReplicas: 1, WaitTimeout: time.Second},
		"above":        {WaitReplicas: 1},
	} {
		_, err := redisstore.New(t.Context(), client, opts)
		require.ErrorContains(t, err, complaint)
		require.ErrorContains(t, err, "redisstore: ")
	}
}

func TestAServerThatEvictsRecordsIsRefusedUnlessThatIsWanted(t *testing.T) {
	t.Parallel()
	client := single(t)
	for _, policy := range []string{"allkeys-lru", "volatile-ttl", "volatile-random"} {
		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", policy).Err())
		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
		newStore(t, client, redisstore.Options{}) // without a limit nothing is evicted

		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "100mb").Err())
		_, err := redisstore.New(t.Context(), client, redisstore.Options{})
		require.ErrorContains(t, err, "noeviction")
		newStore(t, client, redisstore.Options{AllowEviction: true})
	}
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err())
	newStore(t, client, redisstore.Options{})
}

func TestAReplicaIsRefused(t *testing.T) {
	t.Parallel()
	primary, _ := testserver.Redis(t)
	replica, _ := testserver.RedisReplica(t, primary)
	_, err := redisstore.New(t.Context(), newClient(t, &redis.Options{Addr: replica}), redisstore.Options{})
	require.ErrorContains(t, err, replica+" is a replica")
}

func TestAServerThatMustNotBeAskedIsTrusted(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	admin := newClient(t, &redis.Options{Addr: addr})
	user := []any{"acl", "setuser", "app", "on", "nopass", "~oauth2:*"}
	for command := range strings.FieldsSeq(documentedCommands) {
		user = append(user, "+"+command)
	}
	require.NoError(t, admin.Do(t.Context(), user...).Err())
	store := newStore(t, newClient(t, &redis.Options{Addr: addr, Username: "app", Password: "any"}), redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, store.Update(t.Context(), a))
	requireListed(t, store, "a")
	require.NoError(t, store.Delete(t.Context(), a.ID))
	age(t, admin)
	requireListed(t, store)
	require.NoError(t, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"}))
}

// documentedCommands are those that the package's documentation names as needed.
const documentedCommands = `del eval evalsha getex getrange pexpire pexpireat set time zadd zrangebylex zrangebyscore zrem
	zremrangebyscore zrevrange zscore`

func TestNewTellsThatTheServerCannotBeReached(t *testing.T) {
	t.Parallel()
	client := newClient(t, &redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	_, err := redisstore.New(t.Context(), client, redisstore.Options{})
	require.ErrorContains(t, err, "connection refused")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = redisstore.New(ctx, client, redisstore.Options{})
	require.ErrorIs(t, err, context.Canceled)
}
