package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/race"
)

// raceCases are the sentences about callers at the same time.
var raceCases = []storeCase{
	{"of hundreds of parallel Creates of one ID exactly one wins", oneCreateWins},
	{"Create is the one-time primitive: each of many IDs is won once", eachIDIsWonOnce},
	{"of hundreds of parallel Updates of one version exactly one wins", oneUpdateWins},
	{"of parallel Updates of many records each is won once", eachUpdateIsWonOnce},
	{"parallel read-modify-writes lose none", noUpdateIsLost},
	{"a Delete that races Updates is final", deleteIsFinal},
	{"Get sees every write that was acknowledged before it began", getSeesAcknowledged},
}

const (
	// crowd is how many callers want the same at once.
	crowd = 256
	// crowdRounds is how often they do.
	crowdRounds = 2
	// racers is how many callers keep at it for a while.
	racers = 8
	// rounds is how long they do.
	rounds = 10
	// contested is how many records racers contend for one after another.
	contested = 32
	// patience is how long a quick store is tried.
	patience = 150 * time.Millisecond
)

// often repeats do for a while. Where the window between a store's look and its write is tiny, it is
// the number of chances that finds it; where it is wide, the store is slow, and once is enough.
func often(do func()) {
	for began := time.Now(); ; {
		if do(); time.Since(began) > patience {
			return
		}
	}
}

// requireOneWinner requires that one call succeeded and all others failed with lost.
func requireOneWinner(t testing.TB, errs []error, lost error) (winner int) {
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

func oneCreateWins(t testing.TB, store oauth2.TokenStore) {
	for range crowdRounds {
		id := newID()
		records := numbered(crowd, func(_ int, a *oauth2.Authorization) { a.ID = id })
		errs := race.Run(crowd, func(i int) error { return store.Create(t.Context(), records[i]) })
		requireStored(t, store, records[requireOneWinner(t, errs, oauth2.ErrExists)])
	}
}

func oneUpdateWins(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	for range crowdRounds {
		next := numbered(crowd, func(_ int, next *oauth2.Authorization) { next.ID, next.Version = a.ID, a.Version })
		errs := race.Run(crowd, func(i int) error { return store.Update(t.Context(), next[i]) })
		a = next[requireOneWinner(t, errs, oauth2.ErrConflict)]
		a.Version++
		requireStored(t, store, a)
	}
}

// contend lets racers write to one record after another, each record by all of them at once, and
// returns for each record the one that won. The records should be large: what takes longer to copy
// keeps the window open that is looked for.
func contend(t testing.TB, records [][]*oauth2.Authorization, lost error, write func(a *oauth2.Authorization) error) []*oauth2.Authorization {
	t.Helper()
	errs := make([][]error, len(records))
	for i := range errs {
		errs[i] = make([]error, racers)
	}
	together := race.NewGate(racers)
	race.Run(racers, func(racer int) error {
		for i := range records {
			together.Pass(i)
			errs[i][racer] = write(records[i][racer])
		}
		return nil
	})
	winners := make([]*oauth2.Authorization, len(records))
	for i := range records {
		winners[i] = records[i][requireOneWinner(t, errs[i], lost)]
	}
	return winners
}

func eachIDIsWonOnce(t testing.TB, store oauth2.TokenStore) {
	often(func() {
		records := make([][]*oauth2.Authorization, contested)
		for i := range records {
			records[i] = copies(racers, fullRecord())
		}
		won := contend(t, records, oauth2.ErrExists, func(a *oauth2.Authorization) error { return store.Create(t.Context(), a) })
		for _, a := range won {
			requireStored(t, store, a)
		}
	})
}

func eachUpdateIsWonOnce(t testing.TB, store oauth2.TokenStore) {
	begun := make([]*oauth2.Authorization, contested)
	for i := range begun {
		begun[i] = fullRecord()
		create(t, store, begun[i])
	}
	often(func() {
		records := make([][]*oauth2.Authorization, contested)
		for i, a := range begun {
			records[i] = copies(racers, a)
		}
		begun = contend(t, records, oauth2.ErrConflict, func(a *oauth2.Authorization) error { return store.Update(t.Context(), a) })
		for _, a := range begun {
			a.Version++
			requireStored(t, store, a)
		}
	})
}

// noUpdateIsLost lets each racer add access tokens, as parallel token requests do.
func noUpdateIsLost(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	add := func(digest string) error {
		// Each conflict is due to an update that won, and there are no more of those.
		for range racers * rounds {
			got, err := store.Get(t.Context(), a.ID)
			if err != nil {
				return err
			}
			runtime.Gosched() // lets others read the same
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
	for _, err := range race.Run(racers, func(i int) error {
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

func deleteIsFinal(t testing.TB, store oauth2.TokenStore) {
	often(func() {
		a := newRecord()
		create(t, store, a)
		var deleted atomic.Bool
		for i, err := range race.Run(racers, func(i int) error {
			if i > 0 {
				return updateUntilGone(t, store, a, &deleted)
			}
			defer deleted.Store(true)
			return store.Delete(t.Context(), a.ID)
		}) {
			require.NoError(t, err, "racer %d", i)
		}
		requireGone(t, store, a.ID)
	})
}

// updateUntilGone updates a record again and again. Once its Delete was acknowledged, no call may
// find it.
func updateUntilGone(t testing.TB, store oauth2.TokenStore, a *oauth2.Authorization, deleted *atomic.Bool) error {
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

func getSeesAcknowledged(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	var acknowledged atomic.Int64
	acknowledged.Store(a.Version)
	var deleted atomic.Bool
	write := func() error {
		defer deleted.Store(true) // ends the readers, whatever happens
		next := a.Clone()
		for began := time.Now(); next.Version < 3*rounds || time.Since(began) < patience; {
			if err := store.Update(t.Context(), next); err != nil {
				return err
			}
			next.Version++
			acknowledged.Store(next.Version)
			runtime.Gosched() // lets others read
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
	for _, err := range race.Run(racers, func(i int) error {
		if i == 0 {
			return write()
		}
		return read()
	}) {
		require.NoError(t, err)
	}
}
