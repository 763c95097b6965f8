// Command zitadel is the smallest server on github.com/zitadel/oidc/v3 and the memory store of its
// example, which draws an RSA key when it is made. It has no other.
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
)

func main() {
	s := &store{
		Storage: storage.NewStorageWithClients(user{}, map[string]*storage.Client{
			app.Web: storage.WebClient(app.Web, app.WebSecret, app.RedirectURI),
		}),
		machine: machine{storage.WebClient(app.Machine, app.MachineSecret)},
	}
	config := &op.Config{CodeMethodS256: true, GrantTypeRefreshToken: true}
	_, _ = rand.Read(config.CryptoKey[:]) // crypto/rand never fails
	provider, err := op.NewProvider(config, s, op.StaticIssuer(app.Issuer))
	app.Must(err)
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	mux.HandleFunc("/login/username", func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("authRequestID")
		if err := s.CheckUsernamePassword(app.Subject, app.Subject, id); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Location", "/authorize/callback?id="+id)
		w.WriteHeader(http.StatusSeeOther)
	})
	app.Serve(mux)
}

type store struct {
	*storage.Storage
	machine machine
}

// A machine may use the one grant that the example's clients may not.
type machine struct{ *storage.Client }

func (machine) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

var errWrongSecret = errors.New("wrong secret")

func (s *store) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if id != app.Machine || subtle.ConstantTimeCompare([]byte(secret), []byte(app.MachineSecret)) != 1 {
		return nil, errWrongSecret
	}
	return s.machine, nil
}

func (s *store) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) { //nolint:unparam // as the interface wants it
	return &oidc.JWTTokenRequest{Subject: id, Audience: oidc.Audience{id}, Scopes: scopes}, nil
}

type user struct{}

func (user) GetUserByID(id string) *storage.User { return &storage.User{ID: id} }

func (user) GetUserByUsername(string) *storage.User {
	return &storage.User{ID: app.Subject, Password: app.Subject}
}

func (user) ExampleClientID() string { return "unused" }
