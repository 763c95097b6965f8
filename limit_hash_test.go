package oauth2

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	attackerAddr = netip.MustParseAddr("198.51.100.1")
	honestAddr   = netip.MustParseAddr("192.0.2.1")
)

// A laneRace has lanes whose only place is taken until open is called, and the names of those who had
// their turn after that. It runs in a synctest bubble, which knows when all who came do wait.
type laneRace struct {
	*hashLanes
	t     *testing.T
	wg    sync.WaitGroup
	gate  chan struct{}
	mu    sync.Mutex
	order []string
}

func newLaneRace(t *testing.T) *laneRace {
	lanes := newHashLanes(1)
	for lanes.crowdOf(honestAddr) == lanes.crowdOf(attackerAddr) { // some share a count; these do not
		lanes = newHashLanes(1)
	}
	r := &laneRace{hashLanes: lanes, t: t, gate: make(chan struct{})}
	started := make(chan struct{})
	r.wg.Go(func() {
		_ = r.run(context.Background(), honestAddr, false, func() { close(started); <-r.gate })
	})
	<-started
	return r
}

// arrive lets somebody wait, and returns once so many are inside of the two lanes.
func (r *laneRace) arrive(name string, addr netip.Addr, spent bool, all, inSpent int64) {
	r.t.Helper()
	r.wg.Go(func() {
		err := r.run(context.Background(), addr, spent, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.order = append(r.order, name)
		})
		if err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.order = append(r.order, err.Error())
		}
	})
	synctest.Wait()
	require.Equal(r.t, []int64{all, inSpent}, []int64{r.all.inside.Load(), r.spent.inside.Load()})
}

func (r *laneRace) open() []string {
	close(r.gate)
	r.wg.Wait()
	require.Zero(r.t, r.all.inside.Load())
	require.Zero(r.t, r.spent.inside.Load())
	for i := range r.crowd {
		require.Zero(r.t, r.crowd[i].Load())
	}
	return r.order
}

func TestSlowHashesRunSoManyAtATime(t *testing.T) {
	t.Parallel()
	lanes := newHashLanes(3)
	var now, most atomic.Int32
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			err := lanes.run(t.Context(), honestAddr, false, func() {
				for n, seen := now.Add(1), most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				time.Sleep(time.Millisecond)
				now.Add(-1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 3, most.Load())
}

func TestAddressThatSpentItsBudgetStandsOnceAmongTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newLaneRace(t)
		for n := range int64(20) {
			r.arrive("attacker", attackerAddr, true, 2, n+1)
		}
		r.arrive("honest", honestAddr, false, 3, 20)
		order := r.open()
		require.Len(t, order, 21)
		require.Equal(t, []string{"attacker", "honest", "attacker"}, order[:3])
	})
}

func TestAddressWithManyWaitingMakesRoomForTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newLaneRace(t)
		for n := range int64(40) {
			// One stands among the others by way of the spent lane.
			r.arrive("attacker", attackerAddr, false, 1+min(n+1, hashesPerAddress+1), max(0, n+1-hashesPerAddress))
		}
		r.arrive("honest", honestAddr, false, hashesPerAddress+3, 40-hashesPerAddress)
		require.Equal(t, "honest", r.open()[hashesPerAddress+1])
	})
}

func TestFullLaneRefusesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newLaneRace(t)
		r.all.most = 2
		r.arrive("first", honestAddr, false, 2, 0)
		require.ErrorIs(t, r.run(t.Context(), honestAddr, false, func() { t.Error("no room") }), errLaneFull)
		require.ErrorIs(t, r.run(t.Context(), attackerAddr, true, func() { t.Error("no room") }), errLaneFull)
		require.Equal(t, []string{"first"}, r.open())
	})
}

func TestWhoLeavesWaitsNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, spent := range []bool{false, true} {
			r := newLaneRace(t)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, r.run(ctx, honestAddr, spent, func() { t.Error("nobody waits for it") }), context.Canceled)
			require.Empty(t, r.open())
		}
	})
}

