package oauth2_test

import (
	"encoding/json"
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

// startExample starts a server whose users say yes to everything.
func startExample(client *oauth2.Client, configure func(*oauth2.ServerConfig)) (issuer string, stop func()) {
	clients, err := memory.NewClients(client)
	if err != nil {
		log.Fatal(err)
	}
	var server *oauth2.Server
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
	return web.URL, web.Close
}

// A client leaves its request with the server, and the browser brings no more than a reference to it:
// nothing of the request can be read or changed there.
func ExampleServer_PushAuthorizationRequest() {
	issuer, stop := startExample(&oauth2.Client{
		ID:           "app",
		Secrets:      []oauth2.ClientSecret{{Hash: oauth2.HashSecret("app-secret")}},
		RedirectURIs: []string{"https://app.example.com/callback"},
		Scope:        oauth2.Scope{"notes.read"},
	}, func(cfg *oauth2.ServerConfig) {
		cfg.Endpoints.PushedAuthorization = "/par"
		cfg.RequirePushedAuthorizationRequests = true
	})
	defer stop()

	request := url.Values{
		"response_type": {"code"}, "redirect_uri": {"https://app.example.com/callback"}, "scope": {"notes.read"}, "state": {"a-state"},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
	}
	push, err := http.NewRequest(http.MethodPost, issuer+"/par", strings.NewReader(request.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	push.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	push.SetBasicAuth("app", "app-secret")
	res, err := http.DefaultClient.Do(push)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var pushed struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	if err := json.NewDecoder(res.Body).Decode(&pushed); err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.StatusCode, "for", pushed.ExpiresIn, "seconds")

	callback := visit(issuer + "/authorize?" + url.Values{"client_id": {"app"}, "request_uri": {pushed.RequestURI}}.Encode())
	fmt.Println("state:", callback.Query().Get("state"), "code:", callback.Query().Has("code"))
	refused := visit(issuer + "/authorize?client_id=app&" + request.Encode())
	fmt.Println("not pushed:", refused.Query().Get("error"))
	// Output:
	// 201 for 90 seconds
	// state: a-state code: true
	// not pushed: invalid_request
}
