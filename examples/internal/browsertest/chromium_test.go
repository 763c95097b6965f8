// Package browsertest drives the examples with a real browser: Chromium, without a window. What
// cookies, redirects, frames, forms and policies mean is then not for a test to imitate.
//
// With BROWSER_SCREENSHOTS in the environment, the pages are kept in that folder as pictures.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long anything may take on a machine that is busy.
const patience = time.Minute

// stopChromium ends the browser of the package, if one was started.
var stopChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stopChromium()
	os.Exit(code)
}

// chromium starts the one browser that all tests share. Each opens windows of its own in it, which
// share no cookies.
var chromium = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromiumPath()),
		chromedp.WSURLReadTimeout(patience),
		chromedp.DisableGPU,
		chromedp.IgnoreCertErrors, // a test's https server signs its own certificate
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root has none
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeWindow := chromedp.NewContext(allocator)
	stopChromium = func() {
		closeWindow()
		stop()
	}
	return ctx, chromedp.Run(ctx)
})

// chromiumPath is "" where there is no browser.
func chromiumPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// sharedChromium returns the browser, or ends the test where there is none.
func sharedChromium(t *testing.T) context.Context {
	t.Helper()
	if chromiumPath() == "" {
		const missing = "chromium is missing: install Debian's package chromium"
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	ctx, err := chromium()
	require.NoError(t, err)
	return ctx
}
