package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/race"
)

// sweepCases are the sentences about [oauth2.Sweeper].
var sweepCases = []storeCase{
	{"Sweep deletes nothing before SweepAfter, and what is past it", sweepHeedsSweepAfter},
	{"Sweep deletes at most limit records and says how many", sweepIsBounded},
	{"Sweep goes by the expiry that Update stored last", sweepGoesByLastExpiry},
	{"a swept record is gone like a deleted one", sweptIsGone},
	{"of a Sweep and an Update that extends, the record is swept or lives on, never both", sweepRacesUpdate},
	{"Sweep whose context is done tells so and deletes nothing", sweepDoneContext},
}

func sweep(t testing.TB, store oauth2.TokenStore, at time.Time, limit int) int {
	t.Helper()
	sweeper, _ := capability[oauth2.Sweeper](store)
	n, err := sweeper.Sweep(t.Context(), at, limit)
	require.NoError(t, err)
	return n
}

// expiring are n records that expire i steps from now.
func expiring(n int, step time.Duration) []*oauth2.Authorization {
	return numbered(n, func(i int, a *oauth2.Authorization) { a.ExpiresAt = now().Add(time.Duration(i) * step) })
}

func sweepHeedsSweepAfter(t testing.TB, store oauth2.TokenStore) {
	records := expiring(4, 3*time.Hour)
	create(t, store, records...)
	for i, a := range records {
		require.Zero(t, sweep(t, store, a.SweepAfter(), 100))
		requireStored(t, store, a)
		require.Equal(t, 1, sweep(t, store, a.SweepAfter().Add(time.Second), 100))
		requireGone(t, store, a.ID)
		for _, later := range records[i+1:] {
			requireStored(t, store, later)
		}
	}
	require.Zero(t, sweep(t, store, now().Add(1000*time.Hour), 100))
}

func sweepIsBounded(t testing.TB, store oauth2.TokenStore) {
	const expired = 25
	create(t, store, expiring(expired, time.Second)...)
	kept := newRecord()
	kept.ExpiresAt = now().Add(1000 * time.Hour)
	create(t, store, kept)
	at := now().Add(500 * time.Hour)
	require.Equal(t, 1, sweep(t, store, at, 1))
	require.Equal(t, 10, sweep(t, store, at, 10))
	require.Zero(t, sweep(t, store, at, 0))
	require.Equal(t, 10, sweep(t, store, at, 10))
	require.Equal(t, 4, sweep(t, store, at, 10))
	require.Zero(t, sweep(t, store, at, 10))
	requireStored(t, store, kept)
}

func sweepGoesByLastExpiry(t testing.TB, store oauth2.TokenStore) {
	extended, shortened := newRecord(), newRecord()
	shortened.ExpiresAt = now().Add(1000 * time.Hour)
	create(t, store, extended, shortened)
	extended.ExpiresAt, shortened.ExpiresAt = shortened.ExpiresAt, extended.ExpiresAt
	require.NoError(t, store.Update(t.Context(), extended))
	require.NoError(t, store.Update(t.Context(), shortened))
	extended.Version++
	require.Equal(t, 1, sweep(t, store, now().Add(500*time.Hour), 100))
	requireStored(t, store, extended)
	requireGone(t, store, shortened.ID)
}

func sweptIsGone(t testing.TB, store oauth2.TokenStore) {
	a := fullRecord()
	create(t, store, a)
	require.Equal(t, 1, sweep(t, store, a.SweepAfter().Add(time.Second), 1))
	require.ErrorIs(t, store.Update(t.Context(), a), oauth2.ErrNotFound)
	requireGone(t, store, a.ID)
	require.NoError(t, store.Delete(t.Context(), a.ID))
}

func sweepRacesUpdate(t testing.TB, store oauth2.TokenStore) {
	sweeper, _ := capability[oauth2.Sweeper](store)
	for range rounds {
		a := newRecord()
		create(t, store, a)
		at := a.SweepAfter().Add(time.Second)
		extended := a.Clone()
		extended.ExpiresAt = at.Add(time.Hour)
		swept := 0
		errs := race.Run(racers, func(i int) (err error) {
			switch i {
			case 0:
				swept, err = sweeper.Sweep(t.Context(), at, 100)
			case 1:
				err = store.Update(t.Context(), extended)
			}
			return err
		})
		require.NoError(t, errs[0])
		if errors.Is(errs[1], oauth2.ErrNotFound) {
			require.Equal(t, 1, swept)
			requireGone(t, store, a.ID)
			continue
		}
		require.NoError(t, errs[1])
		require.Zero(t, swept)
		extended.Version++
		requireStored(t, store, extended)
		require.NoError(t, store.Delete(t.Context(), a.ID))
	}
}

func sweepDoneContext(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	sweeper, _ := capability[oauth2.Sweeper](store)
	for name, ctx := range doneContexts(t) {
		n, err := sweeper.Sweep(ctx, a.SweepAfter().Add(time.Hour), 1)
		require.ErrorIs(t, err, ctx.Err(), name)
		require.Zero(t, n)
		requireStored(t, store, a)
	}
}
