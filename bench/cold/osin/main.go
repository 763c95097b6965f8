// Command osin is the smallest server on github.com/openshift/osin. It ships no store, so there is one
// in memory here.
package main

import (
	"crypto/subtle"
	"net/http"
	"sync"

	"github.com/openshift/osin"

	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
)

func main() {
	config := osin.NewServerConfig()
	config.AllowedAccessTypes = osin.AllowedAccessType{osin.AUTHORIZATION_CODE, osin.REFRESH_TOKEN, osin.CLIENT_CREDENTIALS}
	config.ErrorStatusCode = http.StatusBadRequest // 200 unless told
	server := osin.NewServer(config, new(store))
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		response := server.NewResponse()
		defer response.Close()
		if request := server.HandleAuthorizeRequest(response, r); request != nil {
			request.Authorized, request.UserData = true, app.Subject
			server.FinishAuthorizeRequest(response, r, request)
		}
		_ = osin.OutputJSON(response, w, r) // a client that went away
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		response := server.NewResponse()
		defer response.Close()
		if request := server.HandleAccessRequest(response, r); request != nil {
			request.Authorized, request.GenerateRefresh = true, request.Type != osin.CLIENT_CREDENTIALS
			server.FinishAccessRequest(response, r, request)
		}
		_ = osin.OutputJSON(response, w, r)
	})
	app.Serve(mux)
}

var clients = map[string]*client{
	app.Machine: {osin.DefaultClient{Id: app.Machine, Secret: app.MachineSecret, RedirectUri: app.RedirectURI}},
	app.Web:     {osin.DefaultClient{Id: app.Web, Secret: app.WebSecret, RedirectUri: app.RedirectURI}},
}

type client struct{ osin.DefaultClient }

// ClientSecretMatches replaces a comparison whose time depends on the secret.
func (c *client) ClientSecretMatches(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1
}

type store struct{ codes, access, refresh sync.Map }

func (s *store) Clone() osin.Storage { return s }
func (s *store) Close()              {}

func (s *store) GetClient(id string) (osin.Client, error) {
	if c, ok := clients[id]; ok {
		return c, nil
	}
	return nil, osin.ErrNotFound
}

func (s *store) SaveAuthorize(d *osin.AuthorizeData) error {
	s.codes.Store(d.Code, d)
	return nil
}

func (s *store) SaveAccess(d *osin.AccessData) error {
	saved := *d
	saved.AuthorizeData, saved.AccessData = nil, nil // or all before it would be kept
	s.access.Store(d.AccessToken, &saved)
	if d.RefreshToken != "" {
		s.refresh.Store(d.RefreshToken, &saved)
	}
	return nil
}

func (s *store) LoadAuthorize(code string) (*osin.AuthorizeData, error) {
	return load[osin.AuthorizeData](&s.codes, code)
}

func (s *store) LoadAccess(token string) (*osin.AccessData, error) {
	return load[osin.AccessData](&s.access, token)
}

func (s *store) LoadRefresh(token string) (*osin.AccessData, error) {
	return load[osin.AccessData](&s.refresh, token)
}

func (s *store) RemoveAuthorize(code string) error { return remove(&s.codes, code) }
func (s *store) RemoveAccess(token string) error   { return remove(&s.access, token) }
func (s *store) RemoveRefresh(token string) error  { return remove(&s.refresh, token) }

func load[T any](from *sync.Map, key string) (*T, error) {
	if found, ok := from.Load(key); ok {
		return found.(*T), nil
	}
	return nil, osin.ErrNotFound
}

func remove(from *sync.Map, key string) error {
	from.Delete(key)
	return nil
}
