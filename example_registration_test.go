package oauth2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// Whoever was given an initial access token registers a client of its own, and ends it again.
func ExampleRegistrationConfig() {
	clients, err := memory.NewClients()
	if err != nil {
		log.Fatal(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "http://localhost:8620",
		Clients: clients, // which is an oauth2.ClientRegistry
		Tokens:  memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return nil, oauth2.ErrAccessDenied // an application asks its user here
		},
		Scopes: oauth2.Scope{"contacts.read", "contacts.write"},
		Registration: &oauth2.RegistrationConfig{
			InitialAccessToken: func(_ context.Context, token string) (*oauth2.RegistrationPolicy, error) {
				if token != "given-to-a-partner" {
					return nil, oauth2.ErrInvalidToken
				}
				return &oauth2.RegistrationPolicy{Scope: oauth2.Scope{"contacts.read"}}, nil
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	listener := httptest.NewServer(server)
	defer listener.Close()

	// What the client does.
	send := func(method, path, token, body string) (status string, client map[string]any) {
		r, err := http.NewRequest(method, listener.URL+path, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		_ = json.NewDecoder(res.Body).Decode(&client) // of an answer without a body there is none
		return res.Status, client
	}
	metadata := `{"client_name": "Partner", "redirect_uris": ["https://partner.example/callback"], "scope": "contacts.read contacts.write"}`
	status, _ := send(http.MethodPost, "/register", "made-up", metadata)
	fmt.Println(status)
	status, client := send(http.MethodPost, "/register", "given-to-a-partner", metadata)
	fmt.Println(status, client["scope"], client["token_endpoint_auth_method"], len(client["client_secret"].(string)))

	path := strings.TrimPrefix(client["registration_client_uri"].(string), server.Issuer())
	token := client["registration_access_token"].(string)
	status, _ = send(http.MethodDelete, path, token, "")
	fmt.Println(status)
	status, _ = send(http.MethodGet, path, token, "")
	fmt.Println(status)
	// Output:
	// 401 Unauthorized
	// 201 Created contacts.read client_secret_basic 43
	// 204 No Content
	// 401 Unauthorized
}
