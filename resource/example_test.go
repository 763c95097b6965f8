package resource_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// An API in the same process as the authorization server asks it directly: no token crosses the
// network, and a revocation is seen at once.
func Example() {
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	defer listener.Close()
	server := exampleServer(listener.URL)
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: server, Audience: "https://api.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.Handle("/", server)
	mux.Handle("GET /stats", guard.Require("stats")(http.HandlerFunc(stats)))
	mux.Handle("GET /admin", guard.Require("admin")(http.HandlerFunc(stats)))

	client := exampleClient(listener.URL)
	for _, path := range []string{"/stats", "/admin"} {
		get(client, listener.URL+path)
	}
	get(http.DefaultClient, listener.URL+"/stats")
	// Output:
	// 200 the client reporter has stats
	// 403 Bearer realm="https://api.example.com", error="insufficient_scope", error_description="The access token does not carry the scope that is needed.", scope="admin"
	// 401 Bearer realm="https://api.example.com"
}

// An API elsewhere asks over HTTP. Here an answer is used again for five seconds, so a revocation is
// seen five seconds later at most.
func ExampleIntrospector() {
	authorizationServer := http.NewServeMux()
	listener := httptest.NewServer(authorizationServer)
	defer listener.Close()
	authorizationServer.Handle("/", exampleServer(listener.URL))

	introspector, err := resource.NewIntrospector(resource.IntrospectorConfig{
		Issuer:       listener.URL,
		ClientID:     "api",
		ClientSecret: "api-secret",
		CacheFor:     5 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: introspector, Audience: "https://api.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := httptest.NewServer(guard.Require("stats")(http.HandlerFunc(stats)))
	defer api.Close()

	get(exampleClient(listener.URL), api.URL)
	// Output:
	// 200 the client reporter has stats
}

func stats(w http.ResponseWriter, r *http.Request) {
	info, _ := resource.FromContext(r.Context())
	fmt.Fprintf(w, "the client %s has %s", info.ClientID, info.Scope)
}

func get(client *http.Client, url string) {
	res, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		fmt.Println(res.StatusCode, res.Header.Get("WWW-Authenticate"))
		return
	}
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))
}

func exampleServer(issuer string) *oauth2.Server {
	clients, err := memory.NewClients(
		&oauth2.Client{ID: "reporter", Secrets: hashed("reporter-secret"), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"stats"}},
		&oauth2.Client{ID: "api", Secrets: hashed("api-secret"), GrantTypes: []string{}, ResourceServer: true},
	)
	if err != nil {
		panic(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:    issuer,
		Clients:   clients,
		Tokens:    memory.New(),
		Grants:    []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Resources: []oauth2.Resource{{URI: "https://api.example.com"}},
	})
	if err != nil {
		panic(err)
	}
	return server
}

func exampleClient(issuer string) *http.Client {
	config := clientcredentials.Config{ClientID: "reporter", ClientSecret: "reporter-secret", TokenURL: issuer + "/token"}
	return config.Client(context.Background())
}
