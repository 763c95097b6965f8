package discovery_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/discovery"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// start starts an authorization server whose issuer has this path.
func start(t *testing.T, path string) (issuer string, up *atomic.Bool, hits *atomic.Int32) {
	up, hits = &atomic.Bool{}, &atomic.Int32{}
	var server *oauth2.Server
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if !up.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	clients, err := memory.NewClients()
	require.NoError(t, err)
	server, err = oauth2.New(oauth2.ServerConfig{
		Issuer: listener.URL + path, Clients: clients, Tokens: memory.New(),
		Grants: []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
	})
	require.NoError(t, err)
	return server.Issuer(), up, hits
}

func TestTheEndpointsAreFoundOnceTheServerIsUpAndThenKept(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/tenant", "/tenant/"} {
		issuer, up, hits := start(t, path)
		finder := discovery.NewFinder(issuer, discovery.NewClient())
		_, err := finder.Find(t.Context())
		require.ErrorContains(t, err, "answered 503")
		up.Store(true)
		m, err := finder.Find(t.Context())
		require.NoError(t, err)
		require.Equal(t, issuer, m.Issuer)
		require.Contains(t, m.TokenEndpoint, "/token")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = finder.Find(t.Context()) })
		}
		all.Wait()
		require.EqualValues(t, 2, hits.Load())
	}
}

func TestMetadataOfAnotherIssuerIsRefused(t *testing.T) {
	t.Parallel()
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"https://evil.example.com","token_endpoint":"https://evil.example.com/token"}`)
	}))
	t.Cleanup(listener.Close)
	_, err := discovery.NewFinder(listener.URL, discovery.NewClient()).Find(t.Context())
	require.ErrorIs(t, err, discovery.ErrOtherIssuer)
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	issuer, up, _ := start(t, "")
	up.Store(true)
	elsewhere := httptest.NewServer(http.RedirectHandler(issuer+"/.well-known/oauth-authorization-server", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	_, err := discovery.NewFinder(elsewhere.URL, discovery.NewClient()).Find(t.Context())
	require.ErrorContains(t, err, "answered 302")
}
