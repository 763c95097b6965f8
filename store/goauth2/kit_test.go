package goauth2_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goauth2v4 "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/goauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

const callback = "https://app.example.com/callback"

// oldClients are registered with the old server. Each secret is the ID and "-secret".
func oldClients(t testing.TB) *store.ClientStore {
	clients := store.NewClientStore()
	for _, c := range []*models.Client{
		{ID: "web", Secret: "web-secret", Domain: "https://app.example.com"},
		{ID: "other", Secret: "other-secret", Domain: "https://app.example.com"},
		{ID: "spa", Domain: "https://app.example.com", Public: true},
		{ID: "machine", Secret: "machine-secret"},
		{ID: "api", Secret: "api-secret"},
	} {
		require.NoError(t, clients.Set(c.ID, c))
	}
	return clients
}

// complete says of the old clients what the old server did not know.
func complete(_ context.Context, info goauth2v4.ClientInfo, c *oauth2.Client) error {
	switch info.GetID() {
	case "api":
		c.ResourceServer = true
	case "machine":
		c.GrantTypes, c.Scope = []string{oauth2.GrantClientCredentials}, oauth2.Scope{"stats"}
	default:
		c.RedirectURIs = []string{callback}
		c.GrantTypes, c.Scope = []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, oauth2.Scope{"read", "write"}
	}
	return nil
}

// A flaky store is an old TokenStore that fails when it is told to.
type flaky struct {
	goauth2v4.TokenStore
	mu     sync.Mutex
	broken map[string]error
}

func (f *flaky) fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = map[string]error{method: err}
}

func (f *flaky) fault(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken[method]
}

func (f *flaky) GetByRefresh(ctx context.Context, token string) (goauth2v4.TokenInfo, error) {
	if err := f.fault("GetByRefresh"); err != nil {
		return nil, err
	}
	return f.TokenStore.GetByRefresh(ctx, token)
}

func (f *flaky) GetByAccess(ctx context.Context, token string) (goauth2v4.TokenInfo, error) {
	if err := f.fault("GetByAccess"); err != nil {
		return nil, err
	}
	return f.TokenStore.GetByAccess(ctx, token)
}

func (f *flaky) RemoveByRefresh(ctx context.Context, token string) error {
	if err := f.fault("RemoveByRefresh"); err != nil {
		return err
	}
	return f.TokenStore.RemoveByRefresh(ctx, token)
}

var errDisk = errors.New("the disk of host db7 is on fire")

// A move is an old server on a listener, and a new one beside it that knows the old one's stores.
type move struct {
	t        testing.TB
	clients  *store.ClientStore
	tokens   *flaky
	manager  *manage.Manager
	old, new *httptest.Server
	replicas []*oauth2.Server
	records  oauth2.TokenStore
	ahead    atomic.Int64 // how far the new server's clock is ahead

	mu     sync.Mutex
	events []oauth2.Event
}

func newMove(t testing.TB, records oauth2.TokenStore, configure ...func(*oauth2.ServerConfig)) *move {
	tokens, err := store.NewMemoryTokenStore()
	require.NoError(t, err)
	m := &move{t: t, clients: oldClients(t), tokens: &flaky{TokenStore: tokens}, records: records}
	m.startOld()
	m.startNew(configure...)
	return m
}

func (m *move) startOld() {
	m.manager = manage.NewDefaultManager()
	m.manager.MapClientStorage(m.clients)
	m.manager.MapTokenStorage(m.tokens)
	old := server.NewDefaultServer(m.manager)
	old.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "alice", nil })
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		if err := old.HandleAuthorizeRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) { _ = old.HandleTokenRequest(w, r) })
	m.old = httptest.NewServer(mux)
	m.t.Cleanup(m.old.Close)
}

// startNew starts two replicas behind one listener, in the place of those before.
func (m *move) startNew(configure ...func(*oauth2.ServerConfig)) {
	m.replicas = nil
	var next atomic.Int64
	m.new = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.replicas[next.Add(1)%2].ServeHTTP(w, r)
	}))
	m.t.Cleanup(m.new.Close)
	cfg := oauth2.ServerConfig{
		Issuer:  m.new.URL,
		Clients: goauth2.Clients(m.clients, goauth2.ClientOptions{Complete: complete}),
		Tokens:  m.records,
		Adopt:   goauth2.Adopt(m.tokens, goauth2.AdoptOptions{}),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "alice"}, nil
		},
		Now: func() time.Time { return time.Now().Add(time.Duration(m.ahead.Load())) },
		OnEvent: func(_ context.Context, e oauth2.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.events = append(m.events, e)
		},
	}
	for _, change := range configure {
		change(&cfg)
	}
	for range 2 {
		replica, err := oauth2.New(cfg)
		require.NoError(m.t, err)
		m.replicas = append(m.replicas, replica)
	}
}

