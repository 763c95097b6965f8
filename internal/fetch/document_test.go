package fetch_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

func TestADocumentTellsHowLongItIsFresh(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return date.Add(d).Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		headers []string
		want    time.Duration
	}{
		"nothing":              {nil, -1},
		"other directives":     {[]string{"Cache-Control", "public, must-revalidate"}, -1},
		"max-age":              {[]string{"Cache-Control", "max-age=60"}, time.Minute},
		"in another line":      {[]string{"Cache-Control", "public", "Cache-Control", "Max-Age=60"}, time.Minute},
		"the first of two":     {[]string{"Cache-Control", "max-age=60, max-age=600"}, time.Minute},
		"s-maxage is not ours": {[]string{"Cache-Control", "s-maxage=1, private, max-age=60"}, time.Minute},
		"before Expires":       {[]string{"Cache-Control", "max-age=60", "Expires", at(time.Hour)}, time.Minute},
		"Age":                  {[]string{"Cache-Control", "max-age=60", "Age", "20"}, 40 * time.Second},
		"older than that":      {[]string{"Cache-Control", "max-age=60", "Age", "90"}, 0},
		"an Age that is none":  {[]string{"Cache-Control", "max-age=60", "Age", "-20"}, time.Minute},
		"no-store":             {[]string{"Cache-Control", "max-age=60, no-store"}, 0},
		"no-cache with fields": {[]string{"Cache-Control", `no-cache="Set-Cookie"`}, 0},
		"a negative max-age":   {[]string{"Cache-Control", "max-age=-60"}, 0},
		"an empty max-age":     {[]string{"Cache-Control", "max-age="}, 0},
		"a huge max-age":       {[]string{"Cache-Control", "max-age=18446744073709551616"}, (1<<31 - 1) * time.Second},
		"Expires":              {[]string{"Expires", at(time.Hour)}, time.Hour},
		"Expires is over":      {[]string{"Expires", at(-time.Hour)}, 0},
		"Expires is 0":         {[]string{"Expires", "0"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i+1 < len(c.headers); i += 2 {
					w.Header().Add(c.headers[i], c.headers[i+1])
				}
				w.Header().Set("Date", at(0))
				says("application/json", "{}")(w, nil)
			})
			got, err := fetch.New(fetch.Config{Client: server.Client()}).Document(t.Context(), server.URL, "application/json")
			require.NoError(t, err)
			require.Equal(t, fetch.Document{Body: []byte("{}"), Fresh: c.want}, got)
		})
	}
}

func TestATypeIsFoundByItsSuffix(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]error{
		"application/json": nil, "application/a+json; x=y": nil, "APPLICATION/A+JSON": nil,
		"application/jsonp": fetch.ErrMediaType, "application/a+jsonp": fetch.ErrMediaType, "text/html": fetch.ErrMediaType,
	} {
		accepts := make(chan string, 1)
		server := start(t, func(w http.ResponseWriter, r *http.Request) {
			accepts <- r.Header.Get("Accept")
			says(contentType, "{}")(w, r)
		})
		_, err := fetch.New(fetch.Config{Client: server.Client()}).Get(t.Context(), server.URL, "application/json", "+json")
		require.ErrorIs(t, err, want, contentType)
		require.Equal(t, "application/json", <-accepts)
	}
}

func TestOnLoopbackNothingButLoopbackIsAsked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(says("application/json", "{}"))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	local := fetch.New(fetch.Config{Loopback: true})
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, err := local.Get(t.Context(), "http://"+host+":"+u.Port()+"/", "application/json")
		require.NoError(t, err, host)
	}
	for _, host := range []string{"127.0.0.2", "example.com", "10.0.0.1", "169.254.169.254", "localhost.", "[::]", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		_, err := local.Get(t.Context(), "http://"+host+":"+u.Port()+"/", "application/json")
		require.ErrorIs(t, err, fetch.ErrURL, host)
	}
	for text, valid := range map[string]bool{
		"http://localhost/x": true, "https://[::1]:1/x": true, "http://127.0.0.1": true,
		"ftp://localhost/x": false, "http://a@localhost/x": false, "http://localhost/x#": false, "http:///x": false, "http://example.com/x": false,
	} {
		require.Equal(t, valid, fetch.ValidLoopbackURL(text), text)
	}
}

func TestAnErrorTellsWhetherAnotherTryMayHelp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		temporary bool
	}{
		"404": {http.NotFound, false}, "500": {status(500), true}, "503": {status(503), true}, "429": {status(429), true}, "408": {status(408), true}, "403": {status(403), false},
		"302": {status(302), false}, "204": {status(204), false}, "HTML": {says("text/html", ""), false}, "too large": {says("application/json", "123"), false},
		"a cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
	} {
		server := start(t, c.answer)
		_, err := fetch.New(fetch.Config{Client: server.Client(), MaxBytes: 2}).Get(t.Context(), server.URL, "application/json")
		require.Error(t, err)
		require.Equal(t, c.temporary, fetch.Temporary(err), "%s: %v", name, err)
	}
	guarded := fetch.New(fetch.Config{})
	for _, from := range []string{"https://127.0.0.1/", "http://example.com/"} {
		_, err := guarded.Get(t.Context(), from, "application/json")
		require.Error(t, err)
		require.False(t, fetch.Temporary(err), "%v", err)
	}
	require.True(t, fetch.Temporary(context.DeadlineExceeded))
	require.False(t, fetch.Temporary(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}))
	require.True(t, fetch.Temporary(&net.DNSError{Err: "server misbehaving", IsTemporary: true}))
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}
