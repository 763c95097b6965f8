package growth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
	"github.com/seed5f5fedc6/oauth2/bench/growth"
)

func TestEveryPartMeasuresEveryPlaceOfItsAxis(t *testing.T) {
	places := map[string][]int{"checks": {1000, 2000}, "sweep": {1000}, "rotations": {1, 10, 100, 1000}, "start": {0}}
	for _, p := range growth.Parts {
		t.Run(p.Name, func(t *testing.T) {
			c := columns.Ours
			if p.Columns[1] == growth.OnSQLite {
				c = columns.OursOnSQLite(t.TempDir())
			}
			points, err := p.Measure(growth.Options{Tokens: 2000, SQLiteTokens: 2000, Time: 10 * time.Millisecond}, c)
			require.NoError(t, err)
			require.NotEmpty(t, points)
			var at []int
			for _, point := range points {
				require.Equal(t, c.Name, point.Column)
				require.Positive(t, point.Values[0])
				require.NotEmpty(t, p.Cell(point.Values))
				at = append(at, point.At)
			}
			if want, ok := places[p.Name]; ok {
				require.Equal(t, want, at)
			}
		})
	}
}

func report() *growth.Report {
	return &growth.Report{Points: map[string][]growth.Point{"load": {
		{Column: "ours", At: 2000, Values: []float64{100, 300}},
		{Column: "ours", At: 4000, Values: []float64{200, 900}},
		{Column: "ours", At: 2000, Values: []float64{300, 500}},
		{Column: "ours", At: 4000, Values: []float64{9, 9}, Late: true},
		{Column: "ours", At: 2000, Values: []float64{200, 700}, Late: true},
		{Column: "floor", At: 2000, Values: []float64{50, 60}},
		{Column: "floor", At: 4000, Values: []float64{51, 61}},
	}}}
}

func load(t *testing.T) growth.Part {
	for _, p := range growth.Parts {
		if p.Name == "load" {
			return p
		}
	}
	t.Fatal("no such part")
	return growth.Part{}
}

func TestATableHasTheMediansOfTheRoundsAndSaysWhoWasSaturated(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	report().Markdown(&text, load(t))
	require.Contains(t, text.String(), "| requests a second | 2,000 | 4,000 |")
	require.Contains(t, text.String(), "| floor | 50 · 60 | 51 · 61 |")
	require.Contains(t, text.String(), "| ours | 200 · 500 | saturated |")
	require.Contains(t, text.String(), "| osin | – | – |")
}

func TestAChartLeavesOutWhereAServerWasSaturated(t *testing.T) {
	t.Parallel()
	c, ok := report().Chart(load(t))
	require.True(t, ok)
	require.Equal(t, []bench.XY{{X: 2000, Y: 60}, {X: 4000, Y: 61}}, c.Lines[0].Points)
	require.Equal(t, []bench.XY{{X: 2000, Y: 500}}, c.Lines[1].Points)
	_, ok = new(growth.Report).Chart(load(t))
	require.False(t, ok)
}
