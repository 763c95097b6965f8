package bench_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

// everyWork runs a test for each column and workload that it serves.
func everyWork(t *testing.T, test func(*testing.T, bench.Column, bench.Workload, *bench.Target)) {
	for _, c := range columns.All() {
		for _, w := range bench.Workloads {
			t.Run(c.Name+"/"+w.Name, func(t *testing.T) {
				t.Parallel()
				if c.Slow && testing.Short() {
					t.Skip("bcrypt at cost 12 takes minutes under the race detector: go test without -short examines it, and .ci/run without -race")
				}
				target, err := c.For(w)
				if errors.Is(err, bench.ErrNotServed) {
					return
				}
				require.NoError(t, err)
				test(t, c, w, target)
			})
		}
	}
}

func TestEveryColumnDoesTheWorkItSaysItServes(t *testing.T) {
	t.Parallel()
	everyWork(t, func(t *testing.T, c bench.Column, w bench.Workload, target *bench.Target) {
		d := bench.NewDriver(target, bench.InProcess(target))
		if w.Prepare != nil {
			require.NoError(t, w.Prepare(d))
		}
		for range 3 {
			require.NoError(t, w.Operate(d))
		}
		if w.Algorithm != "" && !c.Baseline {
			require.Regexp(t, `^[\w-]+\.[\w-]+\.[\w-]+$`, string(d.Access), "a JWT")
		}
	})
}

// Under the race detector this shows that no figure of a peer comes from a configuration that races.
func TestEveryColumnDoesItsWorkInParallel(t *testing.T) {
	t.Parallel()
	parallel := bench.Mode{Name: "parallel", Workers: func() int { return 4 }}
	everyWork(t, func(t *testing.T, c bench.Column, w bench.Workload, _ *bench.Target) {
		operations := 80
		if c.Slow {
			operations = 4
		}
		s, err := bench.Open(c, w, parallel)
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Repeat(operations))
	})
}

func TestTheOnlyFindingIsThatGoOAuth2RefreshesWithAWrongSecret(t *testing.T) {
	t.Parallel()
	everyWork(t, func(t *testing.T, c bench.Column, w bench.Workload, _ *bench.Target) {
		if c.Baseline {
			return
		}
		findings, err := bench.Examine(c, w)
		require.NoError(t, err)
		if c.Name == columns.GoOAuth2.Name && w.Name == "refresh" {
			require.Equal(t, []bench.Finding{{Column: c.Name, Workload: w.Name, What: "a wrong secret"}}, findings)
			return
		}
		require.Empty(t, findings)
	})
}

// The floor accepts everything that reaches its endpoints, so every refusal must be found there.
func TestWhatChecksNothingIsFoundOutByEveryRefusalOfARequest(t *testing.T) {
	t.Parallel()
	for _, w := range bench.Workloads {
		if !w.Loopback {
			continue
		}
		findings, err := bench.Examine(columns.Floor, w)
		require.NoError(t, err)
		require.Len(t, findings, len(w.Refusals), w.Name)
	}
	check, err := bench.WorkloadNamed("check")
	require.NoError(t, err)
	findings, err := bench.Examine(columns.Harness, check)
	require.NoError(t, err)
	require.Len(t, findings, len(check.Refusals))
}

func TestASessionThatMeetsARefusalFails(t *testing.T) {
	t.Parallel()
	broken := columns.Ours
	broken.Build = func() (*bench.Target, error) {
		target, err := columns.Ours.Build()
		if err != nil {
			return nil, err
		}
		server, calls := target.Handler, 0
		target.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls > 2 {
				http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
				return
			}
			server.ServeHTTP(w, r)
		})
		return target, nil
	}
	s, err := bench.Open(broken, bench.Workloads[0], bench.Modes[0])
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Repeat(2))
	var refused *bench.StatusError
	require.ErrorAs(t, s.Repeat(1), &refused)
	require.Equal(t, http.StatusUnauthorized, refused.Status)
	require.Equal(t, "invalid_client", refused.Code)
}

func TestTheHarnessAllocatesNothingInProcess(t *testing.T) {
	target, err := columns.Harness.Build()
	require.NoError(t, err)
	for _, name := range []string{"credentials", "refresh", "introspect", "check"} {
		w, err := bench.WorkloadNamed(name)
		require.NoError(t, err)
		d := bench.NewDriver(target, bench.InProcess(target))
		if w.Prepare != nil {
			require.NoError(t, w.Prepare(d))
		}
		operate := func() { err = errors.Join(err, w.Operate(d)) }
		operate() // the buffers grow once
		require.Zero(t, testing.AllocsPerRun(100, operate), name)
		require.NoError(t, err)
	}
}

func TestInProcessAndLoopbackGetTheSameAnswers(t *testing.T) {
	t.Parallel()
	target, err := columns.Ours.Build()
	require.NoError(t, err)
	newCaller, stop, err := bench.Serve(target)
	require.NoError(t, err)
	defer stop()
	inProcess, overTCP := bench.NewDriver(target, bench.InProcess(target)), bench.NewDriver(target, newCaller())
	// What one is issued the other can use: both speak to the same server, in the same words.
	require.NoError(t, inProcess.Authorize())
	overTCP.Code = slices.Clone(inProcess.Code)
	require.NoError(t, overTCP.Redeem())
	inProcess.Refresh = slices.Clone(overTCP.Refresh)
	require.NoError(t, inProcess.Rotate())
	overTCP.Access = slices.Clone(inProcess.Access)
	require.NoError(t, overTCP.Introspect())
}
