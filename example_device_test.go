package oauth2_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
)

// askForDevice is a Consent that asks about devices too. A real one sees to a login first, and escapes
// what it shows.
func askForDevice(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	if req.Answered && r.PostFormValue("decision") == "yes" {
		return &oauth2.Approval{Subject: "user-17"}, nil
	}
	if req.Answered {
		return nil, oauth2.ErrAccessDenied
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := fmt.Fprintf(w, `<form method="post"><input type="hidden" name="form_token" value="%s">
Does your device show %s, and may %s have %s? <button name="decision" value="yes">Yes</button></form>`,
		req.FormToken, req.UserCode, req.Client.Name, req.Scope)
	if err != nil {
		return nil, err
	}
	return nil, oauth2.ErrAnswered
}

// sayYes is what a user does in a browser: open the page, and press the button.
func sayYes(page string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	res, err := browser.Get(page)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	answer := url.Values{"form_token": {formTokenIn(string(body))}, "decision": {"yes"}}
	done, err := browser.Post(page, "application/x-www-form-urlencoded", strings.NewReader(answer.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	defer done.Body.Close()
	fmt.Println("the user said yes:", done.StatusCode)
}

// A television has no keyboard. It shows a code, its user enters that on a telephone and decides there,
// and the television polls for its tokens.
func ExampleDeviceGrant() {
	issuer, stop := startExample(&oauth2.Client{
		ID:         "television",
		Name:       "Television",
		GrantTypes: []string{oauth2.GrantDeviceCode, oauth2.GrantRefreshToken},
		Scope:      oauth2.Scope{"films.watch"},
	}, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.DeviceGrant{Interval: time.Second}, oauth2.RefreshGrant{}}
		cfg.Consent = askForDevice
	})
	defer stop()

	television := xoauth2.Config{
		ClientID: "television",
		Endpoint: xoauth2.Endpoint{DeviceAuthURL: issuer + "/device_authorization", TokenURL: issuer + "/token"},
	}
	device, err := television.DeviceAuth(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a code of", len(device.UserCode), "characters, to be entered at", strings.TrimPrefix(device.VerificationURI, issuer))
	sayYes(device.VerificationURIComplete)
	token, err := television.DeviceAccessToken(context.Background(), device)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("tokens for", token.Extra("scope"), "and a refresh token:", token.RefreshToken != "")
	// Output:
	// a code of 9 characters, to be entered at /device
	// the user said yes: 200
	// tokens for films.watch and a refresh token: true
}
