// Package testserver starts private instances of real database servers for tests: on loopback, on free
// ports, in a temporary folder, from the binaries of the machine; stopped when the test ends.
//
// Where a binary is missing the test is skipped and says what to install; with REQUIRE_SERVICES=1 in
// the environment it fails instead.
package testserver

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startWithin is how long a server may take until it answers, on a machine that is busy.
const startWithin = 60 * time.Second

// binary finds a program in PATH or in one of the folders, or ends the test.
func binary(t testing.TB, name, debianPackage string, folders ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, folder := range folders {
		// A folder may be a pattern: PostgreSQL has its version in the path.
		found, _ := filepath.Glob(filepath.Join(folder, name))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	missing(t, "%s is missing: install Debian's package %s", name, debianPackage)
	return ""
}

// missing skips the test, or fails it where services are required.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// freePort is a port of loopback that is the test's until it ends. It lies below those that systems give to
// connections and to listeners that name none: of these one could be taken before the server begins to listen,
// or while it is down.
func freePort(t testing.TB) int {
	t.Helper()
	const lowest, ports, attempts = 15_000, 15_000, 100
	for range attempts {
		port := lowest + rand.N(ports)
		if claim, err := claimPort(port); err == nil {
			t.Cleanup(func() { _ = claim.Close() })
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// claimPort claims a TCP port among the tests of all processes, by the UDP port of the same number, which none
// of the servers needs. It asks by a connection whether somebody listens, since to listen itself would be to
// hold the port: a program that another test starts at that moment inherits the listener for as long as it
// takes to begin.
func claimPort(port int) (io.Closer, error) {
	claim, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", loopback(port))
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return claim, nil
	case err == nil:
		err = errors.Join(errTaken, conn.Close())
	}
	return nil, errors.Join(err, claim.Close())
}

// errTaken is told of a port that somebody listens on.
var errTaken = errors.New("somebody listens on the port")

// A Process is one server.
type Process struct {
	t      testing.TB
	make   func() *exec.Cmd
	ready  func() error
	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	output bytes.Buffer
}

// start runs a server until the test ends, and waits until it is ready.
func start(t testing.TB, command func() *exec.Cmd, ready func() error) *Process {
	t.Helper()
	p := &Process{t: t, make: command, ready: ready}
	p.Start()
	t.Cleanup(func() { p.Kill() })
	return p
}

// Start starts the server anew after Kill, over the same data.
func (p *Process) Start() {
	p.t.Helper()
	p.mu.Lock()
	p.cmd = p.make()
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	endWithTests(p.cmd)
	err := p.cmd.Start()
	p.mu.Unlock()
	if err != nil {
		p.t.Fatalf("%s: %v", p.cmd.Path, err)
	}
	exited := make(chan struct{})
	p.exited = exited
	go func() {
		_ = p.cmd.Wait() // how it ended shows in its output
		close(exited)
	}()
	deadline := time.Now().Add(startWithin)
	for {
		err := p.ready()
		if err == nil {
			return
		}
		select {
		case <-exited:
			p.t.Fatalf("%s ended: %s", p.cmd.Path, p.output.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.Kill()
			p.t.Fatalf("%s is not ready: %v: %s", p.cmd.Path, err, p.output.String())
		}
	}
}

// Kill ends the server at once, as a crash would (SIGKILL), and waits until it is gone.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

// Signal sends a signal to the server: SIGSTOP and SIGCONT make one that hangs.
func (p *Process) Signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(s) // one that has ended needs none
}

// Stop asks the server to end, and waits until it is gone.
func (p *Process) Stop() { p.signal(syscall.SIGTERM) }

func (p *Process) signal(s syscall.Signal) {
	p.Signal(s)
	<-p.exited
}
