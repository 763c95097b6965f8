package main

import (
	"crypto/rand"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"github.com/seed5f5fedc6/oauth2"
)

// A notebook keeps the notes of its users. It is what the application was before, but for its login,
// which lets the authorization server limit guessing.
type notebook struct {
	passwords map[string]string // user -> hash
	server    *oauth2.Server    // added

	mu       sync.Mutex
	sessions map[string]string // cookie -> user
	notes    map[string][]string
}

func newNotebook() *notebook {
	return &notebook{
		passwords: map[string]string{"alice": oauth2.HashPassword("wonderland"), "bob": oauth2.HashPassword("builder")},
		sessions:  map[string]string{},
		notes:     map[string][]string{"alice": {"Feed the cat."}},
	}
}

var pages = template.Must(template.New("home").Parse(`<!doctype html><html lang="en"><title>Notebook</title>
<h1>Notes of {{.User}}</h1><ul>{{range .Notes}}<li>{{.}}</li>{{end}}</ul>
<form method="post"><input name="note" aria-label="Note" required> <button>Write</button></form>
<form method="post" action="/logout"><button>Log out</button></form></html>
{{define "login"}}<!doctype html><html lang="en"><title>Log in</title>
<h1>Log in</h1>{{if .Failed}}<p role="alert">That did not match.</p>{{end}}
<form id="login" method="post" action="/login"><input type="hidden" name="return" value="{{.Return}}">
<label>Name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button></form></html>{{end}}
`))

func render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.ExecuteTemplate(w, name, data) // a browser that went away is no fault
}

// user is who is logged in, or empty.
func (n *notebook) user(r *http.Request) string {
	cookie, err := r.Cookie("notebook_session")
	if err != nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[cookie.Value]
}

func (n *notebook) notesOf(user string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, n.notes[user]...)
}

func (n *notebook) home(w http.ResponseWriter, r *http.Request) {
	user := n.user(r)
	if user == "" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	render(w, "home", map[string]any{"User": user, "Notes": n.notesOf(user)})
}

func (n *notebook) write(w http.ResponseWriter, r *http.Request) {
	if user := n.user(r); user != "" {
		n.mu.Lock()
		n.notes[user] = append(n.notes[user], r.PostFormValue("note"))
		n.mu.Unlock()
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (n *notebook) loginPage(w http.ResponseWriter, r *http.Request) {
	render(w, "login", map[string]any{"Return": r.URL.Query().Get("return")})
}

func (n *notebook) login(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("username")
	right, err := n.server.VerifyPassword(r, user, n.passwords[user], r.PostFormValue("password"))
	var limited *oauth2.Error
	if errors.As(err, &limited) {
		limited.SetRetryAfter(w.Header())
		http.Error(w, "Too many attempts. Please wait a moment.", limited.Status)
		return
	}
	if !right {
		w.WriteHeader(http.StatusUnauthorized)
		render(w, "login", map[string]any{"Failed": true, "Return": r.PostFormValue("return")})
		return
	}
	session := rand.Text()
	n.mu.Lock()
	n.sessions[session] = user
	n.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "notebook_session", Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	target := r.PostFormValue("return")
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.Contains(target, `\`) {
		target = "/" // never to another site
	}
	http.Redirect(w, r, target, http.StatusSeeOther) //nolint:gosec // target is a path of this site
}

func (n *notebook) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie("notebook_session"); err == nil {
		n.mu.Lock()
		delete(n.sessions, cookie.Value)
		n.mu.Unlock()
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
