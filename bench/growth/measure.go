package growth

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// writers issue the tokens in SQLite at once: those that wait share a transaction, and one wait for the
// disk.
const writers = 128

func (o Options) bounds(c bench.Column) (tokens, callers int) {
	if c.Name == OnSQLite {
		return o.SQLiteTokens, writers
	}
	return o.Tokens, 1
}

func checks(o Options, c bench.Column) ([]Point, error) {
	tokens, callers := o.bounds(c)
	f, err := bench.Weigh(c, tokens, callers)
	var points []Point
	for _, l := range f.Lookups {
		points = append(points, Point{Column: c.Name, At: l.Tokens, Values: []float64{l.Nanoseconds, l.Growth}})
	}
	return points, err
}

// sweepBatch is how many records one call removes, as an application's timer would.
const sweepBatch = 1000

// mostSwept is of one go.
const mostSwept = 100_000

var errNothingSwept = errors.New("not every record was swept")

// sweep issues tokens, and removes all of them as if a month had passed.
func sweep(o Options, c bench.Column) ([]Point, error) {
	tokens, callers := o.bounds(c)
	s, err := bench.Open(c, bench.Workloads[0], bench.Mode{Name: "fill", Workers: func() int { return callers }})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if s.Target.Sweep == nil {
		return nil, bench.ErrNotServed
	}
	var points []Point
	for records := min(1000, tokens); records <= min(tokens, mostSwept); records *= 10 {
		if err := s.Repeat(records); err != nil {
			return nil, err
		}
		started := time.Now()
		swept, err := sweepAll(s.Target)
		elapsed := time.Since(started)
		if err != nil {
			return nil, err
		}
		if swept < records {
			return nil, fmt.Errorf("%w: %d of %d", errNothingSwept, swept, records)
		}
		points = append(points, Point{Column: c.Name, At: records, Values: []float64{microseconds(elapsed) / float64(swept)}})
	}
	return points, nil
}

func sweepAll(t *bench.Target) (swept int, err error) {
	month := time.Now().AddDate(0, 1, 0)
	for {
		n, err := t.Sweep(context.Background(), month, sweepBatch)
		swept += n
		if err != nil || n < sweepBatch {
			return swept, err
		}
	}
}

func rotations(_ Options, c bench.Column) ([]Point, error) {
	found, err := bench.Rotations(c, []int{1, 10, 100, 1000}, 32)
	var points []Point
	for _, r := range found {
		points = append(points, Point{Column: c.Name, At: r.After, Values: []float64{r.Nanoseconds / 1000, r.Nanoseconds / found[0].Nanoseconds}})
	}
	return points, err
}

// cores doubles the processors, up to all there are.
func cores(o Options, c bench.Column) ([]Point, error) {
	m, err := bench.ModeNamed("parallel")
	if err != nil {
		return nil, err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var points []Point
	first := 0.0
	for n := 1; n <= runtime.NumCPU(); n *= 2 {
		runtime.GOMAXPROCS(n)
		s, err := bench.Measure(c, bench.Workloads[0], m, o.Time)
		if err != nil {
			return nil, err
		}
		rate := 1e9 / s.Nanoseconds()
		if n == 1 {
			first = rate
		}
		points = append(points, Point{Column: c.Name, At: n, Values: []float64{rate, rate / first}})
	}
	return points, nil
}

// start is the median over a few new servers of one process: what New costs, and the first request.
func start(_ Options, c bench.Column) ([]Point, error) {
	const servers = 5
	times := make([]time.Duration, servers)
	for i := range times {
		started := time.Now()
		target, err := c.Build()
		if err != nil {
			return nil, err
		}
		if err := bench.NewDriver(target, bench.InProcess(target)).Credentials(); err != nil {
			return nil, err
		}
		times[i] = time.Since(started)
	}
	slices.Sort(times)
	return []Point{{Column: c.Name, Values: []float64{microseconds(times[servers/2])}}}, nil
}

// leastRate and mostRate bound the load, in requests a second.
const (
	leastRate = 2000
	mostRate  = 64_000
)

// load doubles the rate until the server is saturated twice in a row: once may be somebody else's doing.
func load(o Options, c bench.Column) ([]Point, error) {
	var points []Point
	for rate := leastRate; rate <= mostRate; rate *= 2 {
		l, err := loadOnce(c, float64(rate), o.Time)
		if errors.Is(err, bench.ErrLate) {
			l, err = loadOnce(c, float64(rate), o.Time)
		}
		late := errors.Is(err, bench.ErrLate)
		if err != nil && !late {
			return nil, err
		}
		points = append(points, Point{Column: c.Name, At: rate, Values: []float64{microseconds(l.P50), microseconds(l.P99), l.Done}, Late: late})
		if late {
			break
		}
	}
	return points, nil
}

// loadOnce puts one rate on a new server, with enough callers that they do not run out first.
func loadOnce(c bench.Column, rate float64, d time.Duration) (bench.Latency, error) {
	m := bench.Mode{Name: "loopback", Loopback: true, Workers: func() int { return 64 }}
	s, err := bench.Open(c, bench.Workloads[0], m)
	if err != nil {
		return bench.Latency{}, err
	}
	defer s.Close()
	// The connections are made first.
	if err := s.Repeat(4 * m.Workers()); err != nil {
		return bench.Latency{}, err
	}
	return bench.Load(s, rate, d)
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
