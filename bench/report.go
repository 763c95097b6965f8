package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Report is all that one run found.
type Report struct {
	Environment
	Columns  []string
	Samples  Samples
	Findings []Finding
	// Footprints are by column.
	Footprints map[string]Footprint
}

// served are the columns of the tables: all but the harness and the floor.
func (r *Report) served() []string {
	var names []string
	for _, name := range r.Columns {
		if name != harnessColumn && name != floorColumn {
			names = append(names, name)
		}
	}
	return names
}

// Markdown writes the tables. Every number that a finding throws doubt on carries its mark.
func (r *Report) Markdown(w io.Writer) {
	names := r.served()
	for _, m := range Modes {
		r.table(w, "Time, as a multiple of the floor: "+m.Title, "work", names, m, ratioText)
	}
	withFloor := append([]string{floorColumn}, names...)
	r.table(w, "Allocations of one operation, without the harness's own", "work", withFloor, Modes[0], allocationText)
	r.footprints(w, names)
	for i, f := range r.Findings {
		fmt.Fprintf(w, "%s %s, which it must refuse.\n", mark(i), f)
	}
}

func ratioText(c Cell) string {
	return fmt.Sprintf("%s (%s–%s)", Short(c.Ratio), Short(c.Low), Short(c.High))
}

func allocationText(c Cell) string {
	return fmt.Sprintf("%.0f · %.0f B", c.Allocations, c.AllocatedBytes)
}

// Short writes three digits.
func Short(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func (r *Report) table(w io.Writer, title, corner string, names []string, m Mode, text func(Cell) string) {
	var rows [][]string
	for _, workload := range Workloads {
		row, found := []string{workload.Title}, false
		for _, name := range names {
			cell, ok := r.Samples.Cell(Key{name, workload.Name, m.Name})
			if !ok {
				row = append(row, "–")
				continue
			}
			found = true
			row = append(row, text(cell)+r.marks(name, workload.Name))
		}
		if found {
			rows = append(rows, row)
		}
	}
	if len(rows) > 0 {
		WriteTable(w, title, append([]string{corner}, names...), rows)
	}
}

// footprints writes the table of memory, a row for each column.
func (r *Report) footprints(w io.Writer, names []string) {
	var rows [][]string
	tokens := 0
	for _, name := range names {
		f, ok := r.Footprints[name]
		if !ok {
			continue
		}
		tokens = f.Tokens
		rows = append(rows, []string{
			name, fmt.Sprintf("%.0f", f.BytesPerToken), fmt.Sprintf("%.1f", f.FullGC.Seconds()*1000), Short(f.Growth()),
		})
	}
	if len(rows) > 0 {
		head := []string{"", "heap per token, B", "full GC, ms", fmt.Sprintf("check among %d against %d", tokens, min(fewest, tokens))}
		WriteTable(w, fmt.Sprintf("Memory, with %d live tokens", tokens), head, rows)
	}
}

// WriteTable writes one table of Markdown under a title. The cells of all columns but the first are
// numbers.
func WriteTable(w io.Writer, title string, head []string, rows [][]string) {
	fmt.Fprintf(w, "**%s**\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), " --- |"+strings.Repeat(" ---: |", len(head)-1))
	for _, row := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
	fmt.Fprintln(w)
}

// marks are the footnotes of a number.
func (r *Report) marks(column, workload string) string {
	var marks strings.Builder
	for i, f := range r.Findings {
		if f.Column == column && f.Workload == workload {
			marks.WriteString(" " + mark(i))
		}
	}
	return marks.String()
}

func mark(i int) string { return fmt.Sprintf("[%d]", i+1) }

// Raw writes every sample as a line of go test -bench, for benchstat: -col /column compares servers.
func (r *Report) Raw(w io.Writer) {
	for _, workload := range Workloads {
		for _, m := range Modes {
			for _, name := range r.Columns {
				for _, s := range r.Samples[Key{name, workload.Name, m.Name}] {
					fmt.Fprintf(w, "Benchmark%s%s/mode=%s/column=%s %d %.1f ns/op %.0f B/op %.2f allocs/op\n",
						strings.ToUpper(workload.Name[:1]), workload.Name[1:], m.Name, name,
						s.Operations, s.Nanoseconds(), s.AllocatedBytes(), s.Allocations())
				}
			}
		}
	}
}

// Has reports whether anything but a baseline was measured in a cell.
func (r *Report) Has(w Workload, m Mode) bool {
	return slices.ContainsFunc(r.served(), func(name string) bool {
		_, ok := r.Samples.Cell(Key{name, w.Name, m.Name})
		return ok
	})
}
