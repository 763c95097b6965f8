// Command page measures, and writes the figures and plots of docs/performance.md:
//
//	go run ./cmd/page table growth cold    measure these parts, and write
//	go run ./cmd/page                      write what was measured before
//
// It runs in the folder of this module. What was measured is kept beside the plots, so one part can be
// measured anew without the others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/page"
)

// The standard settings of each part: all of them together take about a quarter of an hour on two processors.
var settings = map[string][]string{
	"table":  {"-rounds", "6", "-time", "200ms"},
	"growth": {"-rounds", "6", "-time", "300ms"},
	"cold":   {"-rounds", "20"},
}

// plots is the folder of plots and results, beside the document.
const plots = "performance"

func main() {
	docs := flag.String("docs", "../docs", "folder of performance.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *docs, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

var errPart = errors.New("there is no such part; there are table, growth and cold")

func run(ctx context.Context, docs string, parts []string) error {
	for _, part := range parts {
		if _, ok := settings[part]; !ok {
			return fmt.Errorf("%q: %w", part, errPart)
		}
	}
	folder := filepath.Join(docs, plots)
	for _, part := range parts {
		if err := measure(ctx, part, folder); err != nil {
			return err
		}
	}
	results, err := page.Read(folder)
	if err != nil {
		return err
	}
	path := filepath.Join(docs, "performance.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	filled, err := page.Fill(text, results, plots)
	if err != nil {
		return err
	}
	if err := page.Plots(results, folder); err != nil {
		return err
	}
	return bench.WriteDocument(path, filled)
}

// measure runs the command of a part, which tells its progress.
func measure(ctx context.Context, part, folder string) error {
	fmt.Fprintf(os.Stderr, "== %s\n", part)
	args := slices.Concat([]string{"run", "./cmd/" + part, "-json", filepath.Join(folder, part+".json")}, settings[part])
	if part == "table" {
		args = append(args, "-raw", filepath.Join(folder, "raw.txt"))
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // with our own arguments
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
