package oauth2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
)

// A client that nobody registered: its client_id is the URL of a document that describes it.
func ExampleNewClientIDMetadata() {
	var app *httptest.Server // the client's own web server
	app = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		document := map[string]any{"client_id": app.URL + "/client.json", "client_name": "An app", "redirect_uris": []string{"https://app.example.com/callback"}}
		if err := json.NewEncoder(w).Encode(document); err != nil {
			log.Print(err)
		}
	}))
	defer app.Close()

	issuer, stop := startExample(&oauth2.Client{ID: "registered"}, func(cfg *oauth2.ServerConfig) {
		cfg.Clients = oauth2.NewClientIDMetadata(cfg.Clients, oauth2.ClientIDMetadataConfig{
			Scope:      oauth2.Scope{"notes.read"},
			HTTPClient: app.Client(), // leave it nil: then nothing but public addresses is reached
		})
		cfg.Consent = func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			host := req.Client.DocumentHost() // show it beside the name, which is anybody's choice
			fmt.Println(req.Client.Name, "is described by its own host:", "https://"+host == app.URL)
			return &oauth2.Approval{Subject: "user-17"}, nil
		}
	})
	defer stop()

	client := &xoauth2.Config{
		ClientID: app.URL + "/client.json", RedirectURL: "https://app.example.com/callback",
		Endpoint: xoauth2.Endpoint{AuthURL: issuer + "/authorize", TokenURL: issuer + "/token", AuthStyle: xoauth2.AuthStyleInParams},
	}
	verifier := xoauth2.GenerateVerifier()
	callback := visit(client.AuthCodeURL("a-state", xoauth2.S256ChallengeOption(verifier)))
	token, err := client.Exchange(context.Background(), callback.Query().Get("code"), xoauth2.VerifierOption(verifier))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.TokenType, token.Extra("scope"))
	// Output:
	// An app is described by its own host: true
	// Bearer notes.read
}
