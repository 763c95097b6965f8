package browsertest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmail"
)

// withTelevision registers a device.
func withTelevision(o *authserver.Options) {
	o.Clients = append(o.Clients, &oauth2.Client{
		ID: xmail.DeviceID, Name: "Xmail TV", GrantTypes: []string{oauth2.GrantDeviceCode}, Scope: oauth2.Scope{"contacts.read"},
	})
}

// television calls an endpoint as the device does.
func (w *world) television(t *testing.T, path string, form url.Values) map[string]any {
	t.Helper()
	form.Set("client_id", xmail.DeviceID)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Issuer+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	var members map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&members))
	return members
}

func TestAliceConnectsATelevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTelevision)
	codes := w.television(t, "/device_authorization", url.Values{})
	userCode := codes["user_code"].(string)
	alice := newWindow(t, "en")

	alice.open(w.Issuer + "/device")
	alice.write("#user_code", "BBBB-BBBB")
	alice.press("#device button")
	require.EqualValues(t, http.StatusBadRequest, alice.status)
	require.Contains(t, alice.see("#message"), "This code is unknown")
	alice.look("en-10-wrong-device-code")
	withoutStatus(t, alice.overheard())

	alice.open(w.Issuer + "/device")
	alice.look("en-11-device")
	alice.write("#user_code", strings.ToLower(strings.ReplaceAll(userCode, "-", " ")))
	alice.press("#device button")
	alice.logIn("alice", "wonderland")
	require.Equal(t, "Do you allow 'Xmail TV' to access your contacts?", alice.see("h1"))
	require.Contains(t, alice.see("#user-code"), userCode)
	alice.look("en-12-device-consent")
	alice.press(yes)
	require.Contains(t, alice.see("#device-done"), "'Xmail TV' has access now.")
	alice.look("en-13-device-done")
	require.Empty(t, alice.overheard())

	tokens := w.television(t, "/token", url.Values{"grant_type": {oauth2.GrantDeviceCode}, "device_code": {codes["device_code"].(string)}})
	require.NotEmpty(t, tokens["access_token"], tokens)
	require.Contains(t, w.apps(alice), "Xmail TV")
}

// The link that a QR code has leads to the same question.
func TestALinkWithTheCodeOfATelevisionAsksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTelevision)
	codes := w.television(t, "/device_authorization", url.Values{})
	alice := w.loggedIn(t)
	alice.open(codes["verification_uri_complete"].(string))
	require.Contains(t, alice.see("#user-code"), codes["user_code"].(string))
	alice.press(no)
	require.Contains(t, alice.see("#device-done"), "'Xmail TV' gets no access.")
	require.Empty(t, alice.overheard())
	tokens := w.television(t, "/token", url.Values{"grant_type": {oauth2.GrantDeviceCode}, "device_code": {codes["device_code"].(string)}})
	require.Equal(t, "access_denied", tokens["error"])
}
