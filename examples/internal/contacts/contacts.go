// Package contacts is the contacts API of Xmail: a resource server that verifies JWTs by itself, and asks
// the authorization server what any other token is good for.
package contacts

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// The scopes of the API.
const (
	ScopeRead  = "contacts.read"
	ScopeStats = "contacts.stats"
)

// freshLogin is what taking all contacts away needs: a password a short while ago (RFC 9470).
var freshLogin = resource.Authentication{ACRValues: []string{"password"}, MaxAge: 5 * time.Minute}

// Options configure the API. All but HTTPClient and Logger are required.
type Options struct {
	// Issuer is the authorization server. It may start later than the API.
	Issuer string
	// Resource is the API's own resource indicator (RFC 8707): the audience of the tokens it accepts.
	Resource string
	// ClientID and ClientSecret are those of the API at the authorization server.
	ClientID, ClientSecret string
	// HTTPClient asks the authorization server. nil means one with a timeout.
	HTTPClient *http.Client
	// Logger is told when tokens cannot be checked. nil means slog.Default.
	Logger *slog.Logger
}

// New returns the API, or what is misconfigured. It answers GET /contacts, GET
// /contacts/stats, GET /contacts/export, /healthz, and the paths of its metadata (RFC 9728 section 3.1).
func New(o Options) (http.Handler, error) {
	introspector, err := resource.NewIntrospector(resource.IntrospectorConfig{
		Issuer:       o.Issuer,
		ClientID:     o.ClientID,
		ClientSecret: o.ClientSecret,
		HTTPClient:   o.HTTPClient,
		// No cache: a user who withdraws access expects that to hold from now on.
	})
	if err != nil {
		return nil, err
	}
	verifier, err := resource.NewJWTVerifier(resource.JWTConfig{
		Issuer:     o.Issuer,
		Audience:   []string{o.Resource},
		HTTPClient: o.HTTPClient,
	})
	if err != nil {
		return nil, err
	}
	metadata, err := resource.NewMetadata(resource.MetadataConfig{
		Resource:             o.Resource,
		AuthorizationServers: []string{o.Issuer},
		Scopes:               oauth2.Scope{ScopeRead, ScopeStats},
		Name:                 "Xmail contacts",
		DPoPAlgorithms:       []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}, // all that a Guard takes
	})
	if err != nil {
		return nil, err
	}
	logger := cmp.Or(o.Logger, slog.Default())
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker:  resource.Formats{JWT: verifier, Opaque: introspector},
		Audience: o.Resource,
		Realm:    "Xmail contacts",
		Metadata: metadata,
		DPoP:     &resource.DPoPConfig{URL: o.Resource},
		OnFault: func(r *http.Request, err error) {
			logger.ErrorContext(r.Context(), "a token cannot be checked", "error", err)
		},
	})
	if err != nil {
		return nil, err
	}
	routes := map[string]http.Handler{
		"/contacts":        guard.Require(ScopeRead)(http.HandlerFunc(serveContacts)),
		"/contacts/stats":  guard.Require(ScopeStats)(http.HandlerFunc(serveStats)),
		"/contacts/export": guard.RequireAuthentication(freshLogin, ScopeRead)(http.HandlerFunc(serveContacts)),
		"/healthz":         http.HandlerFunc(serveHealth),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, ok := routes[r.URL.Path]
		switch {
		case slices.Contains(metadata.Paths(), r.URL.Path):
			metadata.ServeHTTP(w, r) // which answers the questions of browsers too
		case !ok:
			refuse(w, http.StatusNotFound, "not_found", "There is nothing here.")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "The method is not GET.")
		default:
			handler.ServeHTTP(w, r)
		}
	}), nil
}

// serveContacts tells a user's contacts. A client that acts for itself has none.
func serveContacts(w http.ResponseWriter, r *http.Request) {
	info, ok := resource.FromContext(r.Context())
	if !ok || info.Subject == "" {
		refuse(w, http.StatusForbidden, "access_denied", "The token stands for no user.")
		return
	}
	writeJSON(w, http.StatusOK, Of(info.Subject))
}

func serveStats(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, CountAll()) }

func serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that went away is no fault
}
