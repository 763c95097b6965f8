package oauth2

import (
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

// What an authorization request may come as, beside parameters in a query: pushed (pushed.go), as a
// signed object (jar.go), and answered by one (jarm.go).

// replaceBy puts the parameters of a pushed request or of a request object in the place of those that
// the browser brought. The form token of the page covers both.
func (req *AuthorizationRequest) replaceBy(inner form) {
	req.sent, req.form = req.form, inner
}

// servesPushes reports whether there is a pushed authorization request endpoint.
func (cfg *ServerConfig) servesPushes() bool {
	return cfg.Endpoints.PushedAuthorization != "" && cfg.servesAuthorization()
}

func (cfg *ServerConfig) validateRequests(report func(wrong bool, format string, args ...any)) {
	lifetime := cfg.PushedRequestLifetime
	report(lifetime < minPushedRequestLifetime || lifetime > maxPushedRequestLifetime, "PushedRequestLifetime %v is shorter than %v or longer than %v",
		lifetime, minPushedRequestLifetime, maxPushedRequestLifetime)
	report(cfg.RequirePushedAuthorizationRequests && !cfg.servesPushes(), "RequirePushedAuthorizationRequests needs Endpoints.PushedAuthorization and an authorization endpoint")
	report(cfg.SignedResponses && cfg.Keys == nil, "SignedResponses needs Keys")
}

// requestMetadata is what RFC 9126 section 5, RFC 9101 section 4, OpenID Connect Discovery section 3 and
// JARM section 4 add to the metadata.
type requestMetadata struct {
	PushedEndpoint  string               `json:"pushed_authorization_request_endpoint,omitempty"`
	RequirePushed   bool                 `json:"require_pushed_authorization_requests,omitempty"`
	RequestObjects  bool                 `json:"request_parameter_supported,omitempty"`
	RequestURIs     bool                 `json:"request_uri_parameter_supported,omitempty"`
	RegisteredURIs  bool                 `json:"require_request_uri_registration,omitempty"`
	RequestAlgs     []string             `json:"request_object_signing_alg_values_supported,omitempty"`
	ResponseModes   []string             `json:"response_modes_supported,omitempty"`
	ResponseSigning []SignatureAlgorithm `json:"authorization_signing_alg_values_supported,omitempty"`
}

func newRequestMetadata(cfg *ServerConfig) requestMetadata {
	m := requestMetadata{ResponseModes: cfg.responseModes()}
	if cfg.servesPushes() {
		m.PushedEndpoint = cfg.url(cfg.Endpoints.PushedAuthorization)
		m.RequirePushed = cfg.RequirePushedAuthorizationRequests
	}
	if cfg.RequestObjects {
		m.RequestObjects, m.RequestURIs, m.RegisteredURIs = true, true, true
		for _, alg := range cfg.clientAlgorithms() {
			m.RequestAlgs = append(m.RequestAlgs, string(alg))
		}
	}
	if cfg.signsResponses() {
		m.ResponseSigning = cfg.Keys.algorithms()
	}
	return m
}

func brokenRequestURI(c *Client) bool {
	return slices.ContainsFunc(c.RequestURIs, func(uri string) bool { return !fetch.ValidURL(uri) })
}

// servedAlg reports whether a registered algorithm can be served; none need be registered.
func servedAlg(alg string) bool {
	return alg == "" || slices.Contains(signatureAlgorithms, jose.SignatureAlgorithm(alg))
}
