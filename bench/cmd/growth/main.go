// Command growth measures what happens to a server that has much to remember or much to do:
//
//	go run ./cmd/growth                      every part
//	go run ./cmd/growth -parts load,cores    some of them
//
// Unlike those of cmd/table its figures are times, to be read against each other and not against
// another machine's. Every server is measured in a process of its own, and the rounds are interleaved.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
	"github.com/seed5f5fedc6/oauth2/bench/growth"
)

type options struct {
	growth.Options
	rounds             int
	parts, json, child string
}

func main() {
	var o options
	flag.StringVar(&o.parts, "parts", "", "only these: checks,sweep,rotations,cores,start,load")
	flag.IntVar(&o.rounds, "rounds", 6, "rounds; each measures every server once")
	flag.IntVar(&o.Tokens, "tokens", 10_000_000, "the most live tokens in memory")
	flag.IntVar(&o.SQLiteTokens, "sqlite-tokens", 1_000_000, "the most live tokens in SQLite")
	flag.DurationVar(&o.Time, "time", 300*time.Millisecond, "time of one measurement of cores and of load")
	flag.StringVar(&o.json, "json", "", "file for what was found, for cmd/page")
	flag.StringVar(&o.child, "child", "", "for the command's own use: measure this server and print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := measureAll
	if o.child != "" {
		do = child
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func measureAll(ctx context.Context, o options) error {
	r := &growth.Report{Environment: bench.Here(o.rounds), Points: map[string][]growth.Point{}}
	for _, p := range growth.Parts {
		if o.parts != "" && !slices.Contains(strings.Split(o.parts, ","), p.Name) {
			continue
		}
		rounds := o.rounds
		if p.MostRounds > 0 {
			rounds = min(rounds, p.MostRounds)
		}
		fmt.Fprintf(os.Stderr, "%s: %d rounds of %d servers\n", p.Name, rounds, len(p.Columns))
		for round := range rounds {
			for i := range p.Columns {
				points, err := inChild(ctx, p.Name, p.Columns[(round+i)%len(p.Columns)])
				if err != nil {
					return err
				}
				r.Points[p.Name] = append(r.Points[p.Name], points...)
			}
		}
		r.Markdown(os.Stdout, p)
	}
	return bench.WriteResult(o.json, r)
}

// inChild runs this very program, which measures one server and prints what it found.
func inChild(ctx context.Context, part, column string) (points []growth.Point, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := slices.Concat(os.Args[1:], []string{"-parts", part, "-child", column})
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // this program, with our own flags
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", part, column, err)
	}
	return points, json.Unmarshal(out, &points)
}

func child(_ context.Context, o options) error {
	i := slices.IndexFunc(growth.Parts, func(p growth.Part) bool { return p.Name == o.parts })
	if i < 0 {
		return fmt.Errorf("there is no part %q", o.parts)
	}
	c, remove, err := columnNamed(o.child)
	if err != nil {
		return err
	}
	defer remove()
	points, err := growth.Parts[i].Measure(o.Options, c)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(points)
}

// columnNamed finds a server, and says how to remove what it leaves behind.
func columnNamed(name string) (c bench.Column, remove func(), err error) {
	if name != growth.OnSQLite {
		found, err := columns.Named(name)
		if err != nil {
			return c, nil, err
		}
		return found[0], func() {}, nil
	}
	folder, err := os.MkdirTemp("", "growth")
	if err != nil {
		return c, nil, err
	}
	return columns.OursOnSQLite(folder), func() { _ = os.RemoveAll(folder) }, nil
}
