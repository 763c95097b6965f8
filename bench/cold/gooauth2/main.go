// Command gooauth2 is the smallest server on github.com/go-oauth2/oauth2/v4 and its own memory store,
// with redirect URIs compared whole, as every other server here does.
package main

import (
	"net/http"

	goauth2 "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"

	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
)

func main() {
	clients := store.NewClientStore()
	app.Must(clients.Set(app.Machine, &models.Client{ID: app.Machine, Secret: app.MachineSecret, Domain: app.RedirectURI}))
	app.Must(clients.Set(app.Web, &models.Client{ID: app.Web, Secret: app.WebSecret, Domain: app.RedirectURI}))
	manager := manage.NewDefaultManager()
	manager.MapClientStorage(clients)
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	manager.SetValidateURIHandler(func(registered, requested string) error {
		if registered != requested {
			return errors.ErrInvalidRedirectURI
		}
		return nil
	})
	config := server.NewConfig()
	config.AllowedGrantTypes = []goauth2.GrantType{goauth2.AuthorizationCode, goauth2.ClientCredentials, goauth2.Refreshing}
	config.AllowedCodeChallengeMethods = []goauth2.CodeChallengeMethod{goauth2.CodeChallengeS256}
	config.ForcePKCE = true
	s := server.NewServer(config, manager)
	s.SetClientInfoHandler(server.ClientBasicHandler)
	s.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return app.Subject, nil })

	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		if err := s.HandleAuthorizeRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if err := s.HandleTokenRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	app.Serve(mux)
}
