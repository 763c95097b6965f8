package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

// indexKeys are the keys with a suffix, of all indexes.
func indexKeys(t *testing.T, client *redis.Client, suffix string) []string {
	t.Helper()
	keys, err := client.Keys(t.Context(), "oauth2:{*}:"+suffix).Result()
	require.NoError(t, err)
	return keys
}

// requireIndexed requires that both indexes have entries for exactly these IDs.
func requireIndexed(t *testing.T, client *redis.Client, ids ...string) {
	t.Helper()
	for _, suffix := range []string{"ids", "until"} {
		keys := indexKeys(t, client, suffix)
		require.Len(t, keys, 2, "of a subject, and of a client")
		for _, key := range keys {
			require.ElementsMatch(t, ids, client.ZRange(t.Context(), key, 0, -1).Val(), key)
		}
	}
}

// age makes all entries look as if they had been filed an hour ago.
func age(t *testing.T, client *redis.Client) {
	t.Helper()
	for _, key := range indexKeys(t, client, "filed") {
		for _, entry := range client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			entry.Score -= float64(time.Hour.Milliseconds())
			require.NoError(t, client.ZAdd(t.Context(), key, entry).Err())
		}
	}
}

func TestListDropsTheEntriesOfRecordsThatAreGone(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	for _, id := range []string{"a", "b", "c"} {
		require.NoError(t, store.Create(t.Context(), record(id)))
	}
	require.NoError(t, store.Delete(t.Context(), "b"))
	requireListed(t, store, "a", "c")
	requireIndexed(t, client, "a", "b", "c") // b might be on its way again

	age(t, client)
	requireListed(t, store, "a", "c")
	_, err := store.List(t.Context(), oauth2.ListQuery{ClientID: "web", Limit: 10})
	require.NoError(t, err)
	requireIndexed(t, client, "a", "c")
}

func TestListDropsTheEntriesOfRecordsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	a.Subject = "bob"
	require.NoError(t, store.Update(t.Context(), a))
	age(t, client)
	requireListed(t, store)
	requireIndexed(t, client, "a") // in bob's and the client's
}

// between runs something before each command whose arguments match is sent.
type between struct {
	match func(args []any) bool
	do    func(args []any)
}

// storesRecord matches a script that stores the record, and no other.
func storesRecord(args []any) bool {
	return slices.ContainsFunc(args, func(arg any) bool { return strings.Contains(fmt.Sprint(arg), `"id":"`) })
}

// dropsEntry matches the script that drops the entry of the record a.
func dropsEntry(args []any) bool { return args[len(args)-1] == "a" }

func (b between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (b between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if b.match(cmd.Args()) {
			b.do(cmd.Args())
		}
		return next(ctx, cmd)
	}
}

func TestARecordOnItsWayKeepsItsEntriesThoughAListingMeetsThem(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	slow, other := newClient(t, &redis.Options{Addr: addr}), newClient(t, &redis.Options{Addr: addr})
	listing := newStore(t, other, redisstore.Options{})
	met := 0
	slow.AddHook(between{storesRecord, func([]any) {
		requireIndexed(t, other, "a")
		requireListed(t, listing)
		met++
	}})
	store := newStore(t, slow, redisstore.Options{})
	require.NoError(t, store.Create(t.Context(), record("a")))
	require.NotZero(t, met)
	requireListed(t, listing, "a")
}

func TestAnEntryThatWasFiledAnewStaysThoughAnOlderListingMissedItsRecord(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	slow, other := newClient(t, &redis.Options{Addr: addr}), newClient(t, &redis.Options{Addr: addr})
	store := newStore(t, other, redisstore.Options{})
	require.NoError(t, store.Create(t.Context(), record("a")))
	require.NoError(t, store.Delete(t.Context(), "a"))
	age(t, other)

	var anew sync.Once
	slow.AddHook(between{dropsEntry, func([]any) {
		anew.Do(func() { require.NoError(t, store.Create(t.Context(), record("a"))) })
	}})
	requireListed(t, newStore(t, slow, redisstore.Options{}))
	requireListed(t, store, "a")
}

func TestAListingThatIsTooOldDropsNothing(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	require.NoError(t, store.Create(t.Context(), record("a")))
	require.NoError(t, store.Delete(t.Context(), "a"))
	age(t, client)
	client.AddHook(between{dropsEntry, func(args []any) {
		readAt := len(args) - 4
		args[readAt] = time.Now().Add(-2 * time.Minute).UnixMilli()
	}})
	requireListed(t, store)
	requireIndexed(t, client, "a")
}

