package page_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/page"
)

const docs = "../../docs"

// What stands in the document is what the results beside it say: no figure was typed.
func TestThePageAndItsPlotsAreWhatTheResultsSay(t *testing.T) {
	t.Parallel()
	results, err := page.Read(filepath.Join(docs, "performance"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	require.NoError(t, err)
	filled, err := page.Fill(text, results, "performance")
	require.NoError(t, err)
	require.Equal(t, string(text), string(filled))

	folder := t.TempDir()
	require.NoError(t, page.Plots(results, folder))
	drawn, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	require.NoError(t, err)
	for _, path := range drawn {
		fresh, err := os.ReadFile(path)
		require.NoError(t, err)
		kept, err := os.ReadFile(filepath.Join(docs, "performance", filepath.Base(path)))
		require.NoError(t, err)
		require.Equal(t, string(fresh), string(kept), path)
	}
}

func TestOnlyBlocksAreReplacedAndUnknownOnesAreRefused(t *testing.T) {
	t.Parallel()
	text := "before\n<!-- measured: targets -->\nold\n<!-- end -->\nafter\n"
	filled, err := page.Fill([]byte(text), page.Results{}, "x")
	require.NoError(t, err)
	require.Equal(t, strings.Replace(text, "old", "Not measured yet.", 1), string(filled))

	_, err = page.Fill([]byte("<!-- measured: wishes -->\n<!-- end -->"), page.Results{}, "x")
	require.ErrorIs(t, err, page.ErrBlock)
}

func TestATargetIsMetOrNotByWhatWasMeasured(t *testing.T) {
	t.Parallel()
	// The floor takes 1 µs; the harness nothing.
	took := func(nanoseconds, allocations int) []bench.Sample {
		return []bench.Sample{{Operations: 1000, Elapsed: time.Duration(nanoseconds) * time.Microsecond, Mallocs: uint64(allocations) * 1000}}
	}
	r := &bench.Report{Samples: bench.Samples{}, Footprints: map[string]bench.Footprint{"ours": {Tokens: 10, BytesPerToken: 161}}}
	for workload, found := range map[string][2]int{"credentials": {840, 14}, "code": {1600, 10}} {
		r.Samples[bench.Key{Column: "harness", Workload: workload, Mode: "serial"}] = took(0, 0)
		r.Samples[bench.Key{Column: "floor", Workload: workload, Mode: "serial"}] = took(1000, 5)
		r.Samples[bench.Key{Column: "ours", Workload: workload, Mode: "serial"}] = took(found[0], found[1])
	}
	filled, err := page.Fill([]byte("<!-- measured: targets -->\n<!-- end -->"), page.Results{Table: r}, "x")
	require.NoError(t, err)
	for _, row := range []string{
		"| client credentials, opaque: time | 1.00 × | 0.85 × | 0.84 × | met, stretch too |",
		"| client credentials, opaque: allocations | 14 | 10 | 14 | met |",
		"| authorize and redeem with PKCE: time | 1.50 × | 1.20 × | 1.60 × | **not met** |",
		"| check in process: time | 2.70 × | 1.80 × | – | not measured |",
		"| heap for each live machine token | 160 B | 121 B | 161 B | **not met** |",
	} {
		require.Contains(t, string(filled), row)
	}
}

func TestAResultSurvivesItsFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key := bench.Key{Column: "ours", Workload: "code", Mode: "serial"}
	want := &bench.Report{Environment: bench.Here(6), Columns: []string{"ours"}, Samples: bench.Samples{key: {{Operations: 3, Elapsed: time.Second}}}}
	require.NoError(t, bench.WriteResult(filepath.Join(folder, "table.json"), want))
	results, err := page.Read(folder)
	require.NoError(t, err)
	require.Equal(t, want, results.Table)
	require.Nil(t, results.Cold)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "cold.json"), []byte("{"), 0o600))
	_, err = page.Read(folder)
	require.ErrorContains(t, err, "cold.json")
}
