package resource_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// One API is sent JWTs and verifies them by itself; another is sent opaque tokens and asks. What a
// token is, how long it is good for and which scope it carries is up to the resource that it is for.
func ExampleJWTVerifier() {
	authorizationServer := http.NewServeMux()
	listener := httptest.NewServer(authorizationServer)
	defer listener.Close()
	clients, err := memory.NewClients(
		&oauth2.Client{ID: "reporter", Secrets: hashed("reporter-secret"), GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{"stats", "admin"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  listener.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Grants:  []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Keys:    &oauth2.SigningKeys{SealingKeys: [][]byte{bytes.Repeat([]byte("k"), 32)}}, // 32 random bytes
		Resources: []oauth2.Resource{{
			URI:            "https://api.example.com",
			Scopes:         oauth2.Scope{"stats"},
			AccessLifetime: 10 * time.Minute,
			Format:         oauth2.FormatJWT,
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	authorizationServer.Handle("/", server)

	verifier, err := resource.NewJWTVerifier(resource.JWTConfig{
		Issuer:     listener.URL,
		Audience:   []string{"https://api.example.com"},
		Algorithms: []string{"ES256"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: verifier, Audience: "https://api.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := httptest.NewServer(guard.Require("stats")(http.HandlerFunc(stats)))
	defer api.Close()

	client := exampleClient(listener.URL)
	get(client, api.URL)
	listener.Close() // the authorization server is needed no more
	get(client, api.URL)
	// Output:
	// 200 the client reporter has stats
	// 200 the client reporter has stats
}

// A client that knows nothing but the API's URL finds out from a refusal where tokens come from and
// which scope it needs.
func ExampleMetadata() {
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	defer listener.Close()
	metadata, err := resource.NewMetadata(resource.MetadataConfig{
		Resource:             listener.URL + "/v1",
		AuthorizationServers: []string{"https://id.example.com"},
		Scopes:               oauth2.Scope{"stats"},
		Name:                 "Statistics",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker:  exampleServer(listener.URL),
		Audience: listener.URL + "/v1",
		Metadata: metadata,
		Realm:    "stats",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.Handle("/v1/stats", guard.Require("stats")(http.HandlerFunc(stats)))
	for _, path := range metadata.Paths() {
		mux.Handle(path, metadata)
	}

	refusal, err := http.Get(listener.URL + "/v1/stats")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer refusal.Body.Close()
	challenge := refusal.Header.Get("WWW-Authenticate")
	_, found, _ := strings.Cut(challenge, `resource_metadata="`)
	told, err := http.Get(strings.TrimSuffix(found, `"`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer told.Body.Close()
	var document bytes.Buffer
	_, _ = document.ReadFrom(told.Body)
	for _, text := range []string{challenge, document.String()} {
		fmt.Println(strings.ReplaceAll(text, listener.URL, "https://api.example.com"))
	}
	// Output:
	// Bearer realm="stats", scope="stats", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1"
	// {"resource":"https://api.example.com/v1","authorization_servers":["https://id.example.com"],"scopes_supported":["stats"],"bearer_methods_supported":["header"],"resource_name":"Statistics"}
}
