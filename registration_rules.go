package oauth2

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// What client metadata may hold. No client of the specifications comes near.
const (
	maxMetadataList = 20
	maxMetadataText = 256
	maxMetadataURI  = 2048
)

// A registration is a client that is about to be registered.
type registration struct {
	client *Client
	policy *RegistrationPolicy
	// before is what is registered already. It is empty for a new client.
	before *Client
	// responseTypes were asked for. nil: none were.
	responseTypes []string
}

// registrationChecks complete what a client says about itself, and hold it to what is served and
// allowed. The server may replace what a client asks for, and tells what it registered (RFC 7591
// section 3.2.1); it does so with defaults, the scope and the types of authorization details alone.
var registrationChecks = []struct {
	rule, source string
	verify       func(*Server, *registration) error
}{
	{"texts are short, and can be shown", "RFC 7591 section 5", checkMetadataTexts},
	{"redirect_uris are few, and fit the application_type", "RFC 7591 section 5, OpenID Connect Registration section 2", checkMetadataRedirects},
	{"grant_types are served and allowed", "RFC 7591 section 2", checkMetadataGrants},
	{"response_types are served, and fit the grant_types", "RFC 7591 section 2.1", checkMetadataResponseTypes},
	{"redirect_uris are there where an answer is redirected", "RFC 7591 section 2", checkMetadataHasRedirects},
	{"token_endpoint_auth_method is served and allowed", "RFC 7591 section 2", checkMetadataAuthMethod},
	{"a client that acts for itself authenticates", "RFC 6749 section 4.4", checkMetadataMachine},
	{"scope is cut to what is allowed", "RFC 7591 section 2", checkMetadataScope},
	{"authorization_details_types are cut to what is allowed", "RFC 9396 section 10", checkMetadataDetailsTypes},
	{"what is shown of a client is https", "RFC 7591 section 5", checkMetadataPages},
	{"what the client's tokens and requests must have is served", "RFC 7591 section 2", checkMetadataDemands},
}

// checkRegistration completes the client of a registration, or refuses it.
func (s *Server) checkRegistration(r *registration) error {
	for _, check := range registrationChecks {
		if err := check.verify(s, r); err != nil {
			return err
		}
	}
	return nil
}

func checkMetadataTexts(_ *Server, r *registration) error {
	c := r.client
	for _, list := range [][]string{c.RedirectURIs, c.GrantTypes, c.Contacts, c.Scope, c.AuthorizationDetailsTypes} {
		if len(list) > maxMetadataList {
			return ErrInvalidClientMetadata.With("A list is too long.")
		}
	}
	texts := slices.Concat([]string{c.Name, c.SoftwareID, c.SoftwareVersion}, c.Contacts, c.GrantTypes, c.Scope)
	for _, text := range texts {
		if len(text) > maxMetadataText || !isText(text) || strings.ContainsFunc(text, unshown) {
			return ErrInvalidClientMetadata.With("A text is too long, or has characters that cannot be shown.")
		}
	}
	if c.Name != "" && !strings.ContainsFunc(c.Name, inked) {
		return ErrInvalidClientMetadata.With("client_name has nothing in it that can be seen.")
	}
	return nil
}

