package legacy_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/legacy"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// start serves one client, whose users say yes to everything.
func start(client *oauth2.Client, configure func(*oauth2.ServerConfig)) (server *oauth2.Server, stop func()) {
	clients, err := memory.NewClients(client)
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	cfg := oauth2.ServerConfig{
		Issuer:  web.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "user-17"}, nil
		},
	}
	configure(&cfg)
	if server, err = oauth2.New(cfg); err != nil {
		log.Fatal(err)
	}
	return server, web.Close
}

// A page that nobody can change any more goes on getting its token in the fragment.
func ExampleImplicit() {
	server, stop := start(&oauth2.Client{
		ID:           "old-page",
		RedirectURIs: []string{"https://page.example.com/callback"},
		GrantTypes:   []string{legacy.GrantImplicit},
		Scope:        oauth2.Scope{"notes.read"},
	}, func(cfg *oauth2.ServerConfig) {
		cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, legacy.Implicit{}}
	})
	defer stop()

	request := url.Values{"response_type": {"token"}, "client_id": {"old-page"}, "redirect_uri": {"https://page.example.com/callback"}, "state": {"a-state"}}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(server.Issuer() + "/authorize?" + request.Encode())
	if err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	callback, err := res.Location()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nothing in the query:", callback.RawQuery == "")
	answer, err := url.ParseQuery(callback.Fragment)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Get("token_type"), answer.Get("expires_in"), answer.Get("state"), answer.Has("refresh_token"))
	info, err := server.Check(context.Background(), answer.Get("access_token"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Subject, "lets", info.ClientID, "do", info.Scope)
	// Output:
	// nothing in the query: true
	// Bearer 600 a-state false
	// user-17 lets old-page do notes.read
}

// A program that knows the user's password exchanges it for tokens.
func ExamplePasswordGrant() {
	users := map[string]string{"alice": oauth2.HashPassword("wonderland")}
	server, stop := start(&oauth2.Client{
		ID:         "old-program",
		Secrets:    []oauth2.ClientSecret{{Hash: oauth2.HashSecret("program-secret")}},
		GrantTypes: []string{legacy.GrantPassword, oauth2.GrantRefreshToken},
		Scope:      oauth2.Scope{"notes.read"},
	}, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, legacy.PasswordGrant{
			Lookup: func(_ context.Context, username string) (subject, hash string, err error) {
				return username, users[username], nil
			},
		}}
	})
	defer stop()

	client := xoauth2.Config{
		ClientID: "old-program", ClientSecret: "program-secret",
		Endpoint: xoauth2.Endpoint{TokenURL: server.Issuer() + "/token", AuthStyle: xoauth2.AuthStyleInHeader},
	}
	token, err := client.PasswordCredentialsToken(context.Background(), "alice", "wonderland")
	if err != nil {
		log.Fatal(err)
	}
	info, err := server.Check(context.Background(), token.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Subject, "lets", info.ClientID, "do", info.Scope, token.RefreshToken != "")

	_, err = client.PasswordCredentialsToken(context.Background(), "alice", "looking-glass")
	fmt.Println(err)
	_, err = client.PasswordCredentialsToken(context.Background(), "nobody", "wonderland")
	fmt.Println(err)
	// Output:
	// alice lets old-program do notes.read true
	// oauth2: "invalid_grant" "The username or the password is wrong."
	// oauth2: "invalid_grant" "The username or the password is wrong."
}
