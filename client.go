package oauth2

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The grant types that the Server knows by itself.
const (
	GrantAuthorizationCode = "authorization_code" // RFC 6749 section 4.1
	GrantRefreshToken      = "refresh_token"      // RFC 6749 section 6
	GrantClientCredentials = "client_credentials" // RFC 6749 section 4.4

	GrantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628 section 3.4
)

// The client authentication methods of the token endpoint (RFC 7591 section 2).
const (
	AuthMethodNone  = "none"
	AuthMethodBasic = "client_secret_basic"
	AuthMethodPost  = "client_secret_post"

	AuthMethodPrivateKeyJWT = "private_key_jwt"             // RFC 7523
	AuthMethodTLS           = "tls_client_auth"             // RFC 8705 section 2.1
	AuthMethodSelfSignedTLS = "self_signed_tls_client_auth" // RFC 8705 section 2.2
)

// A Client is a registered client. Its JSON has the member names of RFC 7591 section 2.
//
// A client that can authenticate is confidential; one that cannot is public. The Server never
// changes a Client.
type Client struct {
	// ID is the client identifier (RFC 6749 section 2.2): any printable ASCII.
	ID string `json:"client_id"`
	// Name is shown to the resource owner. It is text, and must be escaped on a page.
	Name string `json:"client_name,omitempty"`
	// Secrets are the hashes of the secrets that are accepted, several while one replaces another.
	Secrets []ClientSecret `json:"client_secrets,omitempty"`
	// RedirectURIs are compared as exact strings; see [ValidateRedirectURI] for what is allowed.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	// GrantTypes are the grants the client may use. nil means authorization_code, an empty list none.
	GrantTypes []string `json:"grant_types"`
	// TokenEndpointAuthMethod is the one way the client authenticates. Empty means "none" for a
	// public client, and client_secret_basic or client_secret_post for a confidential one.
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method,omitempty"`
	// TokenEndpointAuthSigningAlg is the one algorithm that the client signs its assertions with: ES256,
	// EdDSA, Ed25519, PS256 or RS256. Empty means any of the first four.
	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// JWKS is a JWK Set of the client's public keys (RFC 7517 section 5), one JSON object; JWKSURI is where
	// it is instead, an https URL: see ServerConfig.HTTPClient. Never both.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`
	// The name that the certificate of a tls_client_auth client has, exactly one of these (RFC 8705
	// section 2.1.2). The subject is written as in RFC 4514 and compared to the letter.
	TLSClientAuthSubjectDN string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSClientAuthSANDNS    string `json:"tls_client_auth_san_dns,omitempty"`
	TLSClientAuthSANURI    string `json:"tls_client_auth_san_uri,omitempty"`
	TLSClientAuthSANIP     string `json:"tls_client_auth_san_ip,omitempty"`
	TLSClientAuthSANEmail  string `json:"tls_client_auth_san_email,omitempty"`
	// TLSClientCertificateBoundAccessTokens binds the client's tokens to the certificate that it shows at
	// the token endpoint, and refuses token requests without one (RFC 8705 section 3.4). Those of a client
	// that authenticates by a certificate always are.
	TLSClientCertificateBoundAccessTokens bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`

	// ApplicationType is "native" or "web". Empty means native for a public client. Only a native
	// client's loopback redirect URIs may vary in the port (RFC 8252 section 7.3).
	ApplicationType string `json:"application_type,omitempty"`
	// Scope is all that the client may ever ask for, and its default when it names none. What is taken away
	// is in no token that is issued from then on.
	Scope Scope `json:"scope,omitempty"`

	// AuthorizationDetailsTypes are the types of authorization details that the client may ask for (RFC 9396
	// section 10). None means none. A type that is taken away is in no token from the next refresh on.
	AuthorizationDetailsTypes []string `json:"authorization_details_types,omitempty"`

	// ResourceServer lets the client introspect tokens (RFC 7662 section 2.1).
	ResourceServer bool `json:"resource_server,omitempty"`
	// Resources are the resource indicators of a resource server. Introspection tells it about tokens
	// for these alone (RFC 7662 section 4). None means about the tokens of every resource.
	Resources []string `json:"resources,omitempty"`
	// DPoPBoundAccessTokens refuses the client's token requests that prove no DPoP key (RFC 9449
	// section 5.2).
	DPoPBoundAccessTokens bool `json:"dpop_bound_access_tokens,omitempty"`
	// PKCEOptional exempts a confidential client that cannot do PKCE (RFC 9700 section 2.1.1 allows
	// it only with another protection against code injection). It has no effect on a public client.
	PKCEOptional bool `json:"pkce_optional,omitempty"`

	// RequirePushedAuthorizationRequests refuses authorization requests of the client that were not
	// pushed (RFC 9126 section 6).
	RequirePushedAuthorizationRequests bool `json:"require_pushed_authorization_requests,omitempty"`

	// RequireSignedRequestObject refuses authorization requests of the client that are no signed request
	// object (RFC 9101 section 10.5), RequestObjectSigningAlg all signed otherwise: "" means ES256,
	// EdDSA, Ed25519 or PS256. RequestURIs are the https URLs that its request objects are fetched from; no other is.
	RequireSignedRequestObject bool     `json:"require_signed_request_object,omitempty"`
	RequestObjectSigningAlg    string   `json:"request_object_signing_alg,omitempty"`
	RequestURIs                []string `json:"request_uris,omitempty"`
	// AuthorizationSignedResponseAlg is what the answers of the response modes of JARM must be signed
	// with. "" means what the server signs with.
	AuthorizationSignedResponseAlg string `json:"authorization_signed_response_alg,omitempty"`

	// The client's own lifetimes, in nanoseconds. 0 means the server's. No code lives longer than ten
	// minutes, whatever is here.
	CodeLifetime    time.Duration `json:"code_lifetime,omitempty"`
	AccessLifetime  time.Duration `json:"access_lifetime,omitempty"`
	RefreshLifetime time.Duration `json:"refresh_lifetime,omitempty"`

	// What may be shown beside the name (RFC 7591 section 2). The Server never fetches these.
	ClientURI string   `json:"client_uri,omitempty"`
	LogoURI   string   `json:"logo_uri,omitempty"`
	PolicyURI string   `json:"policy_uri,omitempty"`
	TosURI    string   `json:"tos_uri,omitempty"`
	Contacts  []string `json:"contacts,omitempty"`
	// SoftwareID and SoftwareVersion name what all instances of a client have in common (RFC 7591
	// section 2).
	SoftwareID      string `json:"software_id,omitempty"`
	SoftwareVersion string `json:"software_version,omitempty"`

	// Dynamic marks a client that nobody here has registered by hand: it registered itself (RFC 7591), or
	// its client_id is the URL of a document. A consent page should say so. No error sends a browser to
	// its redirect URI before the resource owner was asked (RFC 9700 section 4.11.2).
	Dynamic bool `json:"dynamic,omitempty"`
	// Registration is the Server's, for a client that it registered. nil: none did.
	Registration *ClientRegistration `json:"registration,omitempty"`
}

// A ClientSecret is one accepted secret of a client.
type ClientSecret struct {
	// Hash is what [HashSecret] or [HashPassword] made of the secret.
	Hash string `json:"hash"`
	// ExpiresAt is when the secret stops being accepted. The zero time means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Public reports whether the client cannot authenticate (RFC 6749 section 2.1): its method is "none",
// or it names no method and has no secret.
func (c *Client) Public() bool {
	if c.TokenEndpointAuthMethod != "" {
		return c.TokenEndpointAuthMethod == AuthMethodNone
	}
	return len(c.Secrets) == 0
}

// MayUse reports whether the client is registered for a grant type.
func (c *Client) MayUse(grantType string) bool {
	if c.GrantTypes == nil {
		return grantType == GrantAuthorizationCode
	}
	return slices.Contains(c.GrantTypes, grantType)
}

// Validate reports whether the client can be registered: that it has an ID, that every redirect URI
// is allowed, and that its authentication method fits its secrets, its keys and the name of its
// certificate. The Server does not call it; who stores a client should.
func (c *Client) Validate() error {
	if !validClientID(c.ID) {
		return fmt.Errorf("oauth2: client_id %q is empty or not printable ASCII", c.ID)
	}
	for _, uri := range c.RedirectURIs {
		if err := ValidateRedirectURI(uri, c.native()); err != nil {
			return fmt.Errorf("oauth2: client %q: %w", c.ID, err)
		}
	}
	switch method := c.TokenEndpointAuthMethod; method {
	case AuthMethodNone:
		if len(c.Secrets) > 0 {
			return fmt.Errorf("oauth2: client %q has a secret and the authentication method %q", c.ID, method)
		}
	case AuthMethodBasic, AuthMethodPost:
		if len(c.Secrets) == 0 {
			return fmt.Errorf("oauth2: client %q has no secret and the authentication method %q", c.ID, method)
		}
	}
	return c.validateKeys()
}

// native reports whether RFC 8252 applies: by word, or because the client can keep no secret.
func (c *Client) native() bool {
	return c.ApplicationType == "native" || c.ApplicationType == "" && c.Public()
}

// accepts reports whether the client may authenticate by this method.
func (c *Client) accepts(method string) bool {
	if c.TokenEndpointAuthMethod != "" {
		return c.TokenEndpointAuthMethod == method
	}
	if c.Public() {
		return method == AuthMethodNone
	}
	return method == AuthMethodBasic || method == AuthMethodPost
}

// serves reports whether a resource server may be told about a token for these resources.
func (c *Client) serves(audience []string) bool {
	return len(c.Resources) == 0 || slices.ContainsFunc(c.Resources, func(uri string) bool { return slices.Contains(audience, uri) })
}

// validClientID checks RFC 6749 appendix A.1: %x20-7E, and at least one character.
func validClientID(id string) bool {
	for i := range len(id) {
		if id[i] < 0x20 || id[i] > 0x7e {
			return false
		}
	}
	return id != ""
}

// Clone returns a copy that shares nothing with c.
func (c *Client) Clone() *Client {
	clone := *c
	clone.Secrets = slices.Clone(c.Secrets)
	clone.RedirectURIs = slices.Clone(c.RedirectURIs)
	clone.GrantTypes = slices.Clone(c.GrantTypes)
	clone.Scope = slices.Clone(c.Scope)
	clone.Resources = slices.Clone(c.Resources)
	clone.RequestURIs = slices.Clone(c.RequestURIs)
	clone.Contacts = slices.Clone(c.Contacts)
	clone.AuthorizationDetailsTypes = slices.Clone(c.AuthorizationDetailsTypes)
	clone.JWKS = slices.Clone(c.JWKS)
	clone.Registration = c.Registration.clone()
	return &clone
}

// ParseClients reads a JSON array of clients in RFC 7591's member names, plus client_id and, for
// confidential clients, client_secret in clear, which is hashed here with [HashSecret]. Unknown
// members are ignored. Every client is validated, and no ID may occur twice.
func ParseClients(data []byte) ([]*Client, error) {
	var entries []struct {
		Client
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("oauth2: clients: %w", err)
	}
	clients := make([]*Client, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for i := range entries {
		c := &entries[i].Client
		if secret := entries[i].Secret; secret != "" {
			c.Secrets = append(c.Secrets, ClientSecret{Hash: HashSecret(secret)})
		}
		if err := c.Validate(); err != nil {
			return nil, err
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("oauth2: clients: %q occurs twice", c.ID)
		}
		seen[c.ID] = true
		clients = append(clients, c)
	}
	return clients, nil
}
