// Package race lets goroutines do the same at the same time, so that what must not happen then would.
package race

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Run calls do in n goroutines that start together, and returns what each of them returned.
func Run(n int, do func(i int) error) []error {
	var wg sync.WaitGroup
	start := NewGate(n)
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			start.Pass(0)
			errs[i] = do(i)
		})
	}
	wg.Wait()
	return errs
}

// A Gate lets goroutines pass together, one turn after another.
type Gate struct {
	n       int64
	arrived atomic.Int64
}

// NewGate returns a Gate for n goroutines.
func NewGate(n int) *Gate { return &Gate{n: int64(n)} }

// Pass returns when all have arrived for the turn; the first turn is 0. They wait awake, because
// those that sleep are woken one by one, and what is to meet would not.
func (g *Gate) Pass(turn int) {
	g.arrived.Add(1)
	for tries := 0; g.arrived.Load() < int64(turn+1)*g.n; tries++ {
		if tries < 1000 {
			runtime.Gosched()
		} else {
			time.Sleep(50 * time.Microsecond) // somebody is waiting for a network
		}
	}
}
