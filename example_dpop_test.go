package oauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// proofOf is a client's proof of its key for one request (RFC 9449 section 4.2).
func proofOf(key *ecdsa.PrivateKey, method, uri, accessToken string) string {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": time.Now().Unix()}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		log.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		log.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		log.Fatal(err)
	}
	proof, err := jws.CompactSerialize()
	if err != nil {
		log.Fatal(err)
	}
	return proof
}

// Tokens that are good for nothing to a thief: the client proves its key with each request.
func ExampleDPoPConfig() {
	clients, err := memory.NewClients(&oauth2.Client{
		ID:                    "reporter",
		Secrets:               []oauth2.ClientSecret{{Hash: oauth2.HashSecret("a-secret-of-256-random-bits")}},
		GrantTypes:            []string{oauth2.GrantClientCredentials},
		Scope:                 oauth2.Scope{"stats.read"},
		DPoPBoundAccessTokens: true, // the client never gets a bearer token
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	defer web.Close()
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:    web.URL,
		Clients:   clients,
		Tokens:    memory.New(),
		Grants:    []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Resources: []oauth2.Resource{{URI: web.URL + "/stats"}},
		DPoP:      &oauth2.DPoPConfig{},
	})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker:  server,
		Audience: web.URL + "/stats",
		DPoP:     &resource.DPoPConfig{URL: web.URL},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/", server)
	mux.Handle("/stats", guard.Require("stats.read")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "42 visitors")
	})))

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	send := func(method, uri string, body url.Values, header ...string) *http.Response {
		r, err := http.NewRequest(method, uri, strings.NewReader(body.Encode()))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		return res
	}

	credentials := url.Values{"grant_type": {"client_credentials"}, "client_id": {"reporter"}, "client_secret": {"a-secret-of-256-random-bits"}}
	res := send("POST", web.URL+"/token", credentials, "DPoP", proofOf(key, "POST", web.URL+"/token", ""))
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		log.Fatal(err)
	}
	fmt.Println("token type:", token.TokenType)

	for _, attempt := range []struct{ by, scheme, proof string }{
		{"the client", "DPoP ", proofOf(key, "GET", web.URL+"/stats", token.AccessToken)},
		{"a thief without the key", "Bearer ", ""},
	} {
		res := send("GET", web.URL+"/stats", nil, "Authorization", attempt.scheme+token.AccessToken, "DPoP", attempt.proof)
		res.Body.Close()
		fmt.Println(attempt.by+":", res.Status)
	}
	// Output:
	// token type: DPoP
	// the client: 200 OK
	// a thief without the key: 401 Unauthorized
}
