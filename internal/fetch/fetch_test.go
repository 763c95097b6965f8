package fetch_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

func TestOnlyAddressesOfTheInternetArePublic(t *testing.T) {
	t.Parallel()
	for text, public := range map[string]bool{
		"1.1.1.1": true, "93.184.216.34": true, "172.15.255.255": true, "172.32.0.1": true, "100.63.255.255": true, "100.128.0.1": true, "223.255.255.255": true,
		"2606:4700::1111": true, "2a00:1450:4001::1": true, "::ffff:1.1.1.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false, "127.255.0.1": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.1": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false,
		"198.18.0.1": false, "198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false,
		"100::1": false, "2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false, "3fff::1": false, "fc00::1": false, "fd12:3456::1": false,
		"fe80::1": false, "fec0::1": false, "ff02::1": false, "fe80::1%eth0": false, "2606:4700::1111%eth0": false,
	} {
		require.Equal(t, public, fetch.Public(netip.MustParseAddr(text)), text)
	}
	require.False(t, fetch.Public(netip.Addr{}))
}

func TestURLIsHTTPSWithAHostAndNothingElse(t *testing.T) {
	t.Parallel()
	for text, valid := range map[string]bool{
		"https://example.com/jwks": true, "https://example.com:8443/jwks?x=1": true, "http://example.com/jwks": false, "ftp://example.com": false,
		"file:///etc/passwd": false, "https:///jwks": false, "https://u:p@example.com/": false, "https://example.com/#": false, "//example.com/": false,
		"example.com": false, "": false, "https://example.com/" + strings.Repeat("x", 3000): false, "https://[::1": false,
	} {
		require.Equal(t, valid, fetch.ValidURL(text), text)
	}
	_, err := fetch.New(fetch.Config{}).Get(t.Context(), "http://example.com/", "application/json")
	require.ErrorIs(t, err, fetch.ErrURL)
}

// start serves an answer over TLS.
func start(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	return server
}

func says(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(text))
	}
}

func TestADocumentIsRead(t *testing.T) {
	t.Parallel()
	server := start(t, says("application/json; charset=utf-8", "{}"))
	got, err := fetch.New(fetch.Config{Client: server.Client()}).Get(t.Context(), server.URL, "application/json")
	require.NoError(t, err)
	require.Equal(t, "{}", string(got))
}

func TestNothingInTheOwnNetworkIsAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewUnstartedServer(says("application/json", "{}"))
	server.Config.ConnState = func(net.Conn, http.ConnState) { asked.Add(1) }
	server.StartTLS()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	guarded := fetch.New(fetch.Config{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1", "2130706433"} {
		_, err := guarded.Get(t.Context(), "https://"+host+":"+u.Port()+"/", "application/json")
		require.Error(t, err, host)
	}
	_, err = guarded.Get(t.Context(), server.URL, "application/json")
	require.ErrorIs(t, err, fetch.ErrAddress)
	require.Zero(t, asked.Load())
}

// Not parallel: it sets the environment.
func TestNoProxyIsUsed(t *testing.T) {
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	_, err := fetch.New(fetch.Config{}).Get(t.Context(), "https://192.0.2.1/", "application/json")
	require.ErrorIs(t, err, fetch.ErrAddress)
	require.Zero(t, asked.Load())
}

func TestAnAnswerThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	slow := make(chan struct{})
	t.Cleanup(func() { close(slow) })
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"404":        {http.NotFound, fetch.ErrStatus},
		"redirect":   {func(w http.ResponseWriter, r *http.Request) { redirectOnce(w, r, &followed) }, fetch.ErrStatus},
		"HTML":       {says("text/html", "{}"), fetch.ErrMediaType},
		"no type":    {says("", "{}"), fetch.ErrMediaType},
		"too large":  {says("application/json", strings.Repeat("x", 101)), fetch.ErrTooLarge},
		"a long one": {endless, fetch.ErrTooLarge},
		"no answer":  {func(_ http.ResponseWriter, r *http.Request) { waitFor(r, slow) }, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, c.answer)
			client := server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
			timeout := time.Minute
			if errors.Is(c.want, context.DeadlineExceeded) {
				timeout = 200 * time.Millisecond
			}
			f := fetch.New(fetch.Config{Client: client, MaxBytes: 100, Timeout: timeout})
			_, err := f.Get(t.Context(), server.URL+"/?secret=1", "application/json")
			require.ErrorIs(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	require.Zero(t, followed.Load())
}

func redirectOnce(w http.ResponseWriter, r *http.Request, followed *atomic.Int32) {
	if r.URL.Path == "/elsewhere" {
		followed.Add(1)
		return
	}
	http.Redirect(w, r, "/elsewhere", http.StatusFound)
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 1024)); err != nil {
			return
		}
	}
}

func waitFor(r *http.Request, slow chan struct{}) {
	select {
	case <-slow:
	case <-r.Context().Done():
	}
}

func TestNothingOfTheCallersIsSentAlong(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 2)
	server := start(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		says("application/json", "{}")(w, r)
	})
	client := server.Client()
	var err error
	client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	f := fetch.New(fetch.Config{Client: client})
	for range 2 {
		_, err := f.Get(t.Context(), server.URL, "application/json")
		require.NoError(t, err)
		got := <-headers
		require.Empty(t, got.Get("Cookie"))
		require.Empty(t, got.Get("Authorization"))
	}
}
