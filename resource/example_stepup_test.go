package resource_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"time"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// Reading takes any login, paying a good and fresh one. The API says so, the client asks its
// authorization server for it, and the authorization server has the user log in again.
func ExampleGuard_RequireAuthentication() {
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	defer listener.Close()
	server, err := stepUpServer(listener.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: server, Audience: "https://bank.example.com", Realm: "bank"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.Handle("/", server)
	strong := resource.Authentication{ACRValues: []string{"gold"}, MaxAge: 5 * time.Minute}
	mux.Handle("/pay", guard.RequireAuthentication(strong, "pay")(http.HandlerFunc(whoPays)))

	client := xoauth2.Config{
		ClientID: "app", ClientSecret: "app-secret", RedirectURL: "https://app.example.com/callback",
		Endpoint: xoauth2.Endpoint{AuthURL: listener.URL + "/authorize", TokenURL: listener.URL + "/token"},
	}
	token := stepUpToken(client)
	needs := pay(listener.URL, token)
	token = stepUpToken(client, xoauth2.SetAuthURLParam("acr_values", needs["acr_values"]), xoauth2.SetAuthURLParam("max_age", needs["max_age"]))
	pay(listener.URL, token)
	// Output:
	// 401 insufficient_user_authentication, acr_values: gold, max_age: 300
	// 200 alice pays, logged in with gold
}

// stepUpServer logs a user in with a password, and with something better where that is asked for.
func stepUpServer(issuer string) (*oauth2.Server, error) {
	clients, err := memory.NewClients(&oauth2.Client{
		ID: "app", Secrets: hashed("app-secret"), RedirectURIs: []string{"https://app.example.com/callback"}, Scope: oauth2.Scope{"pay"},
	})
	if err != nil {
		return nil, err
	}
	return oauth2.New(oauth2.ServerConfig{
		Issuer:    issuer,
		Clients:   clients,
		Tokens:    memory.New(),
		Resources: []oauth2.Resource{{URI: "https://bank.example.com"}},
		ACRValues: []string{"silver", "gold"},
		Consent: func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			login := &oauth2.Approval{Subject: "alice", ACR: "silver", AMR: []string{"pwd"}, AuthTime: time.Now().Add(-time.Hour)}
			if slices.Contains(req.ACRValues, "gold") || req.MaxAge != nil && *req.MaxAge < time.Hour {
				login.ACR, login.AMR, login.AuthTime = "gold", []string{"pwd", "otp"}, time.Now()
			}
			return login, nil
		},
	})
}

// stepUpToken plays the flow with these wishes.
func stepUpToken(client xoauth2.Config, wishes ...xoauth2.AuthCodeOption) *xoauth2.Token {
	verifier := xoauth2.GenerateVerifier()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(client.AuthCodeURL("a-state", append(wishes, xoauth2.S256ChallengeOption(verifier))...))
	if err != nil {
		panic(err)
	}
	answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		panic(err)
	}
	token, err := client.Exchange(context.Background(), back.Query().Get("code"), xoauth2.VerifierOption(verifier))
	if err != nil {
		panic(err)
	}
	return token
}

var challengeParameter = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// pay calls the API, and returns what it asks for.
func pay(api string, token *xoauth2.Token) map[string]string {
	r, err := http.NewRequest(http.MethodPost, api+"/pay", nil)
	if err != nil {
		panic(err)
	}
	token.SetAuthHeader(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	needs := map[string]string{}
	for _, found := range challengeParameter.FindAllStringSubmatch(answer.Header.Get("WWW-Authenticate"), -1) {
		needs[found[1]] = found[2]
	}
	if answer.StatusCode != http.StatusOK {
		fmt.Printf("%d %s, acr_values: %s, max_age: %s\n", answer.StatusCode, needs["error"], needs["acr_values"], needs["max_age"])
		return needs
	}
	var said [100]byte
	n, _ := answer.Body.Read(said[:])
	fmt.Println(answer.StatusCode, string(said[:n]))
	return needs
}

func whoPays(w http.ResponseWriter, r *http.Request) {
	info, _ := resource.FromContext(r.Context())
	fmt.Fprintf(w, "%s pays, logged in with %s", info.Subject, info.ACR)
}
