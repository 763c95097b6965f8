package columns

import (
	"context"
	"crypto/subtle"
	"net/http"
	"sync"

	"github.com/openshift/osin"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// Osin is github.com/openshift/osin with maps behind one lock, because it ships no store. What is saved
// of a token leaves out the token before it, which a store need not keep; otherwise every refresh would
// hold on to all of its predecessors. Secrets are compared in clear, in constant time.
//
// It has no introspection of RFC 7662. Its check in process is what its own information endpoint does:
// load the token and compare its time.
var Osin = bench.Column{Name: "osin", Module: "github.com/openshift/osin", Build: func() (*bench.Target, error) {
	store := &osinStore{
		clients: map[string]osin.Client{
			bench.Machine: &osinClient{osin.DefaultClient{Id: bench.Machine, Secret: bench.MachineSecret, RedirectUri: bench.RedirectURI}},
			bench.Web:     &osinClient{osin.DefaultClient{Id: bench.Web, Secret: bench.WebSecret, RedirectUri: bench.RedirectURI}},
		},
		codes: map[string]*osin.AuthorizeData{}, access: map[string]*osin.AccessData{}, refresh: map[string]*osin.AccessData{},
	}
	config := osin.NewServerConfig()
	config.AllowedAccessTypes = osin.AllowedAccessType{osin.AUTHORIZATION_CODE, osin.REFRESH_TOKEN, osin.CLIENT_CREDENTIALS}
	config.ErrorStatusCode = http.StatusBadRequest // 200 unless told
	config.RequirePKCEForPublicClients = true
	server := osin.NewServer(config, store)

	mux := http.NewServeMux()
	mux.HandleFunc(authorizePath, func(w http.ResponseWriter, r *http.Request) {
		response := server.NewResponse()
		defer response.Close()
		if request := server.HandleAuthorizeRequest(response, r); request != nil {
			request.Authorized, request.UserData = true, bench.Subject
			server.FinishAuthorizeRequest(response, r, request)
		}
		_ = osin.OutputJSON(response, w, r)
	})
	mux.HandleFunc(tokenPath, func(w http.ResponseWriter, r *http.Request) {
		response := server.NewResponse()
		defer response.Close()
		if request := server.HandleAccessRequest(response, r); request != nil {
			request.Authorized, request.GenerateRefresh = true, request.Type != osin.CLIENT_CREDENTIALS
			server.FinishAccessRequest(response, r, request)
		}
		_ = osin.OutputJSON(response, w, r)
	})
	return &bench.Target{
		Handler: mux, TokenPath: tokenPath, AuthorizePath: authorizePath,
		Check: func(_ context.Context, token string) error {
			data, err := store.LoadAccess(token)
			switch {
			case err != nil:
				return err
			case data.IsExpiredAt(server.Now()):
				return errUnknownToken
			}
			return nil
		},
	}, nil
}}

type osinClient struct{ osin.DefaultClient }

// ClientSecretMatches replaces a comparison whose time depends on the secret.
func (c *osinClient) ClientSecretMatches(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1
}

type osinStore struct {
	clients map[string]osin.Client

	mu              sync.RWMutex
	codes           map[string]*osin.AuthorizeData
	access, refresh map[string]*osin.AccessData
}

func (s *osinStore) Clone() osin.Storage { return s }

func (s *osinStore) Close() {}

func (s *osinStore) GetClient(id string) (osin.Client, error) {
	if c, ok := s.clients[id]; ok {
		return c, nil
	}
	return nil, osin.ErrNotFound
}

func (s *osinStore) SaveAuthorize(d *osin.AuthorizeData) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[d.Code] = d
	return nil
}

func (s *osinStore) LoadAuthorize(code string) (*osin.AuthorizeData, error) {
	return load(s, s.codes, code)
}

func (s *osinStore) RemoveAuthorize(code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.codes, code)
	return nil
}

func (s *osinStore) SaveAccess(d *osin.AccessData) error {
	saved := *d
	saved.AuthorizeData, saved.AccessData = nil, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[saved.AccessToken] = &saved
	if saved.RefreshToken != "" {
		s.refresh[saved.RefreshToken] = &saved
	}
	return nil
}

func (s *osinStore) LoadAccess(token string) (*osin.AccessData, error) {
	return load(s, s.access, token)
}

func (s *osinStore) RemoveAccess(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.access, token)
	return nil
}

func (s *osinStore) LoadRefresh(token string) (*osin.AccessData, error) {
	return load(s, s.refresh, token)
}

func (s *osinStore) RemoveRefresh(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refresh, token)
	return nil
}

func load[T any](s *osinStore, from map[string]*T, key string) (*T, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d, ok := from[key]; ok {
		return d, nil
	}
	return nil, osin.ErrNotFound
}
