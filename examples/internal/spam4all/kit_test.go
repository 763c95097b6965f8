package spam4all_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/spam4all"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmailtest"
)

// A world is the client, its authorization server, the API, and a user's browser.
type world struct {
	t       *testing.T
	server  *xmailtest.Server
	api     *httptest.Server
	url     string
	browser *http.Client // keeps cookies and follows redirects
	// apiDown breaks off every request to the API.
	apiDown atomic.Bool
	// skew moves the client's clock.
	skew atomic.Int64
	// stopAt, if set, is where the browser follows no further.
	stopAt string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	var client, api http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { client.ServeHTTP(rw, r) }))
	t.Cleanup(listener.Close)
	w.api = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.apiDown.Load() {
			panic(http.ErrAbortHandler)
		}
		api.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.api.Close)
	w.url = listener.URL
	w.server = xmailtest.Start(t, w.api.URL, w.url+spam4all.CallbackPath)
	var err error
	api, err = contacts.New(contacts.Options{
		Issuer: w.server.Issuer(), Resource: w.api.URL, ClientID: xmailtest.API, ClientSecret: xmailtest.SecretOf(xmailtest.API),
	})
	require.NoError(t, err)
	client, err = spam4all.New(spam4all.Options{
		BaseURL: w.url, Issuer: w.server.Issuer(), Resource: w.api.URL,
		ClientID: xmailtest.Client, ClientSecret: xmailtest.SecretOf(xmailtest.Client),
		Now: func() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) },
	})
	require.NoError(t, err)
	w.browser = w.newBrowser()
	return w
}

func (w *world) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if w.stopAt != "" && strings.Contains(r.URL.String(), w.stopAt) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// A shown is a page as the browser got it.
type shown struct {
	status   int
	header   http.Header
	url      string
	location string
	body     string
}

func (w *world) do(r *http.Request) shown {
	w.t.Helper()
	res, err := w.browser.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return shown{res.StatusCode, res.Header, res.Request.URL.String(), res.Header.Get("Location"), html.UnescapeString(string(body))}
}

func (w *world) get(address string) shown {
	w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = w.url + address
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	require.NoError(w.t, err)
	return w.do(r)
}

// press presses a button of the page.
func (w *world) press(path string) shown {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+path, nil)
	require.NoError(w.t, err)
	r.Header.Set("Origin", w.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(r)
}

// callbackURL goes through the flow up to the answer, which the browser is not yet led to.
func (w *world) callbackURL() string {
	w.t.Helper()
	w.stopAt = spam4all.CallbackPath + "?"
	defer func() { w.stopAt = "" }()
	got := w.get("/start")
	require.Equal(w.t, http.StatusSeeOther, got.status, got.body)
	return got.location
}

// changed is an address with a parameter changed, or removed if value is empty.
func changed(t *testing.T, address, name, value string) string {
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func failed(t *testing.T, got shown, status int, title string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Contains(t, got.body, `id="error"`)
	require.Contains(t, got.body, title)
	require.NotContains(t, got.body, `id="contacts"`)
}

var tokenPattern = regexp.MustCompile(`(ac|at|rt)_[A-Za-z0-9_-]{4,}`)
