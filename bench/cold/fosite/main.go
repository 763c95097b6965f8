// Command fosite is the smallest server on github.com/ory/fosite and its MemoryStore, with a hasher as
// quick as ours: with its own, the first token would cost a quarter of a second of bcrypt.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"

	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
)

func main() {
	config := &fosite.Config{GlobalSecret: make([]byte, 32), EnforcePKCE: true, ClientSecretsHasher: hasher{}}
	_, _ = rand.Read(config.GlobalSecret) // crypto/rand never fails
	store := storage.NewMemoryStore()
	store.Clients[app.Machine] = &fosite.DefaultClient{
		ID: app.Machine, Secret: hash(app.MachineSecret), GrantTypes: []string{"client_credentials"}, Scopes: []string{app.MachineScope},
	}
	store.Clients[app.Web] = &fosite.DefaultClient{
		ID: app.Web, Secret: hash(app.WebSecret), RedirectURIs: []string{app.RedirectURI}, ResponseTypes: []string{"code"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{app.WebScope},
	}
	s := server{compose.Compose(config, store, compose.NewOAuth2HMACStrategy(config),
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory, compose.OAuth2PKCEFactory)}
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", s.authorize)
	mux.HandleFunc("/token", s.token)
	app.Serve(mux)
}

type server struct{ fosite.OAuth2Provider }

func (s server) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := s.NewAuthorizeRequest(ctx, r)
	if err != nil {
		s.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	response, err := s.NewAuthorizeResponse(ctx, request, &fosite.DefaultSession{Subject: app.Subject})
	if err != nil {
		s.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	s.WriteAuthorizeResponse(ctx, w, request, response)
}

func (s server) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := s.NewAccessRequest(ctx, r, new(fosite.DefaultSession))
	if err != nil {
		s.WriteAccessError(ctx, w, request, err)
		return
	}
	if request.GetGrantTypes().ExactOne("client_credentials") {
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
	}
	response, err := s.NewAccessResponse(ctx, request)
	if err != nil {
		s.WriteAccessError(ctx, w, request, err)
		return
	}
	s.WriteAccessResponse(ctx, w, request, response)
}

type hasher struct{}

func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func (hasher) Hash(_ context.Context, secret []byte) ([]byte, error) {
	return hash(string(secret)), nil
}

func (hasher) Compare(_ context.Context, hashed, secret []byte) error {
	if subtle.ConstantTimeCompare(hashed, hash(string(secret))) != 1 {
		return fosite.ErrInvalidClient
	}
	return nil
}
