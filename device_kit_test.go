package oauth2_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// The clients of the device grant. television is public, as nearly all devices are.
const (
	television = "television"
	printer    = "printer" // confidential
)

// deviceGrants are all grants that devices meet.
func deviceGrants(device oauth2.DeviceGrant) []oauth2.GrantHandler {
	return []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, oauth2.ClientCredentialsGrant{}, device}
}

// newDeviceWorld serves the device grant to two devices.
func newDeviceWorld(t testing.TB, configure ...func(*oauth2.ServerConfig)) *world {
	served := func(cfg *oauth2.ServerConfig) { cfg.Grants = deviceGrants(oauth2.DeviceGrant{}) }
	w := newWorld(t, append([]func(*oauth2.ServerConfig){served}, configure...)...)
	grants := []string{oauth2.GrantDeviceCode, oauth2.GrantRefreshToken}
	for _, c := range []*oauth2.Client{
		{ID: television, Name: "Television <4K>", GrantTypes: grants, Scope: oauth2.Scope{"read", "write"}},
		{ID: printer, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(printer))}}, GrantTypes: grants[:1], Scope: oauth2.Scope{"read"}},
	} {
		require.NoError(t, w.clients.CreateClient(t.Context(), c))
	}
	return w
}

// A device is what it was given, and its world.
type device struct {
	*world
	client, code, userCode, complete string
}

// start asks for the codes of a device as the television, unless pairs name another public client.
func (w *world) start(pairs ...string) *device {
	w.t.Helper()
	form := values(pairs...)
	if !form.Has("client_id") {
		form.Set("client_id", television)
	}
	got := w.post("/device_authorization", "", form)
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	return &device{w, form.Get("client_id"), got.str("device_code"), got.str("user_code"), got.str("verification_uri_complete")}
}

// poll asks for the tokens.
func (d *device) poll(pairs ...string) answer {
	return d.post("/token", "", values(append([]string{"grant_type", oauth2.GrantDeviceCode, "device_code", d.code, "client_id", d.client}, pairs...)...))
}

// open shows the page of the device's code in a browser.
func (d *device) open(browser *http.Client) answer {
	return d.get(browser, "/device", values("user_code", d.userCode))
}

// say answers the page, in the browser that was shown it.
func (d *device) say(browser *http.Client, page answer, decision string) answer {
	d.t.Helper()
	return d.submit(browser, "/device?user_code="+d.userCode, values("form_token", formTokenIn(page.body), "decision", decision))
}

// decided plays the whole page.
func (d *device) decided(decision string) *device {
	d.t.Helper()
	page := d.open(d.browser)
	require.Equal(d.t, http.StatusOK, page.status, page.body)
	done := d.say(d.browser, page, decision)
	require.Equal(d.t, http.StatusOK, done.status, done.body)
	require.Contains(d.t, done.body, `id="device-done"`)
	return d
}

// submit posts a form of a page.
func (w *world) submit(browser *http.Client, target string, form url.Values) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+target, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.url)
	return w.do(browser, r)
}

// enter types a code into the page.
func (w *world) enter(code string) answer {
	w.t.Helper()
	return w.submit(w.browser, "/device", values("user_code", code))
}

var userCodePattern = regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`)