type soleClient struct{ client *Client }

func (c soleClient) Client(context.Context, string) (*Client, error) { return c.client, nil }

// slowServer has one client, whose secret is "right" and takes long to verify, and lanes of its own.
func slowServer(t *testing.T) (*Server, *Client, *[]Event) {
	var events []Event
	client := &Client{ID: "reporter", Secrets: []ClientSecret{{Hash: HashPassword("right")}}}
	s, err := New(ServerConfig{
		Issuer: "https://id.example.com", Clients: soleClient{client}, Tokens: struct{ TokenStore }{},
		Grants: []GrantHandler{ClientCredentialsGrant{}}, OnEvent: func(_ context.Context, e Event) { events = append(events, e) },
	})
	require.NoError(t, err)
	s.hashes = newHashLanes(1)
	return s, client, &events
}

func revoke(s *Server, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/revoke", strings.NewReader("token=x&client_id=reporter&client_secret="+secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestNoRoomForASlowHashIs503(t *testing.T) {
	t.Parallel()
	s, _, events := slowServer(t)
	s.hashes.all.most = 0
	got := revoke(s, "right")
	require.Equal(t, http.StatusServiceUnavailable, got.Code)
	require.Equal(t, "1", got.Header().Get("Retry-After"))
	require.Contains(t, got.Body.String(), "temporarily_unavailable")
	require.Len(t, *events, 1)
	require.Equal(t, EventAttemptLimited, (*events)[0].Type)
	require.Equal(t, "reporter", (*events)[0].ClientID)
	require.ErrorIs(t, (*events)[0].Err, ErrTooManyAttempts)
}

func TestWhoDoesNotWaitForASlowHashIsNotLimited(t *testing.T) {
	t.Parallel()
	s, _, events := slowServer(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	require.NoError(t, s.hashes.all.enter(t.Context())) // the only place
	r := httptest.NewRequest(http.MethodPost, "/revoke", strings.NewReader("token=x")).WithContext(gone)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("reporter", "right")
	s.ServeHTTP(httptest.NewRecorder(), r)
	require.Len(t, *events, 1)
	require.Equal(t, EventRevocationRefused, (*events)[0].Type)
	require.ErrorIs(t, (*events)[0].Err, context.Canceled)
}

func TestSlowSecretInRegularUseNeedsNoTurn(t *testing.T) {
	t.Parallel()
	s, client, _ := slowServer(t)
	require.Equal(t, http.StatusUnauthorized, revoke(s, "wrong").Code)
	require.Equal(t, http.StatusOK, revoke(s, "right").Code)
	s.hashes.all.most = 0 // from now on every slow hash is refused
	require.Equal(t, http.StatusOK, revoke(s, "right").Code)
	require.Equal(t, http.StatusServiceUnavailable, revoke(s, "wrong").Code, "a wrong secret is never remembered")
	require.Equal(t, http.StatusServiceUnavailable, revoke(s, "Right").Code)

	kept := client.Secrets[0]
	client.Secrets = []ClientSecret{{Hash: kept.Hash, ExpiresAt: time.Unix(1, 0)}}
	require.Equal(t, http.StatusUnauthorized, revoke(s, "right").Code, "a secret that has expired is not accepted from memory")
	client.Secrets = []ClientSecret{{Hash: HashSecret("new")}}
	require.Equal(t, http.StatusUnauthorized, revoke(s, "right").Code, "nor one that was withdrawn")
	client.Secrets = []ClientSecret{{Hash: HashPassword("right")}}
	require.Equal(t, http.StatusServiceUnavailable, revoke(s, "right").Code, "nor by another hash")
	client.Secrets = []ClientSecret{{Hash: HashPassword("another")}, kept, {Hash: HashSecret("new")}}
	require.Equal(t, http.StatusOK, revoke(s, "new").Code, "a quick secret never waits for a slow one")
	require.Equal(t, http.StatusOK, revoke(s, "right").Code)
}
