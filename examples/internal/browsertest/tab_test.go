package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/chromium"
)

// A tab is a tab of the browser, and the person in front of it.
type tab struct {
	t      *testing.T
	ctx    context.Context
	status int64 // of the page that is shown

	profile   chromium.Profile
	languages string

	mu         sync.Mutex
	complaints []string
}

// newWindow opens a window that shares no cookies with any other. languages is what its person reads.
func newWindow(t *testing.T, languages string) *tab {
	t.Helper()
	return openTab(t, chromium.NewProfile(t), languages)
}

// another opens a second page beside this one, with the same cookies.
func (b *tab) another() *tab {
	b.t.Helper()
	return openTab(b.t, b.profile, b.languages)
}

func openTab(t *testing.T, profile chromium.Profile, languages string) *tab {
	t.Helper()
	ctx, closeTab := chromium.NewTab(t, profile)
	b := &tab{t: t, ctx: ctx, profile: profile, languages: languages}
	chromedp.ListenTarget(ctx, b.listen)
	require.NoError(t, chromedp.Run(ctx))
	t.Cleanup(func() {
		if t.Failed() {
			b.picture("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
		}
		closeTab()
		require.Empty(t, b.overheard(), "the browser complained")
	})
	b.do(
		cdplog.Enable(), audits.Enable(),
		network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": languages}),
		emulation.SetFocusEmulationEnabled(true), // tabs of several tests have the focus at once
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(tellViolations).Do(ctx)
			return err
		}),
	)
	return b
}

// tellViolations makes a page tell what its content security policy stopped.
const tellViolations = `document.addEventListener('securitypolicyviolation', e => console.error('violation of', e.violatedDirective, e.blockedURI))`

// listen keeps whatever a developer would be told about a page, and closes every dialog.
func (b *tab) listen(event any) {
	var complaint string
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, arg := range e.Args {
			words = append(words, string(arg.Value))
		}
		complaint = fmt.Sprintf("console.%s %s", e.Type, strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		complaint = "exception " + e.ExceptionDetails.Error()
	case *cdplog.EventEntryAdded:
		complaint = fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *audits.EventIssueAdded:
		d := e.Issue.Details.ContentSecurityPolicyIssueDetails
		if d == nil {
			return // advice about performance and the like
		}
		complaint = "violation of " + d.ViolatedDirective + " " + d.BlockedURL
	case *page.EventJavascriptDialogOpening:
		complaint = "dialog " + e.Message
		go func() { _ = chromedp.Run(b.ctx, page.HandleJavaScriptDialog(false)) }()
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, complaint)
}

// overheard returns the browser's complaints since the last call. Those that nobody asked for fail
// the test in the end: an honest visit gives no reason for any.
func (b *tab) overheard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	complaints := b.complaints
	b.complaints = nil
	return complaints
}

// do runs actions that lead to no other page.
func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Run(ctx, actions...))
}

// leave runs actions that lead to another page, and waits for it.
func (b *tab) leave(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, actions...)
	require.NoError(b.t, err)
	b.status = 0
	if response != nil {
		b.status = response.Status
	}
}

// open types an address.
func (b *tab) open(url string) {
	b.t.Helper()
	b.leave(chromedp.Navigate(url))
}

// press clicks what leads to another page.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.leave(chromedp.Click(selector, chromedp.ByQuery))
}

// back presses the browser's own button.
func (b *tab) back() {
	b.t.Helper()
	b.leave(chromedp.NavigateBack())
}

// write fills in a field, key by key.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.do(chromedp.Clear(selector, chromedp.ByQuery), chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// see waits until something is shown, and returns its text.
func (b *tab) see(selector string) string {
	b.t.Helper()
	var text string
	b.do(chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// url is the address that is shown.
func (b *tab) url() string {
	b.t.Helper()
	var url string
	b.do(chromedp.Location(&url))
	return url
}

// value is what an expression comes to on the page.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	var v T
	b.do(chromedp.Evaluate(expression, &v))
	return v
}

// count is how many elements a selector finds.
func (b *tab) count(selector string) int {
	b.t.Helper()
	return value[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", selector))
}

// The screens that every page must fit.
var screens = []struct {
	name          string
	width, height int64
	scheme        string // of colours
	options       []chromedp.EmulateViewportOption
}{
	{"desktop", 1280, 800, "light", nil},
	{"dark", 1280, 800, "dark", nil},
	{"mobile", 360, 740, "light", []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch}},
}

// look wants the page to fit every screen, and keeps pictures of it.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, screen := range screens {
		b.do(
			chromedp.EmulateViewport(screen.width, screen.height, screen.options...),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: screen.scheme}}),
		)
		require.LessOrEqual(b.t, value[int64](b, "document.scrollingElement.scrollWidth"), screen.width, "%s scrolls sideways on %s", name, screen.name)
		b.picture(name + "-" + screen.name)
	}
	b.do(chromedp.ResetViewport())
}

// picture keeps a picture of the page where pictures are wanted.
func (b *tab) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("BROWSER_SCREENSHOTS")
	if folder == "" {
		return
	}
	var picture []byte
	b.do(chromedp.FullScreenshot(&picture, 100))
	require.NoError(b.t, os.MkdirAll(folder, 0o750))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}

// cookies are those that the browser holds for the page that is shown.
func (b *tab) cookies() map[string]*network.Cookie {
	b.t.Helper()
	held := map[string]*network.Cookie{}
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		cookies, err := network.GetCookies().Do(ctx)
		for _, c := range cookies {
			held[c.Name] = c
		}
		return err
	}))
	return held
}

// withoutStatus wants no complaints but one: that the status of a document was 400 or more, as it must be.
func withoutStatus(t *testing.T, complaints []string) {
	t.Helper()
	require.Empty(t, slices.DeleteFunc(complaints, func(c string) bool { return strings.Contains(c, "responded with a status of 4") }))
}
