package oauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
)

// signingClient is a client whose public key is registered, and a signer of its requests.
func signingClient() (*oauth2.Client, jose.Signer) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one"}}})
	if err != nil {
		log.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "one"}},
		(&jose.SignerOptions{}).WithType("oauth-authz-req+jwt"))
	if err != nil {
		log.Fatal(err)
	}
	return &oauth2.Client{
		ID: "app", JWKS: keys, RedirectURIs: []string{"https://app.example.com/callback"}, Scope: oauth2.Scope{"notes.read"},
		TokenEndpointAuthMethod: oauth2.AuthMethodNone, RequireSignedRequestObject: true,
	}, signer
}

// A client signs its request, so that nobody on the way can change it.
func ExampleServerConfig_requestObjects() {
	client, signer := signingClient()
	issuer, stop := startExample(client, func(cfg *oauth2.ServerConfig) { cfg.RequestObjects = true })
	defer stop()

	object, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": "app", "aud": issuer, "exp": time.Now().Add(time.Minute).Unix(), "jti": oauth2.NewSecret(),
		"client_id": "app", "response_type": "code", "redirect_uri": "https://app.example.com/callback", "scope": "notes.read", "state": "a-state",
		"code_challenge": xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier()), "code_challenge_method": "S256",
	}).Serialize()
	if err != nil {
		log.Fatal(err)
	}
	callback := visit(issuer + "/authorize?" + url.Values{"client_id": {"app"}, "request": {object}}.Encode())
	fmt.Println("state:", callback.Query().Get("state"), "code:", callback.Query().Has("code"))
	again, err := http.Get(issuer + "/authorize?" + url.Values{"client_id": {"app"}, "request": {object}}.Encode())
	if err != nil {
		log.Fatal(err)
	}
	defer again.Body.Close()
	fmt.Println("once more:", again.StatusCode)
	// Output:
	// state: a-state code: true
	// once more: 409
}

// The server signs its answer, so that the client knows whose it is and that it is whole.
func ExampleServerConfig_signedResponses() {
	sealingKey := make([]byte, 32) // read one from where the application keeps its secrets
	issuer, stop := startExample(&oauth2.Client{
		ID: "app", RedirectURIs: []string{"https://app.example.com/callback"}, Scope: oauth2.Scope{"notes.read"},
	}, func(cfg *oauth2.ServerConfig) {
		cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{sealingKey}}
		cfg.SignedResponses = true
	})
	defer stop()

	callback := visit(issuer + "/authorize?" + url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example.com/callback"}, "state": {"a-state"},
		"response_mode": {"jwt"}, "code_challenge_method": {"S256"},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier())},
	}.Encode())
	res, err := http.Get(issuer + "/jwks")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&keys); err != nil {
		log.Fatal(err)
	}
	response, err := jwt.ParseSigned(callback.Query().Get("response"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		log.Fatal(err)
	}
	var claims jwt.Claims
	var answer struct {
		State string `json:"state"`
		Code  string `json:"code"`
	}
	if err := response.Claims(keys, &claims, &answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid:", claims.Validate(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{"app"}}) == nil)
	fmt.Println("state:", answer.State, "code:", answer.Code != "")
	// Output:
	// valid: true
	// state: a-state code: true
}
