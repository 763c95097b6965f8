package probe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/broken"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/probe"
)

func requireEmpty(t *testing.T, store *memory.Store) {
	t.Helper()
	left, err := store.List(t.Context(), oauth2.ListQuery{Limit: 1})
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestSoundStoreIsAcceptedAndNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	store := memory.New()
	began := time.Now()
	require.NoError(t, probe.Store(t.Context(), store))
	require.NoError(t, probe.Store(t.Context(), broken.Sound()))
	require.Less(t, time.Since(began), time.Minute, "it ends")
	requireEmpty(t, store)
}

// attempts are the probes that must find a bug. Nearly always the first one does; what a race needs is
// that two processors are at hand at the same time, which a busy machine may not have.
const attempts = 50

func TestStoreThatIsNotAtomicIsRefusedWithTheSentenceThatItBreaks(t *testing.T) {
	for _, store := range broken.Stores {
		if store.Probed == nil {
			continue
		}
		t.Run(store.Bug, func(t *testing.T) {
			var err error
			for n := 0; n < attempts && err == nil; n++ {
				err = probe.Store(t.Context(), store.New())
			}
			require.ErrorIs(t, err, probe.ErrBroken)
			require.True(t, slices.ContainsFunc(store.Probed, func(sentence string) bool {
				return strings.Contains(err.Error(), sentence)
			}), "%v", err)
		})
	}
}

// A slow store takes its time for each call.
type slow struct {
	*memory.Store
	delay time.Duration
}

func (s slow) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.delay):
		return nil
	}
}

func (s slow) Create(ctx context.Context, a *oauth2.Authorization) error {
	return errors.Join(s.wait(ctx), s.Store.Create(ctx, a))
}

func (s slow) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, id)
}

func (s slow) Update(ctx context.Context, a *oauth2.Authorization) error {
	return errors.Join(s.wait(ctx), s.Store.Update(ctx, a))
}

func TestSlowStoreIsNotRefused(t *testing.T) {
	t.Parallel()
	store := slow{memory.New(), 20 * time.Millisecond}
	require.NoError(t, probe.Store(t.Context(), store))
	requireEmpty(t, store.Store)
}

func TestStoreThatIsTooSlowForTheContextIsNotCalledBroken(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{0, 30 * time.Millisecond, 90 * time.Millisecond} {
		store := slow{memory.New(), 20 * time.Millisecond}
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		err := probe.Store(ctx, store)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, probe.ErrBroken)
		requireEmpty(t, store.Store)
	}
}

func TestStoreThatFailsIsNotCalledBroken(t *testing.T) {
	t.Parallel()
	store := memory.New()
	err := probe.Store(t.Context(), &broken.Unreliable{TokenStore: store})
	require.ErrorIs(t, err, broken.ErrCut)
	require.NotErrorIs(t, err, probe.ErrBroken)
}

func ExampleStore() {
	err := probe.Store(context.Background(), memory.New())
	fmt.Println(err)
	// Output: <nil>
}
