package oauth2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// Access tokens for one resource are JWTs, which it verifies by itself with the published keys. The keys
// are made, kept and replaced by the server.
func ExampleSigningKeys() {
	clients, err := memory.NewClients(&oauth2.Client{
		ID:         "reporter",
		Secrets:    []oauth2.ClientSecret{{Hash: oauth2.HashSecret("a-secret-of-256-random-bits")}},
		GrantTypes: []string{oauth2.GrantClientCredentials},
		Scope:      oauth2.Scope{"stats.read"},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	defer web.Close()
	sealingKey := []byte("32 random bytes that are not code") // from a secret manager

	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:    web.URL,
		Clients:   clients,
		Tokens:    memory.New(),
		Grants:    []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Keys:      &oauth2.SigningKeys{SealingKeys: [][]byte{sealingKey[:32]}},
		Resources: []oauth2.Resource{{URI: "https://api.example.com", Format: oauth2.FormatJWT}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/", server)

	client := clientcredentials.Config{ClientID: "reporter", ClientSecret: "a-secret-of-256-random-bits", TokenURL: web.URL + "/token"}
	issued, err := client.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}

	// What any JOSE library does; package resource does it with all checks.
	res, err := http.Get(web.URL + "/jwks")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&keys); err != nil {
		log.Fatal(err)
	}
	token, err := jwt.ParseSigned(issued.AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		log.Fatal(err)
	}
	var claims struct {
		jwt.Claims
		Scope string `json:"scope"`
	}
	if err := token.Claims(keys, &claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Headers[0].ExtraHeaders["typ"], claims.Subject, claims.Audience, claims.Scope)
	// Output: at+jwt reporter [https://api.example.com] stats.read
}

// A resource server asks for the answer of introspection as a signed JWT, which it can keep as evidence.
func ExampleServer_Introspect_signed() {
	clients, err := memory.NewClients(&oauth2.Client{
		ID:             "api",
		Secrets:        []oauth2.ClientSecret{{Hash: oauth2.HashSecret("api-secret")}},
		GrantTypes:     []string{},
		ResourceServer: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: clients,
		Tokens:  memory.New(),
		Grants:  []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Keys:    &oauth2.SigningKeys{SealingKeys: [][]byte{make([]byte, 32)}}, // of random bytes, elsewhere
	})
	if err != nil {
		log.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/introspect", strings.NewReader("token=at_unknown"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/token-introspection+jwt")
	request.SetBasicAuth("api", "api-secret")
	answer := httptest.NewRecorder()
	server.Introspect(answer, request)

	signed, err := jwt.ParseSigned(answer.Body.String(), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		log.Fatal(err)
	}
	var claims map[string]any
	if err := signed.UnsafeClaimsWithoutVerification(&claims); err != nil { // verify it, with the keys at /jwks
		log.Fatal(err)
	}
	fmt.Println(claims["iss"], claims["aud"], claims["token_introspection"])
	// Output: https://id.example.com api map[active:false]
}
