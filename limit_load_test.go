package oauth2_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A flood is a number of senders that go on until it is stopped, and how often each status answered.
type flood struct {
	wg       sync.WaitGroup
	stop     context.CancelFunc
	statuses [600]atomic.Int64
}

// startFlood sends each kind of bad request from several connections at once. A kind has a path, an
// address, a client, its secret and a body, in this order.
func (w *world) startFlood(senders int, kinds ...[5]string) *flood {
	ctx, cancel := context.WithCancel(w.t.Context())
	f := &flood{stop: cancel}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	send := func(kind [5]string) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+kind[0], strings.NewReader(kind[4]))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", kind[1])
		if kind[2] != "" {
			r.Header.Set("Authorization", basic(kind[2], kind[3]))
		}
		res, err := client.Do(r)
		if err != nil {
			return // stopped
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		f.statuses[res.StatusCode].Add(1)
	}
	for range senders {
		for _, kind := range kinds {
			f.wg.Go(func() {
				for ctx.Err() == nil {
					send(kind)
				}
			})
		}
	}
	return f
}

// end stops the flood and returns how often each status answered.
func (f *flood) end() map[int]int64 {
	f.stop()
	f.wg.Wait()
	seen := map[int]int64{}
	for status := range f.statuses {
		if n := f.statuses[status].Load(); n > 0 {
			seen[status] = n
		}
	}
	return seen
}

// Not parallel: the lanes of slow hashes are the process's.
func TestHonestClientsGetAllTheirTokensDuringAFlood(t *testing.T) {
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.TrustedProxies = networks("127.0.0.0/8", "::1/128")
	})
	// Three clients whose secrets take long to verify: one in regular use, one that comes during the
	// flood for the first time, and one in whose name the flood guesses.
	for _, id := range []string{"regular", "newcomer", "victim"} {
		require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
			ID: id, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashPassword(secretOf(id))}},
			GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"read"},
		}))
	}
	const machineGrant = "grant_type=client_credentials"
	gets := func(addr, client string) {
		t.Helper()
		got := w.from(addr, "/token", client, secretOf(client), values("grant_type", "client_credentials"))
		require.Equal(t, http.StatusOK, got.status, "%s from %s: %s", client, addr, got.body)
	}
	gets(attackerAddr, "regular")

	flood := w.startFlood(2,
		[5]string{"/token", attackerAddr, machine, "wrong", machineGrant},
		[5]string{"/token", attackerAddr, "nobody", "wrong", machineGrant},
		[5]string{"/token", attackerAddr, "victim", "wrong", machineGrant},
		[5]string{"/token", "198.51.100.2", "victim", "wrong", machineGrant},
		[5]string{"/introspect", "198.51.100.2", api, "wrong", "token=x"},
		[5]string{"/token", "198.51.100.3", "", "", "grant_type=refresh_token&client_id=" + browserApp + "&refresh_token=rt_" + strings.Repeat("A", 64)},
		[5]string{"/token", "198.51.100.3", "", "", "grant_type=refresh_token&client_id=" + browserApp + "&refresh_token=" + strings.Repeat("x", 60<<10)},
		[5]string{"/token", "198.51.100.3", "", "", machineGrant + "&client_id=" + browserApp + "&scope=" + url.QueryEscape(manyScopes(9000))},
	)
	require.Eventually(t, func() bool { return flood.statuses[429].Load() > 0 }, longEnough, shortly, "the flood is noticed")
	for range 8 {
		gets(honestAddr, machine)
		gets(attackerAddr, machine)   // who shares the address
		gets(attackerAddr, "regular") // even where the secret takes long to verify
		gets(honestAddr, "newcomer")
		gets(honestAddr, "victim")
		access, refresh := w.tokens()
		require.True(t, w.active(access))
		require.Equal(t, http.StatusOK, w.refresh(refresh).status)
	}
	seen := flood.end()
	for status := range seen {
		require.Contains(t, []int{400, 401, 413, 429, 503}, status, seen)
	}
	t.Log(seen)
	require.Empty(t, w.faults(), "a flood is no fault, not even as it breaks off")
}
