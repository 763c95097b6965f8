package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

// start serves the notebook on a free port and returns its URL.
func start(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	base := "http://" + ln.Addr().String()
	handler, err := routes(base)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- launch.Serve(ctx, ln, handler, launch.TLS{}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return base
}

// A browser keeps cookies and stops at redirects to the client.
func browser(t *testing.T, base string) *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), base) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

func read(t *testing.T, res *http.Response, err error) (*http.Response, string) {
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

var hidden = regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`)

func fields(page string, more ...string) url.Values {
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], strings.ReplaceAll(m[2], "&amp;", "&"))
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func TestOtherApplicationReadsTheNotesOnceTheUserAllowsIt(t *testing.T) {
	t.Parallel()
	base := start(t)
	config := xoauth2.Config{
		ClientID: "notes-widget", Scopes: []string{"notes.read"}, RedirectURL: "http://127.0.0.1:49152/callback",
		Endpoint: xoauth2.Endpoint{AuthURL: base + "/authorize", TokenURL: base + "/token", AuthStyle: xoauth2.AuthStyleInParams},
	}
	verifier := xoauth2.GenerateVerifier()
	request := config.AuthCodeURL("state", xoauth2.S256ChallengeOption(verifier))

	alice := browser(t, base)
	res, err := alice.Get(request)
	res, page := read(t, res, err)
	require.Equal(t, "/login", res.Request.URL.Path)
	require.Contains(t, page, `id="login"`)
	res, err = alice.PostForm(base+"/login", fields(page, "username", "alice", "password", "wonderland"))
	res, page = read(t, res, err)
	require.Equal(t, "/authorize", res.Request.URL.Path)
	require.Contains(t, page, "Do you allow Notes widget to read your notes, alice?")

	res, err = alice.PostForm(request, fields(page, "decision", "yes"))
	res, _ = read(t, res, err)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	callback, err := res.Location()
	require.NoError(t, err)
	require.Equal(t, "state", callback.Query().Get("state"))
	token, err := config.Exchange(t.Context(), callback.Query().Get("code"), xoauth2.VerifierOption(verifier))
	require.NoError(t, err)

	res, err = config.Client(t.Context(), token).Get(base + "/api/notes")
	_, body := read(t, res, err)
	require.JSONEq(t, `["Feed the cat."]`, body)
	res, err = http.Get(base + "/api/notes")
	res, _ = read(t, res, err)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

func TestAnswerOfAnotherUserInTheSameBrowserIsAskedAgain(t *testing.T) {
	t.Parallel()
	base := start(t)
	login := func(b *http.Client, user, password string) {
		res, err := b.PostForm(base+"/login", url.Values{"username": {user}, "password": {password}})
		res, _ = read(t, res, err)
		require.Equal(t, http.StatusOK, res.StatusCode)
	}
	config := xoauth2.Config{ClientID: "notes-widget", RedirectURL: "http://127.0.0.1/callback", Endpoint: xoauth2.Endpoint{AuthURL: base + "/authorize"}}
	request := config.AuthCodeURL("state", xoauth2.S256ChallengeOption(xoauth2.GenerateVerifier()))
	b := browser(t, base)
	login(b, "alice", "wonderland")
	res, err := b.Get(request)
	_, page := read(t, res, err)
	answer := fields(page, "decision", "yes")
	login(b, "bob", "builder")
	res, err = b.PostForm(request, answer)
	res, page = read(t, res, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, page, "read your notes, bob?")
}

func TestNotebookIsWhatItWas(t *testing.T) {
	t.Parallel()
	base := start(t)
	b := browser(t, base)
	for _, bad := range []url.Values{{"username": {"alice"}, "password": {"x"}}, {"username": {"mallory"}, "password": {""}}} {
		res, err := b.PostForm(base+"/login", bad)
		res, _ = read(t, res, err)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	}
	res, err := b.PostForm(base+"/login", url.Values{"username": {"alice"}, "password": {"wonderland"}, "return": {"//evil.example/"}})
	res, _ = read(t, res, err)
	require.Equal(t, "/", res.Request.URL.Path)
	res, err = b.PostForm(base+"/", url.Values{"note": {"<b>Water the plants.</b>"}})
	_, page := read(t, res, err)
	require.Contains(t, page, "&lt;b&gt;Water the plants.")

	forged, err := http.NewRequest(http.MethodPost, base+"/logout", nil)
	require.NoError(t, err)
	forged.Header.Set("Origin", "https://evil.example")
	res, err = b.Do(forged)
	res, _ = read(t, res, err)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	res, err = b.PostForm(base+"/logout", nil)
	res, _ = read(t, res, err)
	require.Equal(t, "/login", res.Request.URL.Path)
}

func TestGuessingAtTheLoginIsLimited(t *testing.T) {
	t.Parallel()
	base := start(t)
	b := browser(t, base)
	login := func(user, password string) *http.Response {
		res, err := b.PostForm(base+"/login", url.Values{"username": {user}, "password": {password}})
		res, _ = read(t, res, err)
		return res
	}
	limited, guesses := login("alice", "guess"), 0
	for ; limited.StatusCode == http.StatusUnauthorized; limited = login("alice", "guess") {
		guesses++ // on a slow machine more than ten, since time forgives too
	}
	require.Equal(t, http.StatusTooManyRequests, limited.StatusCode)
	require.GreaterOrEqual(t, guesses, 10)
	require.NotEmpty(t, limited.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, login("bob", "builder").StatusCode, "others log in")
}

func TestEmbeddingTakesAboutThirtyLines(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("oauth.go")
	require.NoError(t, err)
	_, body, found := strings.Cut(string(source), "func (n *notebook) serveOAuth")
	require.True(t, found)
	body, _, found = strings.Cut(body, "\n}\n")
	require.True(t, found)
	require.LessOrEqual(t, strings.Count(body, "\n"), 38)
}
