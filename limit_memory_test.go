package oauth2_test

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
)

// fails is how many failures of an attempt are within the budget.
func fails(t *testing.T, l oauth2.FailureLimiter, a oauth2.Attempt) int {
	for n := range 1000 {
		require.Equal(t, l.Spent(t.Context(), a) > 0, l.Failed(t.Context(), a) > 0, "Spent knows what Failed will say")
		if l.Spent(t.Context(), a) > 0 && l.Failed(t.Context(), a) > 0 {
			return n + 1
		}
	}
	return -1
}

func TestEachKindHasItsOwnBudgets(t *testing.T) {
	t.Parallel()
	clock := testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	l := oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: clock.Now})
	addr := netip.MustParseAddr("192.0.2.1")
	for kind, want := range map[oauth2.AttemptKind][2]int{
		oauth2.AttemptClient: {300, -1}, oauth2.AttemptPassword: {100, 10}, oauth2.AttemptUserCode: {20, 10}, "another": {-1, -1},
	} {
		require.Equal(t, want[0], fails(t, l, oauth2.Attempt{Kind: kind, Addr: addr}), kind)
		require.Equal(t, want[1], fails(t, l, oauth2.Attempt{Kind: kind, Name: "alice"}), kind)
		require.Equal(t, -1, fails(t, l, oauth2.Attempt{Kind: kind}), "nobody is not counted")
	}
	both := oauth2.Attempt{Kind: oauth2.AttemptPassword, Addr: netip.MustParseAddr("192.0.2.9"), Name: "alice"}
	require.Positive(t, l.Spent(t.Context(), both), "either budget")
}

func TestABudgetRefills(t *testing.T) {
	t.Parallel()
	clock := testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	l := oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: clock.Now, Budgets: map[oauth2.AttemptKind]oauth2.FailureBudgets{
		oauth2.AttemptPassword: {PerName: oauth2.FailureBudget{Burst: 3, Every: time.Minute}},
	}})
	a := oauth2.Attempt{Kind: oauth2.AttemptPassword, Name: "alice"}
	require.Equal(t, 3, fails(t, l, a))
	require.Equal(t, time.Minute, l.Spent(t.Context(), a))
	clock.Advance(45 * time.Second)
	require.Equal(t, 15*time.Second, l.Failed(t.Context(), a))
	clock.Advance(15 * time.Second)
	require.Zero(t, l.Spent(t.Context(), a))
	require.Equal(t, 1, fails(t, l, a))
	clock.Advance(24 * time.Hour)
	require.Equal(t, 3, fails(t, l, a), "and never beyond the burst")
	require.Equal(t, 300, fails(t, l, oauth2.Attempt{Kind: oauth2.AttemptClient, Addr: netip.MustParseAddr("192.0.2.1")}), "the other kinds keep theirs")
}

func TestASuccessForgetsTheFailuresOfTheNameAlone(t *testing.T) {
	t.Parallel()
	l := oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: testclock.At(time.Now()).Now})
	kind, addr := oauth2.AttemptPassword, netip.MustParseAddr("192.0.2.1")
	for _, key := range []oauth2.Attempt{{Kind: kind, Addr: addr}, {Kind: kind, Name: "alice"}} {
		fails(t, l, key)
	}
	l.Succeeded(t.Context(), oauth2.Attempt{Kind: kind, Addr: addr, Name: "alice"})
	require.Zero(t, l.Spent(t.Context(), oauth2.Attempt{Kind: kind, Name: "alice"}))
	require.Positive(t, l.Spent(t.Context(), oauth2.Attempt{Kind: kind, Addr: addr}))
	l.Succeeded(t.Context(), oauth2.Attempt{Kind: oauth2.AttemptClient, Addr: addr, Name: "machine"})
	l.Succeeded(t.Context(), oauth2.Attempt{Kind: "another", Name: "alice"})
}

func TestOneSubscribersIPv6AddressesAreCountedTogether(t *testing.T) {
	t.Parallel()
	l := oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: testclock.At(time.Now()).Now})
	from := func(addr string) oauth2.Attempt {
		return oauth2.Attempt{Kind: oauth2.AttemptClient, Addr: netip.MustParseAddr(addr)}
	}
	fails(t, l, from("2001:db8:1:2::1"))
	fails(t, l, from("::ffff:192.0.2.1"))
	for addr, spent := range map[string]bool{
		"2001:db8:1:2:ffff::9": true, "2001:db8:1:2::1%eth0": true, "2001:db8:1:3::1": false,
		"192.0.2.1": true, "192.0.2.2": false,
	} {
		require.Equal(t, spent, l.Spent(t.Context(), from(addr)) > 0, addr)
	}
}

// Not parallel: it measures the memory of the process.
func TestAFloodOfDistinctKeysTakesABoundedMemory(t *testing.T) {
	l := oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{})
	before := heap()
	for n := range uint32(300_000) {
		var addr [4]byte
		binary.BigEndian.PutUint32(addr[:], n)
		for _, kind := range []oauth2.AttemptKind{oauth2.AttemptClient, oauth2.AttemptPassword, oauth2.AttemptUserCode} {
			l.Failed(t.Context(), oauth2.Attempt{Kind: kind, Addr: netip.AddrFrom4(addr), Name: strconv.Itoa(int(n))})
		}
	}
	require.Less(t, int64(heap())-int64(before), 5*int64(3<<19), "1.5 MB for each of five budgets")
	runtime.KeepAlive(l)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
