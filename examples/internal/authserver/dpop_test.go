package authserver_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
)

func TestANonceOfTheServerIsInEveryProofAndGoodAtEachReplica(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) {
		o.DPoPNonces, o.Store = true, "sqlite:"+filepath.Join(t.TempDir(), "xmail.db")
	})
	key := dpoptest.NewES256(time.Now)
	ask := func(changes ...dpoptest.Change) *http.Response {
		form := url.Values{"grant_type": {"client_credentials"}}.Encode()
		r, err := http.NewRequest(http.MethodPost, s.url+"/token", strings.NewReader(form))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("DPoP", key.Proof(http.MethodPost, s.url+"/token", changes...))
		r.SetBasicAuth("xmail-stats", "xmail-stats-demo-secret-0123456789")
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res
	}
	refused := ask()
	require.Equal(t, http.StatusBadRequest, refused.StatusCode)
	nonce := refused.Header.Get("DPoP-Nonce")
	require.NotEmpty(t, nonce)
	require.Equal(t, http.StatusOK, ask(dpoptest.Nonce(nonce)).StatusCode)
	s.use(s.start())
	require.Equal(t, http.StatusOK, ask(dpoptest.Nonce(nonce)).StatusCode)
	require.Equal(t, http.StatusBadRequest, ask(dpoptest.Nonce("made-up")).StatusCode)
}
