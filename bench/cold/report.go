package cold

import (
	"fmt"
	"io"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// A Report is all that one run found. Weights and Starts are by program.
type Report struct {
	bench.Environment
	Weights map[string]Weight
	// Starts are one for each round.
	Starts map[string][]Start
}

// Markdown writes the table.
func (r *Report) Markdown(w io.Writer) {
	head := []string{"", "lines", "binary, MB", "stripped, MB", "modules linked", "packages", "start to first token, × floor", "resident, MB"}
	elapsed := func(s Start) float64 { return float64(s.Elapsed) }
	var rows [][]string
	for _, p := range Programs {
		weight, ok := r.Weights[p.Name]
		if !ok {
			continue
		}
		ratio := bench.Ratios(r.Starts[p.Name], r.Starts["floor"], elapsed)
		resident := bench.MedianOf(r.Starts[p.Name], func(s Start) float64 { return float64(s.Resident) })
		rows = append(rows, []string{
			p.Name, fmt.Sprint(weight.Lines), megabytes(float64(weight.Bytes)), megabytes(float64(weight.Stripped)),
			fmt.Sprint(weight.Modules), fmt.Sprint(weight.Packages), ratio.String(), megabytes(resident),
		})
	}
	bench.WriteTable(w, "The smallest server", head, rows)
	floor := bench.MedianOf(r.Starts["floor"], elapsed)
	fmt.Fprintf(w, "The floor took %s.\n", time.Duration(floor).Round(100*time.Microsecond))
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.1f", bytes/1e6) }
