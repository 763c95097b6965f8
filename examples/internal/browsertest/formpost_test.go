package browsertest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// OAuth 2.0 Form Post Response Mode section 2: the answer is a form that the browser posts.
func TestAnAnswerByFormPostReachesTheClientOfAnotherSite(t *testing.T) {
	t.Parallel()
	const state = `a "state" & <b>`
	client := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<link rel="icon" href="data:,"><p id=got>%s %s %v %s</p>`, r.Method, html.EscapeString(r.PostFormValue("state")), r.PostFormValue("code") != "", r.URL.RawQuery)
	})
	callback := client.crossSite + "/callback"
	w := newWorld(t, func(o *authserver.Options) {
		o.Clients = append(o.Clients, &oauth2.Client{ID: "posted", RedirectURIs: []string{callback}, Scope: oauth2.Scope{"contacts.read"}, GrantTypes: []string{oauth2.GrantAuthorizationCode}})
	})
	request := w.Issuer + "/request-access?" + url.Values{"response_type": {"code"}, "response_mode": {"form_post"}, "client_id": {"posted"}, "redirect_uri": {callback},
		"scope": {"contacts.read"}, "state": {state}, "code_challenge": {xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier())}, "code_challenge_method": {"S256"}}.Encode()
	alice := w.loggedIn(t)

	alice.open(request)
	alice.press(yes)
	require.Equal(t, "POST "+state+" true", alice.see("#got"))
	require.Equal(t, callback, alice.url())

	alice.do(emulation.SetScriptExecutionDisabled(true))
	alice.open(request)
	alice.press(yes)
	alice.picture("en-form-post-without-script")
	require.Contains(t, alice.see("form"), "leads back to the application")
	alice.press("form button")
	require.Equal(t, "POST "+state+" true", alice.see("#got"))
	require.Empty(t, alice.overheard(), "the library's own page asks for no icon")
}
