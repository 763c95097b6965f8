package bench

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Footprint is what live tokens cost.
type Footprint struct {
	// Tokens are alive, each of a machine, and each of an authorization of its own.
	Tokens int
	// BytesPerToken is what the heap grew by.
	BytesPerToken float64
	// FullGC is the median duration of one full garbage collection.
	FullGC time.Duration
	// Lookups are the costs of checking one of them, picked at random, as their number grew.
	Lookups []Lookup
}

// A Lookup is what checking a token costs among so many.
type Lookup struct {
	Tokens      int
	Nanoseconds float64
}

// Growth is the cost of a lookup among the most against the one among the fewest.
func (f Footprint) Growth() float64 {
	if len(f.Lookups) == 0 {
		return 0
	}
	return f.Lookups[len(f.Lookups)-1].Nanoseconds / f.Lookups[0].Nanoseconds
}

// fewest is where the growth of lookups begins.
const fewest = 1000

// lookupTime is how long lookups are timed among each number of tokens, collections how many are timed.
const (
	lookupTime  = 300 * time.Millisecond
	collections = 7
)

// Weigh issues tokens by client credentials until so many are alive. Where the server has no check in
// process, a lookup is one by its introspection endpoint. It wants a process of its own.
func Weigh(c Column, tokens int) (Footprint, error) {
	s, err := Open(c, Workloads[0], Modes[0])
	if err != nil {
		return Footprint{}, err
	}
	defer s.Close()
	d := s.drivers[0]
	if err := d.Credentials(); err != nil {
		return Footprint{}, s.failed(err)
	}
	kept := newTokenList(tokens, len(d.Access))
	before := liveHeap()
	f := Footprint{Tokens: tokens}
	for step := min(fewest, tokens); ; step = min(step*10, tokens) {
		for kept.len() < step {
			if err := d.Credentials(); err != nil {
				return f, s.failed(err)
			}
			kept.add(d.Access)
		}
		ns, err := timeLookups(kept, lookupOf(d))
		if err != nil {
			return f, s.failed(err)
		}
		f.Lookups = append(f.Lookups, Lookup{step, ns})
		if step == tokens {
			break
		}
	}
	f.BytesPerToken = float64(liveHeap()-before) / float64(tokens)
	f.FullGC = timeCollections()
	runtime.KeepAlive(s)
	runtime.KeepAlive(kept)
	return f, nil
}

// liveHeap is the heap after everything dead was collected, what finalizers held included.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func timeCollections() time.Duration {
	durations := make([]time.Duration, collections)
	for i := range durations {
		started := time.Now()
		runtime.GC()
		durations[i] = time.Since(started)
	}
	slices.Sort(durations)
	return durations[collections/2]
}

// A tokenList keeps many tokens without a pointer to any, so that it costs the collector nothing.
type tokenList struct {
	text strings.Builder
	ends []uint64
}

func newTokenList(tokens, length int) *tokenList {
	l := &tokenList{ends: make([]uint64, 0, tokens)}
	l.text.Grow(tokens * (length + 8)) // some are not all of a length
	return l
}

func (l *tokenList) add(token []byte) {
	l.text.Write(token)
	l.ends = append(l.ends, uint64(l.text.Len()))
}

func (l *tokenList) len() int { return len(l.ends) }

func (l *tokenList) at(i int) string {
	begin := uint64(0)
	if i > 0 {
		begin = l.ends[i-1]
	}
	return l.text.String()[begin:l.ends[i]]
}

func lookupOf(d *Driver) func(token string) error {
	if check := d.target.Check; check != nil {
		return func(token string) error { return check(context.Background(), token) }
	}
	if d.target.IntrospectPath == "" {
		return func(string) error { return ErrNotServed }
	}
	return func(token string) error { return d.introspect(d.web, []byte(token)) }
}

// timeLookups is the time of one lookup, picking the token excluded.
func timeLookups(kept *tokenList, lookup func(string) error) (float64, error) {
	nothing := func(string) error { return nil }
	if _, err := timeLoop(kept, lookup, lookupTime/10); err != nil {
		return 0, err
	}
	whole, err := timeLoop(kept, lookup, lookupTime)
	if err != nil {
		return 0, err
	}
	picking, err := timeLoop(kept, nothing, lookupTime/10)
	return whole - picking, err
}

func timeLoop(kept *tokenList, do func(string) error, d time.Duration) (nanoseconds float64, err error) {
	const batch = 256
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same order for every column
	operations := 0
	started := time.Now()
	for time.Since(started) < d {
		for range batch {
			if err := do(kept.at(random.IntN(kept.len()))); err != nil {
				return 0, err
			}
		}
		operations += batch
	}
	return float64(time.Since(started).Nanoseconds()) / float64(operations), nil
}
