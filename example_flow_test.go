package oauth2_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// exampleServer is a server whose users say yes to everything, and the client of an application.
func exampleServer() (*oauth2.Server, *xoauth2.Config, func()) {
	clients, err := memory.NewClients(
		&oauth2.Client{
			ID:           "app",
			Secrets:      []oauth2.ClientSecret{{Hash: oauth2.HashSecret("app-secret")}},
			RedirectURIs: []string{"https://app.example.com/callback"},
			GrantTypes:   []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
			Scope:        oauth2.Scope{"notes.read", "notes.write"},
		},
		&oauth2.Client{
			ID:             "api",
			Secrets:        []oauth2.ClientSecret{{Hash: oauth2.HashSecret("api-secret")}},
			GrantTypes:     []string{},
			ResourceServer: true,
		})
	if err != nil {
		log.Fatal(err)
	}
	var server *oauth2.Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	server, err = oauth2.New(oauth2.ServerConfig{
		Issuer:  web.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "user-17"}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return server, &xoauth2.Config{
		ClientID: "app", ClientSecret: "app-secret", RedirectURL: "https://app.example.com/callback", Scopes: []string{"notes.read"},
		Endpoint: xoauth2.Endpoint{AuthURL: web.URL + "/authorize", TokenURL: web.URL + "/token", AuthStyle: xoauth2.AuthStyleInHeader},
	}, web.Close
}

// visit opens a page as a browser does, and returns where it was sent.
func visit(address string) *url.URL {
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(address)
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	sentTo, err := res.Location()
	if err != nil {
		log.Fatal(err)
	}
	return sentTo
}

// exampleToken plays the flow and returns the tokens.
func exampleToken(client *xoauth2.Config) *xoauth2.Token {
	verifier := xoauth2.GenerateVerifier()
	callback := visit(client.AuthCodeURL("a-state", xoauth2.S256ChallengeOption(verifier)))
	token, err := client.Exchange(context.Background(), callback.Query().Get("code"), xoauth2.VerifierOption(verifier))
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// The whole flow, with golang.org/x/oauth2 as the client.
func Example_authorizationCode() {
	server, client, stop := exampleServer()
	defer stop()

	// The client sends the browser to the authorization endpoint, which sends it back.
	verifier := xoauth2.GenerateVerifier()
	callback := visit(client.AuthCodeURL("a-state", xoauth2.S256ChallengeOption(verifier)))
	fmt.Println("state:", callback.Query().Get("state"))
	fmt.Println("iss is the issuer:", callback.Query().Get("iss") == server.Issuer())

	// The client redeems the code.
	token, err := client.Exchange(context.Background(), callback.Query().Get("code"), xoauth2.VerifierOption(verifier))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a refresh token too:", token.RefreshToken != "")

	// The API asks whose token it is.
	info, err := server.Check(context.Background(), token.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Subject, "lets", info.ClientID, "do", info.Scope)
	// Output:
	// state: a-state
	// iss is the issuer: true
	// a refresh token too: true
	// user-17 lets app do notes.read
}

// A refresh token is single-use. If the answer was lost, the same one is given once more.
func Example_refresh() {
	_, client, stop := exampleServer()
	defer stop()
	first := exampleToken(client)

	refresh := func() *xoauth2.Token {
		token, err := client.TokenSource(context.Background(), &xoauth2.Token{RefreshToken: first.RefreshToken}).Token()
		if err != nil {
			log.Fatal(err)
		}
		return token
	}
	lost, retried := refresh(), refresh()
	fmt.Println("replaced:", lost.RefreshToken != first.RefreshToken)
	fmt.Println("the same answer twice:", lost.RefreshToken == retried.RefreshToken && lost.AccessToken == retried.AccessToken)
	// Output:
	// replaced: true
	// the same answer twice: true
}

// A resource server with credentials of its own asks over HTTP.
func ExampleServer_Introspect() {
	server, client, stop := exampleServer()
	defer stop()
	token := exampleToken(client)

	for _, text := range []string{token.AccessToken, "made-up"} {
		form := url.Values{"client_id": {"api"}, "client_secret": {"api-secret"}, "token": {text}}
		res, err := http.PostForm(server.Issuer()+"/introspect", form)
		if err != nil {
			log.Fatal(err)
		}
		a := readAnswer(res)
		fmt.Println(a.json["active"], a.json["sub"], a.json["scope"])
	}
	// Output:
	// true user-17 notes.read
	// false <nil> <nil>
}

// A user logs out everywhere.
func ExampleServer_ExpireSubject() {
	server, client, stop := exampleServer()
	defer stop()
	laptop, phone := exampleToken(client), exampleToken(client)

	n, err := server.ExpireSubject(context.Background(), "user-17")
	if err != nil {
		log.Fatal(err)
	}
	_, first := server.Check(context.Background(), laptop.AccessToken)
	_, second := server.Check(context.Background(), phone.AccessToken)
	fmt.Println(n)
	fmt.Println(first)
	fmt.Println(second)
	// Output:
	// 2
	// oauth2: invalid_token: The access token is unknown, expired or revoked.
	// oauth2: invalid_token: The access token is unknown, expired or revoked.
}

// Clients find the endpoints by the issuer alone, also when it has a path.
func ExampleServer_Metadata() {
	cfg := minimal()
	cfg.Issuer = "https://id.example.com/tenants/one"
	cfg.Endpoints.Authorization = "/ask"
	server, err := oauth2.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Join(server.Paths(), "\n"))
	// Output:
	// /tenants/one/ask
	// /tenants/one/token
	// /tenants/one/introspect
	// /tenants/one/revoke
	// /.well-known/oauth-authorization-server/tenants/one
}

// Tokens name the resource that they were requested for; a resource that is not served is refused.
func ExampleResource() {
	cfg := minimal()
	cfg.Clients, _ = memory.NewClients(&oauth2.Client{
		ID: "reporter", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret("reporter-secret")}}, GrantTypes: []string{oauth2.GrantClientCredentials},
	})
	cfg.Resources = []oauth2.Resource{{URI: "https://mail.example.com"}, {URI: "https://files.example.com"}}
	server, err := oauth2.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(server)
	defer web.Close()
	for _, resource := range []string{"https://mail.example.com", "https://other.example.com"} {
		res, err := http.PostForm(web.URL+"/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"reporter"}, "client_secret": {"reporter-secret"}, "resource": {resource},
		})
		if err != nil {
			log.Fatal(err)
		}
		a := readAnswer(res)
		if info, err := server.Check(context.Background(), a.str("access_token")); err == nil {
			fmt.Println(info.Audience)
		} else {
			fmt.Println(a.status, a.str("error"))
		}
	}
	// Output:
	// [https://mail.example.com]
	// 400 invalid_target
}

// What can be registered as a redirect URI.
func ExampleValidateRedirectURI() {
	for _, uri := range []string{"https://app.example.com/callback", "http://127.0.0.1/callback", "com.example.app:/callback", "http://app.example.com/callback"} {
		fmt.Println(uri, oauth2.ValidateRedirectURI(uri, true) == nil)
	}
	// Output:
	// https://app.example.com/callback true
	// http://127.0.0.1/callback true
	// com.example.app:/callback true
	// http://app.example.com/callback false
}
