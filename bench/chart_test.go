package bench_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
)

func TestAChartIsWellFormedAndDrawsEveryPoint(t *testing.T) {
	t.Parallel()
	for _, logarithmic := range []bool{false, true} {
		c := bench.Chart{Title: "a < b", LogY: logarithmic, Lines: []bench.Line{
			{Name: "ours", Own: true, Points: []bench.XY{{X: 1000, Y: 1}, {X: 10_000, Y: 1.2}, {X: 1_000_000, Y: 1.6}}},
			{Name: "peer", Points: []bench.XY{{X: 1000, Y: 40}}},
		}}
		var text strings.Builder
		require.NoError(t, c.SVG(&text))
		require.Equal(t, 4, strings.Count(text.String(), "<circle "))
		require.Contains(t, text.String(), ">1,000,000</text>")
		require.Equal(t, 1, strings.Count(text.String(), `class="line own"`))
		require.NotContains(t, text.String(), "ZgotmplZ")
		require.NotContains(t, text.String(), "NaN")
		decoder := xml.NewDecoder(strings.NewReader(text.String()))
		var err error
		for err == nil {
			_, err = decoder.Token()
		}
		require.ErrorIs(t, err, io.EOF)
	}
	require.True(t, bench.Chart{Lines: []bench.Line{{Points: []bench.XY{{X: 1, Y: 1}}}}}.Empty())
}
