package xmail

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTakenPortIsNamedAndNothingIsKeptOpen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	first := free.Addr().String()
	require.NoError(t, free.Close())

	_, err = Listen(Addresses{AuthServer: first, Client: taken.Addr().String(), API: "127.0.0.1:0"})
	require.ErrorContains(t, err, taken.Addr().String())
	again, err := net.Listen("tcp", first)
	require.NoError(t, err, "the first listener was closed")
	require.NoError(t, again.Close())
}
