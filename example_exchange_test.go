package oauth2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// askToken is what a confidential client asks the token endpoint, and the answer.
func askToken(server *httptest.Server, clientID string, form url.Values) map[string]any {
	r, err := http.NewRequest(http.MethodPost, server.URL+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(clientID, "a-secret-of-256-random-bits")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	return answer
}

// An identity provider vouches for alice to the server of a wiki, which gives its client an access token;
// and the wiki's API exchanges that token for one with which it calls the search behind it.
func ExampleTokenExchangeGrant() {
	secrets := []oauth2.ClientSecret{{Hash: oauth2.HashSecret("a-secret-of-256-random-bits")}}
	clients, err := memory.NewClients(
		&oauth2.Client{ID: "reader", Secrets: secrets, GrantTypes: []string{oauth2.GrantJWTBearer}, Scope: oauth2.Scope{"pages", "search"}},
		&oauth2.Client{ID: "wiki-api", Secrets: secrets, GrantTypes: []string{oauth2.GrantTokenExchange}, Scope: oauth2.Scope{"search"}},
	)
	if err != nil {
		log.Fatal(err)
	}
	idp, assertion, keys := startIdentityProvider()
	defer idp.Close()

	var handler http.Handler
	wiki := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer wiki.Close()
	exchange := oauth2.TokenExchangeGrant{
		Policy: func(_ context.Context, x *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
			if x.Client.ID == "wiki-api" && x.Subject.ClientID == "reader" {
				return oauth2.Delegate, nil // the token tells who acts for alice
			}
			return oauth2.Refuse, nil
		},
	}
	bearer := oauth2.JWTBearerGrant{
		Issuers: []oauth2.TrustedIssuer{{Issuer: idp.URL, JWKS: keys, IDJAG: true}}, // or JWKSURI
		Approve: func(_ context.Context, a *oauth2.BearerAssertion) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "acme/" + a.Subject}, nil // whom it means here
		},
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  wiki.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Grants:  []oauth2.GrantHandler{bearer, exchange},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler = server

	granted := askToken(wiki, "reader", url.Values{"grant_type": {oauth2.GrantJWTBearer}, "assertion": {assertion(wiki.URL)}})
	fmt.Println("scope:", granted["scope"])
	exchanged := askToken(wiki, "wiki-api", url.Values{
		"grant_type":         {oauth2.GrantTokenExchange},
		"subject_token":      {granted["access_token"].(string)},
		"subject_token_type": {oauth2.TokenTypeAccessToken},
	})
	fmt.Println("exchanged:", exchanged["scope"])
	info, err := server.Check(context.Background(), exchanged["access_token"].(string))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("subject:", info.Subject, "actor:", info.Actor.Subject)
	// Output:
	// scope: pages search
	// exchanged: search
	// subject: acme/alice actor: wiki-api
}
