package bench

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"path/filepath"
	"slices"
)

//go:embed plot.svg.tmpl
var plotText string

var plotTemplate = template.Must(template.New("plot").Parse(plotText))

// Sizes of a plot, in its own units.
const (
	plotLeft   = 130
	plotWidth  = 470
	plotBar    = 18
	plotRow    = 30
	plotTop    = 56
	plotMargin = 34
)

// A bar is one server in a plot.
type bar struct {
	Name, Label string
	Y, TextY    int
	// Width is in the plot's units; Cut is true where the bar would leave the plot.
	Width int
	Cut   bool
	Own   bool
}

// SVG draws a workload in a mode: a bar for each server, as long as its multiple of the floor. A bar
// that would dwarf all others is cut, and says so. It reports false, and writes nothing, where nothing
// has been measured.
func (r *Report) SVG(w io.Writer, workload Workload, m Mode, own string) (bool, error) {
	var (
		bars   []bar
		ratios []float64
	)
	for _, name := range r.served() {
		cell, ok := r.Samples.Cell(Key{name, workload.Name, m.Name})
		if !ok {
			continue
		}
		y := plotTop + len(bars)*plotRow
		bars = append(bars, bar{Name: name, Label: Short(cell.Ratio) + " ×" + r.marks(name, workload.Name), Y: y, TextY: y + plotBar - 4, Own: name == own})
		ratios = append(ratios, cell.Ratio)
	}
	if len(bars) == 0 {
		return false, nil
	}
	scale := plotWidth / axis(ratios)
	for i := range bars {
		bars[i].Width = max(1, int(min(ratios[i]*scale, plotWidth)))
		bars[i].Cut = ratios[i]*scale > plotWidth+1
	}
	bottom := plotTop + len(bars)*plotRow
	return true, plotTemplate.Execute(w, map[string]any{
		"Title": workload.Title, "Mode": m.Title, "Bars": bars, "Left": plotLeft, "BarHeight": plotBar,
		"FloorX": plotLeft + int(scale), "Top": plotTop - 6, "Bottom": bottom,
		"Width": plotLeft + plotWidth + 110, "Height": bottom + plotMargin, "FloorY": bottom + 18,
		"CutX": plotLeft + plotWidth - 16,
	})
}

// Plots writes the plot of every workload and mode that was measured into a folder, as files named
// after them.
func (r *Report) Plots(folder, own string) error {
	for _, w := range Workloads {
		for _, m := range Modes {
			var text bytes.Buffer
			drawn, err := r.SVG(&text, w, m, own)
			if err != nil {
				return err
			}
			if !drawn {
				continue
			}
			if err := WriteDocument(filepath.Join(folder, w.Name+"-"+m.Name+".svg"), text.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// axis is the greatest multiple that is drawn whole: the greatest of all, unless it is more than five
// times as great as the next.
func axis(ratios []float64) float64 {
	sorted := slices.Sorted(slices.Values(ratios))
	greatest := max(1, sorted[len(sorted)-1])
	if len(sorted) == 1 {
		return greatest
	}
	next := max(1, sorted[len(sorted)-2])
	if greatest > 5*next {
		return 1.15 * next
	}
	return greatest
}
