package bench

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Rotation is what a refresh costs once an authorization has seen so many.
type Rotation struct {
	After       int
	Nanoseconds float64
}

// warmUp is how long another server of the same kind works first: the first calls of a process are slow.
const warmUp = 100 * time.Millisecond

// Rotations measures a refresh after each of these numbers of rotations of one authorization. Each is
// the median of so many authorizations, refreshed one after another, once each.
func Rotations(c Column, after []int, authorizations int) ([]Rotation, error) {
	refresh, err := WorkloadNamed("refresh")
	if err != nil {
		return nil, err
	}
	if _, err := Measure(c, refresh, Modes[0], warmUp); err != nil {
		return nil, err
	}
	many := Mode{Name: "serial", Workers: func() int { return authorizations }}
	s, err := Open(c, refresh, many)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rotated := 0
	var found []Rotation
	for _, goal := range after {
		for ; rotated < goal-1; rotated++ {
			if err := s.Repeat(authorizations); err != nil {
				return nil, err
			}
		}
		times := make([]float64, authorizations)
		for i, d := range s.drivers {
			started := time.Now()
			if err := d.Rotate(); err != nil {
				return nil, s.failed(err)
			}
			times[i] = float64(time.Since(started).Nanoseconds())
		}
		rotated++
		found = append(found, Rotation{goal, median(times)})
	}
	return found, nil
}

// A Latency is what callers saw under a constant load.
type Latency struct {
	// Offered is how many requests a second were sent, Done how many were answered.
	Offered, Done float64
	P50, P99      time.Duration
}

// ErrLate means that the load could not be offered: the callers were all waiting for answers. It is how
// saturation looks from outside.
var ErrLate = errors.New("bench: saturated")

// hiccup is how late a request may be sent without anybody being to blame.
const hiccup = 50 * time.Millisecond

// Load sends requests at a constant rate for a while, whether or not the ones before were answered
// (open loop), and counts each answer's time from when the request was due, not from when it was sent:
// a queue that builds up shows. ErrLate: it fell behind by more than a tenth of the duration, and more
// than a busy machine's scheduler holds it up.
func Load(s *Session, rate float64, d time.Duration) (Latency, error) {
	var (
		mu        sync.Mutex
		latencies []time.Duration
		due       = make(chan time.Time)
		group     sync.WaitGroup
		errs      = make([]error, len(s.drivers))
	)
	for i, driver := range s.drivers {
		group.Go(func() {
			for at := range due {
				if errs[i] != nil {
					continue // the sender must not wait for who gave up
				}
				errs[i] = s.workload.Operate(driver)
				mu.Lock()
				latencies = append(latencies, time.Since(at))
				mu.Unlock()
			}
		})
	}
	started := time.Now()
	late := false
	n := int(rate * d.Seconds())
	for i := 0; i < n && !late; i++ {
		at := started.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		time.Sleep(time.Until(at))
		due <- at
		late = time.Since(at) > max(d/10, hiccup)
	}
	close(due)
	group.Wait()
	elapsed := time.Since(started)
	if err := errors.Join(errs...); err != nil {
		return Latency{}, s.failed(err)
	}
	slices.SortFunc(latencies, cmp.Compare[time.Duration])
	l := Latency{
		Offered: rate, Done: float64(len(latencies)) / elapsed.Seconds(),
		P50: percentile(latencies, 50), P99: percentile(latencies, 99),
	}
	if late {
		return l, fmt.Errorf("%w at %.0f requests a second", ErrLate, rate)
	}
	return l, nil
}

// percentile of sorted durations, of which there is at least one.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
