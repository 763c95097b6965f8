package mcp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// The scopes of the MCP server, and its clients: public ones with and without refresh tokens, and one with
// a secret.
const (
	read, write, admin = "notes.read", "notes.write", "notes.admin"

	app, visitor, backend = "app", "visitor", "backend"
	backendSecret         = "backend-secret"
	callback              = "https://app.example.com/callback"
)

// A world is an MCP server and its authorization server on one listener.
type world struct {
	t      *testing.T
	url    string
	config mcp.Config
	server *mcp.Server
	store  *memory.Store

	mu    sync.Mutex
	asked oauth2.Scope // what the resource owner was asked last
	deny  bool
}

// direct follows no redirect. It has a transport of its own: every httptest.Server that closes closes the idle
// connections of the default one, and breaks the requests of other tests.
var direct = &http.Client{
	Transport:     http.DefaultTransport.(*http.Transport).Clone(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func newWorld(t *testing.T, change ...func(*mcp.Config)) *world {
	t.Helper()
	w := &world{t: t, store: memory.New()}
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	t.Cleanup(listener.Close)
	w.url = listener.URL
	w.config = mcp.Config{
		Issuer: listener.URL, Resource: listener.URL + "/mcp", Scopes: oauth2.Scope{read, write, admin},
		Clients: newClients(t), Tokens: w.store, Consent: w.consent,
	}
	for _, c := range change {
		c(&w.config)
	}
	server, err := mcp.New(w.config)
	require.NoError(t, err)
	w.server = server
	for _, path := range server.Paths() {
		mux.Handle(path, server)
	}
	mux.Handle("/mcp", server.Protect(http.HandlerFunc(tellFacts), read))
	return w
}

func newClients(t testing.TB) *memory.Clients {
	both, everything := []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, oauth2.Scope{read, write, admin}
	clients, err := memory.NewClients(
		&oauth2.Client{ID: app, RedirectURIs: []string{callback}, GrantTypes: both, Scope: everything},
		&oauth2.Client{ID: visitor, RedirectURIs: []string{callback}, Scope: everything},
		&oauth2.Client{
			ID: backend, RedirectURIs: []string{callback}, GrantTypes: both, Scope: everything,
			Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(backendSecret)}},
		},
	)
	require.NoError(t, err)
	return clients
}

// tellFacts is the MCP server: it tells whom a request is for, and repeats the message.
func tellFacts(w http.ResponseWriter, r *http.Request) {
	info, _ := resource.FromContext(r.Context())
	body, _ := io.ReadAll(r.Body)
	_ = json.NewEncoder(w).Encode(map[string]string{"sub": info.Subject, "scope": info.Scope.String(), "message": string(body)})
}

func (w *world) consent(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = req.Scope
	if w.deny {
		return nil, oauth2.ErrAccessDenied
	}
	return &oauth2.Approval{Subject: "alice"}, nil
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &members), a.body)
	return members
}

// challenge is the challenge of a scheme, as a client of the protocol reads it.
func (a answer) challenge(t testing.TB, scheme string) map[string]string {
	t.Helper()
	all, err := oauthex.ParseWWWAuthenticate(a.header.Values("WWW-Authenticate"))
	require.NoError(t, err)
	for _, c := range all {
		if c.Scheme == scheme {
			return c.Params
		}
	}
	require.Fail(t, "no challenge", "%s: %d %v", scheme, a.status, a.header)
	return nil
}

// do sends a request, with headers in pairs of names and values. Host is one of them.
func (w *world) do(method, address, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	require.NoError(w.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := direct.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return answer{res.StatusCode, res.Header, string(text)}
}

func (w *world) get(address string, headers ...string) answer {
	w.t.Helper()
	return w.do(http.MethodGet, address, "", headers...)
}

// call sends a message to the MCP server with a token.
func (w *world) call(token, message string, headers ...string) answer {
	w.t.Helper()
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return w.do(http.MethodPost, w.url+"/mcp", message, headers...)
}

// authorize sends an authorization request, and returns what the client is told in the redirect.
func (w *world) authorize(client string, pairs ...string) (told url.Values, verifier string) {
	w.t.Helper()
	verifier = xoauth2.GenerateVerifier()
	query := url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "state": {"a state"},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Add(pairs[i], pairs[i+1])
	}
	got := w.get(w.config.Issuer + "/authorize?" + query.Encode())
	require.Equal(w.t, http.StatusSeeOther, got.status, got.body)
	target, err := url.Parse(got.header.Get("Location"))
	require.NoError(w.t, err)
	require.True(w.t, strings.HasPrefix(target.String(), callback), target)
	return target.Query(), verifier
}

// redeem redeems the code of an authorization request for tokens.
func (w *world) redeem(client string, told url.Values, verifier string, pairs ...string) answer {
	w.t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {told.Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
		"client_id": {client},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	if client == backend {
		form.Set("client_secret", backendSecret)
	}
	return w.do(http.MethodPost, w.config.Issuer+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// tokens plays the whole flow.
func (w *world) tokens(client string, pairs ...string) map[string]any {
	w.t.Helper()
	told, verifier := w.authorize(client, pairs...)
	require.NotEmpty(w.t, told.Get("code"), told)
	got := w.redeem(client, told, verifier)
	require.Equal(w.t, http.StatusOK, got.status, got.body)
	return got.json(w.t)
}

func (w *world) token(scope string) string {
	w.t.Helper()
	return w.tokens(app, "scope", scope)["access_token"].(string)
}
