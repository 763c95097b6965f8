// Package browsertest drives the examples with a real browser: Chromium, without a window. What
// cookies, redirects, frames, forms and policies mean is then not for a test to imitate.
//
// With BROWSER_SCREENSHOTS in the environment, the pages are kept in that folder as pictures.
package browsertest

import (
	"testing"
	"time"

	"github.com/seed5f5fedc6/oauth2/examples/internal/chromium"
)

// patience is how long anything may take on a machine that is busy.
const patience = time.Minute

func TestMain(m *testing.M) { chromium.Main(m) }
