package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/race"
)

// historyCases are the sentences about whatever callers may do at the same time.
var historyCases = []storeCase{
	{"recorded histories are linearizable", historiesAreLinearizable},
	{"a call that its deadline cuts short tells so, and happened once or never", cutShortOnceOrNever},
}

// unreliableCases are the sentences about a store whose connection breaks.
var unreliableCases = []storeCase{
	{"a write whose outcome is unknown happened once or never", unknownOnceOrNever},
}

const (
	histories      = 8 // judged one by one, recorded two at a time
	historyCallers = 6
	historyCalls   = 16 // by each caller
	// cutEvery is how rarely a call is cut short. Each of those doubles the orders to search.
	cutEvery = 8
)

// actions are drawn from: reads and updates are what a Server does most.
var actions = []action{doGet, doGet, doGet, doUpdate, doUpdate, doUpdate, doUpdate, doCreate, doCreate, doDelete}

func historiesAreLinearizable(t testing.TB, store oauth2.TokenStore) {
	often(func() {
		recordHistories(t, store, func(ctx context.Context, c *caller) error { return c.call(ctx, draw()) })
	})
}

func draw() action { return actions[rand.IntN(len(actions))] }

// recordHistories lets callers loose on one ID after another, and judges what they saw. An error
// that act returns ends the test.
func recordHistories(t testing.TB, store oauth2.TokenStore, act func(ctx context.Context, c *caller) error) {
	t.Helper()
	var clock atomic.Int64
	recorded := make([]*history, histories)
	begun := make([]*oauth2.Authorization, histories)
	for i := range recorded {
		recorded[i], begun[i] = &history{clock: &clock}, fullRecord()
	}
	for _, err := range race.Run(2*historyCallers, func(n int) error {
		for i := n % 2; i < histories; i += 2 {
			c := &caller{number: n / 2, store: store, history: recorded[i], begun: begun[i], last: begun[i]}
			for range historyCalls {
				if err := act(t.Context(), c); err != nil {
					return err
				}
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	for _, h := range recorded {
		h.requireLinearizable(t)
	}
}

func cutShortOnceOrNever(t testing.TB, store oauth2.TokenStore) {
	usual := usualTime(t, store)
	recordHistories(t, store, func(ctx context.Context, c *caller) error {
		if rand.IntN(cutEvery) > 0 {
			return c.call(ctx, draw())
		}
		ctx, cancel := context.WithTimeout(ctx, rand.N(2*usual))
		defer cancel()
		if err := c.call(ctx, draw()); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
}

// usualTime is how long a call takes.
func usualTime(t testing.TB, store oauth2.TokenStore) time.Duration {
	const calls = 8
	a := newRecord()
	create(t, store, a)
	began := time.Now()
	for range calls {
		require.NoError(t, store.Update(t.Context(), a))
		a.Version++
	}
	return max(time.Since(began)/calls, time.Microsecond)
}

func unknownOnceOrNever(t testing.TB, store oauth2.TokenStore) {
	var unknown atomic.Int64
	recordHistories(t, store, func(ctx context.Context, c *caller) error {
		if err := c.call(ctx, draw()); err != nil {
			unknown.Add(1)
		}
		return nil
	})
	require.Positive(t, unknown.Load(), "the connection never broke, so nothing was proven")
}
