package main

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// serveOAuth adds the authorization server to the router, and an API that its tokens open.
func (n *notebook) serveOAuth(mux *http.ServeMux, protection *http.CrossOriginProtection, baseURL string) error {
	clients, err := memory.NewClients(&oauth2.Client{
		ID:           "notes-widget",
		Name:         "Notes widget",
		RedirectURIs: []string{"http://127.0.0.1/callback"},
		GrantTypes:   []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
		Scope:        oauth2.Scope{"notes.read"},
	})
	if err != nil {
		return err
	}
	server, err := oauth2.New(oauth2.ServerConfig{
		Issuer:    baseURL,
		Clients:   clients,
		Tokens:    memory.New(),
		Consent:   n.consent,
		Resources: []oauth2.Resource{{URI: baseURL + "/api"}},
	})
	if err != nil {
		return err
	}
	for _, path := range server.Paths() {
		mux.Handle(path, server)
		protection.AddInsecureBypassPattern(path) // clients call from elsewhere; the server checks what needs it
	}
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: server, Audience: baseURL + "/api"})
	if err != nil {
		return err
	}
	mux.Handle("GET /api/notes", guard.Require("notes.read")(http.HandlerFunc(n.apiNotes)))
	n.server = server // limits guessing at the login
	return nil
}

// consent finds out who the user is, asks, and returns the decision.
func (n *notebook) consent(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	user := n.user(r)
	switch {
	case user == "" && req.HasPrompt("none"):
		return nil, oauth2.ErrLoginRequired
	case user == "":
		http.Redirect(w, r, "/login?return="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return nil, oauth2.ErrAnswered
	case !req.Answered || r.PostFormValue("user") != user: // asked nobody yet, or somebody else
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = consentPage.Execute(w, map[string]any{"Request": req, "User": user})
		return nil, oauth2.ErrAnswered
	case r.PostFormValue("decision") != "yes":
		return nil, oauth2.ErrAccessDenied
	}
	return &oauth2.Approval{Subject: user}, nil
}

var consentPage = template.Must(template.New("consent").Parse(`<!doctype html><html lang="en"><title>Allow access?</title>
<h1>Do you allow {{.Request.Client.Name}} to read your notes, {{.User}}?</h1>
<p>You will be sent on to {{.Request.RedirectURI}}.</p>
<form id="consent" method="post"><input type="hidden" name="form_token" value="{{.Request.FormToken}}">
<input type="hidden" name="user" value="{{.User}}">
<button name="decision" value="yes">Yes</button> <button name="decision" value="no">No</button></form></html>
`))

// apiNotes is open to applications that the user allowed to read the notes.
func (n *notebook) apiNotes(w http.ResponseWriter, r *http.Request) {
	info, _ := resource.FromContext(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(n.notesOf(info.Subject)) // a client that went away is no fault
}
