// Command table measures every server and prints the tables:
//
//	go run ./cmd/table -rounds 8 -time 500ms -svg plots -raw raw.txt
//
// Each measurement runs in a process of its own, so that no server pays for the memory of another. A
// server that accepts what it must refuse is marked; if it is ours, the command fails.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

type options struct {
	rounds    int
	time      time.Duration
	tokens    int
	columns   list
	workloads list
	modes     list
	svg, raw  string
	json      string
	child     string
}

// A list is a flag of names between commas. The empty one is all of them.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = strings.Split(s, ",")
	return nil
}

func (l list) has(name string) bool { return len(l) == 0 || slices.Contains(l, name) }

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 6, "rounds; each measures every server once")
	flag.DurationVar(&o.time, "time", 300*time.Millisecond, "time of one measurement")
	flag.IntVar(&o.tokens, "tokens", 1_000_000, "live tokens for the measure of memory; 0 leaves it out")
	flag.Var(&o.columns, "columns", "only these servers, beside the baselines: "+strings.Join(columns.Names(), ","))
	flag.Var(&o.workloads, "workloads", "only these: credentials,code,refresh,introspect,check")
	flag.Var(&o.modes, "modes", "only these: serial,parallel,loopback")
	flag.StringVar(&o.svg, "svg", "", "folder for the plots")
	flag.StringVar(&o.raw, "raw", "", "file for the raw lines, for benchstat")
	flag.StringVar(&o.json, "json", "", "file for what was found, for cmd/page")
	flag.StringVar(&o.child, "child", "", "for the command's own use: measure this and print JSON")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := table
	if o.child != "" {
		do = child
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

var errOursAccepts = errors.New("ours accepts what it must refuse")

func table(ctx context.Context, o options) error {
	r := &bench.Report{Environment: bench.Here(o.rounds), Samples: bench.Samples{}, Footprints: map[string]bench.Footprint{}}
	var chosen []bench.Column
	for _, c := range columns.All() {
		if c.Baseline || o.columns.has(c.Name) {
			chosen = append(chosen, c)
			r.Columns = append(r.Columns, c.Name)
		}
	}
	if err := examine(r, o, chosen); err != nil {
		return err
	}
	for _, w := range bench.Workloads {
		for _, m := range bench.Modes {
			if !o.workloads.has(w.Name) || !o.modes.has(m.Name) || !m.Suits(w) {
				continue
			}
			names := namesFor(chosen, m)
			fmt.Fprintf(os.Stderr, "%s, %s: %d rounds of %d servers\n", w.Title, m.Title, o.rounds, len(names))
			sample := func(k bench.Key) (bench.Sample, error) { return measureInChild(ctx, k, o.time) }
			if err := bench.Rounds(o.rounds, names, w.Name, m.Name, sample, r.Samples); err != nil {
				return err
			}
		}
	}
	if err := weigh(ctx, r, o, chosen); err != nil {
		return err
	}
	return write(r, o)
}

// namesFor leaves the slow servers out where more callers would tell nothing new about them.
func namesFor(chosen []bench.Column, m bench.Mode) []string {
	var names []string
	for _, c := range chosen {
		if !c.Slow || m.Workers() == 1 {
			names = append(names, c.Name)
		}
	}
	return names
}

// examine runs the self-test.
func examine(r *bench.Report, o options, chosen []bench.Column) error {
	for _, c := range chosen {
		if c.Baseline {
			continue
		}
		for _, w := range bench.Workloads {
			if !o.workloads.has(w.Name) {
				continue
			}
			findings, err := bench.Examine(c, w)
			if err != nil {
				return err
			}
			if len(findings) > 0 && c.Name == columns.Ours.Name {
				return fmt.Errorf("%w: %v", errOursAccepts, findings)
			}
			r.Findings = append(r.Findings, findings...)
		}
	}
	return nil
}

func weigh(ctx context.Context, r *bench.Report, o options, chosen []bench.Column) error {
	for _, c := range chosen {
		if o.tokens == 0 || c.Baseline || c.Slow {
			continue
		}
		fmt.Fprintf(os.Stderr, "memory of %d tokens, %s\n", o.tokens, c.Name)
		f, err := weighInChild(ctx, c.Name, o.tokens)
		if err != nil {
			return err
		}
		r.Footprints[c.Name] = f
	}
	return nil
}

func write(r *bench.Report, o options) error {
	r.Markdown(os.Stdout)
	if o.raw != "" {
		var lines bytes.Buffer
		r.Raw(&lines)
		if err := bench.WriteDocument(o.raw, lines.Bytes()); err != nil {
			return err
		}
	}
	if err := bench.WriteResult(o.json, r); err != nil {
		return err
	}
	if o.svg == "" {
		return nil
	}
	return r.Plots(o.svg, columns.Ours.Name)
}
