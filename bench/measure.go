package bench

import (
	"runtime"
	"time"
)

// A Sample is one measurement.
type Sample struct {
	Operations int
	Elapsed    time.Duration
	Mallocs    uint64
	Bytes      uint64
}

// Nanoseconds is the time of one operation. Of several workers it is the time between two ends.
func (s Sample) Nanoseconds() float64 {
	return float64(s.Elapsed.Nanoseconds()) / float64(s.Operations)
}

// Allocations is how many objects one operation allocates, the harness's own included.
func (s Sample) Allocations() float64 { return float64(s.Mallocs) / float64(s.Operations) }

// AllocatedBytes is how much one operation allocates, the harness's own included.
func (s Sample) AllocatedBytes() float64 { return float64(s.Bytes) / float64(s.Operations) }

// Measure builds a column and lets it work for about this long, after a tenth of the time to warm up.
// ErrNotServed: it cannot do the work. Any other error means that an operation failed.
//
// What other columns keep in memory would slow it down: each is measured in a process of its own.
func Measure(c Column, w Workload, m Mode, d time.Duration) (Sample, error) {
	s, err := Open(c, w, m)
	if err != nil {
		return Sample{}, err
	}
	defer s.Close()
	warm, err := s.sample(d/10, 1)
	if err != nil {
		return Sample{}, err
	}
	// The clock is looked at a thousand times in all, or after every operation of a slow column.
	batch := max(1, int(float64(d.Nanoseconds())/warm.Nanoseconds()/1000/float64(len(s.drivers))))
	runtime.GC()
	return s.sample(d, batch)
}

func (s *Session) sample(d time.Duration, batch int) (Sample, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	started := time.Now()
	n, err := s.For(d, batch)
	elapsed := time.Since(started)
	runtime.ReadMemStats(&after)
	return Sample{n, elapsed, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc}, err
}
