package bench

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNotServed means that a server cannot do a workload, or that it cannot be done in a mode.
var ErrNotServed = errors.New("bench: not served")

func isNotServed(err error) bool { return errors.Is(err, ErrNotServed) }

// A Session is a workload put on a server that was built for it. It is used by one goroutine, and
// closed at the end.
type Session struct {
	// Target is the server.
	Target *Target

	name     string
	workload Workload
	drivers  []*Driver
	stop     func()
}

// Open builds a column and prepares the workers. ErrNotServed: it cannot do the work.
func Open(c Column, w Workload, m Mode) (*Session, error) {
	t, err := c.For(w)
	if err != nil {
		return nil, err
	}
	if !m.Suits(w) {
		return nil, ErrNotServed
	}
	s := &Session{Target: t, name: c.Name, workload: w, stop: func() {}}
	newCaller := func() Caller { return InProcess(t) }
	if m.Loopback {
		if newCaller, s.stop, err = Serve(t); err != nil {
			return nil, err
		}
	}
	for range m.Workers() {
		d := NewDriver(t, newCaller())
		if w.Prepare != nil {
			if err := w.Prepare(d); err != nil {
				s.Close()
				return nil, s.failed(err)
			}
		}
		s.drivers = append(s.drivers, d)
	}
	return s, nil
}

// Close stops what listens.
func (s *Session) Close() { s.stop() }

func (s *Session) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bench: %s: %s: %w", s.name, s.workload.Name, err)
}

// Repeat does n operations, shared among the workers.
func (s *Session) Repeat(n int) error {
	_, err := s.each(func(worker int, d *Driver) (done int, err error) {
		for i := worker; i < n && err == nil; i += len(s.drivers) {
			err = s.workload.Operate(d)
		}
		return 0, err
	})
	return err
}

// For works until the time is over, and at least one batch for each worker. The clock is looked at
// after every batch.
func (s *Session) For(d time.Duration, batch int) (operations int, err error) {
	until := time.Now().Add(d)
	return s.each(func(_ int, d *Driver) (done int, err error) {
		for {
			for range batch {
				if err := s.workload.Operate(d); err != nil {
					return done, err
				}
			}
			done += batch
			if !time.Now().Before(until) {
				return done, nil
			}
		}
	})
}

// each runs work for every driver at once, and sums up what they have done.
func (s *Session) each(work func(worker int, d *Driver) (done int, err error)) (int, error) {
	var group sync.WaitGroup
	done, errs := make([]int, len(s.drivers)), make([]error, len(s.drivers))
	for i, d := range s.drivers {
		group.Go(func() { done[i], errs[i] = work(i, d) })
	}
	group.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return sum, s.failed(errors.Join(errs...))
}
