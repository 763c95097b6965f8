package authserver_test

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// behind is a browser at an address, behind a proxy.
func (s *site) behind(addr string) *browser {
	b := s.browser()
	b.header.Set("X-Forwarded-For", addr)
	return b
}

func behindAProxy(o *authserver.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func TestEveryoneLogsInDuringAFloodOfGuesses(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindAProxy, func(o *authserver.Options) {
		o.Users = map[string]string{"alice": oauth2.HashPassword("wonderland"), "bob": oauth2.HashPassword("builder")}
	})
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	var statuses [600]atomic.Int64
	guess := func(name func(n int) string) {
		b := s.behind("198.51.100.1")
		page := b.get("/login")
		flood.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				statuses[b.login(page, name(n), "guess").status].Add(1)
			}
		})
	}
	for range 3 {
		guess(func(int) string { return "alice" })
		guess(func(n int) string { return "name-" + strconv.Itoa(n) })
	}
	require.Eventually(t, func() bool { return statuses[http.StatusTooManyRequests].Load() > 0 }, time.Minute, time.Millisecond, "the flood is noticed")

	const guesser = "198.51.100.1"
	for _, addr := range []string{guesser, "192.0.2.1"} {
		b := s.behind(addr)
		require.Equal(t, http.StatusSeeOther, b.login(b.get("/login"), "bob", "builder").status, "in whose name nobody guesses, from %s", addr)
	}
	// alice's turn is drawn: one second in two it is hers.
	alice := s.behind("192.0.2.1")
	require.Eventually(t, func() bool {
		return alice.login(alice.get("/login"), "alice", "wonderland").status == http.StatusSeeOther
	}, time.Minute, time.Millisecond)
	stop()
	flood.Wait()
	for status := range statuses {
		if n := statuses[status].Load(); n > 0 {
			t.Log(status, n)
			require.Contains(t, []int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}, status)
		}
	}
}
