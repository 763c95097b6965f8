package redisstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

func TestRedisDropsARecordAtSweepAfterWhichFollowsEveryUpdate(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	for _, lifetime := range []time.Duration{time.Hour, 30 * 24 * time.Hour, time.Minute} {
		a.ExpiresAt = a.CreatedAt.Add(lifetime)
		require.NoError(t, store.Update(t.Context(), a))
		a.Version++
		at := client.PExpireTime(t.Context(), "oauth2:a:a").Val().Milliseconds()
		require.Equal(t, a.SweepAfter().UnixMilli(), at)
		require.GreaterOrEqual(t, at, a.ExpiresAt.Add(time.Minute).UnixMilli())
	}
	requireStored(t, store, a)
	require.Positive(t, client.PTTL(t.Context(), "oauth2:a:a").Val(), "a read leaves the expiry as it is")
}

func TestARecordPastSweepAfterIsGone(t *testing.T) {
	t.Parallel()
	store := newStore(t, single(t), redisstore.Options{})
	for _, expired := range []time.Time{time.Now().Add(-2 * time.Hour), {}} {
		a, created := record("created"), record("updated")
		a.ExpiresAt = expired
		require.NoError(t, store.Create(t.Context(), a))
		require.NoError(t, store.Create(t.Context(), created))
		created.ExpiresAt = expired
		require.NoError(t, store.Update(t.Context(), created))
		for _, id := range []string{"created", "updated"} {
			_, err := store.Get(t.Context(), id)
			require.ErrorIs(t, err, oauth2.ErrNotFound)
			require.ErrorIs(t, store.Update(t.Context(), record(id)), oauth2.ErrNotFound)
		}
		requireListed(t, store)
	}
}

func TestAClientNeverExpires(t *testing.T) {
	t.Parallel()
	client := single(t)
	clients := newStore(t, client, redisstore.Options{}).Clients()
	require.NoError(t, clients.CreateClient(t.Context(), &oauth2.Client{ID: "web"}))
	require.NoError(t, clients.UpdateClient(t.Context(), &oauth2.Client{ID: "web"}))
	require.EqualValues(t, -1, client.PTTL(t.Context(), "oauth2:c:web").Val())
}

func TestAServerThatForgetsItsScriptsIsToldThemAgain(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	for _, id := range []string{"a", "b"} {
		a := record(id)
		require.NoError(t, store.Create(t.Context(), a))
		require.NoError(t, client.ScriptFlush(t.Context()).Err())
		require.NoError(t, store.Update(t.Context(), a))
	}
}

func TestAValueOfAnotherTypeOrFormIsAFault(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	spoil := map[string]func(key string) error{
		"type": func(key string) error { return client.RPush(t.Context(), key, "value").Err() },
		"form": func(key string) error { return client.Set(t.Context(), key, "{", 0).Err() },
	}
	for what, set := range spoil {
		for _, key := range []string{"oauth2:a:a", "oauth2:c:web"} {
			require.NoError(t, client.Del(t.Context(), key).Err())
			require.NoError(t, set(key))
		}
		_, getErr := store.Get(t.Context(), "a")
		_, listErr := store.List(t.Context(), oauth2.ListQuery{Subject: "alice", Limit: 1})
		_, clientErr := store.Clients().Client(t.Context(), "web")
		for _, err := range []error{getErr, listErr, clientErr} {
			require.Error(t, err, what)
			requireFault(t, err)
		}
	}
}
