package xmail

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

func TestTakenPortIsNamedAndNothingIsKeptOpen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	first := testserver.Address(t)
	_, err = Listen(Addresses{AuthServer: first, Client: taken.Addr().String(), API: "127.0.0.1:0"})
	require.ErrorContains(t, err, taken.Addr().String())
	testserver.AwaitFree(t, first) // the first listener was closed
}
