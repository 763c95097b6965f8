package testserver

import (
	"os/exec"
	"testing"
)

// Program runs a program that serves until it is stopped: until the test ends at the latest. command
// makes its command anew for each start, and ready reports what keeps it from serving.
func Program(t testing.TB, command func() *exec.Cmd, ready func() error) *Process {
	t.Helper()
	return start(t, command, ready)
}

// Address is a loopback address that is the test's until it ends.
func Address(t testing.TB) string {
	t.Helper()
	return loopback(freePort(t))
}

// Output is all that the server has written. It must have been stopped.
func (p *Process) Output() string { return p.output.String() }
