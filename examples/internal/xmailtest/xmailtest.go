// Package xmailtest starts the parties of the examples for tests: a real authorization server, on a
// real listener, whose user can be told what to answer.
package xmailtest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// Every httptest.Server that closes closes the idle connections of the default transport, if that can, and so
// breaks the requests of tests beside it.
func init() { http.DefaultTransport = struct{ http.RoundTripper }{http.DefaultTransport} }

// The clients. Each secret is the ID and "-secret".
const (
	Client  = "spam4All"
	API     = "xmail-contacts"
	Machine = "xmail-stats"
)

// SecretOf is the secret of a client.
func SecretOf(client string) string { return client + "-secret" }

// A Server is an authorization server whose user is logged in and answers at once.
type Server struct {
	*oauth2.Server
	Store *memory.Store

	mu   sync.Mutex
	user string
	down bool
	hits map[string]int
}

// Start starts a Server until the test ends. resource is the only API; redirectURI is the client's.
// configure may change anything.
func Start(t testing.TB, resource, redirectURI string, configure ...func(*oauth2.ServerConfig)) *Server {
	t.Helper()
	s := &Server{Store: memory.New(), user: "alice", hits: map[string]int{}}
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	secret := func(id string) []oauth2.ClientSecret {
		return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(SecretOf(id))}}
	}
	clients, err := memory.NewClients(
		&oauth2.Client{ID: Client, Secrets: secret(Client), RedirectURIs: []string{redirectURI}, GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"contacts.read"}},
		&oauth2.Client{ID: API, Secrets: secret(API), GrantTypes: []string{}, ResourceServer: true},
		&oauth2.Client{ID: Machine, Secrets: secret(Machine), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"contacts.stats", "contacts.read"}},
	)
	require.NoError(t, err)
	cfg := oauth2.ServerConfig{
		Issuer:    listener.URL,
		Clients:   clients,
		Tokens:    s.Store,
		Resources: []oauth2.Resource{{URI: resource}},
		Endpoints: oauth2.Endpoints{Authorization: "/request-access"},
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.user == "" {
				return nil, oauth2.ErrAccessDenied
			}
			return &oauth2.Approval{Subject: s.user}, nil
		},
	}
	for _, change := range configure {
		change(&cfg)
	}
	s.Server, err = oauth2.New(cfg)
	require.NoError(t, err)
	return s
}

// ServeHTTP answers, unless the server is down.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.URL.Path]++
	down := s.down
	s.mu.Unlock()
	if down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	s.Server.ServeHTTP(w, r)
}

// SetUser is who answers from now on; nobody ("") says no.
func (s *Server) SetUser(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = user
}

// SetDown takes the server down, or brings it back.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Hits is how many requests a path got.
func (s *Server) Hits(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}
