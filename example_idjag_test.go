package oauth2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// startIdentityProvider starts a server that alice logged in at with the client "portal". assertion is
// what the client gets from it for another server, keys is its JWKS.
func startIdentityProvider() (idp *httptest.Server, assertion func(audience string) string, keys json.RawMessage) {
	clients, err := memory.NewClients(&oauth2.Client{
		ID:         "portal",
		Secrets:    []oauth2.ClientSecret{{Hash: oauth2.HashSecret("a-secret-of-256-random-bits")}},
		GrantTypes: []string{oauth2.GrantTokenExchange, "example:login"},
		Scope:      oauth2.Scope{"profile"},
	})
	if err != nil {
		log.Fatal(err)
	}
	var handler http.Handler
	idp = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  idp.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Keys:    &oauth2.SigningKeys{SealingKeys: [][]byte{[]byte("32 random bytes, kept elsewhere.")}},
		Grants: []oauth2.GrantHandler{loginGrant{}, oauth2.TokenExchangeGrant{
			IdentityAssertion: func(_ context.Context, x *oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) {
				// Ask here whether alice's company lets the client in there.
				return &oauth2.IdentityAssertion{Audience: x.Audience[0], ClientID: "reader", Scope: x.Scope}, nil
			},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler = server
	login := askToken(idp, "portal", url.Values{"grant_type": {"example:login"}})
	assertion = func(audience string) string {
		answer := askToken(idp, "portal", url.Values{
			"grant_type":           {oauth2.GrantTokenExchange},
			"requested_token_type": {oauth2.TokenTypeIDJAG},
			"subject_token":        {login["access_token"].(string)},
			"subject_token_type":   {oauth2.TokenTypeAccessToken},
			"audience":             {audience},
			"scope":                {"pages search"},
		})
		return answer["access_token"].(string)
	}
	res, err := http.Get(idp.URL + "/jwks")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	if keys, err = io.ReadAll(res.Body); err != nil {
		log.Fatal(err)
	}
	return idp, assertion, keys
}

// A loginGrant stands for the login and the code that the examples of the flow show.
type loginGrant struct{}

func (loginGrant) GrantType() string { return "example:login" }

func (loginGrant) Exchange(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
	a, err := req.Begin("alice")
	return &oauth2.Issuance{Authorization: a}, err
}

// An ID-JAG is accepted once, from the client that it names.
func ExampleJWTBearerGrant() {
	idp, assertion, keys := startIdentityProvider()
	defer idp.Close()
	clients, err := memory.NewClients(&oauth2.Client{
		ID:         "reader",
		Secrets:    []oauth2.ClientSecret{{Hash: oauth2.HashSecret("a-secret-of-256-random-bits")}},
		GrantTypes: []string{oauth2.GrantJWTBearer},
		Scope:      oauth2.Scope{"pages"},
	})
	if err != nil {
		log.Fatal(err)
	}
	var handler http.Handler
	wiki := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer wiki.Close()
	handler, err = oauth2.New(oauth2.ServerConfig{
		Issuer:  wiki.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Grants: []oauth2.GrantHandler{oauth2.JWTBearerGrant{
			Issuers: []oauth2.TrustedIssuer{{Issuer: idp.URL, JWKS: keys, IDJAG: true}},
			Approve: func(_ context.Context, a *oauth2.BearerAssertion) (*oauth2.Approval, error) {
				return &oauth2.Approval{Subject: "acme/" + a.Subject}, nil
			},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	brought := url.Values{"grant_type": {oauth2.GrantJWTBearer}, "assertion": {assertion(wiki.URL)}}
	for range 2 {
		answer := askToken(wiki, "reader", brought)
		fmt.Println(answer["scope"], answer["error"])
	}
	// Output:
	// pages <nil>
	// <nil> invalid_grant
}
