package oauth2

import (
	"context"
	"math/rand/v2"
	"time"
)

// A backoff spaces the attempts of writers that collide: full jitter, in units of what a store call
// takes just now, growing to about 128 of them. The first one who collides tries again at once.
type backoff struct {
	call   time.Duration
	window int
}

func (b *backoff) took(call time.Duration) {
	b.call = max(b.call, min(call, 50*time.Millisecond))
	b.window = min(max(2*b.window, 2), 128)
}

func (b *backoff) jitter() time.Duration {
	return rand.N(time.Duration(b.window)*b.call + 1) //nolint:gosec // it spreads load and guards nothing
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
