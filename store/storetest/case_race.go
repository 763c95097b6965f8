package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// raceCases are the sentences about callers at the same time.
var raceCases = []storeCase{
	{"of parallel Creates of one ID exactly one wins", oneCreateWins},
	{"of parallel Updates of one version exactly one wins", oneUpdateWins},
	{"parallel read-modify-writes lose none", noUpdateIsLost},
	{"a Delete that races Updates is final", deleteIsFinal},
	{"Get sees every write that was acknowledged before it began", getSeesAcknowledged},
}

const (
	racers = 8
	rounds = 10
)

// race calls do in racers goroutines that start together, and returns what each of them returned.
func race(do func(i int) error) []error {
	var wg sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, racers)
	for i := range racers {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// requireOneWinner requires that one call succeeded and all others failed with lost.
func requireOneWinner(t *testing.T, errs []error, lost error) (winner int) {
	t.Helper()
	winner = -1
	for i, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, lost)
			continue
		}
		require.Equal(t, -1, winner, "two calls won")
		winner = i
	}
	require.NotEqual(t, -1, winner, "no call won")
	return winner
}

func oneCreateWins(t *testing.T, store oauth2.TokenStore) {
	for range rounds {
		id := newID()
		records := numbered(racers, func(_ int, a *oauth2.Authorization) { a.ID = id })
		errs := race(func(i int) error { return store.Create(t.Context(), records[i]) })
		requireStored(t, store, records[requireOneWinner(t, errs, oauth2.ErrExists)])
	}
}

func oneUpdateWins(t *testing.T, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	for range rounds {
		next := numbered(racers, func(_ int, next *oauth2.Authorization) { next.ID, next.Version = a.ID, a.Version })
		errs := race(func(i int) error { return store.Update(t.Context(), next[i]) })
		a = next[requireOneWinner(t, errs, oauth2.ErrConflict)]
		a.Version++
		requireStored(t, store, a)
	}
}

// noUpdateIsLost lets each racer add access tokens, as parallel token requests do.
func noUpdateIsLost(t *testing.T, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	add := func(digest string) error {
		// Each conflict is due to an update that won, and there are no more of those.
		for range racers * rounds {
			got, err := store.Get(t.Context(), a.ID)
			if err != nil {
				return err
			}
			got.Access = append(got.Access, oauth2.AccessToken{Digest: digest, IssuedAt: now(), ExpiresAt: now()})
			if err = store.Update(t.Context(), got); !errors.Is(err, oauth2.ErrConflict) {
				return err
			}
		}
		return errors.New("more conflicts than updates")
	}
	var want []string
	for i := range racers {
		for j := range rounds {
			want = append(want, fmt.Sprint(i, " ", j))
		}
	}
	for _, err := range race(func(i int) error {
		for _, digest := range want[i*rounds : (i+1)*rounds] {
			if err := add(digest); err != nil {
				return err
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	got, err := store.Get(t.Context(), a.ID)
	require.NoError(t, err)
	var have []string
	for _, token := range got.Access {
		have = append(have, token.Digest)
	}
	require.ElementsMatch(t, want, have)
	require.Equal(t, a.Version+int64(len(want)), got.Version)
}

func deleteIsFinal(t *testing.T, store oauth2.TokenStore) {
	for range rounds {
		a := newRecord()
		create(t, store, a)
		var deleted atomic.Bool
		for i, err := range race(func(i int) error {
			if i > 0 {
				return updateUntilGone(t, store, a, &deleted)
			}
			defer deleted.Store(true)
			return store.Delete(t.Context(), a.ID)
		}) {
			require.NoError(t, err, "racer %d", i)
		}
		requireGone(t, store, a.ID)
	}
}

// updateUntilGone updates a record again and again. Once its Delete was acknowledged, no call may
// find it.
func updateUntilGone(t *testing.T, store oauth2.TokenStore, a *oauth2.Authorization, deleted *atomic.Bool) error {
	for next := a.Clone(); ; {
		gone := deleted.Load()
		err := store.Update(t.Context(), next)
		if err == nil || errors.Is(err, oauth2.ErrConflict) {
			if gone {
				return fmt.Errorf("the Update returned %v after Delete", err)
			}
			next, err = store.Get(t.Context(), a.ID)
		}
		switch {
		case errors.Is(err, oauth2.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
	}
}

func getSeesAcknowledged(t *testing.T, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	var acknowledged atomic.Int64
	acknowledged.Store(a.Version)
	var deleted atomic.Bool
	write := func() error {
		defer deleted.Store(true) // ends the readers, whatever happens
		for next := a.Clone(); next.Version < 5*rounds; {
			if err := store.Update(t.Context(), next); err != nil {
				return err
			}
			next.Version++
			acknowledged.Store(next.Version)
		}
		return store.Delete(t.Context(), a.ID)
	}
	read := func() error {
		for {
			gone, atLeast := deleted.Load(), acknowledged.Load()
			got, err := store.Get(t.Context(), a.ID)
			switch {
			case gone && errors.Is(err, oauth2.ErrNotFound):
				return nil
			case gone:
				return fmt.Errorf("the Get returned a deleted record, and %v", err)
			case errors.Is(err, oauth2.ErrNotFound):
				continue // deleted, but not acknowledged yet
			case err != nil:
				return err
			case got.Version < atLeast:
				return fmt.Errorf("the Get returned version %d after %d was acknowledged", got.Version, atLeast)
			}
		}
	}
	for _, err := range race(func(i int) error {
		if i == 0 {
			return write()
		}
		return read()
	}) {
		require.NoError(t, err)
	}
}
