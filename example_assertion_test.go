package oauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A client that signs instead of sending a secret: the server keeps its public key alone.
func ExampleServerConfig_authMethods() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "2026"}}})
	if err != nil {
		log.Fatal(err)
	}
	clients, err := memory.NewClients(&oauth2.Client{
		ID:                      "reporter",
		TokenEndpointAuthMethod: oauth2.AuthMethodPrivateKeyJWT,
		JWKS:                    jwks, // or JWKSURI, where the client publishes its keys
		GrantTypes:              []string{oauth2.GrantClientCredentials},
		Scope:                   oauth2.Scope{"stats.read"},
	})
	if err != nil {
		log.Fatal(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:      "http://localhost:8620",
		Clients:     clients,
		Tokens:      memory.New(),
		Grants:      []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		AuthMethods: []string{oauth2.AuthMethodPrivateKeyJWT}, // and no secrets
	})
	if err != nil {
		log.Fatal(err)
	}
	listener := httptest.NewServer(server)
	defer listener.Close()

	// What the client does.
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "2026"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	assertion, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": "reporter", "sub": "reporter", "aud": server.Issuer(), "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}).Serialize()
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		res, err := http.PostForm(listener.URL+"/token", url.Values{
			"grant_type":            {"client_credentials"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {assertion},
		})
		if err != nil {
			log.Fatal(err)
		}
		_ = res.Body.Close()
		fmt.Println(res.Status)
	}
	// Output:
	// 200 OK
	// 401 Unauthorized
}
