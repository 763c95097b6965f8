package oauth2_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
)

// NoteExport is what a client may take out of a notebook: the members of a type of authorization details.
type NoteExport struct {
	Notebooks []string `json:"notebooks"`
	Limit     int      `json:"limit,omitempty"`
}

// What a scope is too coarse for: a client asks for ten notes of one notebook, and gets no more.
func ExampleDetailsType() {
	exports := oauth2.DetailsType[NoteExport]{
		Name: "note_export",
		Accept: func(_ context.Context, _ *oauth2.Client, asked NoteExport) (NoteExport, error) {
			if len(asked.Notebooks) == 0 || asked.Limit < 1 || asked.Limit > 100 {
				return asked, oauth2.ErrInvalidAuthorizationDetails.With("notebooks is empty, or limit is not from 1 to 100.")
			}
			return asked, nil
		},
		NoMore: func(asked, granted NoteExport) bool {
			return asked.Limit <= granted.Limit && !slices.ContainsFunc(asked.Notebooks, func(name string) bool { return !slices.Contains(granted.Notebooks, name) })
		},
	}
	issuer, stop := startExample(&oauth2.Client{
		ID:                        "app",
		RedirectURIs:              []string{"https://app.example.com/callback"},
		AuthorizationDetailsTypes: []string{"note_export"},
	}, func(cfg *oauth2.ServerConfig) { cfg.AuthorizationDetails = []oauth2.AuthorizationDetailsType{exports} })
	defer stop()

	verifier := xoauth2.GenerateVerifier()
	app := xoauth2.Config{ClientID: "app", RedirectURL: "https://app.example.com/callback", Endpoint: xoauth2.Endpoint{AuthURL: issuer + "/authorize", TokenURL: issuer + "/token"}}
	ask := func(details string) url.Values {
		return visit(app.AuthCodeURL("a-state", xoauth2.S256ChallengeOption(verifier), xoauth2.SetAuthURLParam("authorization_details", details))).Query()
	}
	fmt.Println(ask(`[{"type":"note_export","notebooks":["work"],"limit":1000}]`).Get("error"))

	code := ask(`[{"type":"note_export","notebooks":["work"],"limit":10}]`).Get("code")
	redeem := func(details string) {
		token, err := app.Exchange(context.Background(), code, xoauth2.VerifierOption(verifier), xoauth2.SetAuthURLParam("authorization_details", details))
		if err != nil {
			fmt.Println("wider: refused")
			return
		}
		fmt.Println(token.Extra("authorization_details"))
	}
	redeem(`[{"type":"note_export","notebooks":["work","diary"],"limit":10}]`)
	redeem(`[{"type":"note_export","notebooks":["work"],"limit":5}]`)
	// Output:
	// invalid_authorization_details
	// wider: refused
	// [map[limit:5 notebooks:[work] type:note_export]]
}
