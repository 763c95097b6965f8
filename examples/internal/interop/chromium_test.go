package interop

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// A tab is a window of the browser that shares no cookies and no storage with any other.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(t *testing.T) *tab {
	t.Helper()
	ctx, closeTab := chromium.NewTab(t, chromium.NewProfile(t))
	t.Cleanup(closeTab)
	require.NoError(t, chromedp.Run(ctx))
	return &tab{t, ctx}
}

func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Run(ctx, actions...))
}

// await evaluates an expression on the page, and waits for the promise that it is.
func await[T any](b *tab, expression string) (value T) {
	b.t.Helper()
	b.do(chromedp.Evaluate(expression, &value, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return value
}
