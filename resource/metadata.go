package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
)

// wellKnownPath goes between the host and the path of a resource (RFC 9728 section 3.1).
const wellKnownPath = "/.well-known/oauth-protected-resource"

// A MetadataConfig tells clients what they need to know about an API (RFC 9728 section 2). Resource is
// required. What is not set is not told.
type MetadataConfig struct {
	// Resource is the API's resource indicator: an https URL without query and fragment; http is
	// allowed on loopback addresses and localhost only. It is the URL under which clients reach it.
	Resource string
	// AuthorizationServers are the issuers of the tokens that the API accepts.
	AuthorizationServers []string
	// Scopes are those that the API asks for.
	Scopes oauth2.Scope
	// AuthorizationDetailsTypes are the types of authorization details that the API understands (RFC 9396).
	AuthorizationDetailsTypes []string
	// Name, Documentation, Policy and TermsOfService are for people; the last three are URLs.
	Name, Documentation, Policy, TermsOfService string
	// DPoPRequired says that every token must be bound to a DPoP key (RFC 9449), and a Guard with this
	// metadata holds requests to it. DPoPAlgorithms are the signatures that a proof may have.
	DPoPRequired   bool
	DPoPAlgorithms []string
	// CertificateBound says that tokens bound to a client certificate are taken (RFC 8705 section 3).
	CertificateBound bool
}

// Metadata is the metadata of a protected resource: an [http.Handler] for its Paths. Any page may read
// it. It is made once, so no header of a request can change it, and is safe for concurrent use.
type Metadata struct {
	resource string
	url      string
	paths    []string
	document []byte
	// dpopRequired: no other tokens are taken.
	dpopRequired bool
}

// metadataDocument has the members of RFC 9728 section 2. A list that is empty is left out (section 3.2).
type metadataDocument struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name,omitempty"`
	Documentation        string   `json:"resource_documentation,omitempty"`
	Policy               string   `json:"resource_policy_uri,omitempty"`
	TermsOfService       string   `json:"resource_tos_uri,omitempty"`
	CertificateBound     bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DetailsTypes         []string `json:"authorization_details_types_supported,omitempty"`
	DPoPAlgorithms       []string `json:"dpop_signing_alg_values_supported,omitempty"`
	DPoPRequired         bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// NewMetadata builds the metadata. Every misconfiguration is an error here, all of them joined.
func NewMetadata(cfg MetadataConfig) (*Metadata, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	document, err := json.Marshal(metadataDocument{
		Resource:             cfg.Resource,
		AuthorizationServers: cfg.AuthorizationServers,
		Scopes:               cfg.Scopes,
		BearerMethods:        []string{"header"},
		Name:                 cfg.Name,
		Documentation:        cfg.Documentation,
		Policy:               cfg.Policy,
		TermsOfService:       cfg.TermsOfService,
		CertificateBound:     cfg.CertificateBound,
		DetailsTypes:         cfg.AuthorizationDetailsTypes,
		DPoPAlgorithms:       cfg.DPoPAlgorithms,
		DPoPRequired:         cfg.DPoPRequired,
	})
	if err != nil {
		return nil, fmt.Errorf("resource: metadata: %w", err)
	}
	u, _ := url.Parse(cfg.Resource) // validated
	m := &Metadata{resource: cfg.Resource, document: document, dpopRequired: cfg.DPoPRequired, paths: []string{wellKnownPath}}
	path := strings.TrimSuffix(u.Path, "/")
	for _, inserted := range []string{u.Path, path} {
		if !slices.Contains(m.paths, wellKnownPath+inserted) && inserted != "/" {
			m.paths = append(m.paths, wellKnownPath+inserted)
		}
	}
	m.url = u.Scheme + "://" + u.Host + wellKnownPath + path
	return m, nil
}

func (cfg *MetadataConfig) validate() error {
	var errs []error
	report := func(broken bool, format string, args ...any) {
		if broken {
			errs = append(errs, fmt.Errorf("resource: "+format, args...))
		}
	}
	u, err := url.Parse(cfg.Resource)
	plain := err == nil && u.EscapedPath() == u.Path && printable(cfg.Resource)
	report(!plain || !secureURL(cfg.Resource) || strings.ContainsAny(cfg.Resource, "?#"), "Resource %q is not an https URL without query, fragment and escapes", cfg.Resource)
	for _, issuer := range cfg.AuthorizationServers {
		report(!secureURL(issuer) || strings.ContainsAny(issuer, "?#"), "AuthorizationServers: %q is not an https URL without query and fragment", issuer)
	}
	for _, token := range cfg.Scopes {
		parsed, err := oauth2.ParseScope(token)
		report(err != nil || len(parsed) != 1, "Scopes: %q is malformed", token)
	}
	for _, page := range []string{cfg.Documentation, cfg.Policy, cfg.TermsOfService} {
		report(page != "" && !secureURL(page), "%q is not an https URL", page)
	}
	report(slices.Contains(cfg.AuthorizationDetailsTypes, ""), "AuthorizationDetailsTypes has one that is empty")
	report(slices.Contains(cfg.DPoPAlgorithms, "none"), "DPoPAlgorithms: none is no signature")
	return errors.Join(errs...)
}

// Paths are where the API answers with the metadata: at the root of its host, and with the path of the
// resource inserted (RFC 9728 section 3.1) if it has one. Clients that follow the specification ask the
// last; the root serves those that know no more than the host.
func (m *Metadata) Paths() []string { return slices.Clone(m.paths) }

// URL is where clients find the metadata (RFC 9728 section 3.1). Challenges name it.
func (m *Metadata) URL() string { return m.url }

// ServeHTTP answers with the metadata, whatever the path. A page that asks with headers of its own asks
// first whether it may (Fetch section 4.8), and may.
func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", http.MethodGet)
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", typeJSON)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(m.document) // a client that went away is no fault
}
