package oauth2_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
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
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// The clients of the tests. Each secret is the ID and secretSuffix.
const (
	webApp     = "web-app"     // confidential: code and refresh
	otherApp   = "other-app"   // confidential: code and refresh
	browserApp = "browser-app" // public: code and refresh
	nativeApp  = "native-app"  // public: code, a loopback redirect
	machine    = "machine"     // confidential: client credentials
	api        = "api"         // resource server
)

const (
	webRedirect     = "https://app.example.com/callback"
	otherRedirect   = "https://other.example.com/callback"
	browserRedirect = "https://spa.example.com/callback?tenant=1"
	verifier        = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// secretSuffix makes secrets that occur nowhere by chance.
const secretSuffix = "-secret-0123456789"

func secretOf(client string) string { return client + secretSuffix }

func testClients(t testing.TB) *memory.Clients {
	secret := func(id string) []oauth2.ClientSecret {
		return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(id))}}
	}
	codeAndRefresh := []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}
	clients, err := memory.NewClients(
		&oauth2.Client{ID: webApp, Name: "Web <App>", Secrets: secret(webApp), RedirectURIs: []string{webRedirect}, GrantTypes: codeAndRefresh, Scope: oauth2.Scope{"read", "write"}},
		&oauth2.Client{ID: otherApp, Secrets: secret(otherApp), RedirectURIs: []string{otherRedirect}, GrantTypes: codeAndRefresh, Scope: oauth2.Scope{"read", "write"}},
		&oauth2.Client{ID: browserApp, RedirectURIs: []string{browserRedirect}, GrantTypes: codeAndRefresh, Scope: oauth2.Scope{"read"}},
		&oauth2.Client{ID: nativeApp, RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:1234/cb?x=1", "com.example.app:/cb"}, Scope: oauth2.Scope{"read"}},
		&oauth2.Client{ID: machine, Secrets: secret(machine), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"stats", "read"}},
		&oauth2.Client{ID: api, Secrets: secret(api), GrantTypes: []string{}, ResourceServer: true},
	)
	require.NoError(t, err)
	return clients
}

// A world is a server on a real listener, its stores, its clock, what it told, and a browser.
type world struct {
	t       testing.TB
	server  *oauth2.Server
	config  oauth2.ServerConfig
	http    *httptest.Server
	url     string // the issuer
	clients *memory.Clients
	store   oauth2.TokenStore
	clock   *testclock.Clock
	browser *http.Client // keeps cookies, follows no redirect

	mu      sync.Mutex
	events  []oauth2.Event
	consent func(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error)
}

// newWorld starts a server whose Consent asks on a page, and takes decision=yes for an approval by
// alice. configure may change anything.
func newWorld(t testing.TB, configure ...func(*oauth2.ServerConfig)) *world {
	w := &world{t: t, clients: testClients(t), store: memory.New(), clock: testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	var handler http.Handler
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(w.http.Close)
	w.consent = askOnPage
	w.config = oauth2.ServerConfig{
		Issuer:  w.http.URL,
		Clients: w.clients,
		Tokens:  w.store,
		Now:     w.clock.Now,
		Consent: func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return w.consent(rw, r, req)
		},
		OnEvent: w.remember,
	}
	for _, change := range configure {
		change(&w.config)
	}
	server, err := oauth2.New(w.config)
	require.NoError(t, err)
	handler, w.server, w.url, w.store = server, server, server.Issuer(), w.config.Tokens
	w.browser = newBrowser(t)
	return w
}

// direct is a client without cookies. It has a transport of its own: every httptest.Server that closes
// closes the idle connections of the default one, and breaks the requests of other tests.
var direct = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

func newBrowser(t testing.TB) *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Transport: direct.Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func askOnPage(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	if req.Answered {
		if r.PostFormValue("decision") == "yes" {
			return &oauth2.Approval{Subject: "alice"}, nil
		}
		return nil, oauth2.ErrAccessDenied
	}
	w.Header().Set("Content-Type", "text/html")
	_, err := io.WriteString(w, `<form method="post"><input type="hidden" name="form_token" value="`+req.FormToken+`"></form>`)
	if err != nil {
		return nil, err
	}
	return nil, oauth2.ErrAnswered
}

