package testserver

import (
	"net"
	"testing"

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
	again, err := claimPort(port)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestAPortThatSomebodyListensOnIsNotFree(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", loopback(0))
	require.NoError(t, err)
	defer server.Close()
	_, err = claimPort(server.Addr().(*net.TCPAddr).Port)
	require.Error(t, err)
}
