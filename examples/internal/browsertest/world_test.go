package browsertest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
)

// A world is the demo on free ports of localhost, with a clock of its own.
type world struct {
	*xmail.Site
	clock *testclock.Clock
}

// newWorld starts the demo until the test ends.
func newWorld(t *testing.T, configure ...func(*authserver.Options)) *world {
	t.Helper()
	site, err := xmail.Listen(xmail.Addresses{AuthServer: "localhost:0", Client: "localhost:0", API: "localhost:0"})
	require.NoError(t, err)
	w := &world{Site: site, clock: testclock.At(time.Now())}
	secret := func(id string) []oauth2.ClientSecret {
		return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(id + xmail.DemoSecret)}}
	}
	options := authserver.Options{
		Store: "memory", Now: w.clock.Now, Log: slog.New(slog.DiscardHandler),
		Users: map[string]string{"alice": oauth2.HashSecret("wonderland"), "bob": oauth2.HashSecret("builder")},
		Clients: []*oauth2.Client{
			{ID: xmail.ClientID, Secrets: secret(xmail.ClientID), RedirectURIs: []string{site.ClientURL + spam4all.CallbackPath},
				GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"contacts.read"}},
			{ID: xmail.APIID, Secrets: secret(xmail.APIID), GrantTypes: []string{}, ResourceServer: true, Resources: []string{site.APIURL}},
		},
	}
	for _, change := range configure {
		change(&options)
	}
	require.NoError(t, site.Build(t.Context(), options))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- site.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
	return w
}

// logIn fills in the login page that is shown.
func (b *tab) logIn(name, password string) {
	b.t.Helper()
	b.write("#username", name)
	b.write("#password", password)
	b.press("#login button")
}

// loggedIn is a window in which alice has logged in at Xmail.
func (w *world) loggedIn(t *testing.T) *tab {
	t.Helper()
	alice := newWindow(t, "en")
	alice.open(w.Issuer + "/login")
	alice.logIn("alice", "wonderland")
	require.Contains(t, alice.see("#home"), "You are logged in as alice.")
	return alice
}

// start presses spam4All's button, which leads to Xmail.
func (w *world) start(b *tab) {
	b.t.Helper()
	b.open(w.ClientURL)
	b.press("#start")
}

// The buttons of the consent page.
const (
	yes = `#consent [value="yes"]`
	no  = `#consent [value="no"]`
)

// apps is the page of connected apps, in another tab.
func (w *world) apps(b *tab) string {
	b.t.Helper()
	other := b.another()
	other.open(w.Issuer + "/connected-apps")
	return other.see("#connected-apps")
}

// A site is a server that is not of the demo. As localhost it is the same site as the demo's, and
// another origin; as 127.0.0.1 it is another site.
type site struct{ sameSite, crossSite string }

// newSite serves a site until the test ends.
func newSite(t *testing.T, handler http.HandlerFunc) site {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return site{sameSite: strings.Replace(server.URL, "127.0.0.1", "localhost", 1), crossSite: server.URL}
}
