package browsertest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

func TestNoIsToldInWordsAndNothingIsShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	w.start(alice)
	alice.press(no)
	require.Contains(t, alice.see("#error"), "You said no")
	alice.look("en-7-no")
	withoutStatus(t, alice.overheard())
	require.Contains(t, w.apps(alice), "No app has access")
}

func TestAWrongPasswordIsToldAndTheRightOneGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := newWindow(t, "nl")
	w.start(alice)
	alice.logIn("alice", "mirror")
	require.EqualValues(t, http.StatusForbidden, alice.status)
	require.Contains(t, alice.see("#message"), "horen niet bij elkaar")
	require.Equal(t, "alice", value[string](alice, "document.querySelector('#username').value"))
	require.Empty(t, value[string](alice, "document.querySelector('#password').value"))
	alice.look("nl-7-wrong-password")
	withoutStatus(t, alice.overheard())
	alice.logIn("alice", "wonderland")
	alice.press(yes)
	require.Contains(t, alice.see("#contacts"), "@")
}

// The second click comes while the server has decided on the first and has not answered yet. The
// browser then gives the first answer up, and the second one brings the same code.
func TestASecondClickOnYesLeadsToTheOneAccess(t *testing.T) {
	t.Parallel()
	slow := newSlowLog(oauth2.EventCodeIssued)
	w := newWorld(t, func(o *authserver.Options) { o.Log = slow.logger() })
	alice := w.loggedIn(t)
	w.start(alice)
	at := value[[2]float64](alice, fmt.Sprintf("(r => [r.x + r.width/2, r.y + r.height/2])(document.querySelector(%q).getBoundingClientRect())", yes))
	alice.do(chromedp.MouseClickXY(at[0], at[1]))
	slow.wait(t)
	alice.do(chromedp.MouseClickXY(at[0], at[1]))
	require.Contains(t, alice.see("#contacts"), "@")
	slow.release()
	withoutStatus(t, alice.overheard())
	require.Contains(t, w.apps(alice), "spam4All")
}

func TestBackAfterConsentAsksAnewAndTheAccessStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	w.start(alice)
	alice.press(yes)
	require.Contains(t, alice.see("#contacts"), "@")
	alice.back()
	require.Contains(t, alice.url(), w.Issuer+"/request-access?")
	require.Empty(t, alice.overheard())
	alice.press(yes)
	require.Contains(t, alice.see("#error"), "This answer was not expected", "the client asked once")
	withoutStatus(t, alice.overheard())
	alice.press("#home")
	require.Contains(t, alice.see("#contacts"), "@")
}

func TestBackAfterLogoutShowsNothingPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	alice.open(w.Issuer + "/connected-apps")
	alice.open(w.Issuer)
	alice.look("en-9-home")
	alice.press("#logout button")
	require.Contains(t, alice.see("#home"), "You are not logged in.")
	alice.back()
	require.NotContains(t, alice.see("body"), "alice")
	alice.back()
	require.Contains(t, alice.url(), w.Issuer+"/login?return=%2Fconnected-apps")
	require.Empty(t, value[string](alice, "document.querySelector('#username').value"))
}

func TestASessionThatEndsInMidFlowLeadsThroughTheLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	w.start(alice)
	other := alice.another()
	other.open(w.Issuer)
	other.press("#logout button")
	alice.press(yes)
	alice.logIn("alice", "wonderland")
	alice.press(yes)
	require.Contains(t, alice.see("#contacts"), "@")
}

func TestAPageThatWasOpenForTooLongSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.loggedIn(t)
	w.start(alice)
	w.clock.Advance(3 * time.Hour)
	alice.press(yes)
	require.Contains(t, alice.see("#error"), "This page is no longer valid, so nothing was done.")
	withoutStatus(t, alice.overheard())
	alice.back()
	require.Contains(t, alice.url(), w.Issuer+"/login?return=", "the session has ended as well")
	w.start(alice)
	alice.logIn("alice", "wonderland")
	alice.press(yes)
	require.Contains(t, alice.see("#contacts"), "@")
}

func TestTwoTabsAreEachFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := newWindow(t, "en")
	two := one.another()
	w.start(one)
	w.start(two)
	one.logIn("alice", "wonderland")
	two.logIn("alice", "wonderland")
	for _, tab := range []*tab{one, two} {
		tab.press(yes)
		require.Contains(t, tab.see("#contacts"), "@")
	}
}

func TestTheKeyboardAloneIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := newWindow(t, "en")
	alice.open(w.ClientURL)
	alice.tabTo("start")
	alice.leave(chromedp.KeyEvent(kb.Enter))
	alice.see("#login")
	alice.do(chromedp.KeyEvent("alice"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("wonderland")) // the cursor is in the first field
	alice.leave(chromedp.KeyEvent(kb.Enter))
	alice.see("#consent")
	alice.tabTo("yes")
	alice.leave(chromedp.KeyEvent(kb.Enter))
	require.Contains(t, alice.see("#contacts"), "@")
}

// tabTo presses the Tab key until the focus is on what has this id or value.
func (b *tab) tabTo(name string) {
	b.t.Helper()
	const most = 20
	for range most {
		b.do(chromedp.KeyEvent(kb.Tab))
		if value[bool](b, fmt.Sprintf("[document.activeElement.id, document.activeElement.value].includes(%q)", name)) {
			return
		}
	}
	require.Fail(b.t, "the Tab key does not lead to "+name)
}
