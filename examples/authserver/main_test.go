package main

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

func TestProgramServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	addr := testserver.Address(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", addr, "-store", "memory"}) }()
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + addr + "/healthz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

func TestProgramNamesThePortThatIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, ln.Close()) }()
	err = run(t.Context(), []string{"-addr", ln.Addr().String(), "-store", "memory"})
	require.ErrorContains(t, err, ln.Addr().String())
}

func TestProgramFreesThePortWhenItCannotStart(t *testing.T) {
	t.Parallel()
	addr := testserver.Address(t)
	require.Error(t, run(t.Context(), []string{"-addr", addr, "-store", "nothing"}))
	testserver.AwaitFree(t, addr)
}
