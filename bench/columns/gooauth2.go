package columns

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"net/http"

	goauth2 "github.com/go-oauth2/oauth2/v4"
	goerrors "github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/generates"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
	"github.com/golang-jwt/jwt/v5"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// GoOAuth2 is github.com/go-oauth2/oauth2/v4 with its own memory store, its default generators and
// rotation, PKCE required and S256 alone, and redirect URIs compared whole, which is both safer and
// quicker than its default. It has no introspection; its check in process is Manager.LoadAccessToken.
//
// Refreshing asks for no client secret in any configuration; the table says so.
var GoOAuth2 = bench.Column{Name: "go-oauth2", Module: "github.com/go-oauth2/oauth2/v4", Build: func() (*bench.Target, error) {
	return buildGoOAuth2(manage.NewDefaultManager())
}, Signing: signingWith(func(algorithm string, key crypto.Signer) (*bench.Target, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	manager := manage.NewDefaultManager()
	manager.MapAccessGenerate(generates.NewJWTAccessGenerate("1", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), jwt.GetSigningMethod(algorithm)))
	return buildGoOAuth2(manager)
})}

func buildGoOAuth2(manager *manage.Manager) (*bench.Target, error) {
	clients := store.NewClientStore()
	for _, c := range []*models.Client{
		{ID: bench.Machine, Secret: bench.MachineSecret, Domain: bench.RedirectURI},
		{ID: bench.Web, Secret: bench.WebSecret, Domain: bench.RedirectURI},
	} {
		if err := clients.Set(c.ID, c); err != nil {
			return nil, err
		}
	}
	manager.MapClientStorage(clients)
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	manager.SetValidateURIHandler(func(registered, requested string) error {
		if registered != requested {
			return goerrors.ErrInvalidRedirectURI
		}
		return nil
	})
	config := server.NewConfig()
	config.AllowedResponseTypes = []goauth2.ResponseType{goauth2.Code}
	config.AllowedGrantTypes = []goauth2.GrantType{goauth2.AuthorizationCode, goauth2.ClientCredentials, goauth2.Refreshing}
	config.AllowedCodeChallengeMethods = []goauth2.CodeChallengeMethod{goauth2.CodeChallengeS256}
	config.ForcePKCE = true
	s := server.NewServer(config, manager)
	s.SetClientInfoHandler(server.ClientBasicHandler)
	s.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return bench.Subject, nil })

	mux := http.NewServeMux()
	mux.HandleFunc(authorizePath, func(w http.ResponseWriter, r *http.Request) {
		if err := s.HandleAuthorizeRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc(tokenPath, func(w http.ResponseWriter, r *http.Request) {
		if err := s.HandleTokenRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return &bench.Target{
		Handler: mux, TokenPath: tokenPath, AuthorizePath: authorizePath,
		Check: func(ctx context.Context, token string) error {
			_, err := manager.LoadAccessToken(ctx, token)
			return err
		},
	}, nil
}
