package bench

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
)

//go:embed chart.svg.tmpl
var chartText string

var chartTemplate = template.Must(template.New("chart").Parse(chartText))

// A Chart shows how something grows: a line for each server. The horizontal axis is logarithmic.
type Chart struct {
	Title, XTitle, YTitle string
	// LogY makes the other axis logarithmic too; otherwise it begins at 0.
	LogY  bool
	Lines []Line
}

// A Line is one server. Its points, with positive coordinates, are in the order of the axis.
type Line struct {
	Name   string
	Points []XY
	// Own is drawn wider.
	Own bool
}

// XY is a point.
type XY struct{ X, Y float64 }

// lineColors tell the servers apart on a light and on a dark page. The first is our own.
var lineColors = []string{"#2f81f7", "#8b949e", "#d29922", "#db61a2", "#3fb950", "#a371f7", "#f85149"}

// Sizes of a chart, in its own units.
const (
	chartLeft   = 60
	chartRight  = 560
	chartTop    = 50
	chartBottom = 270
)

type tick struct {
	At    float64
	Label string
}

type drawnLine struct {
	Line
	Color   string
	LegendY int
}

// Empty reports whether no line has two points: such a chart is not drawn.
func (c Chart) Empty() bool {
	return !slices.ContainsFunc(c.Lines, func(l Line) bool { return len(l.Points) > 1 })
}

// SVG draws a chart that is not empty.
func (c Chart) SVG(w io.Writer) error {
	var xs, ys []float64
	for _, l := range c.Lines {
		for _, p := range l.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	x := logScale(xs[0], xs[len(xs)-1], chartLeft, chartRight)
	y, yTicks := c.vertical(slices.Min(ys), slices.Max(ys))
	var lines []drawnLine
	for i, l := range c.Lines {
		d := drawnLine{Line{Name: l.Name, Own: l.Own}, lineColors[(i+1)%len(lineColors)], chartTop + 20*i}
		if l.Own {
			d.Color = lineColors[0]
		}
		for _, p := range l.Points {
			d.Points = append(d.Points, XY{x(p.X), y(p.Y)})
		}
		lines = append(lines, d)
	}
	return chartTemplate.Execute(w, map[string]any{
		"Title": c.Title, "XTitle": c.XTitle, "YTitle": c.YTitle, "Lines": lines,
		"XTicks": ticksAt(xs, x), "YTicks": yTicks,
		"Left": chartLeft, "Right": chartRight, "Bottom": chartBottom,
		"LegendX": chartRight + 24, "LegendTextX": chartRight + 48,
		"Width": chartRight + 170, "Height": chartBottom + 46,
	})
}

// vertical is the scale of the other axis, with some ticks.
func (c Chart) vertical(least, greatest float64) (func(float64) float64, []tick) {
	var places []float64
	if c.LogY {
		least = math.Pow(10, math.Floor(math.Log10(least)))
		greatest = math.Pow(10, math.Ceil(math.Log10(greatest)))
		for at := least; at < 1.5*greatest; at *= 10 {
			places = append(places, at)
		}
		scale := logScale(least, greatest, chartBottom, chartTop)
		return scale, ticksAt(places, scale)
	}
	step := math.Pow(10, math.Floor(math.Log10(greatest)))
	if greatest < 3*step { // or there would be hardly a tick
		step /= 2
	}
	top := step * math.Ceil(greatest/step)
	for at := 0.0; at < top+step/2; at += step {
		places = append(places, at)
	}
	scale := func(v float64) float64 { return round(chartBottom - v/top*(chartBottom-chartTop)) }
	return scale, ticksAt(places, scale)
}

// logScale maps a range, which may be a single number, to where it is drawn.
func logScale(least, greatest, from, to float64) func(float64) float64 {
	width := math.Log(greatest / least)
	if width == 0 {
		width = 1
	}
	return func(v float64) float64 { return round(from + math.Log(v/least)/width*(to-from)) }
}

func ticksAt(places []float64, scale func(float64) float64) []tick {
	ticks := make([]tick, len(places))
	for i, at := range places {
		ticks[i] = tick{scale(at), strconv.FormatFloat(at, 'g', 6, 64)}
		if at >= 1000 {
			ticks[i].Label = Grouped(int(at))
		}
	}
	return ticks
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

// Grouped writes a number that is not negative, with commas.
func Grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
