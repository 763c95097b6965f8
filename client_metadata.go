package oauth2

import (
	"net/url"
	"strings"
)

// signedAuthMetadata tells of private_key_jwt (RFC 8414 section 2): the algorithms are there where the
// method is.
type signedAuthMetadata struct {
	TokenEndpointAuthAlgs         []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionEndpointAuthAlgs []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationEndpointAuthAlgs    []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
}

func newSignedAuthMetadata(cfg *ServerConfig) (m signedAuthMetadata) {
	if !cfg.authenticatesBy(AuthMethodPrivateKeyJWT) {
		return m
	}
	var algs []string
	for _, alg := range cfg.clientAlgorithms() {
		algs = append(algs, string(alg))
	}
	return signedAuthMetadata{algs, algs, algs}
}

// mutualTLSMetadata tells of certificates (RFC 8705 sections 3.3 and 5).
type mutualTLSMetadata struct {
	CertificateBoundAccessTokens bool              `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	EndpointAliases              map[string]string `json:"mtls_endpoint_aliases,omitempty"`
}

func newMutualTLSMetadata(cfg *ServerConfig) (m mutualTLSMetadata) {
	if cfg.MutualTLS == nil {
		return m
	}
	m.CertificateBoundAccessTokens = true
	if cfg.MutualTLS.AliasOrigin == "" {
		return m
	}
	m.EndpointAliases = map[string]string{}
	for _, endpoint := range []struct {
		name, path string
		served     bool
	}{
		{"token_endpoint", cfg.Endpoints.Token, true},
		{"introspection_endpoint", cfg.Endpoints.Introspection, true},
		{"revocation_endpoint", cfg.Endpoints.Revocation, true},
		{"pushed_authorization_request_endpoint", cfg.Endpoints.PushedAuthorization, cfg.servesPushes()},
		{"device_authorization_endpoint", cfg.Endpoints.DeviceAuthorization, cfg.device() != nil},
	} {
		if endpoint.served {
			m.EndpointAliases[endpoint.name] = cfg.aliasOf(endpoint.path)
		}
	}
	return m
}

// aliasOf is the URL of an endpoint for clients with certificates (RFC 8705 section 5), "" where they have
// none of their own.
func (cfg *ServerConfig) aliasOf(path string) string {
	if cfg.MutualTLS == nil || cfg.MutualTLS.AliasOrigin == "" {
		return ""
	}
	u, _ := url.Parse(cfg.Issuer) // validated
	return cfg.MutualTLS.AliasOrigin + strings.TrimSuffix(u.Path, "/") + path
}
