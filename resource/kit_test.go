package resource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/secrecy"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// The API of the tests, another API, and the clients. The API's own credentials have every character
// that HTTP Basic or a form could get wrong.
const (
	audience      = "https://api.example.com"
	otherAudience = "https://other.example.com"
	apiID         = "api:1 %+/"
	apiSecret     = "s:e c%r+e/t=&\"?"
	machineID     = "machine"
	machineSecret = "machine-secret"
)

// patience is how long an answer may take on a machine that is busy.
const patience = time.Minute

// A world is an authorization server on a real listener that counts what it is asked.
type world struct {
	t              testing.TB
	server         *oauth2.Server
	store          *memory.Store
	issuer         string
	clock          *testclock.Clock
	introspections atomic.Int32
	discoveries    atomic.Int32
	// before, if set, runs before each request that an Introspector sends; false: it has answered.
	before func(w http.ResponseWriter, r *http.Request) bool
}

// newWorld starts an authorization server whose issuer has this path.
func newWorld(t testing.TB, path string) *world {
	w := &world{t: t, store: memory.New(), clock: testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	listener := httptest.NewServer(w)
	t.Cleanup(listener.Close)
	w.issuer = listener.URL + path
	clients, err := memory.NewClients(
		&oauth2.Client{ID: machineID, Secrets: hashed(machineSecret), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"read", "write"}},
		&oauth2.Client{ID: apiID, Secrets: hashed(apiSecret), GrantTypes: []string{}, ResourceServer: true},
	)
	require.NoError(t, err)
	w.server, err = oauth2.New(oauth2.ServerConfig{
		Issuer:    w.issuer,
		Clients:   clients,
		Tokens:    w.store,
		Grants:    []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Resources: []oauth2.Resource{{URI: audience}, {URI: otherAudience}},
		Claims: func(context.Context, *oauth2.Authorization) (map[string]any, error) {
			return map[string]any{"tenant": "acme", "plan": map[string]any{"seats": 3.0}}, nil
		},
		Now: w.clock.Now,
	})
	require.NoError(t, err)
	return w
}

func hashed(secret string) []oauth2.ClientSecret {
	return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secret)}}
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	introspection := strings.HasSuffix(r.URL.Path, "/introspect")
	discovery := strings.Contains(r.URL.Path, "/.well-known/")
	if introspection {
		w.introspections.Add(1)
	}
	if discovery {
		w.discoveries.Add(1)
	}
	if (introspection || discovery) && w.before != nil && !w.before(rw, r) {
		return
	}
	w.server.ServeHTTP(rw, r)
}

// token is an access token of the machine for an API, with these scopes.
func (w *world) token(api string, scopes ...string) string {
	w.t.Helper()
	config := clientcredentials.Config{
		ClientID: machineID, ClientSecret: machineSecret, TokenURL: strings.TrimSuffix(w.issuer, "/") + "/token", Scopes: scopes,
		EndpointParams: url.Values{"resource": {api}},
	}
	token, err := config.Token(w.t.Context())
	require.NoError(w.t, err)
	return token.AccessToken
}

// revoke ends a token at the authorization server, as its client would.
func (w *world) revoke(token string) {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.issuer+"/revoke", strings.NewReader(url.Values{"token": {token}}.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(machineID, machineSecret)
	res, err := direct.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	require.Equal(w.t, http.StatusOK, res.StatusCode)
}

// introspector asks this world's server; configure may change anything.
func (w *world) introspector(configure ...func(*resource.IntrospectorConfig)) *resource.Introspector {
	w.t.Helper()
	cfg := resource.IntrospectorConfig{Issuer: w.issuer, ClientID: apiID, ClientSecret: apiSecret, Now: w.clock.Now, Timeout: patience}
	for _, change := range configure {
		change(&cfg)
	}
	i, err := resource.NewIntrospector(cfg)
	require.NoError(w.t, err)
	return i
}

// direct has a transport of its own: every httptest.Server that closes closes the idle connections of
// the default one, and breaks the requests of other tests.
var direct = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// An answer is a response that was read to its end.
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

// An api is a guarded API on a real listener. Its handler answers with the token's facts, and echoes
// a form. No secret may be in its faults and refusals.
type api struct {
	t      testing.TB
	url    string
	faults chan error
	seen   *secrecy.Recorder
	client *http.Client

	mu   sync.Mutex
	told strings.Builder
}

func newAPI(t testing.TB, checker resource.Checker, scopes ...string) *api {
	t.Helper()
	a := &api{t: t, faults: make(chan error, 100), seen: secrecy.New()}
	a.client = &http.Client{Transport: a.seen.Through(direct.Transport)}
	a.seen.Add("client_secret", apiSecret)
	t.Cleanup(func() { require.Empty(t, a.leaks()) })
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker: checker, Audience: audience, Realm: "contacts",
		OnFault: a.fault,
	})
	require.NoError(t, err)
	listener := httptest.NewServer(guard.Require(scopes...)(http.HandlerFunc(tellFacts)))
	t.Cleanup(listener.Close)
	a.url = listener.URL
	return a
}

func (a *api) fault(_ *http.Request, err error) {
	a.mu.Lock()
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		fmt.Fprintf(&a.told, "%v %+v\n", cause, cause)
	}
	a.mu.Unlock()
	a.faults <- err
}

// leaks are the kinds of secrets in what was told.
func (a *api) leaks() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(a.seen.Find(a.told.String()), a.seen.Echoes()...)
}

func tellFacts(w http.ResponseWriter, r *http.Request) {
	info, ok := resource.FromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusTeapot)
		return
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.NewEncoder(w).Encode(map[string]any{"client_id": info.ClientID, "scope": info.Scope, "body": string(body)})
}

// call sends a request with these Authorization headers.
func (a *api) call(authorization ...string) answer {
	r, err := http.NewRequest(http.MethodGet, a.url, nil)
	require.NoError(a.t, err)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	return a.do(r)
}

func (a *api) do(r *http.Request) answer {
	a.t.Helper()
	res, err := a.client.Do(r)
	require.NoError(a.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(a.t, err)
	return answer{res.StatusCode, res.Header, string(body)}
}
