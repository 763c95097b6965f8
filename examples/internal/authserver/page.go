package authserver

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

//go:embed pages
var pageFiles embed.FS

// pageTemplates are the pages by the name of their file. Each fills in the layout.
var pageTemplates = parsePages("apps", "consent", "device", "error", "home", "login")

func parsePages(names ...string) map[string]*template.Template {
	pages := make(map[string]*template.Template, len(names))
	for _, name := range names {
		pages[name] = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
	}
	return pages
}

// A page is what every template is given.
type page struct {
	Lang lang
	// Base is the path of the issuer, which the site's own paths are below.
	Base string
	// User is who is logged in, or empty; Proof is then the hidden field of the site's forms.
	User, Proof string
	Data        any
}

// T is a message as text, which the template escapes where it stands.
func (p page) T(key string, args ...any) string { return p.Lang.text(key, args...) }

// H is a message as HTML with its arguments escaped.
func (p page) H(key string, args ...any) template.HTML { return p.Lang.html(key, args...) }

// render writes a page. l is nil when nobody is logged in.
func (a *App) render(w http.ResponseWriter, r *http.Request, status int, name string, l *logins.Login, data any) {
	p := page{Lang: langOf(r), Base: a.base, Data: data}
	if l != nil {
		p.User, p.Proof = l.Subject, prove(l.Key, proofSite, "")
	}
	var text bytes.Buffer
	if err := pageTemplates[name].ExecuteTemplate(&text, "layout", p); err != nil {
		a.log.ErrorContext(r.Context(), "page", "name", name, "error", err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a browser that went away is no fault
}

// An errorData is what the error page shows: a message, and details where the library gave some.
type errorData struct{ Message, Code, Description string }

func (a *App) renderError(w http.ResponseWriter, r *http.Request, status int, message string) {
	a.render(w, r, status, "error", nil, errorData{Message: message})
}

// unavailable answers when a store failed. Nothing was decided, and the user may try again.
func (a *App) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	a.log.ErrorContext(r.Context(), "fault", "path", r.URL.Path, "error", err)
	w.Header().Set("Retry-After", "1")
	a.renderError(w, r, http.StatusServiceUnavailable, "error.unavailable")
}

// errorPage is the library's error page in the look of this site.
func (a *App) errorPage(w http.ResponseWriter, r *http.Request, e *oauth2.Error, status int) {
	message := "error.request"
	switch {
	case status >= http.StatusInternalServerError:
		message = "error.unavailable"
	case status == http.StatusForbidden: // an answer to a page that is too old, or was shown elsewhere
		message = "error.stale"
	case status == http.StatusConflict:
		message = "error.answered"
	}
	a.render(w, r, status, "error", nil, errorData{Message: message, Code: e.Code, Description: e.Description})
}

// pageHeaders guard the site's own pages in the way in which the library guards the consent page.
func pageHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// file serves what the pages refer to.
func (a *App) file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Del("Pragma")
		http.ServeFileFS(w, r, pageFiles, "pages/"+name)
	}
}

// seeOther sends the browser on to a path of this site. http.Redirect would clean the path, and a
// target is to be kept to the letter.
func seeOther(w http.ResponseWriter, target string) {
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}
