package browsertest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestCookiesAreKeptFromScriptsAndOtherSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := newWindow(t, "en")
	w.start(alice)
	alice.logIn("alice", "wonderland")
	alice.press(yes)
	alice.see("#contacts")
	held := alice.cookies()
	require.Len(t, held, 4, "the session at each site, and the keys of the login and the consent page")
	for name, c := range held {
		require.True(t, c.HTTPOnly, name)
		require.Equal(t, network.CookieSameSiteLax, c.SameSite, name)
		require.Equal(t, "localhost", c.Domain, name)
	}
	require.Empty(t, value[string](alice, "document.cookie"))

	var sent string
	other := newSite(t, func(_ http.ResponseWriter, r *http.Request) { sent = r.Header.Get("Cookie") })
	alice.open(other.crossSite)
	require.Empty(t, sent)
}

func TestBehindHTTPSCookiesAreSecureAndBoundToTheHost(t *testing.T) {
	t.Parallel()
	var app http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	issuer := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	xmail, err := authserver.New(t.Context(), authserver.Options{Issuer: issuer, Store: "memory", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, xmail.Close()) })
	app = xmail

	alice := newWindow(t, "en")
	alice.open(issuer + "/login")
	alice.logIn("alice", "wonderland")
	require.Contains(t, alice.see("#home"), "You are logged in as alice.")
	held := alice.cookies()
	require.Len(t, held, 2)
	for name, c := range held {
		require.True(t, strings.HasPrefix(name, "__Host-"), name)
		require.True(t, c.Secure, name)
		require.True(t, c.HTTPOnly, name)
	}
	before := held["__Host-xmail_session"].Value
	alice.open(issuer + "/login")
	alice.logIn("alice", "wonderland")
	require.NotEqual(t, before, alice.cookies()["__Host-xmail_session"].Value, "the session has a new ID")
	alice.press("#logout button")
	require.Contains(t, alice.see("#home"), "You are not logged in.")
	require.NotContains(t, alice.cookies(), "__Host-xmail_session")
}
