package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/internal/flow"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
)

// BenchmarkRedis measures each step of the protocol against the bare commands that no server could do
// without, in turn on the same connection. x-raw is how many times as long a step takes.
func BenchmarkRedis(b *testing.B) {
	addr, _ := testserver.Redis(b)
	client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 1})
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	store, err := redisstore.New(b.Context(), client, redisstore.Options{})
	require.NoError(b, err)
	f := flow.New(b, store)
	document, keys := strings.Repeat("x", 900), 0
	set := func() {
		keys++
		require.NoError(b, client.Set(b.Context(), fmt.Sprint("bare", keys), document, time.Hour).Err())
	}
	get := func() { require.NoError(b, client.Get(b.Context(), fmt.Sprint("bare", keys)).Err()) }
	getAndSet := func() {
		get()
		require.NoError(b, client.Set(b.Context(), fmt.Sprint("bare", keys), document, time.Hour).Err())
	}
	set()
	b.Run("issue", func(b *testing.B) {
		flow.Against(b, set, func() func() { return func() { f.Code() } })
	})
	b.Run("redeem", func(b *testing.B) {
		flow.Against(b, getAndSet, func() func() {
			code := f.Code()
			return func() { f.Redeem(code) }
		})
	})
	b.Run("refresh", func(b *testing.B) {
		_, token := f.Redeem(f.Code())
		flow.Against(b, getAndSet, func() func() {
			f.Advance(time.Minute)
			return func() { _, token = f.Refresh(token) }
		})
	})
	b.Run("check", func(b *testing.B) {
		access, _ := f.Redeem(f.Code())
		flow.Against(b, get, func() func() {
			return func() {
				_, err := f.Server.Check(b.Context(), access)
				require.NoError(b, err)
			}
		})
	})
}
