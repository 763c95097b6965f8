// Package spam4all is the client spam4All: a web application that asks its users for their contacts at
// Xmail, on golang.org/x/oauth2.
package spam4all

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2/examples/internal/discovery"
)

// The paths of the client. CallbackPath is that of its redirection URI.
const (
	CallbackPath = "/process-temp-code"
	startPath    = "/start"
	contactsPath = "/contacts"
	refreshPath  = "/refresh"
	revokePath   = "/revoke"
)

// Scope is what the client asks for.
const Scope = "contacts.read"

// callTimeout bounds what a request waits for the authorization server and the API.
const callTimeout = 15 * time.Second

// Options configure the client. All but HTTPClient and Now are required.
type Options struct {
	// BaseURL is where browsers find the client, such as http://localhost:8600, without a path.
	BaseURL string
	// Issuer is the authorization server. It may start later than the client.
	Issuer string
	// Resource is the contacts API: its URL, and its resource indicator (RFC 8707).
	Resource               string
	ClientID, ClientSecret string
	// HTTPClient calls the authorization server and the API. nil means one with a timeout.
	HTTPClient *http.Client
	// Now is the clock of the sessions. nil means time.Now.
	Now func() time.Time
}

//go:embed style.css icon.svg page.html
var files embed.FS

// An app is the client at work. It is safe for concurrent use.
type app struct {
	options  Options
	finder   *discovery.Finder
	sessions *sessions
	secure   bool
}

// New returns the client as a handler, or every misconfiguration at once. It sends nothing yet.
func New(o Options) (http.Handler, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.HTTPClient == nil {
		o.HTTPClient = discovery.NewClient()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	base, _ := url.Parse(o.BaseURL) // validated
	a := &app{
		options:  o,
		finder:   discovery.NewFinder(o.Issuer, o.HTTPClient),
		sessions: newSessions(o.Now, maxSessions),
		secure:   base.Scheme == "https",
	}
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(o.BaseURL); err != nil {
		return nil, fmt.Errorf("spam4all: BaseURL: %w", err)
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, foreignForm.problem(""))
	}))
	return withHeaders(protection.Handler(a.routes())), nil
}

func (o *Options) validate() error {
	var errs []error
	for _, required := range []struct{ name, value string }{
		{"BaseURL", o.BaseURL}, {"Issuer", o.Issuer}, {"Resource", o.Resource},
		{"ClientID", o.ClientID}, {"ClientSecret", o.ClientSecret},
	} {
		if required.value == "" {
			errs = append(errs, fmt.Errorf("spam4all: %s is required", required.name))
		}
	}
	if base, err := url.Parse(o.BaseURL); err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.Path != "" {
		errs = append(errs, fmt.Errorf("spam4all: BaseURL %q is not http(s)://HOST", o.BaseURL))
	}
	return errors.Join(errs...)
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET "+startPath, a.start)
	mux.HandleFunc("GET "+CallbackPath, a.callback)
	mux.HandleFunc("POST "+contactsPath, a.withConnection(a.fetchContacts))
	mux.HandleFunc("POST "+refreshPath, a.withConnection(a.refresh))
	mux.HandleFunc("POST "+revokePath, a.withConnection(a.revoke))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	for _, name := range []string{"style.css", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=3600")
			http.ServeFileFS(w, r, files, name)
		})
	}
	return mux
}

// withHeaders keeps pages out of frames, caches and other sites' referrers. The referrer stays with
// this site: with no-referrer, browsers send the forms with "Origin: null".
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// config is the client's configuration for this authorization server.
func (a *app) config(server *discovery.Metadata) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     a.options.ClientID,
		ClientSecret: a.options.ClientSecret,
		RedirectURL:  a.options.BaseURL + CallbackPath,
		Scopes:       []string{Scope},
		Endpoint: oauth2.Endpoint{
			AuthURL:   server.AuthorizationEndpoint,
			TokenURL:  server.TokenEndpoint,
			AuthStyle: oauth2.AuthStyleInHeader,
		},
	}
}

// calling is the context of calls that must not be cut short when the browser goes away: a token that
// was issued and not kept is lost.
func (a *app) calling(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := context.WithValue(context.WithoutCancel(r.Context()), oauth2.HTTPClient, a.options.HTTPClient)
	return context.WithTimeout(ctx, callTimeout)
}

// mask shows the beginning of a code or token, and never more than a quarter of it.
func mask(secret string) string {
	if secret == "" {
		return ""
	}
	return secret[:min(6, len(secret)/4)] + "........"
}
