package oauth2

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4/json" // which refuses a member that occurs twice, and matches names exactly
)

// maxMetadataBytes is what a registration may weigh, and so what a stranger can make the store keep.
const maxMetadataBytes = 16 << 10

// metadataMembers are what a client may say about itself, in the order of the answer (RFC 7591
// section 2). Whatever else it sends is ignored: a client_id, a secret, a lifetime or a permission of its
// own choice, and request_uris, so that no stranger tells the server what to fetch.
var metadataMembers = []struct {
	name string
	of   func(*Client) any
}{
	{"client_name", func(c *Client) any { return &c.Name }},
	{"redirect_uris", func(c *Client) any { return &c.RedirectURIs }},
	{"grant_types", func(c *Client) any { return &c.GrantTypes }},
	{"token_endpoint_auth_method", func(c *Client) any { return &c.TokenEndpointAuthMethod }},
	{"token_endpoint_auth_signing_alg", func(c *Client) any { return &c.TokenEndpointAuthSigningAlg }}, // OpenID Connect Registration section 2
	{"jwks", func(c *Client) any { return &c.JWKS }},
	{"jwks_uri", func(c *Client) any { return &c.JWKSURI }},
	{"application_type", func(c *Client) any { return &c.ApplicationType }}, // OpenID Connect Registration section 2
	{"scope", func(c *Client) any { return &c.Scope }},
	{"authorization_details_types", func(c *Client) any { return &c.AuthorizationDetailsTypes }}, // RFC 9396 section 10
	{"client_uri", func(c *Client) any { return &c.ClientURI }},
	{"logo_uri", func(c *Client) any { return &c.LogoURI }},
	{"policy_uri", func(c *Client) any { return &c.PolicyURI }},
	{"tos_uri", func(c *Client) any { return &c.TosURI }},
	{"contacts", func(c *Client) any { return &c.Contacts }},
	{"software_id", func(c *Client) any { return &c.SoftwareID }},
	{"software_version", func(c *Client) any { return &c.SoftwareVersion }},
	{"tls_client_auth_subject_dn", func(c *Client) any { return &c.TLSClientAuthSubjectDN }}, // RFC 8705 section 2.1.2
	{"tls_client_auth_san_dns", func(c *Client) any { return &c.TLSClientAuthSANDNS }},
	{"tls_client_auth_san_uri", func(c *Client) any { return &c.TLSClientAuthSANURI }},
	{"tls_client_auth_san_ip", func(c *Client) any { return &c.TLSClientAuthSANIP }},
	{"tls_client_auth_san_email", func(c *Client) any { return &c.TLSClientAuthSANEmail }},
	{"tls_client_certificate_bound_access_tokens", func(c *Client) any { return &c.TLSClientCertificateBoundAccessTokens }}, // RFC 8705 section 3.4
	{"dpop_bound_access_tokens", func(c *Client) any { return &c.DPoPBoundAccessTokens }},                                   // RFC 9449 section 5.2
	{"require_pushed_authorization_requests", func(c *Client) any { return &c.RequirePushedAuthorizationRequests }},         // RFC 9126 section 6
	{"require_signed_request_object", func(c *Client) any { return &c.RequireSignedRequestObject }},                         // RFC 9101 section 10.5
	{"request_object_signing_alg", func(c *Client) any { return &c.RequestObjectSigningAlg }},
	{"authorization_signed_response_alg", func(c *Client) any { return &c.AuthorizationSignedResponseAlg }}, // JARM section 3
}

// clientMetadata is what a client says about itself: one JSON object, by the names of its members.
type clientMetadata map[string]json.RawMessage

var errMetadataSyntax = ErrInvalidClientMetadata.With("The client metadata is not one JSON object.")

// readMetadata reads client metadata. A member that is null counts as omitted (RFC 7592 section 2.2).
func readMetadata(data []byte) (clientMetadata, error) {
	var m clientMetadata
	// JSON is UTF-8 (RFC 8259 section 8.1). The error may quote the text.
	if !isText(string(data)) || json.Unmarshal(data, &m) != nil || m == nil {
		return nil, errMetadataSyntax
	}
	for name, raw := range m {
		if string(raw) == "null" {
			delete(m, name)
		}
	}
	return m, nil
}

// client returns a client with this metadata. It is not looked at yet.
func (m clientMetadata) client() (*Client, error) {
	c := new(Client)
	for _, member := range metadataMembers {
		if err := m.read(member.name, member.of(c)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// read reads one member, if it is there.
func (m clientMetadata) read(name string, into any) error {
	raw, ok := m[name]
	if ok && json.Unmarshal(raw, into) != nil {
		return ErrInvalidClientMetadata.With(name + " is malformed.")
	}
	return nil
}

// readMetadataOf reads the body of a request that holds client metadata.
func readMetadataOf(r *http.Request) (clientMetadata, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, ErrInvalidClientMetadata.With("The body is not application/json.")
	}
	data := make([]byte, maxMetadataBytes)
	n, err := readBody(r.Body, data)
	if err != nil {
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscardedBytes) // or a client that is still writing would not see the answer
		e := ErrInvalidClientMetadata.With("The request cannot be read: " + err.Error() + ".")
		if errors.Is(err, errFormTooLarge) {
			e.Status = http.StatusRequestEntityTooLarge
		}
		return nil, e
	}
	return readMetadata(data[:n])
}

// credentialsTold are what a client is told once, in clear.
type credentialsTold struct{ registrationToken, secret string }

// clientInformation is the answer about a registered client (RFC 7591 section 3.2.1, RFC 7592 section 3).
func (s *Server) clientInformation(c *Client, told credentialsTold) *object {
	o := newObject().text("client_id", c.ID).number("client_id_issued_at", c.Registration.IssuedAt.Unix())
	if told.secret != "" {
		o.text("client_secret", told.secret).number("client_secret_expires_at", c.secretExpiry(told.secret))
	}
	o.text("registration_access_token", told.registrationToken).text("registration_client_uri", s.registrationURI(c.ID))
	for _, member := range metadataMembers {
		if value := reflect.ValueOf(member.of(c)).Elem(); !value.IsZero() {
			o.member(member.name, value.Interface())
		}
	}
	o.texts("response_types", s.cfg.responseTypesOf(c))
	if statement := c.Registration.SoftwareStatement; statement != "" {
		o.text("software_statement", statement)
	}
	return o
}

// secretExpiry is when one of the client's secrets ends, in seconds; 0 means never (RFC 7591
// section 3.2.1).
func (c *Client) secretExpiry(secret string) int64 {
	for _, s := range c.Secrets {
		if !s.ExpiresAt.IsZero() && VerifySecret(s.Hash, secret) {
			return s.ExpiresAt.Unix()
		}
	}
	return 0
}

// responseTypesOf are the response types that a client may use: those whose grant types it has.
func (cfg *ServerConfig) responseTypesOf(c *Client) []string {
	names := []string{}
	for _, h := range cfg.ResponseTypes {
		if !slices.ContainsFunc(h.Rules().GrantTypes, func(grantType string) bool { return !c.MayUse(grantType) }) {
			names = append(names, h.ResponseType())
		}
	}
	return names
}

// newestSecret is the newest of the client's secrets, if it has not ended.
func (c *Client) newestSecret(now time.Time) []ClientSecret {
	live := slices.DeleteFunc(slices.Clone(c.Secrets), func(s ClientSecret) bool { return !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(now) })
	return live[max(0, len(live)-1):]
}
