package legacy_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/legacy"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// The clients of the tests. The secret of a confidential one is its ID and secretSuffix.
const (
	page      = "page"      // public: implicit
	web       = "web"       // confidential: code, and implicit, which it cannot use
	spa       = "spa"       // public: code
	native    = "native"    // public: implicit, on a loopback port
	desktop   = "desktop"   // confidential: password and refresh
	terminal  = "terminal"  // confidential: password
	publicApp = "publicApp" // public: password
	api       = "api"       // resource server
)

const (
	secretSuffix   = "-secret-0123456789"
	pageRedirect   = "https://page.example.com/callback"
	nativeRedirect = "http://127.0.0.1:7000/callback"
	challenge      = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// passwords are the users'.
var passwords = map[string]string{"alice": "wonderland-0123456789", "bob": "builder-0123456789"}

// A world is a server on a real listener that speaks both grants.
type world struct {
	t       *testing.T
	server  *oauth2.Server
	url     string
	clock   *testclock.Clock
	browser *http.Client

	mu     sync.Mutex
	events []oauth2.Event
}

func newWorld(t *testing.T, configure ...func(*oauth2.ServerConfig)) *world {
	w := &world{t: t, clock: testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	var handler http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(listener.Close)
	clients, err := memory.NewClients(testClients()...)
	require.NoError(t, err)
	cfg := oauth2.ServerConfig{
		Issuer: listener.URL, Clients: clients, Tokens: memory.New(), Now: w.clock.Now, Consent: askOnPage,
		Grants:        []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, legacy.PasswordGrant{Lookup: lookup}},
		ResponseTypes: []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, legacy.Implicit{}},
		OnEvent: func(_ context.Context, e oauth2.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	}
	for _, change := range configure {
		change(&cfg)
	}
	w.server, err = oauth2.New(cfg)
	require.NoError(t, err)
	handler, w.url = w.server, w.server.Issuer()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	w.browser = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return w
}

// with replaces the password grant.
func with(g legacy.PasswordGrant) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) { cfg.Grants[2] = g }
}

// lookup knows the users, whose names are their subjects in capitals.
func lookup(_ context.Context, username string) (subject, hash string, err error) {
	password, ok := passwords[username]
	if !ok {
		return "", "", nil
	}
	return strings.ToUpper(username), oauth2.HashSecret(password), nil // quick to verify
}

func testClients() []*oauth2.Client {
	secret := func(id string) []oauth2.ClientSecret {
		return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(id + secretSuffix)}}
	}
	read := oauth2.Scope{"read"}
	return []*oauth2.Client{
		{ID: page, RedirectURIs: []string{pageRedirect}, GrantTypes: []string{legacy.GrantImplicit, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"read", "write"}},
		{ID: web, Secrets: secret(web), RedirectURIs: []string{pageRedirect}, GrantTypes: []string{oauth2.GrantAuthorizationCode, legacy.GrantImplicit}, Scope: read},
		{ID: spa, RedirectURIs: []string{pageRedirect}, Scope: read},
		{ID: native, RedirectURIs: []string{nativeRedirect}, GrantTypes: []string{legacy.GrantImplicit}, Scope: read},
		{ID: desktop, Secrets: secret(desktop), GrantTypes: []string{legacy.GrantPassword, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"read", "write"}},
		{ID: terminal, Secrets: secret(terminal), GrantTypes: []string{legacy.GrantPassword}, Scope: read},
		{ID: publicApp, GrantTypes: []string{legacy.GrantPassword}, Scope: read},
		{ID: api, Secrets: secret(api), GrantTypes: []string{}, ResourceServer: true},
	}
}

// askOnPage takes decision=yes for an approval by alice.
func askOnPage(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	if req.Answered {
		if r.PostFormValue("decision") == "yes" {
			return &oauth2.Approval{Subject: "ALICE"}, nil
		}
		return nil, oauth2.ErrAccessDenied
	}
	_, err := io.WriteString(w, `<input name="form_token" value="`+req.FormToken+`">`)
	if err != nil {
		return nil, err
	}
	return nil, oauth2.ErrAnswered
}

// An answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) str(member string) string {
	text, _ := a.json[member].(string)
	return text
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	res, err := w.browser.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json)
	return a
}

// form is a POST of a form.
func (w *world) form(path string, form url.Values) *http.Request {
	r, err := http.NewRequest(http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.url)
	return r
}

// token asks the token endpoint as a confidential client, or as a public one by its client_id.
func (w *world) token(client string, pairs ...string) answer {
	w.t.Helper()
	r := w.form("/token", values(pairs...))
	if client != publicApp {
		r.SetBasicAuth(client, client+secretSuffix)
	}
	return w.do(r)
}

// login asks for a token by a password.
func (w *world) login(client, username, password string, pairs ...string) answer {
	w.t.Helper()
	return w.token(client, append([]string{"grant_type", "password", "username", username, "password", password}, pairs...)...)
}

// request are the parameters of an authorization request of page, changed by pairs; an empty value
// removes one.
func request(pairs ...string) url.Values {
	v := values("response_type", "token", "client_id", page, "redirect_uri", pageRedirect, "state", "xyz")
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (w *world) ask(query url.Values) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.url+"/authorize?"+query.Encode(), nil)
	require.NoError(w.t, err)
	return w.do(r)
}

var formToken = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// approve asks for something, and says yes.
func (w *world) approve(query url.Values) answer {
	w.t.Helper()
	shown := formToken.FindStringSubmatch(w.ask(query).body)
	require.Len(w.t, shown, 2)
	return w.do(w.form("/authorize?"+query.Encode(), values("form_token", shown[1], "decision", "yes")))
}

// fragment requires an answer in the fragment of a redirect.
func (w *world) fragment(got answer, redirect string) url.Values {
	w.t.Helper()
	require.Equal(w.t, http.StatusSeeOther, got.status, got.body)
	uri, fragment, found := strings.Cut(got.header.Get("Location"), "#")
	require.True(w.t, found, got.header.Get("Location"))
	require.Equal(w.t, redirect, uri)
	sent, err := url.ParseQuery(fragment)
	require.NoError(w.t, err)
	require.Equal(w.t, w.url, sent.Get("iss"))
	require.Equal(w.t, "xyz", sent.Get("state"))
	return sent
}

// refused requires RFC 6749 section 5.2's answer.
func refused(t *testing.T, got answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Equal(t, code, got.str("error"), got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
}

func (w *world) told() []oauth2.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]oauth2.Event(nil), w.events...)
}