func TestACreateOfATakenIDShortensNothing(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	lasting, expired := record("a"), record("a")
	lasting.ExpiresAt = lasting.CreatedAt.Add(1000 * time.Hour)
	expired.CreatedAt, expired.ExpiresAt = expired.CreatedAt.Add(-9*time.Hour), expired.CreatedAt.Add(-8*time.Hour)
	require.NoError(t, store.Create(t.Context(), lasting))
	require.ErrorIs(t, store.Create(t.Context(), expired), oauth2.ErrExists)
	require.NoError(t, store.Create(t.Context(), record("b")))
	requireListed(t, store, "a", "b")
}

func TestARecordThatIsTooLongOnItsWayIsNotStored(t *testing.T) {
	t.Parallel()
	client := single(t)
	longAgo := time.Now().Add(-time.Minute).UnixMilli()
	store := newStore(t, client, redisstore.Options{})
	moved := record("moved")
	require.NoError(t, store.Create(t.Context(), moved))

	client.AddHook(between{storesRecord, func(args []any) {
		if args[len(args)-1] != "" {
			args[len(args)-1] = longAgo
		}
	}})
	requireFault(t, store.Create(t.Context(), record("late")))
	_, err := store.Get(t.Context(), "late")
	require.ErrorIs(t, err, oauth2.ErrNotFound)

	next := moved.Clone()
	next.Subject = "bob"
	requireFault(t, store.Update(t.Context(), next))
	requireStored(t, store, moved)
}

func TestAnIndexForgetsWhatHasRunOutAtEveryCreate(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	lasting := record("lasting")
	lasting.ExpiresAt = lasting.CreatedAt.Add(1000 * time.Hour)
	require.NoError(t, store.Create(t.Context(), lasting))
	for i := range 300 {
		a := record(fmt.Sprintf("expired-%d", i))
		a.CreatedAt, a.ExpiresAt = a.CreatedAt.Add(-9*time.Hour), a.CreatedAt.Add(-8*time.Hour)
		require.NoError(t, store.Create(t.Context(), a))
	}
	require.NoError(t, store.Create(t.Context(), record("last")))
	requireIndexed(t, client, "lasting", "last")
}

func TestAnIndexLastsAtLeastAsLongAsItsRecords(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	lasting := record("lasting")
	lasting.ExpiresAt = lasting.CreatedAt.Add(1000 * time.Hour)
	require.NoError(t, store.Create(t.Context(), lasting))
	require.NoError(t, store.Create(t.Context(), record("short")))
	requireOutlives := func(a *oauth2.Authorization) {
		for _, suffix := range []string{"ids", "until"} {
			for _, key := range indexKeys(t, client, suffix) {
				require.GreaterOrEqual(t, client.PExpireTime(t.Context(), key).Val().Milliseconds(), a.SweepAfter().UnixMilli())
			}
		}
	}
	requireOutlives(lasting)
	lasting.ExpiresAt = lasting.ExpiresAt.Add(10_000 * time.Hour)
	require.NoError(t, store.Update(t.Context(), lasting))
	requireOutlives(lasting)
}

func TestListGoesOnPastEntriesThatAreNoMatch(t *testing.T) {
	t.Parallel()
	client := single(t)
	store := newStore(t, client, redisstore.Options{})
	for i := range 30 {
		a := record(fmt.Sprintf("%02d", i))
		if i != 29 {
			a.ClientID = "other"
		}
		require.NoError(t, store.Create(t.Context(), a))
		if i < 10 {
			require.NoError(t, store.Delete(t.Context(), a.ID))
		}
	}
	page, err := store.List(t.Context(), oauth2.ListQuery{Subject: "alice", ClientID: "web", Limit: 1})
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, "29", page[0].ID)
}

func TestAListOfAllSeesNoOtherKeys(t *testing.T) {
	t.Parallel()
	client := single(t)
	store, other := newStore(t, client, redisstore.Options{}), newStore(t, client, redisstore.Options{KeyPrefix: "other/"})
	require.NoError(t, errors.Join(store.Create(t.Context(), record("mine")), store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"})))
	require.NoError(t, client.Set(t.Context(), "application", "data", 0).Err())
	page, err := store.List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.Len(t, page, 1)
	page, err = other.List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page)
}

func TestListRefusesALimitBelowOne(t *testing.T) {
	t.Parallel()
	store := newStore(t, single(t), redisstore.Options{})
	for _, limit := range []int{0, -1} {
		_, err := store.List(t.Context(), oauth2.ListQuery{Limit: limit})
		require.ErrorContains(t, err, "limit")
	}
}
