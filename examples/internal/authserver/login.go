package authserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

// loginKeyChars is the length of the browser's key, as rand.Text makes it: 128 bits at least.
const loginKeyChars = 26

// A loginData is what the login page shows.
type loginData struct {
	Proof    string // binds the page to this browser
	Username string
	Message  string
}

// loginForm asks for a name and a password. Whoever is logged in already logs in anew. No session
// begins here, so strangers leave none behind.
func (a *App) loginForm(w http.ResponseWriter, r *http.Request) {
	hint := ""
	if u, err := url.Parse(a.returnTarget(r)); err == nil {
		hint = u.Query().Get("login_hint") // OpenID Connect Core section 3.1.2.1
	}
	a.askLogin(w, r, http.StatusOK, loginData{Username: hint})
}

func (a *App) askLogin(w http.ResponseWriter, r *http.Request, status int, data loginData) {
	key, ok := a.loginKey(r)
	if !ok {
		key = rand.Text()
		http.SetCookie(w, &http.Cookie{
			Name: a.loginCookie, Value: key, Path: "/",
			HttpOnly: true, Secure: a.https, SameSite: http.SameSiteLaxMode,
		})
	}
	data.Proof = prove(key, proofLogin, "")
	a.render(w, r, status, "login", nil, data)
}

// loginKey is the browser's own key, which proves that it was shown the login page.
func (a *App) loginKey(r *http.Request) (string, bool) {
	cookie, err := r.Cookie(a.loginCookie)
	if err != nil || len(cookie.Value) < loginKeyChars {
		return "", false
	}
	return cookie.Value, true
}

// login checks the name and the password. Whatever is wrong, the answer is the same.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	key, ok := a.loginKey(r)
	if !ok || !proven(r.PostFormValue(proofField), key, proofLogin, "") {
		a.askLogin(w, r, http.StatusForbidden, loginData{Message: "login.stale"})
		return
	}
	name, password := r.PostFormValue("username"), r.PostFormValue("password")
	right, err := a.server.VerifyPassword(r, name, a.users[name], password)
	switch {
	case err != nil:
		a.loginLimited(w, r, name, err)
	case right:
		a.loggedIn(w, r, name)
	default:
		a.note(r.Context(), slog.LevelWarn, "login failed", "")
		a.askLogin(w, r, http.StatusForbidden, loginData{Username: name, Message: "login.wrong"})
	}
}

// loginLimited answers an attempt beyond the limits, which says nothing about the password.
func (a *App) loginLimited(w http.ResponseWriter, r *http.Request, name string, err error) {
	e, ok := errors.AsType[*oauth2.Error](err)
	if !ok {
		a.unavailable(w, r, err)
		return
	}
	e.SetRetryAfter(w.Header())
	a.askLogin(w, r, e.Status, loginData{Username: name, Message: "login.limited"})
}

func (a *App) loggedIn(w http.ResponseWriter, r *http.Request, name string) {
	target := a.returnTarget(r)
	if err := a.sessions.Begin(w, r, name, target); err != nil {
		a.unavailable(w, r, err)
		return
	}
	a.note(r.Context(), slog.LevelInfo, "login", name)
	seeOther(w, target)
}

// logout ends the session. Access that was given to apps stays.
func (a *App) logout(w http.ResponseWriter, r *http.Request, l *logins.Login) {
	if err := a.sessions.End(w, r); err != nil {
		a.unavailable(w, r, err)
		return
	}
	a.note(r.Context(), slog.LevelInfo, "logout", l.Subject)
	seeOther(w, a.base+"/")
}

// loginURL is where a browser logs in to come back to target.
func (a *App) loginURL(target string) string {
	return a.base + "/login?return=" + url.QueryEscape(target)
}

// returnTarget is where the login leads: one of the pages that ask for one, or the home page. Nothing
// else is followed, so a link cannot send anyone off this site.
func (a *App) returnTarget(r *http.Request) string {
	target := r.URL.Query().Get("return")
	path, _, _ := strings.Cut(target, "?")
	if slices.Contains(a.returnPaths, path) && !strings.ContainsFunc(target, unsafeInURL) {
		return target
	}
	return a.base + "/"
}

// requestTarget is the URL of a request as a return target. Some browsers leave characters in a
// query that no target may have; escaped they mean the same.
func requestTarget(r *http.Request) string {
	var b strings.Builder
	for _, c := range []byte(r.URL.RequestURI()) {
		if unsafeInURL(rune(c)) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unsafeInURL reports what a request URI never has and browsers read in ways of their own.
func unsafeInURL(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' || c == '#' }
