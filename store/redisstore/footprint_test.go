package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/internal/flow"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

func TestAnyNumberOfRefreshesLeavesOneSmallKey(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	store, err := redisstore.New(t.Context(), client, redisstore.Options{})
	require.NoError(t, err)
	f := flow.New(t, store)
	code := f.Code()
	_, token := f.Redeem(code)
	for range 1000 {
		f.Advance(time.Hour)
		_, token = f.Refresh(token)
	}
	id := code[len("ac_"):][:20]
	var records, bytes int64
	for _, key := range client.Keys(t.Context(), "*").Val() {
		used := client.MemoryUsage(t.Context(), key).Val()
		bytes += used
		if len(key) > len(id) && key[len(key)-len(id):] == id {
			records++
			require.Less(t, used, int64(2000))
		}
	}
	require.EqualValues(t, 1, records)
	t.Logf("%d bytes, indexes included", bytes)
}
