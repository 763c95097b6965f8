package oauth2_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// hints are what a client may say about a token: right, wrong, and made up (RFC 7009 section 2.1).
var hints = []string{"", "access_token", "refresh_token", "authorization_code", "nonsense"}

func TestAHintCostsNoFurtherLookup(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t)
	access, _ := w.tokens()
	var calls atomic.Int32
	store.fail(func(string) error { calls.Add(1); return nil }, nil)
	for token, want := range map[string]int32{
		"at_" + strings.Repeat("A", 64): 1,
		"rt_" + strings.Repeat("A", 64): 1,
		"nonsense":                      0,
	} {
		for _, hint := range hints {
			calls.Store(0)
			require.Equal(t, http.StatusOK, w.post("/revoke", webApp, values("token", token, "token_type_hint", hint)).status)
			require.Equal(t, want, calls.Load(), "revocation of %.8s called %q", token, hint)
			calls.Store(0)
			require.False(t, w.active(token))
			require.LessOrEqual(t, calls.Load(), want, "introspection of %.8s", token)
		}
	}
	store.fail(nil, nil)
	require.True(t, w.active(access))
}

func TestAnyTokenOfTheClientCanBeRevokedByEachWayToAuthenticate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	byPost := func(token string) answer {
		return w.post("/revoke", "", values("token", token, "client_id", webApp, "client_secret", secretOf(webApp)))
	}
	access, _ := w.tokens()
	require.Equal(t, http.StatusOK, byPost(access).status)
	require.False(t, w.active(access))

	code := w.approve(codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read"))
	got := w.post("/token", "", redemption(code, "client_id", browserApp, "redirect_uri", browserRedirect))
	access = got.str("access_token")
	refused(t, w.post("/revoke", "", values("token", access, "client_id", webApp)), http.StatusUnauthorized, "invalid_client")
	require.True(t, w.active(access))
	require.Equal(t, http.StatusOK, w.post("/revoke", "", values("token", access, "client_id", browserApp)).status)
	require.False(t, w.active(access))
}
