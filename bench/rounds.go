package bench

import (
	"fmt"
	"slices"
)

// A Key names one cell of the result.
type Key struct{ Column, Workload, Mode string }

// A Sampler makes one measurement. ErrNotServed leaves the cell empty.
type Sampler func(Key) (Sample, error)

// Samples are the measurements of each cell, one for each round.
type Samples map[Key][]Sample

// A Cell is what was found of a column, as multiples of the floor.
type Cell struct {
	// Ratio is the median over the rounds, Low and High their least and greatest.
	Ratio, Low, High float64
	// Allocations and AllocatedBytes of one operation are medians, without the harness's own.
	Allocations, AllocatedBytes float64
}

// The columns that every other is measured against.
const (
	harnessColumn = "harness"
	floorColumn   = "floor"
)

// Rounds measures every column once in each round, and begins each round with another one, so that
// whatever disturbs the machine meets all of them alike. Columns without the workload are left out.
func Rounds(n int, columns []string, workload, mode string, sample Sampler, into Samples) error {
	for round := range n {
		for i := range columns {
			key := Key{columns[(round+i)%len(columns)], workload, mode}
			s, err := sample(key)
			switch {
			case err == nil:
				into[key] = append(into[key], s)
			case !isNotServed(err):
				return fmt.Errorf("%s, %s, %s: %w", key.Column, workload, mode, err)
			}
		}
	}
	return nil
}

// Cell compares a column with the floor, round by round: what slowed a round down slowed both. The
// harness's own allocations are subtracted from both, and in process its time too: the least of all
// rounds, because it is the same work every time and a busy machine can only add to it. Over loopback the
// client and the connection are part of what is compared. ok is false where the column, the floor or the
// harness has not been measured in every round.
func (s Samples) Cell(k Key) (cell Cell, ok bool) {
	own := s[k]
	floor := s[Key{floorColumn, k.Workload, k.Mode}]
	harness := s[Key{harnessColumn, k.Workload, k.Mode}]
	if len(own) == 0 || len(own) != len(floor) || len(own) != len(harness) {
		return Cell{}, false
	}
	overhead := slices.Min(each(harness, Sample.Nanoseconds))
	if m, err := ModeNamed(k.Mode); err == nil && m.Loopback {
		overhead = 0
	}
	ratios := make([]float64, len(own))
	for i := range own {
		ratios[i] = (own[i].Nanoseconds() - overhead) / (floor[i].Nanoseconds() - overhead)
	}
	return Cell{
		Ratio: median(ratios), Low: slices.Min(ratios), High: slices.Max(ratios),
		Allocations:    median(each(own, Sample.Allocations)) - median(each(harness, Sample.Allocations)),
		AllocatedBytes: median(each(own, Sample.AllocatedBytes)) - median(each(harness, Sample.AllocatedBytes)),
	}, true
}

func each[T any](measured []T, value func(T) float64) []float64 {
	values := make([]float64, len(measured))
	for i, m := range measured {
		values[i] = value(m)
	}
	return values
}

// median of numbers, of which there is at least one.
func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
