package bench

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
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
	Tokens int
	// Nanoseconds is the median of the rounds, and Growth that of the rounds' ratios to another server
	// of the same kind, in the same process, with the fewest tokens.
	Nanoseconds, Growth float64
}

// Growth is the cost of a lookup among the most against the one among the fewest.
func (f Footprint) Growth() float64 {
	if len(f.Lookups) == 0 {
		return 0
	}
	return f.Lookups[len(f.Lookups)-1].Growth
}

// fewest is where the growth of lookups begins.
const fewest = 1000

// lookupTime is how long lookups are timed at a stretch, lookupRounds how often among each number of
// tokens, collections how many collections are timed.
const (
	lookupTime   = 20 * time.Millisecond
	lookupRounds = 15
	collections  = 7
)

// Weigh lets so many callers issue tokens by client credentials until so many are alive. Where the
// server has no check in process, a lookup is one by its introspection endpoint. It wants a process of
// its own.
func Weigh(c Column, tokens, callers int) (Footprint, error) {
	few, err := openFilled(c, 1, min(fewest, tokens), min(fewest, tokens))
	if err != nil {
		return Footprint{}, err
	}
	defer few.Close()
	many, err := openFilled(c, callers, 1, tokens)
	if err != nil {
		return Footprint{}, err
	}
	defer many.Close()
	before := liveHeap()
	f := Footprint{Tokens: tokens}
	for step := min(fewest, tokens); ; step = min(step*10, tokens) {
		if err := many.fill(step); err != nil {
			return f, err
		}
		l, err := compareLookups(few, many)
		if err != nil {
			return f, many.failed(err)
		}
		f.Lookups = append(f.Lookups, l)
		if step == tokens {
			break
		}
	}
	f.BytesPerToken = float64(liveHeap()-before) / float64(tokens-1)
	f.FullGC = timeCollections()
	runtime.KeepAlive(few)
	runtime.KeepAlive(many)
	return f, nil
}

// A filled server has live tokens, and remembers them.
type filled struct {
	*Session
	kept *tokenList
}

// openFilled builds a server with some live tokens and room to remember more.
func openFilled(c Column, callers, tokens, room int) (*filled, error) {
	s, err := Open(c, Workloads[0], Mode{Name: "fill", Workers: func() int { return callers }})
	if err != nil {
		return nil, err
	}
	f := &filled{Session: s}
	if err := f.drivers[0].Credentials(); err != nil {
		s.Close()
		return nil, s.failed(err)
	}
	f.kept = newTokenList(room, len(f.drivers[0].Access))
	f.kept.add(f.drivers[0].Access)
	if err := f.fill(tokens); err != nil {
		s.Close()
		return nil, err
	}
	return f, nil
}

// fill issues tokens until so many are alive.
func (f *filled) fill(tokens int) error {
	missing := tokens - f.kept.len()
	_, err := f.each(func(worker int, d *Driver) (int, error) {
		for i := worker; i < missing; i += len(f.drivers) {
			if err := d.Credentials(); err != nil {
				return 0, err
			}
			f.kept.add(d.Access)
		}
		return 0, nil
	})
	return err
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
// It is safe for concurrent use while tokens are added.
type tokenList struct {
	mu   sync.Mutex
	text strings.Builder
	ends []uint64
}

func newTokenList(tokens, length int) *tokenList {
	l := &tokenList{ends: make([]uint64, 0, tokens)}
	l.text.Grow(tokens * (length + 8)) // some are not all of a length
	return l
}

func (l *tokenList) add(token []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
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

// compareLookups times lookups among few and among many tokens in turn, each first in every other round.
func compareLookups(few, many *filled) (Lookup, error) {
	among, ratios := make([]float64, lookupRounds), make([]float64, lookupRounds)
	for i := range among {
		pair := [2]*filled{few, many}
		if i%2 == 1 {
			slices.Reverse(pair[:])
		}
		var times [2]float64
		for j, f := range pair {
			var err error
			if times[j], err = timeLookups(f); err != nil {
				return Lookup{}, err
			}
		}
		among[i], ratios[i] = times[1-i%2], times[1-i%2]/times[i%2]
	}
	return Lookup{many.kept.len(), median(among), median(ratios)}, nil
}

// timeLookups is the time of one lookup, without that of picking the token and reading it: in a request
// it has just arrived, and is not fetched from among gigabytes of others.
func timeLookups(f *filled) (float64, error) {
	var arrived [256]byte
	fetch := func(token string) error {
		copy(arrived[:], token)
		return nil
	}
	lookup := lookupOf(f.drivers[0])
	if _, err := timeLoop(f.kept, lookup, lookupTime/10); err != nil { // to warm up
		return 0, err
	}
	whole, err := timeLoop(f.kept, lookup, lookupTime)
	if err != nil {
		return 0, err
	}
	fetching, err := timeLoop(f.kept, fetch, lookupTime/4)
	return whole - fetching, err
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
