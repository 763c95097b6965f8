package bench_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

// took is a sample of 1,000 operations of so many nanoseconds and allocations.
func took(nanoseconds, allocations int) bench.Sample {
	return bench.Sample{Operations: 1000, Elapsed: time.Duration(nanoseconds) * time.Microsecond, Mallocs: uint64(allocations) * 1000, Bytes: uint64(allocations) * 64_000}
}

func TestEveryRoundMeasuresEveryColumnOnceAndBeginsWithAnother(t *testing.T) {
	t.Parallel()
	var order []string
	samples := bench.Samples{}
	err := bench.Rounds(3, []string{"a", "b", "c"}, "code", "serial", func(k bench.Key) (bench.Sample, error) {
		order = append(order, k.Column)
		return took(1, 1), nil
	}, samples)
	require.NoError(t, err)
	require.Equal(t, "a b c b c a c a b", strings.Join(order, " "))
	require.Len(t, samples[bench.Key{Column: "c", Workload: "code", Mode: "serial"}], 3)
}

func TestARoundStopsAtAFailureAndLeavesOutWhatIsNotServed(t *testing.T) {
	t.Parallel()
	samples, broken := bench.Samples{}, errors.New("broken")
	err := bench.Rounds(1, []string{"a", "b", "c"}, "code", "serial", func(k bench.Key) (bench.Sample, error) {
		return took(1, 1), map[string]error{"a": fmt.Errorf("x: %w", bench.ErrNotServed), "c": broken}[k.Column]
	}, samples)
	require.ErrorIs(t, err, broken)
	require.Len(t, samples, 1)
	_, ok := samples.Cell(bench.Key{Column: "a", Workload: "code", Mode: "serial"})
	require.False(t, ok)
}

// report has one workload: ours takes 2, 3 and 10 times the floor, beside 1 µs of the harness.
func report() *bench.Report {
	key := func(column string) bench.Key { return bench.Key{Column: column, Workload: "code", Mode: "serial"} }
	return &bench.Report{
		Columns: []string{"harness", "floor", "ours", "peer"},
		Samples: bench.Samples{
			key("harness"): {took(1000, 1), took(1900, 1), took(1000, 1)},
			key("floor"):   {took(2000, 5), took(2000, 5), took(3000, 5)},
			key("ours"):    {took(3000, 9), took(4000, 9), took(21000, 9)},
			key("peer"):    {took(101000, 90), took(101000, 90), took(201000, 90)},
		},
		Findings:   []bench.Finding{{Column: "peer", Workload: "code", What: "a spent code"}},
		Footprints: map[string]bench.Footprint{"ours": {Tokens: 1_000_000, BytesPerToken: 121.4, FullGC: 6 * time.Millisecond, Lookups: []bench.Lookup{{Tokens: 1000, Nanoseconds: 100, Growth: 1}, {Tokens: 1_000_000, Nanoseconds: 150, Growth: 1.4}}}},
	}
}

func TestACellIsTheMedianOfTheRoundsWithoutTheHarness(t *testing.T) {
	t.Parallel()
	cell, ok := report().Samples.Cell(bench.Key{Column: "ours", Workload: "code", Mode: "serial"})
	require.True(t, ok)
	require.Equal(t, bench.Cell{Ratio: 3, Low: 2, High: 10, Allocations: 8, AllocatedBytes: 512}, cell)
}

func TestTheTableMarksWhatAColumnAccepts(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	report().Markdown(&text)
	require.Contains(t, text.String(), "| authorize and redeem, PKCE S256 | 3.00 (2.00–10.0) | 100 (100–100) [1] |")
	require.Contains(t, text.String(), "[1] peer accepts a spent code, which it must refuse.")
	require.Contains(t, text.String(), "| ours | 121 | 6.0 | 1.40 |")
}

func TestRawLinesAreThoseOfGoTestBench(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	report().Raw(&text)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	require.Len(t, lines, 12)
	require.Contains(t, lines, "BenchmarkCode/mode=serial/column=ours 1000 3000.0 ns/op 576 B/op 9.00 allocs/op")
}

func TestAPlotIsWellFormedAndCutsABarThatDwarfsTheOthers(t *testing.T) {
	t.Parallel()
	w, err := bench.WorkloadNamed("code")
	require.NoError(t, err)
	var text strings.Builder
	drawn, err := report().SVG(&text, w, bench.Modes[0], "ours")
	require.NoError(t, err)
	require.True(t, drawn)
	require.Equal(t, 1, strings.Count(text.String(), `class="cut"`))
	require.Contains(t, text.String(), `class="bar own"`)
	decoder := xml.NewDecoder(strings.NewReader(text.String()))
	for err == nil {
		_, err = decoder.Token()
	}
	require.ErrorIs(t, err, io.EOF)

	drawn, err = report().SVG(&text, w, bench.Modes[1], "ours")
	require.NoError(t, err)
	require.False(t, drawn)
}

func TestAFootprintCountsWhatIsKept(t *testing.T) {
	f, err := bench.Weigh(columns.Ours, 3000, 2)
	require.NoError(t, err)
	require.Equal(t, 3000, f.Tokens)
	require.Positive(t, f.BytesPerToken)
	require.Positive(t, f.FullGC)
	require.Len(t, f.Lookups, 2)
	require.Equal(t, []int{1000, 3000}, []int{f.Lookups[0].Tokens, f.Lookups[1].Tokens})
}

func TestAMeasurementCountsItsOperationsAndAllocations(t *testing.T) {
	for _, m := range bench.Modes {
		s, err := bench.Measure(columns.Ours, bench.Workloads[0], m, 10*time.Millisecond)
		require.NoError(t, err)
		require.Positive(t, s.Operations)
		require.GreaterOrEqual(t, s.Elapsed, 10*time.Millisecond)
		require.GreaterOrEqual(t, s.Allocations(), 1.0)
	}
	check, err := bench.WorkloadNamed("check")
	require.NoError(t, err)
	_, err = bench.Measure(columns.Ours, check, bench.Modes[2], time.Millisecond)
	require.ErrorIs(t, err, bench.ErrNotServed)
}
