package oauth2

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// failureRows and failureBuckets bound the memory of a table. A cache would not do: a flood of other keys
	// could push the failures of one out.
	failureRows    = 2
	failureBuckets = 8192
)

// A failureTable counts by one kind of key, in a bucket of each row (a count-min sketch). Keys that share a
// bucket in one row hardly ever share that in the other too, and what counts is the lesser of a key's counts. A
// key's own failures are in both. The keys are hashes under a seed, so nobody chooses with whom to share.
type failureTable struct {
	budget FailureBudget
	mu     sync.Mutex
	// rows is nil as long as nobody has failed. An untouched bucket is nil.
	rows *[failureRows][failureBuckets]*rate.Limiter
}

// newFailureTable returns nil where nothing is limited.
func newFailureTable(budget FailureBudget) *failureTable {
	if budget.Burst <= 0 || budget.Every <= 0 {
		return nil
	}
	return &failureTable{budget: budget}
}

// failed counts a failure. It returns 0 if that was within the budget, and otherwise what spent tells.
func (t *failureTable) failed(key uint64, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows = new([failureRows][failureBuckets]*rate.Limiter)
	}
	least := time.Duration(math.MaxInt64)
	for row := range t.rows {
		bucket := t.bucket(row, key)
		if *bucket == nil {
			*bucket = rate.NewLimiter(rate.Every(t.budget.Every), t.budget.Burst)
		}
		wait := time.Duration(0)
		if !(*bucket).AllowN(now, 1) {
			wait = max(1, t.until(*bucket, now))
		}
		least = min(least, wait)
	}
	return least
}

// spent is how long it takes until one more failure is within the budget.
func (t *failureTable) spent(key uint64, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		return 0
	}
	least := time.Duration(math.MaxInt64)
	for row := range t.rows {
		least = min(least, t.until(*t.bucket(row, key), now))
	}
	return least
}

// forgive forgets the failures of a key: the buckets with the lesser count, which are its own. One that has more
// is another key's too, and stays.
func (t *failureTable) forgive(key uint64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		return
	}
	own := math.Inf(1)
	for row := range t.rows {
		own = min(own, t.used(*t.bucket(row, key), now))
	}
	const rounded = 1e-6 // what a float may be off by
	for row := range t.rows {
		if bucket := t.bucket(row, key); t.used(*bucket, now) <= own+rounded {
			*bucket = nil
		}
	}
}

// bucket is where a row counts a key. Each row takes other bits of it.
func (t *failureTable) bucket(row int, key uint64) **rate.Limiter {
	return &t.rows[row][key>>(32*row)%failureBuckets]
}

// used is how much of the budget a bucket has spent.
func (t *failureTable) used(bucket *rate.Limiter, now time.Time) float64 {
	if bucket == nil {
		return 0
	}
	return float64(t.budget.Burst) - bucket.TokensAt(now)
}

// until is how long it takes until one more failure is within the budget of a bucket.
func (t *failureTable) until(bucket *rate.Limiter, now time.Time) time.Duration {
	left := float64(t.budget.Burst) - t.used(bucket, now)
	return max(0, time.Duration((1-left)*float64(t.budget.Every)))
}
