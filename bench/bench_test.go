package bench_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

// The benchmarks are the same work under the name of each workload: a smoke test in CI, and a quick look
// at one column with -cpuprofile. The figures of record are those of cmd/table, where rounds are
// interleaved and every column has a process of its own.

func BenchmarkCredentials(b *testing.B) { benchmark(b, "credentials") }
func BenchmarkES256(b *testing.B)       { benchmark(b, "credentials-es256") }
func BenchmarkEdDSA(b *testing.B)       { benchmark(b, "credentials-eddsa") }
func BenchmarkCode(b *testing.B)        { benchmark(b, "code") }
func BenchmarkRefresh(b *testing.B)     { benchmark(b, "refresh") }
func BenchmarkIntrospect(b *testing.B)  { benchmark(b, "introspect") }
func BenchmarkCheck(b *testing.B)       { benchmark(b, "check") }

func benchmark(b *testing.B, workload string) {
	w, err := bench.WorkloadNamed(workload)
	require.NoError(b, err)
	for _, m := range bench.Modes {
		for _, c := range columns.All() {
			if _, err := c.For(w); !m.Suits(w) || errors.Is(err, bench.ErrNotServed) {
				continue
			}
			b.Run("mode="+m.Name+"/column="+c.Name, func(b *testing.B) {
				s, err := bench.Open(c, w, m)
				require.NoError(b, err)
				defer s.Close()
				b.ReportAllocs()
				b.ResetTimer()
				require.NoError(b, s.Repeat(b.N))
			})
		}
	}
}