// unshown reports whether a character is one that a page cannot show, or that changes how the text
// around it is read. The two joiners are letters to some scripts, and to emoji.
func unshown(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return r != nonJoiner && r != joiner &&
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// inked reports whether a character is seen wherever it stands. An empty braille cell is a symbol, and is not.
func inked(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unshown(r) && r != '\u2800'
}

func checkMetadataRedirects(_ *Server, r *registration) error {
	c := r.client
	switch c.ApplicationType {
	case "native", "web":
	case "":
		c.ApplicationType = applicationTypeOf(c.RedirectURIs)
	default:
		return ErrInvalidClientMetadata.With("application_type is neither native nor web.")
	}
	for i, uri := range c.RedirectURIs {
		err := ValidateRedirectURI(uri, c.native())
		switch {
		case len(uri) > maxMetadataURI:
			return ErrInvalidRedirectURI.With("A redirect URI is too long.")
		case err != nil:
			return ErrInvalidRedirectURI.With("Of redirect_uris: " + err.Error() + ".").Because(err)
		case c.ApplicationType == "web" && !strings.HasPrefix(uri, "https:"):
			return ErrInvalidRedirectURI.With("A redirect URI of a web client is not https.")
		case slices.Contains(c.RedirectURIs[:i], uri):
			return ErrInvalidRedirectURI.With("A redirect URI occurs twice.")
		}
	}
	return nil
}

// applicationTypeOf is what a client that does not say is, by its redirect URIs: only an app on the
// user's own device has other ones than https.
func applicationTypeOf(redirectURIs []string) string {
	for _, uri := range redirectURIs {
		if !strings.HasPrefix(uri, "https:") {
			return "native"
		}
	}
	return "web"
}

func checkMetadataGrants(s *Server, r *registration) error {
	if r.client.GrantTypes == nil {
		r.client.GrantTypes = []string{GrantAuthorizationCode}
	}
	for _, grantType := range r.client.GrantTypes {
		allowed := slices.Contains(r.policy.GrantTypes, grantType) || slices.Contains(r.before.GrantTypes, grantType)
		if !allowed || !slices.Contains(s.cfg.grantTypes(), grantType) {
			return ErrInvalidClientMetadata.With("grant_types has one that cannot be registered here.")
		}
	}
	slices.Sort(r.client.GrantTypes)
	r.client.GrantTypes = slices.Compact(r.client.GrantTypes)
	return nil
}

// checkMetadataResponseTypes: what follows from the grant types need not be said. What is said has to be
// the same.
func checkMetadataResponseTypes(s *Server, r *registration) error {
	fitting := s.cfg.responseTypesOf(r.client)
	if r.responseTypes == nil {
		return nil
	}
	for _, name := range r.responseTypes {
		if !slices.ContainsFunc(fitting, func(other string) bool { return sortedNames(other) == sortedNames(name) }) {
			return ErrInvalidClientMetadata.With("response_types has one that is not served, or does not fit grant_types.")
		}
	}
	if len(r.responseTypes) == 0 && len(fitting) > 0 {
		return ErrInvalidClientMetadata.With("response_types is empty, and grant_types has one that needs it.")
	}
	return nil
}

func checkMetadataHasRedirects(s *Server, r *registration) error {
	if len(r.client.RedirectURIs) == 0 && len(s.cfg.responseTypesOf(r.client)) > 0 {
		return ErrInvalidRedirectURI.With("redirect_uris is missing.")
	}
	return nil
}

func checkMetadataAuthMethod(s *Server, r *registration) error {
	method := cmp.Or(r.client.TokenEndpointAuthMethod, AuthMethodBasic)
	allowed := slices.Contains(r.policy.AuthMethods, method) || method == r.before.TokenEndpointAuthMethod
	if !allowed || !s.cfg.authenticatesBy(method) {
		return ErrInvalidClientMetadata.With("token_endpoint_auth_method cannot be registered here, or is missing and would be client_secret_basic, which cannot.")
	}
	r.client.TokenEndpointAuthMethod = method
	return nil
}

func checkMetadataMachine(_ *Server, r *registration) error {
	if r.client.Public() && slices.Contains(r.client.GrantTypes, GrantClientCredentials) {
		return ErrInvalidClientMetadata.With("client_credentials is for clients that authenticate.")
	}
	return nil
}

func checkMetadataScope(_ *Server, r *registration) error {
	if len(r.client.Scope) == 0 {
		r.client.Scope = slices.Clone(r.policy.DefaultScope)
		return nil
	}
	r.client.Scope = slices.DeleteFunc(r.client.Scope, func(token string) bool {
		return !r.policy.Scope.Has(token) && !r.before.Scope.Has(token)
	})
	if len(r.client.Scope) == 0 {
		return ErrInvalidClientMetadata.With("Nothing of the scope can be registered here.")
	}
	return nil
}

// checkMetadataDetailsTypes: none are left where none are allowed, and there is no default that this could be
// taken for.
func checkMetadataDetailsTypes(_ *Server, r *registration) error {
	types := slices.DeleteFunc(r.client.AuthorizationDetailsTypes, func(name string) bool {
		return !slices.Contains(r.policy.AuthorizationDetailsTypes, name) && !slices.Contains(r.before.AuthorizationDetailsTypes, name)
	})
	slices.Sort(types)
	if types = slices.Compact(types); len(types) == 0 {
		types = nil
	}
	r.client.AuthorizationDetailsTypes = types
	return nil
}

func checkMetadataPages(_ *Server, r *registration) error {
	c := r.client
	for _, page := range []string{c.ClientURI, c.LogoURI, c.PolicyURI, c.TosURI} {
		u, err := url.Parse(page)
		if page != "" && (err != nil || u.Scheme != "https" || u.User != nil || !plainHost(u.Host) || len(page) > maxMetadataURI || strings.ContainsFunc(page, unshown)) {
			return ErrInvalidClientMetadata.With("client_uri, logo_uri, policy_uri or tos_uri is no https URL.")
		}
	}
	return nil
}

// checkMetadataDemands refuses a client all of whose requests would be refused.
func checkMetadataDemands(s *Server, r *registration) error {
	for _, demand := range []struct {
		member          string
		demanded, isMet bool
	}{
		{"dpop_bound_access_tokens", r.client.DPoPBoundAccessTokens, s.cfg.DPoP != nil},
		{"tls_client_certificate_bound_access_tokens", r.client.TLSClientCertificateBoundAccessTokens, s.cfg.MutualTLS != nil},
		{"require_pushed_authorization_requests", r.client.RequirePushedAuthorizationRequests, s.cfg.servesPushes()},
		{"require_signed_request_object", r.client.RequireSignedRequestObject, s.cfg.RequestObjects},
	} {
		if demand.demanded && !demand.isMet {
			return ErrInvalidClientMetadata.With(demand.member + " is not served.")
		}
	}
	return nil
}
