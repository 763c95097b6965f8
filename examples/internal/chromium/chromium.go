// Package chromium starts the browser of a package's tests: one Chromium, without a window, in which each
// test opens windows of its own.
package chromium

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// startWithin is how long the browser may take to start on a machine that is busy.
const startWithin = 2 * time.Minute

// stop ends the browser, if one was started.
var stop = func() {}

// Main is for a package's TestMain: it runs the tests, ends the browser and exits.
func Main(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

var start = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path()),
		chromedp.WSURLReadTimeout(startWithin),
		chromedp.DisableGPU,
		chromedp.IgnoreCertErrors, // a test's https server signs its own certificate
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root has none
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeWindow := chromedp.NewContext(allocator)
	stop = func() {
		closeWindow()
		end()
	}
	return ctx, chromedp.Run(ctx)
})

// path is "" where there is no browser.
func path() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// shared is the browser. Where there is none the test is skipped, or fails if REQUIRE_SERVICES=1 is in the
// environment.
func shared(t *testing.T) context.Context {
	t.Helper()
	if path() == "" {
		const missing = "chromium is missing: install Debian's package chromium"
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	ctx, err := start()
	require.NoError(t, err)
	return ctx
}

// A Profile is a person's: its windows share cookies and storage with each other and with no others.
type Profile cdp.BrowserContextID

// NewProfile makes a Profile, which ends with the test.
func NewProfile(t *testing.T) Profile {
	t.Helper()
	browser := executor(shared(t))
	id, err := target.CreateBrowserContext().Do(browser)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, target.DisposeBrowserContext(id).Do(browser)) })
	return Profile(id)
}

// NewTab opens a window, with nothing in it. It is closed by the function that is returned. The first
// chromedp.Run of the context connects to it, and has no deadline: that would close the window.
func NewTab(t *testing.T, p Profile) (context.Context, context.CancelFunc) {
	t.Helper()
	browser := shared(t)
	// A window of its own, because a tab that is hidden behind another is not drawn.
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(cdp.BrowserContextID(p)).WithNewWindow(true).Do(executor(browser))
	require.NoError(t, err)
	return chromedp.NewContext(browser, chromedp.WithTargetID(id))
}

func executor(browser context.Context) context.Context {
	return cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
}
