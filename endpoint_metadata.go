package oauth2

import (
	"encoding/json"
	"net/http"
	"slices"
)

// metadataPath goes between the host and the path of the issuer (RFC 8414 section 3.1).
const metadataPath = "/.well-known/oauth-authorization-server"

// metadata is RFC 8414 section 2's document. It is made once, from the configuration alone, so no
// header of a request can change it.
type metadata struct {
	Issuer                           string   `json:"issuer"`
	AuthorizationEndpoint            string   `json:"authorization_endpoint,omitempty"`
	DeviceAuthorizationEndpoint      string   `json:"device_authorization_endpoint,omitempty"`
	TokenEndpoint                    string   `json:"token_endpoint"`
	TokenEndpointAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionEndpoint            string   `json:"introspection_endpoint"`
	IntrospectionEndpointAuthMethods []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	RevocationEndpoint               string   `json:"revocation_endpoint"`
	RevocationEndpointAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	ScopesSupported                  []string `json:"scopes_supported,omitempty"`
	ResponseTypesSupported           []string `json:"response_types_supported,omitempty"`
	GrantTypesSupported              []string `json:"grant_types_supported"`
	CodeChallengeMethods             []string `json:"code_challenge_methods_supported,omitempty"`
	ACRValuesSupported               []string `json:"acr_values_supported,omitempty"`
	AuthorizationDetailsTypes        []string `json:"authorization_details_types_supported,omitempty"`
	DPoPSigningAlgs                  []string `json:"dpop_signing_alg_values_supported,omitempty"`
	requestMetadata
	signedAuthMetadata
	mutualTLSMetadata
	keyMetadata
	grantMetadata
	RegistrationEndpoint              string `json:"registration_endpoint,omitempty"`
	ClientIDMetadataDocuments         bool   `json:"client_id_metadata_document_supported,omitempty"`
	AuthorizationResponseIssParameter bool   `json:"authorization_response_iss_parameter_supported,omitempty"`
}

func newMetadata(cfg *ServerConfig) ([]byte, error) {
	confidential := slices.DeleteFunc(slices.Clone(cfg.AuthMethods), func(method string) bool { return method == AuthMethodNone })
	m := metadata{
		Issuer:                           cfg.Issuer,
		TokenEndpoint:                    cfg.url(cfg.Endpoints.Token),
		TokenEndpointAuthMethods:         cfg.AuthMethods,
		IntrospectionEndpoint:            cfg.url(cfg.Endpoints.Introspection),
		IntrospectionEndpointAuthMethods: confidential,
		RevocationEndpoint:               cfg.url(cfg.Endpoints.Revocation),
		RevocationEndpointAuthMethods:    cfg.AuthMethods,
		ScopesSupported:                  cfg.Scopes,
	}
	m.GrantTypesSupported = cfg.grantTypes()
	m.AuthorizationDetailsTypes = cfg.detailsTypes()
	if cfg.servesAuthorization() {
		m.AuthorizationEndpoint = cfg.url(cfg.Endpoints.Authorization)
		m.ResponseTypesSupported = cfg.responseTypes()
		if cfg.responds(issuesCode) {
			m.CodeChallengeMethods = []string{challengeS256}
		}
		m.AuthorizationResponseIssParameter = true
		m.requestMetadata = newRequestMetadata(cfg)
		m.ACRValuesSupported = cfg.ACRValues
	}
	if cfg.device() != nil {
		m.DeviceAuthorizationEndpoint = cfg.url(cfg.Endpoints.DeviceAuthorization)
	}
	if cfg.Registration != nil {
		m.RegistrationEndpoint = cfg.url(cfg.Endpoints.Registration)
	}
	m.ClientIDMetadataDocuments = cfg.clientIDMetadata() != nil
	m.DPoPSigningAlgs = cfg.DPoP.algorithms()
	m.signedAuthMetadata = newSignedAuthMetadata(cfg)
	m.mutualTLSMetadata = newMutualTLSMetadata(cfg)
	m.keyMetadata = newKeyMetadata(cfg)
	m.grantMetadata = newGrantMetadata(cfg)
	return json.Marshal(m)
}

// Metadata tells what the server serves (RFC 8414 section 3). Any page may read it.
func (s *Server) Metadata(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, &Error{Code: ErrInvalidRequest.Code, Description: "The method is not GET.", Status: http.StatusMethodNotAllowed})
		return
	}
	h := w.Header()
	setHeaders(h, jsonHeaders)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.metadata) // a client that went away is no fault
}