func (m *move) later(d time.Duration) {
	// The server's clock counts whole milliseconds, go-oauth2's does not: nothing may end in between.
	m.ahead.Add(int64(d + time.Millisecond))
}

func (m *move) told(t oauth2.EventType) (events []oauth2.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Type == t {
			events = append(events, e)
		}
	}
	return events
}

// An answer is a response that was read to its end.
type answer struct {
	status   int
	body     string
	location string
	json     map[string]any
}

func (a answer) str(member string) string {
	s, _ := a.json[member].(string)
	return s
}

// post sends a form as a client, with the secret that it was registered with.
func (m *move) post(endpoint, client string, pairs ...string) answer {
	return m.postAs(endpoint, client, client+"-secret", pairs...)
}

func (m *move) postAs(endpoint, client, secret string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	require.NoError(m.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secret)
	return m.do(r)
}

// direct follows no redirect. It has a transport of its own: every httptest.Server that closes closes the idle
// connections of the default one, and breaks the requests of other tests.
var direct = &http.Client{
	Transport:     http.DefaultTransport.(*http.Transport).Clone(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (m *move) do(r *http.Request) answer {
	res, err := direct.Do(r)
	require.NoError(m.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(m.t, err)
	a := answer{status: res.StatusCode, body: string(body), location: res.Header.Get("Location")}
	_ = json.Unmarshal(body, &a.json)
	return a
}

// redirect sends an authorization request, to which the user says yes, and returns where it leads.
func (m *move) redirect(endpoint string, query url.Values) string {
	r, err := http.NewRequest(http.MethodGet, endpoint+"/authorize?"+query.Encode(), nil)
	require.NoError(m.t, err)
	return m.do(r).location
}

// ask is the code that a redirect carries.
func (m *move) ask(endpoint string, query url.Values) string {
	u, err := url.Parse(m.redirect(endpoint, query))
	require.NoError(m.t, err)
	return u.Query().Get("code")
}

// codeRequest is an authorization request of web, changed by pairs.
func codeRequest(pairs ...string) url.Values {
	v := url.Values{"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {callback}, "scope": {"read write"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// issued are tokens that the old server issues to web for alice, by the authorization code grant.
func (m *move) issued(pairs ...string) (access, refresh string) {
	m.t.Helper()
	code := m.ask(m.old.URL, codeRequest(pairs...))
	got := m.post(m.old.URL+"/token", "web", "grant_type", "authorization_code", "code", code, "redirect_uri", callback)
	require.Equal(m.t, 200, got.status, got.body)
	require.NotEmpty(m.t, got.str("refresh_token"))
	return got.str("access_token"), got.str("refresh_token")
}

func (m *move) refresh(endpoint, token string, pairs ...string) answer {
	return m.post(endpoint+"/token", "web", append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

func (m *move) introspect(token string) answer {
	m.t.Helper()
	got := m.post(m.new.URL+"/introspect", "api", "token", token)
	require.Equal(m.t, 200, got.status, got.body)
	return got
}

func (m *move) active(token string) bool { return m.introspect(token).json["active"] == true }

// adopted are the records of alice that can still be used.
func (m *move) adopted() []*oauth2.Authorization {
	records, err := m.replicas[0].Authorizations(m.t.Context(), oauth2.ListQuery{Subject: "alice"})
	require.NoError(m.t, err)
	var live []*oauth2.Authorization
	for _, a := range records {
		if a.Live(time.Now().Add(time.Duration(m.ahead.Load()))) {
			live = append(live, a)
		}
	}
	return live
}

func refused(t testing.TB, got answer, code string) {
	t.Helper()
	require.Equal(t, 400, got.status, got.body)
	require.Equal(t, code, got.str("error"), got.body)
}

func unavailable(t testing.TB, got answer) {
	t.Helper()
	require.Equal(t, 503, got.status, got.body)
	require.NotContains(t, got.body, "db7")
}

func onEachStore(t *testing.T, prove func(t *testing.T, records oauth2.TokenStore)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		prove(t, memory.New())
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "tokens.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, records.Close()) })
		prove(t, records)
	})
}