func (w *world) remember(_ context.Context, e oauth2.Event) {
	suite.tell(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// eventTypes are the types of the events so far.
func (w *world) eventTypes() []oauth2.EventType {
	w.mu.Lock()
	defer w.mu.Unlock()
	var types []oauth2.EventType
	for _, e := range w.events {
		types = append(types, e.Type)
	}
	return types
}

// faults are the causes of the faults so far.
func (w *world) faults() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var causes []error
	for _, e := range w.events {
		if e.Type == oauth2.EventFault {
			causes = append(causes, e.Err)
		}
	}
	return causes
}

// An answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil where the body is no JSON
}

func (a answer) str(member string) string {
	s, _ := a.json[member].(string)
	return s
}

// location is the query of the redirect.
func (a answer) location(t testing.TB) url.Values {
	u, err := url.Parse(a.header.Get("Location"))
	require.NoError(t, err)
	return u.Query()
}

func (w *world) do(client *http.Client, r *http.Request) answer {
	res, err := client.Do(r)
	require.NoError(w.t, err)
	return readAnswer(res)
}

func readAnswer(res *http.Response) answer {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		body = []byte(err.Error()) // which no test expects
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json)
	return a
}

// post calls an endpoint as a client, with Basic authentication if the client has a secret and
// form has no client_id.
func (w *world) post(path, client string, form url.Values) answer {
	r, err := http.NewRequest(http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secretOf(client)))
	}
	return w.do(direct, r)
}

func (w *world) token(client string, pairs ...string) answer {
	return w.post("/token", client, values(pairs...))
}

// values makes a form of names and values in turn.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// codeRequest are the parameters of a good authorization request of webApp, changed by pairs; an
// empty value removes one.
func codeRequest(pairs ...string) url.Values {
	v := values("response_type", "code", "client_id", webApp, "redirect_uri", webRedirect, "scope", "read write",
		"state", "xyz", "code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func (w *world) get(client *http.Client, path string, query url.Values) answer {
	r, err := http.NewRequest(http.MethodGet, w.url+path+"?"+query.Encode(), nil)
	require.NoError(w.t, err)
	return w.do(client, r)
}

// ask opens the consent page and returns it.
func (w *world) ask(query url.Values) answer { return w.get(w.browser, "/authorize", query) }

var formTokenPattern = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

func formTokenIn(page string) string {
	if m := formTokenPattern.FindStringSubmatch(page); m != nil {
		return m[1]
	}
	return ""
}

// decide posts an answer to the page of a request.
func (w *world) decide(query url.Values, formToken, decision string) answer {
	body := values("form_token", formToken, "decision", decision).Encode()
	r, err := http.NewRequest(http.MethodPost, w.url+"/authorize?"+query.Encode(), strings.NewReader(body))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.url)
	return w.do(w.browser, r)
}

// approve plays the whole authorization endpoint and returns the code.
func (w *world) approve(query url.Values) string {
	w.t.Helper()
	page := w.ask(query)
	require.Equal(w.t, http.StatusOK, page.status, page.body)
	sent := w.decide(query, formTokenIn(page.body), "yes")
	require.Equal(w.t, http.StatusSeeOther, sent.status, sent.body)
	code := sent.location(w.t).Get("code")
	require.NotEmpty(w.t, code, sent.header.Get("Location"))
	return code
}

func redemption(code string, pairs ...string) url.Values {
	v := values("grant_type", "authorization_code", "code", code, "redirect_uri", webRedirect, "code_verifier", verifier)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// tokens are what webApp got by an approval of alice.
func (w *world) tokens(pairs ...string) (access, refresh string) {
	w.t.Helper()
	got := w.post("/token", webApp, redemption(w.approve(codeRequest(pairs...))))
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	return got.str("access_token"), got.str("refresh_token")
}

func (w *world) refresh(token string, pairs ...string) answer {
	return w.token(webApp, append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// active asks the introspection endpoint as the API does.
func (w *world) active(token string) bool {
	w.t.Helper()
	got := w.post("/introspect", api, values("token", token))
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	active, _ := got.json["active"].(bool)
	if !active {
		require.JSONEq(w.t, `{"active":false}`, got.body)
	}
	return active
}

// changedAt is a text with another character of base64url at a place.
func changedAt(text string, at int) string {
	other := "A"
	if text[at:at+1] == other {
		other = "B"
	}
	return text[:at] + other + text[at+1:]
}

// refused requires RFC 6749 section 5.2's answer.
func refused(t testing.TB, got answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Equal(t, code, got.str("error"), got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
}

// roundRobin is a load balancer without stickiness.
func roundRobin(replicas []*oauth2.Server, next *int) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*next++
		replica := replicas[*next%len(replicas)]
		mu.Unlock()
		replica.ServeHTTP(w, r)
	})
}
