package oauth2_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// What is accepted as an issuer is an https URL with a host, and its server answers where the issuer
// says (RFC 8414 sections 2 and 3).
func FuzzIssuer(f *testing.F) {
	for _, seed := range []string{
		"https://id.example.com", "https://id.example.com/", "https://id.example.com:8443/tenant/one/", "http://localhost:8620", "http://127.0.0.1", "http://[::1]:1/",
		"http://id.example.com", "https://", "https://:443", "https://a?", "https://a#", "https://u@a", "https://a/%2e", "https:a", "ftp://a", "https://a/b c", "https://a\"b",
		"https://a//b", "https://a/../b", "https://a/{x}", "https://é", "HTTPS://A", "https://a:b", "https://[::1%25lo]/", "",
	} {
		f.Add(seed)
	}
	clients, err := memory.NewClients()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, issuer string) {
		server, err := oauth2.New(oauth2.ServerConfig{
			Issuer: issuer, Clients: clients, Tokens: memory.New(), Grants: []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		})
		if err != nil {
			require.ErrorContains(t, err, "Issuer")
			require.Nil(t, server)
			return
		}
		require.Equal(t, issuer, server.Issuer())
		u, err := url.Parse(issuer)
		require.NoError(t, err)
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.NotContains(t, issuer, "?")
		require.NotContains(t, issuer, "#")
		ip := net.ParseIP(u.Hostname())
		onThisMachine := u.Hostname() == "localhost" || ip.IsLoopback()
		require.True(t, strings.HasPrefix(issuer, "https://") || strings.HasPrefix(issuer, "http://") && onThisMachine)

		metadata := "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
		require.Contains(t, server.Paths(), metadata)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = metadata
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		require.Equal(t, http.StatusOK, rec.Code)
		var told struct {
			Issuer string `json:"issuer"`
			Token  string `json:"token_endpoint"`
		}
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &told))
		require.Equal(t, issuer, told.Issuer, "a client compares it as an exact string")
		endpoint, err := url.Parse(told.Token)
		require.NoError(t, err)
		require.Equal(t, u.Host, endpoint.Host)
		require.Contains(t, server.Paths(), endpoint.Path)
	})
}
