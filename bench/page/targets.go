package page

import (
	"fmt"
	"io"
	"math"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// ours is the column that has targets.
const ours = "ours"

// A target bounds one figure from above.
type target struct {
	what           string
	limit, stretch float64
	format         string
	found          func(*bench.Report) (float64, bool)
}

// allTargets are those that the library was built towards.
var allTargets = []target{
	{"client credentials, opaque: time", 1.0, 0.85, "%.2f ×", timeOf("credentials")},
	{"client credentials, opaque: allocations", 14, 10, "%.0f", allocationsOf("credentials")},
	{"client credentials, ES256: time", 1.1, 1.05, "%.2f ×", timeOf("credentials-es256")},
	{"client credentials, ES256: allocations", 76, 72, "%.0f", allocationsOf("credentials-es256")},
	{"client credentials, EdDSA: time", 1.0, 0.95, "%.2f ×", timeOf("credentials-eddsa")},
	{"client credentials, EdDSA: allocations", 16, 12, "%.0f", allocationsOf("credentials-eddsa")},
	{"authorize and redeem with PKCE: time", 1.5, 1.2, "%.2f ×", timeOf("code")},
	{"authorize and redeem with PKCE: allocations", 40, 22, "%.0f", allocationsOf("code")},
	{"refresh with rotation: time", 1.8, 1.1, "%.2f ×", timeOf("refresh")},
	{"refresh with rotation: allocations", 24, 14, "%.0f", allocationsOf("refresh")},
	{"introspection: time", 1.0, 0.8, "%.2f ×", timeOf("introspect")},
	{"introspection: allocations", 10, 8, "%.0f", allocationsOf("introspect")},
	{"check in process: time", 2.7, 1.8, "%.2f ×", timeOf("check")},
	{"check in process: allocations", 9, 8, "%.0f", allocationsOf("check")},
	{"heap for each live machine token", 160, 121, "%.0f B", footprint(func(f bench.Footprint) float64 { return f.BytesPerToken })},
	{"full garbage collection", 20, 6, "%.1f ms", footprint(func(f bench.Footprint) float64 { return f.FullGC.Seconds() * 1000 })},
	{"check among all live tokens against 1,000", 3, 1.4, "%.2f ×", footprint(bench.Footprint.Growth)},
}

func cellOf(workload string, value func(bench.Cell) float64) func(*bench.Report) (float64, bool) {
	return func(r *bench.Report) (float64, bool) {
		cell, ok := r.Samples.Cell(bench.Key{Column: ours, Workload: workload, Mode: bench.Modes[0].Name})
		return value(cell), ok
	}
}

func timeOf(workload string) func(*bench.Report) (float64, bool) {
	return cellOf(workload, func(c bench.Cell) float64 { return c.Ratio })
}

func allocationsOf(workload string) func(*bench.Report) (float64, bool) {
	// The runtime allocates now and then by itself, which is no part of an operation.
	return cellOf(workload, func(c bench.Cell) float64 { return math.Round(c.Allocations) })
}

func footprint(value func(bench.Footprint) float64) func(*bench.Report) (float64, bool) {
	return func(r *bench.Report) (float64, bool) {
		f, ok := r.Footprints[ours]
		return value(f), ok
	}
}

// verdict compares what was found with a target.
func (t target) verdict(found float64) string {
	switch {
	case found <= t.stretch:
		return "met, stretch too"
	case found <= t.limit:
		return "met"
	}
	return "**not met**"
}

func targets(w io.Writer, r Results) {
	if r.Table == nil {
		return
	}
	var rows [][]string
	for _, t := range allTargets {
		row := []string{t.what, fmt.Sprintf(t.format, t.limit), fmt.Sprintf(t.format, t.stretch), "–", "not measured"}
		if found, ok := t.found(r.Table); ok {
			row[3], row[4] = fmt.Sprintf(t.format, found), t.verdict(found)
		}
		rows = append(rows, row)
	}
	bench.WriteTable(w, "Targets", []string{"", "target, at most", "stretch", "measured", ""}, rows)
}
