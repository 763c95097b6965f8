package authserver_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/internal/secrecy"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/internal/testlog"
)

const (
	redirect = "http://localhost:8600/process-temp-code"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// testUsers have hashes that are quick to verify.
func testUsers() map[string]string {
	return map[string]string{"alice": oauth2.HashSecret("wonderland"), "bob": oauth2.HashSecret("builder")}
}

// A site is an App on a real listener, with a clock of its own and a log.
type site struct {
	t       *testing.T
	app     *authserver.App
	options authserver.Options
	handler atomic.Pointer[http.Handler]
	url     string
	clock   *testclock.Clock
	log     *testlog.Buffer
	ca      *http.Client
	seen    *secrecy.Recorder
}

func newSite(t *testing.T, configure ...func(*authserver.Options)) *site {
	return serve(t, httptest.NewServer, configure...)
}

func serve(t *testing.T, listen func(http.Handler) *httptest.Server, configure ...func(*authserver.Options)) *site {
	t.Helper()
	s := &site{t: t, clock: testclock.At(time.Now()), log: &testlog.Buffer{}, seen: secrecy.New()}
	t.Cleanup(s.toldNothing)
	server := listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) }))
	s.ca = server.Client()
	s.ca.Transport = s.seen.Through(s.ca.Transport)
	s.options = authserver.Options{
		Issuer: server.URL, Store: "memory", Users: testUsers(),
		Log: slog.New(slog.NewTextHandler(s.log, nil)), Now: s.clock.Now,
	}
	for _, change := range configure {
		change(&s.options)
	}
	s.use(s.start())
	s.url = s.app.Issuer()
	t.Cleanup(server.Close)
	return s
}

// toldNothing requires that no secret which passed is in the log or in a refusal.
func (s *site) toldNothing() {
	require.Empty(s.t, s.seen.Find(s.log.String()), "secrets are in the log")
	require.Empty(s.t, s.seen.Echoes(), "refusals repeat secrets")
}

// start builds another App with the site's options: a replica, or the program after a restart.
func (s *site) start() *authserver.App {
	s.t.Helper()
	app, err := authserver.New(s.t.Context(), s.options)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, app.Close()) })
	return app
}

// use serves an App from now on.
func (s *site) use(app *authserver.App) {
	handler := http.Handler(app)
	s.app = app
	s.handler.Store(&handler)
}

// A browser keeps cookies, sends Origin with its forms, and follows no redirect by itself.
type browser struct {
	*site
	client   *http.Client
	language string
	header   http.Header // of the next requests
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &browser{site: s, header: http.Header{}, client: &http.Client{
		Jar: jar, Transport: s.ca.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	target string // the URL that was asked for, below the issuer
}

func (b *browser) do(method, target string, form url.Values) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+target, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.language != "" {
		r.Header.Set("Accept-Language", b.language)
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	res, err := b.client.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return answer{res.StatusCode, res.Header, string(body), target}
}

func (b *browser) get(target string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil)
}

// follow goes where a redirect within the site leads.
func (b *browser) follow(a answer) answer {
	b.t.Helper()
	require.Equal(b.t, http.StatusSeeOther, a.status, a.body)
	location := a.header.Get("Location")
	require.True(b.t, strings.HasPrefix(location, "/"), location)
	return b.get(location)
}

var hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// fill returns the hidden fields of the first form on a page, and pairs.
func (a answer) fill(pairs ...string) url.Values {
	fields := url.Values{}
	form, _, _ := strings.Cut(a.body, "</form>")
	for _, m := range hiddenPattern.FindAllStringSubmatch(form, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

// submit sends the first form of a page to where the page came from.
func (b *browser) submit(page answer, pairs ...string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, page.target, page.fill(pairs...))
}

// login fills in the login form of a page.
func (b *browser) login(page answer, name, password string) answer {
	b.t.Helper()
	require.Contains(b.t, page.body, `id="login"`)
	return b.submit(page, "username", name, "password", password)
}

// loggedIn is a browser on which a user logged in.
func (s *site) loggedIn(name, password string) *browser {
	s.t.Helper()
	b := s.browser()
	require.Equal(s.t, http.StatusSeeOther, b.login(b.get("/login"), name, password).status)
	return b
}

// request is an authorization request of spam4All; pairs change it.
func request(pairs ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	v := url.Values{
		"response_type": {"code"}, "client_id": {"spam4All"}, "redirect_uri": {redirect}, "scope": {"contacts.read"}, "state": {"xyz"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return "/request-access?" + v.Encode()
}

// sentBack is the query that the client is sent.
func sentBack(t *testing.T, a answer) url.Values {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	location, err := url.Parse(a.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, redirect, location.Scheme+"://"+location.Host+location.Path)
	return location.Query()
}

// consentPage opens the consent page of a request, as a user who is logged in.
func (b *browser) consentPage(target string) answer {
	b.t.Helper()
	page := b.get(target)
	require.Equal(b.t, http.StatusOK, page.status, page.header.Get("Location"))
	require.Contains(b.t, page.body, `id="consent"`)
	return page
}

// tokens says yes and redeems the code.
func (b *browser) tokens() map[string]any {
	b.t.Helper()
	code := sentBack(b.t, b.submit(b.consentPage(request()), "decision", "yes")).Get("code")
	require.NotEmpty(b.t, code)
	return b.redeem(code)
}

// redeem exchanges a code as spam4All.
func (s *site) redeem(code string) map[string]any {
	s.t.Helper()
	return s.call("/token", "spam4All", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
}

// call asks an endpoint as a built-in client, or as one that is named in the form, and adds the status to the JSON that comes back.
func (s *site) call(path, client string, form url.Values) map[string]any {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, client+"-demo-secret-0123456789")
	}
	res, err := s.ca.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	got := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&got) // a revocation has no body
	got["status"] = res.StatusCode
	return got
}

func (s *site) refresh(token any) map[string]any {
	s.t.Helper()
	return s.call("/token", "spam4All", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}})
}

func (s *site) introspect(token any) map[string]any {
	s.t.Helper()
	return s.call("/introspect", "xmail-contacts", url.Values{"token": {token.(string)}})
}

// cookie is what the browser would send under a name.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.url)
	require.NoError(b.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	u, err := url.Parse(b.url)
	require.NoError(b.t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// setCookieOf is the cookie that an answer sets.
func setCookieOf(t *testing.T, a answer, name string) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	require.Failf(t, "no such cookie", "%s in %v", name, a.header.Values("Set-Cookie"))
	return nil
}

// mkdirOf makes the folder of a file.
func mkdirOf(t *testing.T, path string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	return path
}
