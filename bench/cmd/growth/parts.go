package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
)

func checks(o options, c bench.Column) error {
	f, err := bench.Weigh(c, o.tokens)
	for _, l := range f.Lookups {
		row(c.Name, strconv.Itoa(l.Tokens), fmt.Sprintf("%.0f", l.Nanoseconds), fmt.Sprintf("%.2f", l.Nanoseconds/f.Lookups[0].Nanoseconds))
	}
	return err
}

// sweepBatch is how many records one call removes, as an application's timer would.
const sweepBatch = 1000

var errNothingSwept = errors.New("not every record was swept")

// sweep issues tokens, and removes all of them as if a month had passed.
func sweep(o options, c bench.Column) error {
	target, err := c.Build()
	if err != nil {
		return err
	}
	if target.Sweep == nil {
		return bench.ErrNotServed
	}
	d := bench.NewDriver(target, bench.InProcess(target))
	for records := min(1000, o.tokens); records <= min(o.tokens, 1_000_000); records *= 10 {
		for range records {
			if err := d.Credentials(); err != nil {
				return err
			}
		}
		month := time.Now().AddDate(0, 1, 0)
		started, swept := time.Now(), 0
		for {
			n, err := target.Sweep(context.Background(), month, sweepBatch)
			if err != nil {
				return err
			}
			if swept += n; n < sweepBatch {
				break
			}
		}
		elapsed := time.Since(started)
		if swept < records {
			return fmt.Errorf("%w: %d of %d", errNothingSwept, swept, records)
		}
		row(c.Name, strconv.Itoa(records), strconv.FormatInt(elapsed.Nanoseconds()/int64(swept), 10))
	}
	return nil
}

func rotations(_ options, c bench.Column) error {
	found, err := bench.Rotations(c, []int{1, 10, 1000}, 64)
	for _, r := range found {
		row(c.Name, strconv.Itoa(r.After), fmt.Sprintf("%.0f", r.Nanoseconds))
	}
	return err
}

func cores(o options, c bench.Column) error {
	m, err := bench.ModeNamed("parallel")
	if err != nil {
		return err
	}
	s, err := bench.Measure(c, bench.Workloads[0], m, time.Duration(o.seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	row(c.Name, strconv.Itoa(runtime.GOMAXPROCS(0)), fmt.Sprintf("%.0f", 1e9/s.Nanoseconds()))
	return nil
}

// start is the median over a few new servers of one process: what New costs, and the first request.
func start(_ options, c bench.Column) error {
	const servers = 5
	times := make([]time.Duration, servers)
	for i := range times {
		started := time.Now()
		target, err := c.Build()
		if err != nil {
			return err
		}
		if err := bench.NewDriver(target, bench.InProcess(target)).Credentials(); err != nil {
			return err
		}
		times[i] = time.Since(started)
	}
	slices.Sort(times)
	row(c.Name, microseconds(times[servers/2]))
	return nil
}

// load doubles the rate until the server is saturated.
func load(o options, c bench.Column) error {
	for rate := 250.0; ; rate *= 2 {
		l, err := loadOnce(c, rate, time.Duration(o.seconds*float64(time.Second)))
		saturated := errors.Is(err, bench.ErrLate)
		if err != nil && !saturated {
			return err
		}
		offered := fmt.Sprintf("%.0f", l.Offered)
		if saturated {
			offered += " (saturated)"
		}
		row(c.Name, offered, fmt.Sprintf("%.0f", l.Done), microseconds(l.P50), microseconds(l.P99))
		if saturated {
			return nil
		}
	}
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

func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
