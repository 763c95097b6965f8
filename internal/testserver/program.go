package testserver

import (
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

// AwaitFree waits until a listener's address can be listened on anew. A program that was started while the
// listener was open may hold it for a moment longer.
func AwaitFree(t testing.TB, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		ln, err := net.Listen("tcp", address)
		return err == nil && ln.Close() == nil
	}, time.Minute, 20*time.Millisecond, "nobody listens on %s any more", address)
}

// Output is all that the server has written. It must have been stopped.
func (p *Process) Output() string { return p.output.String() }
