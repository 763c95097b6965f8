package oauth2_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var (
	formPattern   = regexp.MustCompile(`<form method="(\w+)" action="([^"]*)">`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// postedForm is the one form of a page, as a browser would send it.
func postedForm(t *testing.T, page string) (method, action string, fields url.Values) {
	t.Helper()
	found := formPattern.FindAllStringSubmatch(page, -1)
	require.Len(t, found, 1, page)
	fields = url.Values{}
	for _, input := range hiddenPattern.FindAllStringSubmatch(page, -1) {
		fields.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return strings.ToUpper(found[0][1]), html.UnescapeString(found[0][2]), fields
}

// A callback is a client that was sent an answer.
type callback struct {
	method, contentType, query string
	form                       url.Values
}

func newCallback(t *testing.T) (uri string, received *callback) {
	received = &callback{}
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		*received = callback{r.Method, r.Header.Get("Content-Type"), r.URL.RawQuery, r.PostForm}
	}))
	t.Cleanup(client.Close)
	return client.URL + "/cb?tenant=1&x=%22", received
}

func TestAFormPostReachesTheClientAsAPOSTAndLeadsToTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uri, received := newCallback(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "poster", RedirectURIs: []string{uri}, Scope: oauth2.Scope{"read"}}))
	const state = `a"b<c>&amp;d'e é 日本`
	query := codeRequest("client_id", "poster", "redirect_uri", uri, "scope", "read", "response_mode", "form_post", "state", state)
	page := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.Equal(t, http.StatusOK, page.status)
	require.Empty(t, page.header.Get("Location"))

	method, action, fields := postedForm(t, page.body)
	require.Equal(t, uri, action)
	require.Equal(t, http.MethodPost, method)
	res, err := direct.PostForm(action, fields)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.MethodPost, received.method)
	require.Equal(t, "application/x-www-form-urlencoded", received.contentType)
	require.Equal(t, "tenant=1&x=%22", received.query, "the answer is in the body alone")
	require.Equal(t, state, received.form.Get("state"))
	require.Equal(t, w.url, received.form.Get("iss"))
	got := w.post("/token", "", redemption(received.form.Get("code"), "client_id", "poster", "redirect_uri", uri))
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func TestRefusalsAreAnsweredByFormPostToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := codeRequest("response_mode", "form_post")
	denied := w.decide(query, formTokenIn(w.ask(query).body), "no")
	for want, page := range map[string]answer{
		"access_denied":             denied,
		"unsupported_response_type": w.ask(codeRequest("response_mode", "form_post", "response_type", "token")),
		"invalid_scope":             w.ask(codeRequest("response_mode", "form_post", "scope", "admin")),
	} {
		_, action, fields := postedForm(t, page.body)
		require.Equal(t, webRedirect, action)
		require.Equal(t, want, fields.Get("error"))
		require.Equal(t, "xyz", fields.Get("state"))
		require.Equal(t, w.url, fields.Get("iss"))
		require.Empty(t, fields.Get("code"))
		require.Equal(t, "no-store", page.header.Get("Cache-Control"))
		requirePageHeaders(t, page)
	}
}
