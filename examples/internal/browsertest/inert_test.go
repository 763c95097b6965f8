package browsertest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
)

// payloads are texts that would run in a page that forgets to escape them, wherever they stand.
var payloads = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`'><svg onload=alert(1)>`,
	`</title></style><script>alert(1)</script>`,
	`" autofocus onfocus=alert(1) x="`,
	`javascript:alert(1)//{{.}}${alert(1)}`,
	`%s</p><iframe src=javascript:alert(1)></iframe>`,
}

// inert wants a page to hold none of what a payload would bring in.
func (b *tab) inert(where string) {
	b.t.Helper()
	require.Zero(b.t, b.count("script, img, svg, iframe, object, embed, base, [onerror], [onload], [onfocus], [href^=javascript]"), where)
}

func TestTextsOfStrangersAreInert(t *testing.T) {
	t.Parallel()
	payload := strings.Join(payloads, " ")
	scope := oauth2.Scope{"contacts.read"}
	for _, p := range payloads { // RFC 6749 section 3.3: a scope token has no space, quote or backslash
		scope = append(scope, strings.NewReplacer(" ", "/", `"`, "").Replace(p))
	}
	named := &oauth2.Client{ID: "named", Name: payload, Scope: scope, GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}}
	w := newWorld(t, func(o *authserver.Options) {
		named.RedirectURIs = o.Clients[0].RedirectURIs
		o.Clients = append(o.Clients, named)
	})
	request := func(name, changed string) string {
		q := url.Values{"response_type": {"code"}, "client_id": {"named"}, "redirect_uri": named.RedirectURIs, "scope": {strings.Join(scope, " ")}, "state": {payload},
			"login_hint": {payload}, "code_challenge": {xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier())}, "code_challenge_method": {"S256"}}
		if name != "" {
			q.Set(name, changed)
		}
		return w.Issuer + "/request-access?" + q.Encode()
	}

	alice := newWindow(t, "en")
	alice.open(request("", ""))
	require.Equal(t, payload, value[string](alice, "document.querySelector('#username').value"), "the login hint is shown as it is")
	alice.inert("login")
	alice.logIn("alice", "wonderland")
	require.Contains(t, alice.see("h1"), payload, "the name is shown as it is")
	for _, token := range scope[1:] {
		require.Contains(t, alice.see("#scopes"), token)
	}
	alice.inert("consent")
	alice.press(yes)
	sent, err := url.Parse(alice.url())
	require.NoError(t, err)
	require.Equal(t, payload, sent.Query().Get("state"), "state returns to the letter")
	alice.inert("client")
	alice.open(w.Issuer + "/connected-apps")
	require.Contains(t, alice.see("#connected-apps h2"), payload)
	alice.inert("apps")

	for name, target := range map[string]string{
		"unknown client":   request("client_id", payload),
		"unknown redirect": request("redirect_uri", payload),
		"unknown page":     w.Issuer + "/" + url.PathEscape(payload),
		"answer":           w.ClientURL + spam4all.CallbackPath + "?" + url.Values{"state": {payload}, "code": {payload}, "iss": {payload}}.Encode(),
	} {
		alice.open(target)
		alice.see("#error")
		alice.inert(name)
	}
	withoutStatus(t, alice.overheard()) // nothing ran, and no policy had to stop anything
}

// Whoever looks for what does not happen shows first that it would be seen.
func TestTheBrowserWouldTellOfAScriptAndOfAViolation(t *testing.T) {
	t.Parallel()
	b := newWindow(t, "en")
	b.open(serving(t, `<p id=here>here</p><script>alert("ran")</script>`).crossSite)
	b.see("#here")
	require.Contains(t, b.overheard(), "dialog ran")
	b.open(serving(t, `<meta http-equiv="Content-Security-Policy" content="script-src 'none'"><p id=here>here</p><script>alert("ran")</script>`).crossSite)
	b.see("#here")
	told := strings.Join(b.overheard(), "\n")
	require.NotContains(t, told, "dialog")
	require.Contains(t, told, `console.error "violation of" "script-src-elem"`)
	require.Contains(t, told, "security error")
	require.Contains(t, told, "violation of script-src-elem")
}
