package main

import (
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

// people are the users, who log in and are asked.
type people struct {
	passwords map[string]string // user -> hash
	server    *oauth2.Server
	logins    *logins.Sessions
}

func newPeople(sessions *logins.Sessions) *people {
	return &people{
		passwords: map[string]string{"alice": oauth2.HashPassword("wonderland"), "bob": oauth2.HashPassword("builder")},
		logins:    sessions,
	}
}

// user is who is logged in, or empty. An error is a fault of the store.
func (p *people) user(w http.ResponseWriter, r *http.Request) (string, error) {
	login, err := p.logins.Current(w, r)
	if login == nil {
		return "", err
	}
	return login.Subject, nil
}

func (p *people) loginPage(w http.ResponseWriter, r *http.Request) {
	showLogin(w, http.StatusOK, loginData{Return: r.URL.Query().Get("return")})
}

func (p *people) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	user, target := r.PostFormValue("username"), r.PostFormValue("return")
	right, err := p.server.VerifyPassword(r, user, p.passwords[user], r.PostFormValue("password"))
	if limited, ok := errors.AsType[*oauth2.Error](err); ok {
		limited.SetRetryAfter(w.Header())
		http.Error(w, "Too many attempts. Please wait a moment.", limited.Status)
		return
	}
	if !right {
		showLogin(w, http.StatusUnauthorized, loginData{Failed: true, Return: target})
		return
	}
	if !strings.HasPrefix(target, "/authorize?") {
		target = "/login" // never to another site
	}
	if err := p.logins.Begin(w, r, user, target); err != nil {
		http.Error(w, "Xmail cannot log you in right now. Please try again.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// consent finds out who the user is, and asks.
func (p *people) consent(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	user, err := p.user(w, r)
	switch {
	case err != nil:
		return nil, oauth2.ErrTemporarilyUnavailable.Because(err)
	case req.HasPrompt("none"):
		return nil, oauth2.ErrLoginRequired
	case user == "":
		w.Header().Set("Location", "/login?return="+url.QueryEscape(r.URL.RequestURI()))
		w.WriteHeader(http.StatusSeeOther)
		return nil, oauth2.ErrAnswered
	case !req.Answered || r.PostFormValue("user") != user: // asked nobody yet, or somebody else
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = pages.ExecuteTemplate(w, "consent", newConsentData(user, req)) // a browser that went away is no fault
		return nil, oauth2.ErrAnswered
	case r.PostFormValue("decision") != "yes":
		return nil, oauth2.ErrAccessDenied
	}
	return &oauth2.Approval{Subject: user}, nil
}

// healthz answers 200 when the stores can be read.
func (p *people) healthz(w http.ResponseWriter, r *http.Request) {
	if err := p.logins.Ping(r.Context()); err != nil {
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n")) // a prober that went away is no fault
}

// A consentData is what the page shows.
type consentData struct {
	User, Client, FormToken string
	// Origin is who vouches for the client: the host of its document, or nobody but itself.
	Origin string
	// Host is where the answer goes; Local says that this is a program on the user's own machine, and
	// nobody can tell which.
	Host   string
	Local  bool
	Scopes []string
}

var words = map[string]string{
	contacts.ScopeRead:  "see your contacts",
	contacts.ScopeStats: "see how many contacts Xmail has",
	"offline_access":    "do so when you are away",
}

func newConsentData(user string, req *oauth2.AuthorizationRequest) consentData {
	d := consentData{User: user, Client: req.Client.Name, FormToken: req.FormToken, Host: req.RedirectURI}
	if d.Client == "" {
		d.Client = req.Client.ID
	}
	if u, err := url.Parse(req.Client.ID); err == nil {
		d.Origin = u.Host
	}
	if u, err := url.Parse(req.RedirectURI); err == nil && u.Host != "" {
		d.Host, d.Local = u.Host, isLoopback(u.Host)
	}
	for _, token := range req.Scope {
		d.Scopes = append(d.Scopes, words[token])
	}
	return d
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

type loginData struct {
	Failed bool
	Return string
}

func showLogin(w http.ResponseWriter, status int, d loginData) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, "login", d) // a browser that went away is no fault
}

var pages = template.Must(template.New("").Parse(`{{define "login"}}<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Log in</title>
<h1>Log in at Xmail</h1>{{if .Failed}}<p role="alert">That did not match.</p>{{end}}
<form id="login" method="post" action="/login"><input type="hidden" name="return" value="{{.Return}}">
<label>Name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button></form></html>{{end}}
{{define "consent"}}<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Allow access?</title>
<h1>Do you allow &lsquo;{{.Client}}&rsquo; to use Xmail, {{.User}}?</h1>
<p>{{if .Origin}}{{.Origin}} says that this is its app.{{else}}Nobody vouches for this app: it registered itself.{{end}}</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<p>You will be sent on to {{.Host}}.{{if .Local}} That is a program on your own computer. Go on only if you just started it.{{end}}</p>
<form id="consent" method="post"><input type="hidden" name="form_token" value="{{.FormToken}}">
<input type="hidden" name="user" value="{{.User}}">
<button name="decision" value="no">No</button> <button name="decision" value="yes">Yes</button></form></html>{{end}}
`))
