// Command growth measures what happens to a server that has much to remember or much to do:
//
//	go run ./cmd/growth                      every part
//	go run ./cmd/growth -parts load,cores    some of them
//
// Unlike those of cmd/table its figures are times, to be read against each other and not against
// another machine's. Every server is measured in a process of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

// A part is one table.
type part struct {
	name, title string
	head        []string
	columns     []string
	// rows measures a column and prints its rows.
	rows func(o options, c bench.Column) error
	// processors are the values of GOMAXPROCS that it runs with; nil leaves it alone.
	processors []int
}

const onSQLite = "ours+sqlite"

var peers = []string{"floor", "ours", "fosite", "go-oauth2", "osin", "zitadel"}

var parts = []part{
	{name: "checks", title: "A check of a token, as live tokens grow", head: []string{"", "live tokens", "ns", "against 1000"}, columns: []string{"ours", onSQLite}, rows: checks},
	{name: "sweep", title: "Sweeping expired records", head: []string{"", "records", "ns each"}, columns: []string{"ours", onSQLite}, rows: sweep},
	{name: "rotations", title: "A refresh, as rotations of one authorization grow", head: []string{"", "rotations", "ns"}, columns: peers[1:], rows: rotations},
	{name: "cores", title: "Client credentials in parallel", head: []string{"", "processors", "requests a second"}, columns: peers, rows: cores, processors: []int{1, 2}},
	{name: "start", title: "From New to the first token, the store in memory", head: []string{"", "µs"}, columns: peers, rows: start},
	{name: "load", title: "Client credentials over loopback under a constant load (open loop)", head: []string{"", "offered a second", "answered a second", "p50, µs", "p99, µs"}, columns: peers, rows: load},
}

type options struct {
	tokens, sqliteTokens int
	seconds              float64
}

func main() {
	var (
		o      options
		only   string
		column string
	)
	flag.StringVar(&only, "parts", "", "only these: checks,sweep,rotations,cores,start,load")
	flag.IntVar(&o.tokens, "tokens", 10_000_000, "the most live tokens in memory")
	flag.IntVar(&o.sqliteTokens, "sqlite-tokens", 1_000_000, "the most live tokens in SQLite")
	flag.Float64Var(&o.seconds, "seconds", 2, "seconds of one measurement of cores and load")
	flag.StringVar(&column, "child", "", "for the command's own use: measure this server and print its rows")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, only, column); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, only, column string) error {
	for _, p := range parts {
		if only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		if column != "" {
			return measure(o, p, column)
		}
		fmt.Fprintf(os.Stdout, "**%s**\n\n| %s |\n|%s\n", p.title, strings.Join(p.head, " | "), " --- |"+strings.Repeat(" ---: |", len(p.head)-1))
		processors := p.processors
		if processors == nil {
			processors = []int{0}
		}
		for _, name := range p.columns {
			for _, n := range processors {
				if err := inChild(ctx, p, name, n); err != nil {
					return err
				}
			}
		}
		fmt.Fprintln(os.Stdout)
	}
	return nil
}

// measure is what a child does.
func measure(o options, p part, column string) error {
	if column == onSQLite {
		folder, err := os.MkdirTemp("", "growth")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		o.tokens = o.sqliteTokens
		return p.rows(o, columns.OursOnSQLite(folder+"/tokens.db"))
	}
	found, err := columns.Named(column)
	if err != nil {
		return err
	}
	return p.rows(o, found[0])
}

// inChild runs this very program, which prints the rows of one column.
func inChild(ctx context.Context, p part, column string, processors int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := slices.Concat(os.Args[1:], []string{"-parts", p.name, "-child", column})
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // this program, with our own flags
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if processors > 0 {
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(processors))
	}
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("%s of %s", p.name, column), err)
	}
	return nil
}

func row(name string, cells ...string) {
	fmt.Fprintf(os.Stdout, "| %s | %s |\n", name, strings.Join(cells, " | "))
}
