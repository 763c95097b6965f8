package oauth2_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	w := newWorld(t)
	access, refresh := w.tokens()
	require.True(t, w.active(access))
	got := w.refresh(refresh)
	require.Equal(t, 200, got.status, got.body)
	t.Log(got.body)
	again := w.refresh(refresh)
	require.Equal(t, got.body, again.body)
	t.Log(w.token(machine, "grant_type", "client_credentials").body)
	t.Log(w.get(w.browser, "/.well-known/oauth-authorization-server", nil).body)
	t.Log(w.eventTypes())
}
