// Command cold builds the smallest server on each library, weighs it, and times its first token:
//
//	go run ./cmd/cold
//
// It runs in the folder of this module.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/cold"
)

func main() {
	rounds := flag.Int("rounds", 20, "rounds; each starts every server once")
	json := flag.String("json", "", "file for what was found, for cmd/page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *json); err != nil {
		fmt.Fprintln(os.Stderr, "cold:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, json string) error {
	folder, err := os.MkdirTemp("", "cold")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	r := &cold.Report{Environment: bench.Here(rounds), Weights: map[string]cold.Weight{}, Starts: map[string][]cold.Start{}}
	binaries := make([]string, len(cold.Programs))
	for i, p := range cold.Programs {
		fmt.Fprintf(os.Stderr, "building %s\n", p.Name)
		if r.Weights[p.Name], binaries[i], err = p.Build(ctx, folder); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%d rounds of %d servers\n", rounds, len(binaries))
	// The first start reads the binary from the disk, which is not the library's doing.
	for round := range rounds + 1 {
		for i := range cold.Programs {
			at := (round + i) % len(cold.Programs)
			p := cold.Programs[at]
			s, err := p.Start(ctx, binaries[at])
			if err != nil {
				return err
			}
			if round > 0 {
				r.Starts[p.Name] = append(r.Starts[p.Name], s)
			}
		}
	}
	r.Markdown(os.Stdout)
	return bench.WriteResult(json, r)
}
