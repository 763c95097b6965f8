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
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// The FAPI 2.0 Security Profile: the request is pushed, the client signs who it is, and the token is good with
// the client's key alone.
func ExampleFAPI2Security() {
	key, client := bankingClient()
	clients, err := memory.NewClients(client)
	if err != nil {
		log.Fatal(err)
	}
	var server *oauth2.Server
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	defer web.Close()
	cfg := oauth2.FAPI2Security(oauth2.ServerConfig{
		Issuer:    web.URL,
		Clients:   clients,
		Tokens:    memory.New(),
		Resources: []oauth2.Resource{{URI: "https://accounts.example.com"}},
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "user-17"}, nil
		},
	})
	if server, err = oauth2.New(cfg); err != nil {
		log.Fatal(err)
	}
	fmt.Println("findings:", len(oauth2.Lint(oauth2.ProfileFAPI2, cfg, client)))

	verifier := xoauth2.GenerateVerifier()
	_, pushed := callSigned(web, key, "/par", url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example.com/callback"}, "scope": {"accounts.read"},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	})
	browser := *web.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Get(web.URL + "/authorize?" + url.Values{"client_id": {"app"}, "request_uri": {pushed["request_uri"].(string)}}.Encode())
	if err != nil {
		log.Fatal(err)
	}
	_ = res.Body.Close()
	callback, err := res.Location()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("iss is the issuer:", callback.Query().Get("iss") == server.Issuer())

	status, tokens := callSigned(web, key, "/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {callback.Query().Get("code")}, "redirect_uri": {"https://app.example.com/callback"}, "code_verifier": {verifier},
	})
	fmt.Println(status, tokens["token_type"])
	status, again := callSigned(web, key, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
	fmt.Println(status, "the refresh token is the same:", again["refresh_token"] == tokens["refresh_token"])
	// Output:
	// findings: 0
	// iss is the issuer: true
	// 200 DPoP
	// 200 the refresh token is the same: true
}

// bankingClient is a client that authenticates by its key, and binds its tokens to the same.
func bankingClient() (*ecdsa.PrivateKey, *oauth2.Client) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}})
	if err != nil {
		log.Fatal(err)
	}
	return key, &oauth2.Client{
		ID:                      "app",
		JWKS:                    keys,
		TokenEndpointAuthMethod: oauth2.AuthMethodPrivateKeyJWT,
		RedirectURIs:            []string{"https://app.example.com/callback"},
		GrantTypes:              []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
		Scope:                   oauth2.Scope{"accounts.read"},
	}
}

// callSigned calls an endpoint with an assertion of who the client is, and a proof of its key.
func callSigned(web *httptest.Server, key *ecdsa.PrivateKey, path string, form url.Values) (status int, answer map[string]any) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		log.Fatal(err)
	}
	assertion, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": "app", "sub": "app", "aud": web.URL, "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix(),
	}).Serialize()
	if err != nil {
		log.Fatal(err)
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	r, err := http.NewRequest(http.MethodPost, web.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", proofOf(key, http.MethodPost, web.URL+path, ""))
	res, err := web.Client().Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	return res.StatusCode, answer
}
