package oauth2

import (
	"context"
	"hash/maphash"
	"maps"
	"net/netip"
	"time"
)

// A FailureBudget is how many failures are forgiven: Burst at once, and one more Every so often. The
// zero value is no limit.
type FailureBudget struct {
	Burst int
	Every time.Duration
}

// FailureBudgets are the budgets of one kind of attempts.
type FailureBudgets struct {
	PerAddress FailureBudget
	PerName    FailureBudget
}

// defaultFailureBudgets. A client secret of 256 bits cannot be guessed, so the budget of clients only
// has to shed load, and is wide enough for an office behind one address with a few programs that are
// set up wrong. A client has no budget by its name at all. A password has ten failures a minute. A user
// code has some 34 bits and lives for minutes, so it is guarded by address too.
var defaultFailureBudgets = map[AttemptKind]FailureBudgets{
	AttemptClient:         {PerAddress: FailureBudget{300, 200 * time.Millisecond}},
	AttemptPassword:       {PerAddress: FailureBudget{100, time.Second}, PerName: FailureBudget{10, 6 * time.Second}},
	AttemptClientMetadata: {PerAddress: FailureBudget{30, 2 * time.Second}, PerName: FailureBudget{100, 500 * time.Millisecond}},
	AttemptUserCode:       {PerAddress: FailureBudget{20, 6 * time.Second}, PerName: FailureBudget{10, 6 * time.Second}},
	// What is registered is kept, so an address may register only so much a day.
	AttemptRegistration: {PerAddress: FailureBudget{300, 5 * time.Second}},
}

// A MemoryLimiterConfig configures a MemoryLimiter. The zero value is the default.
type MemoryLimiterConfig struct {
	// Budgets replace those of the kinds that they name. The others have:
	//
	//	                 per address              per name
	//	client           300, one more in 200 ms  no limit
	//	password         100, one more a second   10, one more in 6 s
	//	user_code        20, one more in 6 s      10, one more in 6 s
	//	registration     300, one more in 5 s     no limit
	//	client_metadata  30, one more in 2 s      100, one more in 500 ms
	Budgets map[AttemptKind]FailureBudgets
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// A MemoryLimiter is a [FailureLimiter] that counts in the memory of this process: N replicas allow
// N times as much. Several Servers may share one. It takes at most 1.5 MB for each budget, whatever the
// number of addresses and names: under a flood of millions of them, some share their failures.
// IPv6 addresses are counted by their first 64 bits, which is what one subscriber has.
//
// It is safe for concurrent use.
type MemoryLimiter struct {
	seed   maphash.Seed
	now    func() time.Time
	tables map[AttemptKind]failureTables
}

type failureTables struct{ address, name *failureTable }

// NewMemoryLimiter returns a MemoryLimiter that has counted nothing yet.
func NewMemoryLimiter(cfg MemoryLimiterConfig) *MemoryLimiter {
	l := &MemoryLimiter{seed: maphash.MakeSeed(), now: cfg.Now, tables: map[AttemptKind]failureTables{}}
	if l.now == nil {
		l.now = time.Now
	}
	budgets := maps.Clone(defaultFailureBudgets)
	maps.Copy(budgets, cfg.Budgets)
	for kind, b := range budgets {
		l.tables[kind] = failureTables{address: newFailureTable(b.PerAddress), name: newFailureTable(b.PerName)}
	}
	return l
}

// Spent implements [FailureLimiter].
func (l *MemoryLimiter) Spent(_ context.Context, a Attempt) time.Duration {
	return l.each(a, (*failureTable).spent)
}

// Failed implements [FailureLimiter].
func (l *MemoryLimiter) Failed(_ context.Context, a Attempt) time.Duration {
	return l.each(a, (*failureTable).failed)
}

// Succeeded implements [FailureLimiter].
func (l *MemoryLimiter) Succeeded(_ context.Context, a Attempt) {
	if table := l.tables[a.Kind].name; table != nil && a.Name != "" {
		table.forgive(maphash.String(l.seed, a.Name), l.now())
	}
}

// each asks the tables that an attempt has a key for, and returns the longer time.
func (l *MemoryLimiter) each(a Attempt, ask func(*failureTable, uint64, time.Time) time.Duration) time.Duration {
	tables, wait := l.tables[a.Kind], time.Duration(0)
	if tables.address != nil && a.Addr.IsValid() {
		wait = ask(tables.address, maphash.Comparable(l.seed, network(a.Addr)), l.now())
	}
	if tables.name != nil && a.Name != "" {
		wait = max(wait, ask(tables.name, maphash.String(l.seed, a.Name), l.now()))
	}
	return wait
}

// network is what one subscriber has: an IPv4 address, or the 2^64 addresses of an IPv6 network
// (RFC 6177 section 2 gives a site no fewer).
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if prefix, err := addr.Prefix(64); addr.Is6() && err == nil {
		return prefix.Addr()
	}
	return addr
}
