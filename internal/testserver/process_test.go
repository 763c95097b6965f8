package testserver

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPortIsOnesOwnUntilTheTestEnds(t *testing.T) {
	t.Parallel()
	var port int
	t.Run("its test", func(t *testing.T) {
		port = freePort(t)
		_, err := claimPort(port)
		require.Error(t, err, "it is claimed before anybody listens")
		server, err := net.Listen("tcp", loopback(port))
		require.NoError(t, err, "by something that is in nobody's way")
		require.NoError(t, server.Close())
	})
	require.Eventually(t, func() bool {
		again, err := claimPort(port)
		return err == nil && again.Close() == nil
	}, time.Minute, 20*time.Millisecond, "it is free when the test has ended, and programs that were started meanwhile have begun")
}

func TestAPortThatSomebodyListensOnIsNotFree(t *testing.T) {
	t.Parallel()
	for {
		server, err := net.Listen("tcp", loopback(0))
		require.NoError(t, err)
		defer server.Close()
		_, err = claimPort(server.Addr().(*net.TCPAddr).Port)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue // somebody has the UDP port
		}
		require.ErrorIs(t, err, errTaken)
		require.NoError(t, server.Close())
		AwaitFree(t, server.Addr().String())
		return
	}
}

// Programs that start inherit what is open for a moment. That must not keep a server from a port of its own.
func TestAPortIsFreeWhileOtherProgramsStart(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() {
			for ctx.Err() == nil {
				_ = exec.CommandContext(ctx, os.Args[0], "-test.list=nothing").Run()
			}
		})
	}
	for range 200 {
		server, err := net.Listen("tcp", Address(t))
		require.NoError(t, err)
		defer server.Close()
	}
	stop()
	starters.Wait()
}
