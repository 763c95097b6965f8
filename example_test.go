package oauth2_test

import (
	"context"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A server for machines alone: no user, no page.
func Example_clientCredentials() {
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

	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  web.URL,
		Clients: clients,
		Tokens:  memory.New(),
		Grants:  []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/", server)

	client := clientcredentials.Config{ClientID: "reporter", ClientSecret: "a-secret-of-256-random-bits", TokenURL: web.URL + "/token"}
	token, err := client.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	info, err := server.Check(context.Background(), token.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.ClientID, info.Scope)
	// Output: reporter stats.read
}

// badgeGrant exchanges the number of a staff badge for tokens.
type badgeGrant struct{ staff map[string]string }

func (badgeGrant) GrantType() string { return "urn:example:params:oauth:grant-type:badge" }

func (g badgeGrant) Exchange(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
	name, ok := g.staff[req.Param("badge")]
	if !ok {
		return nil, oauth2.ErrInvalidGrant.With("The badge is unknown.")
	}
	a, err := req.Begin(name)
	if err != nil {
		return nil, err
	}
	return &oauth2.Issuance{Authorization: a}, nil
}

// A grant type of one's own: the client is authenticated and its policy checked before Exchange is
// called, and the Server issues what it decides.
func ExampleGrantHandler() {
	clients, _ := memory.NewClients(&oauth2.Client{
		ID:         "door",
		Secrets:    []oauth2.ClientSecret{{Hash: oauth2.HashSecret("door-secret")}},
		GrantTypes: []string{badgeGrant{}.GrantType()},
		Scope:      oauth2.Scope{"enter"},
	})
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: clients,
		Tokens:  memory.New(),
		Grants:  []oauth2.GrantHandler{badgeGrant{staff: map[string]string{"4711": "alice"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(server)
	defer web.Close()
	for _, badge := range []string{"4711", "0000"} {
		answer, err := http.PostForm(web.URL+"/token", url.Values{
			"client_id": {"door"}, "client_secret": {"door-secret"},
			"grant_type": {badgeGrant{}.GrantType()}, "badge": {badge},
		})
		if err != nil {
			log.Fatal(err)
		}
		answer.Body.Close()
		fmt.Println(badge, answer.Status)
	}
	// Output:
	// 4711 200 OK
	// 0000 400 Bad Request
}

var askPage = template.Must(template.New("ask").Parse(`<form method="post">
<input type="hidden" name="form_token" value="{{.FormToken}}">
<p>Do you allow {{.Client.Name}} to: {{.Scope}}?</p>
<button name="decision" value="yes">Yes</button> <button name="decision" value="no">No</button>
</form>`))

// The one function to write: it finds out who the user is, asks, and returns the decision.
func ExampleServerConfig_consent() {
	currentUser := func(*http.Request) string { return "user-17" } // the application's own session

	consent := func(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		user := currentUser(r)
		if user == "" {
			http.Redirect(w, r, "/login?return="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return nil, oauth2.ErrAnswered
		}
		if !req.Answered {
			if err := askPage.Execute(w, req); err != nil {
				return nil, err
			}
			return nil, oauth2.ErrAnswered
		}
		if r.PostFormValue("decision") != "yes" {
			return nil, oauth2.ErrAccessDenied
		}
		return &oauth2.Approval{Subject: user}, nil
	}
	clients, _ := memory.NewClients()
	_, err := oauth2.New(oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: clients,
		Tokens:  memory.New(),
		Consent: consent,
	})
	fmt.Println(err)
	// Output: <nil>
}

// Every misconfiguration is told at once.
func ExampleNew() {
	_, err := oauth2.New(oauth2.ServerConfig{Issuer: "http://id.example.com"})
	fmt.Println(err)
	// Output:
	// oauth2: Issuer "http://id.example.com" is not https; http is allowed on 127.0.0.1, [::1] and localhost only
	// oauth2: Clients is required
	// oauth2: Tokens is required
	// oauth2: Consent is required by the authorization endpoint
}
