package goauth2_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	goauth2v4 "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/store"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/goauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// registered is what the server before did not know about its clients.
var registered = map[string]oauth2.Client{
	"web": {
		RedirectURIs: []string{"https://app.example.com/callback"},
		GrantTypes:   []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
		Scope:        oauth2.Scope{"read", "write"},
	},
}

func completeClient(_ context.Context, info goauth2v4.ClientInfo, client *oauth2.Client) error {
	known, ok := registered[info.GetID()]
	if !ok {
		return oauth2.ErrNotFound
	}
	client.RedirectURIs = known.RedirectURIs
	client.GrantTypes = known.GrantTypes
	client.Scope = known.Scope
	return nil
}

// logAdoptions tells who still comes with a token of the server before.
func logAdoptions(ctx context.Context, e oauth2.Event) {
	if e.Type == oauth2.EventTokenAdopted {
		slog.InfoContext(ctx, "adopted", "client", e.ClientID, "authorization", e.AuthorizationID)
	}
}

// A server that takes over from one of go-oauth2, and a client that comes with the refresh token it
// was given there.
func Example() {
	oldClients, oldTokens := storesOfTheServerBefore()

	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "http://localhost:8620",
		Clients: goauth2.Clients(oldClients, goauth2.ClientOptions{Complete: completeClient}),
		Tokens:  memory.New(), // a database, in earnest
		Adopt:   goauth2.Adopt(oldTokens, goauth2.AdoptOptions{}),
		OnEvent: logAdoptions,
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return nil, oauth2.ErrAccessDenied // ask the user here
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	listener := httptest.NewServer(server)
	defer listener.Close()

	res, err := http.PostForm(listener.URL+"/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"ISSUED-BEFORE"},
		"client_id": {"web"}, "client_secret": {"web-secret"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	// Output: 200 OK
}

func storesOfTheServerBefore() (goauth2v4.ClientStore, goauth2v4.TokenStore) {
	clients := store.NewClientStore()
	if err := clients.Set("web", &models.Client{ID: "web", Secret: "web-secret", Domain: "https://app.example.com"}); err != nil {
		log.Fatal(err)
	}
	tokens, err := store.NewMemoryTokenStore()
	if err != nil {
		log.Fatal(err)
	}
	err = tokens.Create(context.Background(), &models.Token{
		ClientID: "web", UserID: "alice", Scope: "read write",
		Access: "ACCESS-BEFORE", AccessCreateAt: time.Now(), AccessExpiresIn: 2 * time.Hour,
		Refresh: "ISSUED-BEFORE", RefreshCreateAt: time.Now(), RefreshExpiresIn: 72 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	return clients, tokens
}
