package browsertest

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
)

// serving is a site of one page.
func serving(t *testing.T, body string) site {
	t.Helper()
	return newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>hostile</title>`+body)
	})
}

func TestNoPageCanBeFramed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	w.start(alice)
	guarded := []string{
		alice.url(), // the consent page
		w.Issuer + "/", w.Issuer + "/login", w.Issuer + "/connected-apps",
		w.Issuer + "/request-access", // an error page
		w.ClientURL + "/", w.ClientURL + spam4all.CallbackPath,
	}
	harmless := serving(t, "a page that may be framed").crossSite + "/"
	var frames strings.Builder
	for _, address := range append(guarded, harmless) { // a test of what is refused shows that not everything is
		fmt.Fprintf(&frames, "<iframe src=%q></iframe>", html.EscapeString(address))
	}
	hostile := serving(t, frames.String())
	for _, origin := range []string{hostile.sameSite, hostile.crossSite} {
		asked := map[network.RequestID]string{}
		var refused []string
		ctx, stop := context.WithCancel(alice.ctx)
		chromedp.ListenTarget(ctx, func(event any) {
			switch e := event.(type) {
			case *network.EventRequestWillBeSent:
				if _, redirected := asked[e.RequestID]; !redirected {
					asked[e.RequestID] = e.Request.URL
				}
			case *network.EventLoadingFailed:
				refused = append(refused, asked[e.RequestID]+" "+e.ErrorText)
			}
		})
		alice.open(origin)
		stop()
		want := make([]string, len(guarded))
		for i, address := range guarded {
			want[i] = address + " net::ERR_BLOCKED_BY_RESPONSE"
		}
		require.ElementsMatch(t, want, refused)
		alice.overheard() // each refusal
	}
}

// A forgery is a form of another site, with what its maker can know at best.
func forgery(action string, fields url.Values) string {
	var page strings.Builder
	fmt.Fprintf(&page, "<form id=forgery method=post action=%q>", html.EscapeString(action))
	for name, values := range fields {
		for _, v := range values {
			fmt.Fprintf(&page, "<input type=hidden name=%q value=%q>", name, html.EscapeString(v))
		}
	}
	page.WriteString("<button>You won</button></form>")
	return page.String()
}

// hidden are the hidden fields of the page that is shown.
func (b *tab) hidden() url.Values {
	b.t.Helper()
	fields := url.Values{}
	for name, v := range value[map[string]string](b, `Object.fromEntries([...document.querySelectorAll('input[type=hidden]')].map(i => [i.name, i.value]))`) {
		fields.Set(name, v)
	}
	return fields
}

func TestAFormOfAnotherSiteDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	site := alice.hidden()
	w.start(alice)
	consent, answer := alice.url(), alice.hidden()
	answer.Set("decision", "yes")
	require.NotEmpty(t, answer.Get("form_token"))
	login := alice.another()
	login.open(w.Issuer + "/login")
	credentials := login.hidden()
	credentials.Set("username", "bob")
	credentials.Set("password", "builder")
	site.Set("client_id", "spam4All")

	// The forms have the very secrets of the honest pages, so the origin alone is what gives them away.
	forgeries := map[string]string{
		"consent":  forgery(consent, answer),
		"login":    forgery(w.Issuer+"/login", credentials),
		"logout":   forgery(w.Issuer+"/logout", site),
		"withdraw": forgery(w.Issuer+"/connected-apps", site),
	}
	victim := alice.another()
	for name, body := range forgeries {
		victim.fallFor(serving(t, body), name)
	}
	require.Contains(t, w.apps(alice), "No app has access", "nothing was given")
	alice.open(w.Issuer)
	require.Contains(t, alice.see("#home"), "You are logged in as alice.", "nobody was logged out, or in as someone else")

	alice.open(consent)
	alice.press(yes)
	require.Contains(t, alice.see("#contacts"), "@", "nothing was spent")
	victim.fallFor(serving(t, forgery(w.ClientURL+"/revoke", nil)), "a button of the client")
	require.Contains(t, w.apps(alice), "spam4All")
}

// fallFor presses the button of a hostile page, of the same site and of another, and wants it refused.
func (b *tab) fallFor(hostile site, what string) {
	b.t.Helper()
	for _, origin := range []string{hostile.sameSite, hostile.crossSite} {
		b.open(origin)
		b.press("#forgery button")
		require.EqualValues(b.t, http.StatusForbidden, b.status, "%s from %s", what, origin)
		b.see("#error")
		withoutStatus(b.t, b.overheard())
	}
}

func TestReturnTargetsCannotLeaveTheSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hostile := serving(t, "")
	bare := strings.TrimPrefix(hostile.crossSite, "http:")
	alice := newWindow(t, "en")
	for _, target := range []string{hostile.crossSite, bare, "/" + bare, `/\` + bare[2:], "\\\\" + bare[2:], "/\t/" + bare[2:], "javascript:alert(1)", "data:text/html,x", "//" + bare} {
		alice.open(w.Issuer + "/login?return=" + url.QueryEscape(target))
		alice.logIn("alice", "wonderland")
		require.Equal(t, w.Issuer+"/", alice.url(), "%q", target)
	}
}
