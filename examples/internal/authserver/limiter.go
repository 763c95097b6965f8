package authserver

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What a user name may fail. Failures beyond the first ten are answered 429; the attempts are still
// looked at, one per second and name, so that a guesser cannot lock the owner out, and cannot guess
// faster by going on either.
const (
	freeFailures   = 10
	failureRefill  = time.Minute / freeFailures
	slowedAttempts = time.Second
	// slowedWait is how long an attempt waits for its turn before it is refused unseen.
	slowedWait = 3 * time.Second
)

// buckets bound the memory of the limiter. Names that share one share their failures, and the seed
// keeps anyone from choosing which.
const buckets = 4096

// A limiter counts failed logins by user name, whether the user exists or not. It is the process's
// own: each of several replicas counts for itself.
type limiter struct {
	seed    maphash.Seed
	mu      sync.Mutex
	buckets [buckets]*bucket
}

type bucket struct{ free, slowed *rate.Limiter }

func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// bucket returns the bucket of a name; nil ones are untouched.
func (l *limiter) bucket(name string) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := &l.buckets[maphash.String(l.seed, name)%buckets]
	if *at == nil {
		*at = &bucket{
			free:   rate.NewLimiter(rate.Every(failureRefill), freeFailures),
			slowed: rate.NewLimiter(rate.Every(slowedAttempts), 1),
		}
	}
	return *at
}

// admit counts an attempt as a failure until succeed says otherwise, so that parallel attempts
// cannot outrun the count. limited: there were too many failures lately. seen: the password may be
// looked at.
func (l *limiter) admit(ctx context.Context, name string) (seen, limited bool) {
	b := l.bucket(name)
	if b.free.Allow() {
		return true, false
	}
	ctx, cancel := context.WithTimeout(ctx, slowedWait)
	defer cancel()
	return b.slowed.Wait(ctx) == nil, true
}

// succeed forgets the failures of a name.
func (l *limiter) succeed(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buckets[maphash.String(l.seed, name)%buckets] = nil
}
