package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// loginFrom is a request to a login page of the application's.
func loginFrom(t *testing.T, addr string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", nil)
	r.RemoteAddr = addr + ":1234"
	return r
}

// loginLimited requires the refusal of an attempt beyond the limits.
func loginLimited(t *testing.T, right bool, err error) {
	t.Helper()
	require.False(t, right)
	require.ErrorIs(t, err, oauth2.ErrTooManyAttempts)
	e, ok := errors.AsType[*oauth2.Error](err)
	require.True(t, ok)
	require.Equal(t, http.StatusTooManyRequests, e.Status)
	require.Positive(t, e.RetryAfter)
}

func TestPasswordsHaveTenFailuresANameAndTheOwnerIsNotLockedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := oauth2.HashSecret("wonderland")
	try := func(addr, name, password string) (bool, error) {
		return w.server.VerifyPassword(loginFrom(t, addr), name, map[string]string{"alice": hash}[name], password)
	}
	for _, name := range []string{"alice", "nobody"} {
		for range 10 {
			right, err := try(attackerAddr, name, "guess")
			require.NoError(t, err)
			require.False(t, right)
		}
		right, err := try(attackerAddr, name, "guess")
		loginLimited(t, right, err)
	}
	right, err := try(attackerAddr, "bob", "guess")
	require.NoError(t, err, "another name has its own count")
	require.False(t, right)
	require.Equal(t, []oauth2.EventType{oauth2.EventAttemptLimited, oauth2.EventAttemptLimited}, w.eventTypes())
	require.Empty(t, w.events[0].Subject, "what was typed may be a misplaced password")

	right, err = try(honestAddr, "alice", "wonderland")
	require.NoError(t, err)
	require.True(t, right)
	for range 10 {
		right, err = try(attackerAddr, "alice", "guess")
		require.NoError(t, err, "a success forgets the failures")
		require.False(t, right)
	}
}

func TestUserWhoDoesNotExistHasNoPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, password := range []string{"", "x", oauth2.HashPassword("")} {
		right, err := w.server.VerifyPassword(loginFrom(t, honestAddr), "nobody", "", password)
		require.NoError(t, err)
		require.False(t, right)
	}
}

func TestParallelGuessesCannotOutrunTheCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var looked, limited atomic.Int32
	var wg sync.WaitGroup
	began := time.Now()
	for range 80 {
		wg.Go(func() {
			_, err := w.server.TryPassword(loginFrom(t, attackerAddr), "alice", func(context.Context) (bool, error) {
				looked.Add(1)
				return false, nil
			})
			if errors.Is(err, oauth2.ErrTooManyAttempts) {
				limited.Add(1)
			}
		})
	}
	wg.Wait()
	turns := int32(time.Since(began)/time.Second) + 1
	require.LessOrEqual(t, looked.Load(), 10+turns, "ten at once, and then one a second")
	require.EqualValues(t, 70, limited.Load())
}

func TestTheOwnerGetsATurnWhileSomebodyGuesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := make(chan struct{})
	var flood sync.WaitGroup
	for range 30 {
		flood.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, _ = w.server.TryPassword(loginFrom(t, attackerAddr), "alice", func(context.Context) (bool, error) { return false, nil })
				time.Sleep(time.Millisecond)
			}
		})
	}
	for _, addr := range []string{honestAddr, "192.0.2.2"} {
		// Against one other address, a wait of five turns is in vain once in 32 times.
		require.Eventually(t, func() bool {
			right, _ := w.server.TryPassword(loginFrom(t, addr), "alice", func(context.Context) (bool, error) { return true, nil })
			return right
		}, time.Minute, time.Millisecond)
	}
	close(done)
	flood.Wait()
}

func TestAddressThatGuessesAtManyNamesIsLimitedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := func(context.Context) (bool, error) { return false, nil }
	try := func(addr string, n int) error {
		_, err := w.server.TryPassword(loginFrom(t, addr), string(rune('a'+n)), wrong)
		return err
	}
	for n := range 100 {
		require.NoError(t, try(attackerAddr, n))
	}
	require.ErrorIs(t, try(attackerAddr, 101), oauth2.ErrTooManyAttempts)
	require.NoError(t, try(honestAddr, 101))
	right, err := w.server.TryPassword(loginFrom(t, attackerAddr), "alice", func(context.Context) (bool, error) { return true, nil })
	require.NoError(t, err, "a right password passes, from there too")
	require.True(t, right)
}

func TestWhatCannotBeDecidedIsNoWrongPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fault := errors.New("the directory is down")
	right, err := w.server.TryPassword(loginFrom(t, honestAddr), "alice", func(context.Context) (bool, error) { return true, fault })
	require.ErrorIs(t, err, fault)
	require.False(t, right)
	require.Empty(t, w.eventTypes())
}
