package machine_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/machine"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmailtest"
)

// newWorld starts an authorization server and the contacts API, and returns what the machine needs.
func newWorld(t *testing.T) (machine.Options, *xmailtest.Server) {
	var api http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(w, r) }))
	t.Cleanup(listener.Close)
	server := xmailtest.Start(t, listener.URL, "https://spam4all.example.com/callback")
	var err error
	api, err = contacts.New(contacts.Options{
		Issuer: server.Issuer(), Resource: listener.URL, ClientID: xmailtest.API, ClientSecret: xmailtest.SecretOf(xmailtest.API),
	})
	require.NoError(t, err)
	return machine.Options{
		Issuer: server.Issuer(), Resource: listener.URL,
		ClientID: xmailtest.Machine, ClientSecret: xmailtest.SecretOf(xmailtest.Machine),
	}, server
}

func TestTheMachinePrintsTheStatistics(t *testing.T) {
	t.Parallel()
	o, _ := newWorld(t)
	var out bytes.Buffer
	require.NoError(t, machine.Run(t.Context(), o, &out))
	require.Contains(t, out.String(), `{"users":2,"contacts":5}`)
	require.LessOrEqual(t, strings.Count(out.String(), "\n"), 2)
	require.NotContains(t, out.String(), "at_")
	require.NotContains(t, out.String(), o.ClientSecret)
}

func TestAFailureIsToldInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*machine.Options, *xmailtest.Server)
		words  string
	}{
		"the server is down": {func(_ *machine.Options, s *xmailtest.Server) { s.SetDown(true) }, "cannot be reached"},
		"no server is there": {func(o *machine.Options, _ *xmailtest.Server) { o.Issuer = "http://127.0.0.1:1" }, "cannot be reached"},
		"another issuer":     {func(o *machine.Options, _ *xmailtest.Server) { o.Issuer += "/" }, "another issuer"},
		"a wrong secret":     {func(o *machine.Options, _ *xmailtest.Server) { o.ClientSecret = "wr0ng-secret" }, "invalid_client"},
		"an unknown client":  {func(o *machine.Options, _ *xmailtest.Server) { o.ClientID = "nobody" }, "invalid_client"},
		"the wrong client": {func(o *machine.Options, _ *xmailtest.Server) {
			o.ClientID, o.ClientSecret = xmailtest.Client, xmailtest.SecretOf(xmailtest.Client)
		}, "unauthorized_client"},
		"an unknown resource": {func(o *machine.Options, _ *xmailtest.Server) { o.Resource = "http://127.0.0.1:1" }, "invalid_target"},
		"no issuer":           {func(o *machine.Options, _ *xmailtest.Server) { o.Issuer = "" }, "no absolute URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, server := newWorld(t)
			c.change(&o, server)
			err := machine.Run(t.Context(), o, io.Discard)
			require.ErrorContains(t, err, c.words)
			require.NotContains(t, err.Error(), o.ClientSecret)
		})
	}
}

func TestAnAPIThatIsDownIsToldInWords(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	server := xmailtest.Start(t, down.URL, "https://spam4all.example.com/callback")
	o := machine.Options{Issuer: server.Issuer(), Resource: down.URL, ClientID: xmailtest.Machine, ClientSecret: xmailtest.SecretOf(xmailtest.Machine)}
	require.ErrorContains(t, machine.Run(t.Context(), o, io.Discard), "it answered 404")
	down.Close()
	require.ErrorContains(t, machine.Run(t.Context(), o, io.Discard), "the API "+down.URL)
}
