package authserver_test

import (
	"bytes"
	"encoding/base64"
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

func TestTheCookieKeyIsReplacedAndTheSigningKeysStay(t *testing.T) {
	t.Parallel()
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	s := newSite(t, func(o *authserver.Options) {
		o.Store, o.CookieKey = "sqlite:"+filepath.Join(t.TempDir(), "xmail.db"), key(1)
	})
	jwks := func() (int, string) {
		got := s.browser().get("/jwks")
		return got.status, got.body
	}
	_, before := jwks()
	for _, step := range []struct {
		cookie, sealing string
		opens           bool
	}{
		{key(2), "", false},                   // nothing opens the signing keys
		{key(2), key(1), true},                // the old one does
		{key(2), key(3) + "," + key(1), true}, // and the next one seals them
		{key(4), key(3), true},
		{key(1), "", false},
	} {
		s.options.CookieKey, s.options.SealingKeys = step.cookie, step.sealing
		s.use(s.start())
		status, body := jwks()
		if step.opens {
			require.Equal(t, before, body)
		} else {
			require.Equal(t, http.StatusServiceUnavailable, status)
		}
	}
}

func TestAccessTokensAreJWTsByOption(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.JWT = true })
	access := s.loggedIn("alice", "wonderland").tokens()["access_token"].(string)
	_, err := jose.ParseSignedCompact(access, []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(t, err)
	require.Equal(t, true, s.introspect(access)["active"])
}
