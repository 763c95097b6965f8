package spam4all

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// Whatever a server says went wrong is text on the page, and never a part of it.
func FuzzRefusal(f *testing.F) {
	for _, seed := range []string{
		"error=access_denied", "error=server_error&error_description=a+b", "code=x", "", "error=<script>alert(1)</script>", "error=x&error_description=%22%3E%3Cimg+src=x+onerror=y%3E",
		"error=%ff%00", "error=a&code=b", "error=</p>&error_description={{.}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, _ := url.ParseQuery(query)
		refused := refusal(q)
		if refused == nil {
			require.NotEmpty(t, q.Get("code"))
			require.Empty(t, q.Get("error"))
			return
		}
		require.GreaterOrEqual(t, refused.status, 400)
		tags, text := shownPage(t, refused)
		plain := *refused
		if plain.detail != "" {
			plain.detail = "x"
		}
		same, _ := shownPage(t, &plain)
		require.Equal(t, same, tags, "the page is built in the same way whatever the detail")
		// HTML has no NUL, one kind of line break, and a replacement for what is no UTF-8.
		detail := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD").Replace(strings.ToValidUTF8(refused.detail, "\uFFFD"))
		if detail == refused.detail {
			require.Contains(t, text, detail)
		}
	})
}

// shownPage are the elements and the text of the page that tells a problem.
func shownPage(t *testing.T, p *problem) (tags []string, text string) {
	w := httptest.NewRecorder()
	new(app).fail(w, httptest.NewRequest(http.MethodGet, "/", nil), p)
	root, err := html.Parse(w.Body)
	require.NoError(t, err)
	for node := range root.Descendants() {
		if node.Type == html.ElementNode {
			tags = append(tags, node.Data)
		} else {
			text += node.Data
		}
	}
	return tags, text
}

// A secret is shown by its beginning, and never more than a quarter of it.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{"", "abc", "at_0123456789012345678901234567890123456789", "éééééééé"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		shown := strings.TrimSuffix(mask(secret), "........")
		require.True(t, strings.HasPrefix(secret, shown))
		require.LessOrEqual(t, 4*len(shown), len(secret))
		require.LessOrEqual(t, len(shown), 6)
		require.Equal(t, secret == "", mask(secret) == "")
	})
}
