// Command ours is the smallest server on this library.
package main

import (
	"net/http"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/bench/internal/app"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func main() {
	clients, err := memory.NewClients(
		&oauth2.Client{
			ID: app.Machine, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(app.MachineSecret)}},
			GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{app.MachineScope},
		},
		&oauth2.Client{
			ID: app.Web, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(app.WebSecret)}}, RedirectURIs: []string{app.RedirectURI},
			GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{app.WebScope},
		},
	)
	app.Must(err)
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer: app.Issuer, Clients: clients, Tokens: memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: app.Subject}, nil
		},
	})
	app.Must(err)
	app.Serve(server)
}
