package bench_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

func TestALoadCountsEveryAnswerAndTellsSaturation(t *testing.T) {
	t.Parallel()
	s, err := bench.Open(columns.Floor, bench.Workloads[0], bench.Modes[0])
	require.NoError(t, err)
	defer s.Close()
	l, err := bench.Load(s, 100, 200*time.Millisecond)
	require.NotErrorIs(t, err, bench.ErrNotServed)
	require.Positive(t, l.Done)
	require.Positive(t, l.P50)
	require.GreaterOrEqual(t, l.P99, l.P50)

	slow := columns.Floor
	slow.Build = func() (*bench.Target, error) {
		target, err := columns.Floor.Build()
		if err != nil {
			return nil, err
		}
		floor := target.Handler
		target.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(10 * time.Millisecond)
			floor.ServeHTTP(w, r)
		})
		return target, nil
	}
	s, err = bench.Open(slow, bench.Workloads[0], bench.Modes[0])
	require.NoError(t, err)
	defer s.Close()
	_, err = bench.Load(s, 10_000, 100*time.Millisecond)
	require.ErrorIs(t, err, bench.ErrLate)
}

func TestRotationsAreMeasuredAfterAsManyAsWereAskedFor(t *testing.T) {
	t.Parallel()
	found, err := bench.Rotations(columns.Ours, []int{1, 3, 20}, 4)
	require.NoError(t, err)
	require.Len(t, found, 3)
	for i, after := range []int{1, 3, 20} {
		require.Equal(t, after, found[i].After)
		require.Positive(t, found[i].Nanoseconds)
	}
}
