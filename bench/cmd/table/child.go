package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/bench/columns"
)

// memoryTask is what a child measures instead of a workload.
const memoryTask = "memory"

var errChild = errors.New("malformed task")

// child measures what the flag says, "column,workload,mode" or "column,memory", and prints it.
func child(_ context.Context, o options) error {
	task := strings.Split(o.child, ",")
	found, err := columns.Named(task[0])
	if err != nil {
		return err
	}
	var result any
	switch {
	case len(task) == 2 && task[1] == memoryTask:
		result, err = bench.Weigh(found[0], o.tokens, 1)
	case len(task) == 3:
		result, err = measure(found[0], task[1], task[2], o.time)
	default:
		return fmt.Errorf("%w %q", errChild, o.child)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// An outcome is a sample, or that there is none.
type outcome struct {
	Sample    bench.Sample
	NotServed bool
}

func measure(c bench.Column, workload, mode string, d time.Duration) (outcome, error) {
	w, err := bench.WorkloadNamed(workload)
	if err != nil {
		return outcome{}, err
	}
	m, err := bench.ModeNamed(mode)
	if err != nil {
		return outcome{}, err
	}
	s, err := bench.Measure(c, w, m, d)
	if errors.Is(err, bench.ErrNotServed) {
		return outcome{NotServed: true}, nil
	}
	return outcome{Sample: s}, err
}

func measureInChild(ctx context.Context, k bench.Key, d time.Duration) (bench.Sample, error) {
	var found outcome
	err := inChild(ctx, &found, "-child", strings.Join([]string{k.Column, k.Workload, k.Mode}, ","), "-time", d.String())
	if err == nil && found.NotServed {
		err = bench.ErrNotServed
	}
	return found.Sample, err
}

func weighInChild(ctx context.Context, column string, tokens int) (f bench.Footprint, err error) {
	err = inChild(ctx, &f, "-child", column+","+memoryTask, "-tokens", strconv.Itoa(tokens))
	return f, err
}

// inChild runs this very program and reads what it prints.
func inChild(ctx context.Context, result any, args ...string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // this program, with our own flags
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	return json.Unmarshal(out, result)
}
