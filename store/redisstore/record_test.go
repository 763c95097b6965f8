package redisstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// So that hourly refreshes do not write to the indexes every time.
func TestTheEntryOfARecordThatIsExtendedForAYearMovesRarely(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 3, 1, 12, 34, 56, 789e6, time.UTC)
	a := &oauth2.Authorization{CreatedAt: created, ExpiresAt: created.Add(time.Minute)}
	moves, last := 0, int64(0)
	for day := range 365 {
		a.ExpiresAt = created.AddDate(0, 0, day+30)
		until := entryUntil(a)
		require.GreaterOrEqual(t, until, a.SweepAfter().UnixMilli(), "an entry went before its record")
		require.Less(t, until-created.UnixMilli(), 2*a.SweepAfter().Sub(created).Milliseconds(), "an entry outlives its record too long")
		if until != last {
			moves++
		}
		last = until
	}
	require.Less(t, moves, 6)
}

func TestAnEntryNeverGoesBeforeItsRecordWhateverTheTimes(t *testing.T) {
	t.Parallel()
	far := time.Date(9998, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, created := range []time.Time{{}, time.Unix(0, 0), time.Now(), far} {
		for _, expires := range []time.Time{{}, time.Unix(0, 0), time.Now(), far} {
			a := &oauth2.Authorization{CreatedAt: created, ExpiresAt: expires}
			require.GreaterOrEqual(t, entryUntil(a), a.SweepAfter().UnixMilli())
			require.Positive(t, expiry(a))
		}
	}
}

func TestAValueThatIsNoRecordCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "{}", "1\n{}", "one\nplace\n{}", "1\nplace\n", "1\nplace\n{"} {
		_, err := decode([]byte(value))
		require.ErrorContains(t, err, "cannot be read")
	}
	a, err := decode([]byte("7\nplace\n" + `{"id":"a","version":3}`))
	require.NoError(t, err)
	require.Equal(t, &oauth2.Authorization{ID: "a", Version: 7}, a, "its first line has the version")
}
