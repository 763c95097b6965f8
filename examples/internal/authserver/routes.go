package authserver

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

// route mounts the pages of this site and the endpoints of the library.
func (a *App) route() {
	a.routes = map[string]map[string]http.HandlerFunc{
		a.base + "/":          {http.MethodGet: a.home},
		a.base + "/login":     {http.MethodGet: a.loginForm, http.MethodPost: a.posted(a.login)},
		a.base + "/logout":    {http.MethodPost: a.posted(a.asUser(a.logout))},
		a.base + appsPath:     {http.MethodGet: a.connectedApps, http.MethodPost: a.posted(a.asUser(a.withdraw))},
		a.base + "/style.css": {http.MethodGet: a.file("style.css")},
		a.base + "/icon.svg":  {http.MethodGet: a.file("icon.svg")},
		a.base + "/healthz":   {http.MethodGet: a.healthz},
	}
}

// ServeHTTP answers the library's endpoints, the pages, and 404 elsewhere.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if slices.Contains(a.server.Paths(), r.URL.Path) {
		a.server.ServeHTTP(w, r)
		return
	}
	pageHeaders(w.Header())
	methods, ok := a.routes[r.URL.Path]
	if !ok {
		a.renderError(w, r, http.StatusNotFound, "error.notfound")
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handler, ok := methods[method]
	if !ok {
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
		a.renderError(w, r, http.StatusMethodNotAllowed, "error.method")
		return
	}
	handler(w, r)
}

// posted lets a form through that came from this site and can be read.
func (a *App) posted(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := a.crossOrigin.Check(r); err != nil {
			a.renderError(w, r, http.StatusForbidden, "error.foreign")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		if err := r.ParseForm(); err != nil {
			status := http.StatusBadRequest
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				status = http.StatusRequestEntityTooLarge
			}
			a.renderError(w, r, status, "error.toolarge")
			return
		}
		handler(w, r)
	}
}

// asUser lets a form through that was shown to the user who is logged in.
func (a *App) asUser(handler func(http.ResponseWriter, *http.Request, *logins.Login)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l, err := a.current(w, r)
		switch {
		case err != nil:
			a.unavailable(w, r, err)
		case l == nil:
			seeOther(w, a.loginURL(r.URL.Path))
		case !proven(r.PostFormValue(proofField), l.Key, proofSite, ""):
			a.renderError(w, r, http.StatusForbidden, "error.stale")
		default:
			handler(w, r, l)
		}
	}
}

// healthz answers 200 when the stores can be read.
func (a *App) healthz(w http.ResponseWriter, r *http.Request) {
	if err := a.sessions.Ping(r.Context()); err != nil {
		a.unavailable(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // a prober that went away is no fault
}
