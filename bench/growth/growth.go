// Package growth measures what happens to a server that has much to remember or much to do.
package growth

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// Options bound the measurements.
type Options struct {
	// Tokens is the most live tokens in memory, SQLiteTokens in SQLite.
	Tokens, SQLiteTokens int
	// Time is how long one measurement of cores and of load takes.
	Time time.Duration
}

// A Point is what was found of a server at one place of an axis. What the values are, its part says.
type Point struct {
	Column string
	At     int
	Values []float64
	// Late is true where the server could not keep up.
	Late bool `json:",omitempty"`
}

// A Part is one table.
type Part struct {
	// Name is a word for flags and files, Title a heading. Axis says what Point.At is.
	Name, Title, Axis string
	// Columns are the servers, by name.
	Columns []string
	// MostRounds bounds the rounds of a part that compares no servers; 0 is no bound.
	MostRounds int
	// Measure runs in a process of its own for each server and round.
	Measure func(Options, bench.Column) ([]Point, error)
	// Cell writes the medians of the values of a point.
	Cell func(values []float64) string
	// Plotted is the value that a plot shows, and Unit what it is called there. Without a unit there is
	// no plot.
	Plotted int
	Unit    string
	// LogY makes the plot's vertical axis logarithmic.
	LogY bool
}

// OnSQLite is the column of this library over a database file.
const OnSQLite = "ours+sqlite"

var (
	own    = []string{"ours", OnSQLite}
	served = []string{"ours", "fosite", "go-oauth2", "osin", "zitadel"}
	all    = append([]string{"floor"}, served...)
)

// Parts are all of them, in the order of the page.
var Parts = []Part{
	{
		Name: "checks", Title: "A check of a token, as live tokens grow: ns, and against 1,000 of them", Axis: "live tokens",
		Columns: own, MostRounds: 1, Measure: checks, Cell: withRatio("%.0f"), Plotted: 1, Unit: "times the cost among 1,000",
	},
	{
		Name: "sweep", Title: "Sweeping expired records, 1,000 at a call: µs each", Axis: "expired records",
		Columns: own, MostRounds: 3, Measure: sweep, Cell: one("%.2f"),
	},
	{
		Name: "rotations", Title: "A refresh, as rotations of one authorization grow: µs, and against the first", Axis: "rotations before it",
		Columns: served, Measure: rotations, Cell: withRatio("%.1f"), Plotted: 1, Unit: "times the cost of the first",
	},
	{
		Name: "cores", Title: "Client credentials in process, as many callers as processors: requests a second, and against one processor", Axis: "processors",
		Columns: all, Measure: cores, Cell: withRatio("%.0f"),
	},
	{
		Name: "start", Title: "From a new server value to its first token, in process", Axis: "µs",
		Columns: all, Measure: start, Cell: one("%.0f"),
	},
	{
		Name: "load", Title: "Client credentials over loopback under a constant load, open loop: p50 and p99 in µs", Axis: "requests a second",
		Columns: all, Measure: load, Cell: func(v []float64) string { return fmt.Sprintf("%.0f · %.0f", v[0], v[1]) },
		Plotted: 1, Unit: "99th percentile of latency, µs", LogY: true,
	},
}

func one(format string) func([]float64) string {
	return func(v []float64) string { return fmt.Sprintf(format, v[0]) }
}

func withRatio(format string) func([]float64) string {
	return func(v []float64) string { return fmt.Sprintf(format+" (%s ×)", v[0], bench.Short(v[1])) }
}

// A Report is all that one run found.
type Report struct {
	bench.Environment
	// Points are by part, those of all rounds.
	Points map[string][]Point
}

// A Median is a point over all rounds.
type Median struct {
	Point
	// Rounds is how many had it.
	Rounds int
}

// Medians are the points of a server in a part, in the order of the axis. A point is late if it was in
// at least half of the rounds.
func (r *Report) Medians(part, column string) []Median {
	byPlace := map[int][]Point{}
	for _, p := range r.Points[part] {
		if p.Column == column {
			byPlace[p.At] = append(byPlace[p.At], p)
		}
	}
	var medians []Median
	for at, points := range byPlace {
		m := Median{Point{Column: column, At: at}, len(points)}
		late := 0
		for _, p := range points {
			if p.Late {
				late++
			}
		}
		m.Late = 2*late >= len(points)
		for i := range points[0].Values {
			m.Values = append(m.Values, bench.MedianOf(points, func(p Point) float64 { return p.Values[i] }))
		}
		medians = append(medians, m)
	}
	slices.SortFunc(medians, func(a, b Median) int { return a.At - b.At })
	return medians
}

// Markdown writes the table of a part: a row for each server, and a place of the axis in each column.
func (r *Report) Markdown(w io.Writer, p Part) {
	places := r.places(p)
	if len(places) == 0 {
		return
	}
	head := []string{p.Axis}
	for _, at := range places {
		head = append(head, bench.Grouped(at))
	}
	if len(places) == 1 && places[0] == 0 {
		head = []string{"", p.Axis}
	}
	var rows [][]string
	for _, column := range p.Columns {
		row := []string{column}
		medians := r.Medians(p.Name, column)
		for _, at := range places {
			i := slices.IndexFunc(medians, func(m Median) bool { return m.At == at })
			switch {
			case i < 0:
				row = append(row, "–")
			case medians[i].Late:
				row = append(row, "saturated")
			default:
				row = append(row, p.Cell(medians[i].Values))
			}
		}
		rows = append(rows, row)
	}
	bench.WriteTable(w, p.Title, head, rows)
}

// Chart is the plot of a part. ok is false where there is none.
func (r *Report) Chart(p Part) (c bench.Chart, ok bool) {
	if p.Unit == "" {
		return c, false
	}
	title, _, _ := strings.Cut(p.Title, ":")
	c = bench.Chart{Title: title, XTitle: p.Axis, YTitle: p.Unit, LogY: p.LogY}
	for _, column := range p.Columns {
		line := bench.Line{Name: column, Own: column == "ours"}
		for _, m := range r.Medians(p.Name, column) {
			if !m.Late {
				line.Points = append(line.Points, bench.XY{X: float64(m.At), Y: m.Values[p.Plotted]})
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c, !c.Empty()
}

// places are those of the axis where anything was measured.
func (r *Report) places(p Part) []int {
	var places []int
	for _, point := range r.Points[p.Name] {
		if !slices.Contains(places, point.At) {
			places = append(places, point.At)
		}
	}
	slices.Sort(places)
	return places
}
