package authserver_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestTheKeysOutliveARestartWhereTheStoreDoes(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + filepath.Join(t.TempDir(), "xmail.db") })
	keys := func() (set jose.JSONWebKeySet) {
		res, err := http.Get(s.url + "/jwks")
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.NoError(t, json.NewDecoder(res.Body).Decode(&set))
		return set
	}
	before := keys()
	require.Len(t, before.Keys, 1)
	s.use(s.start())
	require.Equal(t, before.Keys[0].KeyID, keys().Keys[0].KeyID)
}

func TestAccessTokensAreJWTsByOption(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.JWT = true })
	access := s.loggedIn("alice", "wonderland").tokens()["access_token"].(string)
	_, err := jose.ParseSignedCompact(access, []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(t, err)
	require.Equal(t, true, s.introspect(access)["active"])
}
