package clientcache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/clientcache"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A counted store tells how often each client was asked for, and runs a hook in each call.
type counted struct {
	*memory.Clients
	mu    sync.Mutex
	calls map[string]int
	hook  func(ctx context.Context, id string) error
}

func newCounted(t *testing.T, ids ...string) *counted {
	clients, err := memory.NewClients()
	require.NoError(t, err)
	s := &counted{Clients: clients, calls: map[string]int{}}
	for _, id := range ids {
		s.register(t, id, "as registered")
	}
	return s
}

func (s *counted) register(t *testing.T, id, name string) {
	require.NoError(t, s.CreateClient(t.Context(), &oauth2.Client{ID: id, Name: name}))
}

func (s *counted) rename(t *testing.T, id, name string) {
	require.NoError(t, s.UpdateClient(t.Context(), &oauth2.Client{ID: id, Name: name}))
}

func (s *counted) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	s.mu.Lock()
	s.calls[id]++
	hook := s.hook
	s.mu.Unlock()
	client, err := s.Clients.Client(ctx, id)
	if hook != nil {
		if fault := hook(ctx, id); fault != nil {
			return nil, fault
		}
	}
	return client, err
}

func (s *counted) during(hook func(ctx context.Context, id string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

func (s *counted) asked(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

func newCache(t *testing.T, clients oauth2.ClientStore, opts clientcache.Options) *clientcache.Cache {
	cache, err := clientcache.New(clients, opts)
	require.NoError(t, err)
	return cache
}

func requireName(t *testing.T, cache *clientcache.Cache, id, want string) {
	t.Helper()
	client, err := cache.Client(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, want, client.Name)
}

func requireUnknown(t *testing.T, cache *clientcache.Cache, id string) {
	t.Helper()
	client, err := cache.Client(t.Context(), id)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	require.Nil(t, client)
}

// The tests run in bubbles, in which time passes only while everybody waits.

func TestClientIsKeptForTheStatedTimeAndNoLonger(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ set, is time.Duration }{"default": {0, 5 * time.Second}, "own": {time.Minute, time.Minute}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newCounted(t, "web")
				cache := newCache(t, store, clientcache.Options{For: test.set})
				requireName(t, cache, "web", "as registered")
				store.rename(t, "web", "changed")
				time.Sleep(test.is - time.Nanosecond)
				requireName(t, cache, "web", "as registered")
				require.Equal(t, 1, store.asked("web"))
				time.Sleep(time.Nanosecond)
				requireName(t, cache, "web", "changed")
				require.Equal(t, 2, store.asked("web"))
			})
		})
	}
}

func TestTheTimeCountsFromWhenTheStoreWasAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t, "web")
		cache := newCache(t, store, clientcache.Options{For: 5 * time.Second})
		store.during(func(context.Context, string) error { time.Sleep(3 * time.Second); return nil })
		requireName(t, cache, "web", "as registered")
		store.rename(t, "web", "changed")
		store.during(nil)
		time.Sleep(2 * time.Second)
		requireName(t, cache, "web", "changed")
	})
}

func TestAnAnswerAskedForTooLongBeforeACallBeganIsNotForThatCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t, "web")
		cache := newCache(t, store, clientcache.Options{For: time.Second})
		store.during(func(context.Context, string) error { time.Sleep(3 * time.Second); return nil })
		go func() { _, _ = cache.Client(t.Context(), "web") }()
		time.Sleep(2 * time.Second)
		store.rename(t, "web", "changed")
		requireName(t, cache, "web", "changed")
		require.Equal(t, 2, store.asked("web"))
	})
}

func TestTheClockCanBeInjected(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	begin := time.Now()
	store := newCounted(t, "web")
	cache := newCache(t, store, clientcache.Options{Now: func() time.Time { return begin.Add(time.Duration(passed.Load())) }})
	requireName(t, cache, "web", "as registered")
	requireName(t, cache, "web", "as registered")
	require.Equal(t, 1, store.asked("web"))
	passed.Store(int64(time.Minute))
	requireName(t, cache, "web", "as registered")
	require.Equal(t, 2, store.asked("web"))
}

func TestCallsAtTheSameTimeAreOneCallOfTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t, "web")
		cache := newCache(t, store, clientcache.Options{})
		store.during(func(context.Context, string) error { time.Sleep(time.Second); return nil })
		var found atomic.Int64
		for range 100 {
			go func() {
				if client, err := cache.Client(t.Context(), "web"); err == nil && client.ID == "web" {
					found.Add(1)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 100, found.Load())
		require.Equal(t, 1, store.asked("web"))
	})
}

func TestTheOneWhoAskedFirstMayLeaveWithoutHarmToTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t, "web")
		cache := newCache(t, store, clientcache.Options{})
		store.during(func(ctx context.Context, _ string) error { time.Sleep(3 * time.Second); return ctx.Err() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left := make(chan error, 1)
		go func() {
			_, err := cache.Client(ctx, "web")
			left <- err
		}()
		synctest.Wait()
		requireName(t, cache, "web", "as registered")
		require.ErrorIs(t, <-left, context.DeadlineExceeded)
		require.Equal(t, 1, store.asked("web"))
	})
}

func TestCallWhoseContextIsDoneTellsSoAndAsksNobody(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "web")
	cache := newCache(t, store, clientcache.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := cache.Client(ctx, "web")
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, store.asked("web"))
}

func TestStoreThatHangsIsGivenUpOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t, "web")
		cache := newCache(t, store, clientcache.Options{})
		store.during(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		_, err := cache.Client(t.Context(), "web")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		store.during(nil)
		requireName(t, cache, "web", "as registered")
	})
}

func TestMadeUpIDsPushOutNobodyAndAreNotKept(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "web", "tv")
	cache := newCache(t, store, clientcache.Options{For: time.Hour, Size: 2})
	requireName(t, cache, "web", "as registered")
	requireName(t, cache, "tv", "as registered")
	for i := range 1000 {
		requireUnknown(t, cache, fmt.Sprint("made up ", i))
	}
	requireName(t, cache, "web", "as registered")
	requireName(t, cache, "tv", "as registered")
	require.Equal(t, 1, store.asked("web"))
	require.Equal(t, 1, store.asked("tv"))
}

func TestClientThatWasJustRegisteredIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t)
		cache := newCache(t, store, clientcache.Options{})
		requireUnknown(t, cache, "web")
		store.during(func(context.Context, string) error { time.Sleep(2 * time.Second); return nil })
		go func() { _, _ = cache.Client(t.Context(), "web") }()
		time.Sleep(time.Second)
		store.register(t, "web", "new")
		requireName(t, cache, "web", "new")
	})
}

func TestOfTooManyClientsTheOneUnusedForLongestGoes(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "one", "two", "three")
	cache := newCache(t, store, clientcache.Options{For: time.Hour, Size: 2})
	for _, id := range []string{"one", "two", "one", "three", "one", "two"} {
		requireName(t, cache, id, "as registered")
	}
	require.Equal(t, 1, store.asked("one"))
	require.Equal(t, 2, store.asked("two"))
	require.Equal(t, 1, store.asked("three"))
}

var errDisk = errors.New("the disk is on fire")

func TestFaultIsPassedOnAndNeverKept(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "web")
	cache := newCache(t, store, clientcache.Options{})
	store.during(func(context.Context, string) error { return errDisk })
	for range 2 {
		_, err := cache.Client(t.Context(), "web")
		require.ErrorIs(t, err, errDisk)
		require.NotErrorIs(t, err, oauth2.ErrNotFound)
	}
	require.Equal(t, 2, store.asked("web"))
	store.during(nil)
	requireName(t, cache, "web", "as registered")
}

func TestStoreThatPanicsIsAFault(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "web")
	cache := newCache(t, store, clientcache.Options{})
	store.during(func(context.Context, string) error { panic("nil map") })
	client, err := cache.Client(t.Context(), "web")
	require.ErrorContains(t, err, "panicked")
	require.Nil(t, client)
	store.during(nil)
	requireName(t, cache, "web", "as registered")
}

func TestForgottenClientIsAskedForAgain(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "web", "tv")
	cache := newCache(t, store, clientcache.Options{For: time.Hour})
	requireName(t, cache, "web", "as registered")
	requireName(t, cache, "tv", "as registered")
	store.rename(t, "web", "changed")
	cache.Forget("web")
	requireName(t, cache, "web", "changed")
	requireName(t, cache, "tv", "as registered")
	require.Equal(t, 1, store.asked("tv"))
	require.NoError(t, store.DeleteClient(t.Context(), "web"))
	cache.Forget("web")
	requireUnknown(t, cache, "web")
}

func TestWhatWasAskedForBeforeForgetIsNeitherJoinedNorKeptAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newCounted(t, "web")
		cache := newCache(t, store, clientcache.Options{For: time.Hour})
		store.during(func(context.Context, string) error { time.Sleep(2 * time.Second); return nil })
		go func() { _, _ = cache.Client(t.Context(), "web") }()
		time.Sleep(time.Second)
		store.during(nil)
		store.rename(t, "web", "changed")
		cache.Forget("web")
		requireName(t, cache, "web", "changed")
		time.Sleep(2 * time.Second)
		requireName(t, cache, "web", "changed")
	})
}

func TestNewRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	store := newCounted(t)
	for text, err := range map[string]error{
		"no store":         onlyError(clientcache.New(nil, clientcache.Options{})),
		"For is negative":  onlyError(clientcache.New(store, clientcache.Options{For: -1})),
		"Size is negative": onlyError(clientcache.New(store, clientcache.Options{Size: -1})),
	} {
		require.ErrorContains(t, err, text)
	}
}

func onlyError(_ *clientcache.Cache, err error) error { return err }

// Readers never see a client older than one that Forget has made known.
func TestReadersAndForgettersInParallel(t *testing.T) {
	t.Parallel()
	store := newCounted(t, "web")
	cache := newCache(t, store, clientcache.Options{For: time.Hour, Size: 1})
	var known atomic.Int64
	var wg sync.WaitGroup
	const changes = 200
	wg.Go(func() {
		for i := range int64(changes) {
			err := store.UpdateClient(t.Context(), &oauth2.Client{ID: "web", CodeLifetime: time.Duration(i + 1)})
			if err != nil {
				t.Error(err)
			}
			cache.Forget("web")
			known.Store(i + 1)
		}
	})
	for range 8 {
		wg.Go(func() {
			for last := int64(0); last < changes; {
				atLeast := known.Load()
				client, err := cache.Client(t.Context(), "web")
				if err != nil {
					t.Error(err)
					return
				}
				if last = int64(client.CodeLifetime); last < atLeast {
					t.Errorf("change %d was known, and %d was seen", atLeast, last)
					return
				}
			}
		})
	}
	wg.Wait()
}
