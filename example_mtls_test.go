package oauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// ownCertificate is what a client makes for itself: a key, and a certificate that nobody else vouches
// for.
func ownCertificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// askingForCertificates serves a handler over TLS, and asks clients for their certificates.
func askingForCertificates(handler http.Handler) *httptest.Server {
	listener := httptest.NewUnstartedServer(handler)
	listener.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	listener.StartTLS()
	return listener
}

// A client that shows a certificate. Its tokens are good over connections with that certificate alone,
// at the API too.
func ExampleMutualTLSConfig() {
	certificate := ownCertificate()
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key: certificate.Leaf.PublicKey, Certificates: []*x509.Certificate{certificate.Leaf},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	clients, err := memory.NewClients(&oauth2.Client{
		ID:                      "reporter",
		TokenEndpointAuthMethod: oauth2.AuthMethodSelfSignedTLS,
		JWKS:                    jwks,
		GrantTypes:              []string{oauth2.GrantClientCredentials},
		Scope:                   oauth2.Scope{"stats.read"},
	})
	if err != nil {
		log.Fatal(err)
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:      "https://id.example.com",
		Clients:     clients,
		Tokens:      memory.New(),
		Grants:      []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		Resources:   []oauth2.Resource{{URI: "https://api.example.com"}},
		AuthMethods: []string{oauth2.AuthMethodSelfSignedTLS},
		MutualTLS:   &oauth2.MutualTLSConfig{}, // certificates come from the TLS connection
	})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: server, Audience: "https://api.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	authorization := askingForCertificates(server)
	defer authorization.Close()
	api := askingForCertificates(guard.Require("stats.read")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer api.Close()

	// What the client does: with its certificate, and then as a thief of the token, without.
	roots := x509.NewCertPool()
	roots.AddCert(authorization.Certificate())
	roots.AddCert(api.Certificate())
	owner := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}}}
	thief := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	res, err := owner.PostForm(authorization.URL+"/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"reporter"}})
	if err != nil {
		log.Fatal(err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		log.Fatal(err)
	}
	_ = res.Body.Close()
	for _, client := range []*http.Client{owner, thief} {
		r, err := http.NewRequest(http.MethodGet, api.URL, nil)
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token.AccessToken)
		res, err := client.Do(r)
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
