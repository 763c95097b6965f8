package oauth2

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inBuckets is a key that is counted in these buckets of the two rows.
func inBuckets(first, second uint64) uint64 { return second<<32 | first }

// fill fails until the budget is spent, and returns how often that was.
func fill(table *failureTable, key uint64, now time.Time) (failures int) {
	for table.failed(key, now) == 0 {
		failures++
	}
	return failures
}

func TestWhoSharesABucketInOneRowSharesNoFailures(t *testing.T) {
	t.Parallel()
	table := newFailureTable(FailureBudget{Burst: 10, Every: time.Minute})
	require.Equal(t, 10, fill(table, inBuckets(5, 7), noon))
	for _, other := range []uint64{inBuckets(5, 8), inBuckets(6, 7)} {
		require.Zero(t, table.spent(other, noon))
		require.Equal(t, 10, fill(table, other, noon))
	}
	require.Positive(t, table.spent(inBuckets(5, 7), noon))
	require.Zero(t, table.spent(inBuckets(6, 9), noon), "who shares a full bucket has another, which is empty")
	require.Positive(t, table.spent(inBuckets(6, 8), noon), "who shares both shares their failures")
}

func TestASuccessForgetsNoFailuresOfWhoSharesABucket(t *testing.T) {
	t.Parallel()
	table := newFailureTable(FailureBudget{Burst: 10, Every: time.Minute})
	victim, own := inBuckets(5, 7), inBuckets(5, 8)
	table.forgive(victim, noon)
	require.Nil(t, table.rows, "nobody has failed")
	fill(table, victim, noon)
	for range 20 { // an account of one's own, whose password is known
		table.failed(own, noon)
		table.forgive(own, noon)
	}
	require.Positive(t, table.spent(victim, noon))
	table.forgive(victim, noon)
	require.Equal(t, 10, fill(table, victim, noon))
}

func TestNoKeyGetsMoreThanItsBudgetWhateverOthersDo(t *testing.T) {
	t.Parallel()
	budget := FailureBudget{Burst: 3, Every: time.Minute}
	table, guesses := newFailureTable(budget), map[uint64]int{}
	now := noon
	for range 20_000 {
		now = now.Add(rand.N(5 * time.Second))
		key := inBuckets(rand.Uint64N(4), rand.Uint64N(4))
		if table.failed(key, now) == 0 {
			guesses[key]++
		}
	}
	for key, n := range guesses {
		require.LessOrEqual(t, n, budget.Burst+1+int(now.Sub(noon)/budget.Every), key)
	}
}
