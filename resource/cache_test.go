package resource_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

func TestWithoutACacheARevocationIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(), w.token(audience)
	_, err := i.Check(t.Context(), token)
	require.NoError(t, err)
	w.revoke(token)
	_, err = i.Check(t.Context(), token)
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

// caching keeps answers for ten seconds.
func caching(cfg *resource.IntrospectorConfig) { cfg.CacheFor = 10 * time.Second }

func TestARevocationIsSeenWithinTheStatedStaleness(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(caching), w.token(audience)
	_, err := i.Check(t.Context(), token)
	require.NoError(t, err)
	w.revoke(token)
	w.clock.Advance(10*time.Second - 1)
	_, err = i.Check(t.Context(), token)
	require.NoError(t, err)
	require.EqualValues(t, 1, w.introspections.Load())
	w.clock.Advance(1)
	_, err = i.Check(t.Context(), token)
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestStalenessCountsFromTheQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(caching), w.token(audience)
	w.before = func(http.ResponseWriter, *http.Request) bool {
		w.clock.Advance(4 * time.Second) // each of discovery and introspection takes that long
		return true
	}
	_, err := i.Check(t.Context(), token)
	require.NoError(t, err)
	w.clock.Advance(2 * time.Second)
	_, err = i.Check(t.Context(), token)
	require.NoError(t, err)
	require.EqualValues(t, 2, w.introspections.Load())
}

func TestAnAnswerThatTookLongerThanTheStalenessIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(caching), w.token(audience)
	w.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/introspect") {
			w.clock.Advance(11 * time.Second)
		}
		return true
	}
	_, err := i.Check(t.Context(), token)
	require.NoError(t, err)
	require.EqualValues(t, 2, w.introspections.Load())
}

func TestACachedAnswerNeverOutlivesTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(func(cfg *resource.IntrospectorConfig) { cfg.CacheFor = 24 * time.Hour }), w.token(audience)
	info, err := i.Check(t.Context(), token)
	require.NoError(t, err)
	w.clock.Advance(info.ExpiresAt.Sub(w.clock.Now()))
	_, err = i.Check(t.Context(), token)
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestNeitherFaultsNorRefusalsAreCached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(caching), w.token(audience)
	for range 2 {
		_, err := i.Check(t.Context(), "unknown")
		require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	}
	require.EqualValues(t, 2, w.introspections.Load())
	var down atomic.Bool
	down.Store(true)
	w.before = func(rw http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			http.Error(rw, "down", http.StatusInternalServerError)
		}
		return !down.Load()
	}
	_, err := i.Check(t.Context(), token)
	require.ErrorIs(t, err, oauth2.ErrTemporarilyUnavailable)
	down.Store(false)
	_, err = i.Check(t.Context(), token)
	require.NoError(t, err)
}

func TestTheCacheIsBoundedAndForgetsWhatIsUnusedForLongest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i := w.introspector(caching, func(cfg *resource.IntrospectorConfig) { cfg.CacheSize = 2 })
	first, second, third := w.token(audience), w.token(audience), w.token(audience)
	asked := func(token string) bool {
		before := w.introspections.Load()
		_, err := i.Check(t.Context(), token)
		require.NoError(t, err)
		return w.introspections.Load() > before
	}
	require.True(t, asked(first))
	require.True(t, asked(second))
	require.False(t, asked(first))
	require.True(t, asked(third), "pushes the second out")
	require.False(t, asked(first))
	require.True(t, asked(second))
}

func TestRequestsThatShareAnAnswerCannotChangeItForEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	i, token := w.introspector(caching), w.token(audience, "read")
	for range 3 {
		info, err := i.Check(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, oauth2.Scope{"read"}, info.Scope)
		require.Equal(t, "acme", info.Claims["tenant"])
		info.Scope[0], info.Claims["tenant"], info.Audience[0] = "write", "evil", "x"
	}
}

func TestConcurrentChecksOfOneTokenAreOneCallThatNoCallerCanCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	token := w.token(audience)
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	w.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/introspect") {
			arrived <- struct{}{}
			<-release
		}
		return true
	}
	i := w.introspector(caching)
	first, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() {
		_, err := i.Check(first, token)
		cancelled <- err
	}()
	<-arrived
	var others sync.WaitGroup
	failures := make(chan error, 20)
	for range 20 {
		others.Go(func() {
			_, err := i.Check(t.Context(), token)
			failures <- err
		})
	}
	cancel()
	require.ErrorIs(t, <-cancelled, context.Canceled)
	close(release)
	others.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.introspections.Load())
}
