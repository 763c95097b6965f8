// Package cold measures the smallest server that uses each library: what it weighs, and how soon it
// serves. The programs are the folders below this one. Each serves the authorization code flow, client
// credentials and refresh tokens from memory.
package cold

import (
	"bufio"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// A Program is one of the servers.
type Program struct {
	// Name is that of its column, Folder that of its source.
	Name, Folder string
	// TokenPath is its token endpoint.
	TokenPath string
}

// Programs are all of them, the floor first.
var Programs = []Program{
	{"floor", "floor", "/token"},
	{"ours", "ours", "/token"},
	{"fosite", "fosite", "/token"},
	{"go-oauth2", "gooauth2", "/token"},
	{"osin", "osin", "/token"},
	{"zitadel", "zitadel", "/oauth/token"},
}

// A Weight is what a program weighs.
type Weight struct {
	// Bytes is the size of the binary, Stripped without its symbols (-ldflags "-s -w").
	Bytes, Stripped int64
	// Modules are linked, the library's own among them; Packages are those outside the standard library,
	// the program's own two among them.
	Modules, Packages int
	// Lines of source, without blank ones and comments.
	Lines int
}

// Build builds a program of this module into a folder, and weighs it. The binary is named after the
// program's folder. The working directory is the module's.
func (p Program) Build(ctx context.Context, folder string) (w Weight, binary string, err error) {
	binary = filepath.Join(folder, p.Folder)
	source := "./cold/" + p.Folder
	if w.Stripped, err = build(ctx, binary, source, "-ldflags=-s -w"); err != nil {
		return w, "", err
	}
	if w.Bytes, err = build(ctx, binary, source, "-ldflags="); err != nil {
		return w, "", err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return w, "", err
	}
	w.Modules = len(info.Deps)
	packages, err := Dependencies(ctx, source)
	if err != nil {
		return w, "", err
	}
	w.Packages = len(packages)
	text, err := os.ReadFile(filepath.Join("cold", p.Folder, "main.go"))
	w.Lines = linesOf(string(text))
	return w, binary, err
}

func build(ctx context.Context, binary, source, flags string) (size int64, err error) {
	if _, err := tool(ctx, "build", "-trimpath", flags, "-o", binary, source); err != nil {
		return 0, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Dependencies are the packages that a package is built from, itself included, without those of the
// standard library.
func Dependencies(ctx context.Context, source string) ([]string, error) {
	out, err := tool(ctx, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", source)
	return strings.Fields(out), err
}

func tool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // with our own arguments
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

// linesOf counts lines of code. The programs have no comment of the form /* */.
func linesOf(source string) int {
	lines := 0
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	return lines
}

// A Process is a program that runs.
type Process struct {
	cmd *exec.Cmd
	// stdin is held open for as long as it shall live.
	stdin io.Closer
	// Address is where it listens.
	Address string
}

// Run starts a binary and waits until it listens. The process ends with Stop, or with this one.
func Run(ctx context.Context, binary string) (*Process, error) {
	cmd := exec.CommandContext(ctx, binary)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("cold: %s does not listen: %w", filepath.Base(binary), err)
	}
	p.Address = strings.TrimSpace(address)
	return p, nil
}

// Stop ends the process and waits for its end.
func (p *Process) Stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait() // how it ended tells nothing
}

// Resident is the memory that the process has now, in bytes. It is read from /proc; elsewhere than on
// Linux the error is [errors.ErrUnsupported].
func (p *Process) Resident() (int64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, errors.ErrUnsupported
	}
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int64
	_, err = fmt.Sscanf(after, "%d kB", &kilobytes)
	return kilobytes << 10, err
}

// A Start is one start of a program.
type Start struct {
	// Elapsed is the time from before the process was started until it had answered with a token.
	Elapsed time.Duration
	// Resident is its memory then, in bytes; 0 where it cannot be told.
	Resident int64
}

// Start starts a binary, gets its first token over loopback, and stops it.
func (p Program) Start(ctx context.Context, binary string) (s Start, err error) {
	started := time.Now()
	process, err := Run(ctx, binary)
	if err != nil {
		return s, err
	}
	defer process.Stop()
	newCaller, hangUp := bench.Dial(process.Address)
	defer hangUp()
	if err := bench.NewDriver(&bench.Target{TokenPath: p.TokenPath}, newCaller()).Credentials(); err != nil {
		return s, fmt.Errorf("cold: %s: %w", p.Name, err)
	}
	s.Elapsed = time.Since(started)
	if s.Resident, err = process.Resident(); errors.Is(err, errors.ErrUnsupported) {
		return s, nil
	}
	return s, err
}
