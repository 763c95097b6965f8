package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

// minSecretLifetime leaves a client the time to ask for its next secret.
const minSecretLifetime = time.Minute

// The errors of client registration (RFC 7591 section 3.2.2).
var (
	ErrInvalidRedirectURI          = &Error{Code: "invalid_redirect_uri"}
	ErrInvalidClientMetadata       = &Error{Code: "invalid_client_metadata"}
	ErrInvalidSoftwareStatement    = &Error{Code: "invalid_software_statement"}
	ErrUnapprovedSoftwareStatement = &Error{Code: "unapproved_software_statement"}
)

// A RegistrationConfig configures dynamic client registration (RFC 7591) and its management
// (RFC 7592). The zero value is an error: who may register has to be said, by InitialAccessToken, by
// Open, or by both.
type RegistrationConfig struct {
	// Open lets anybody register without an initial access token (RFC 7591 section 3). Such registrations
	// are limited by address, see [AttemptRegistration], and pages of any origin may register. The clients
	// are unknown to everyone: their consent page should say so, see Client.Dynamic.
	Open bool
	// InitialAccessToken judges the initial access token of a registration (RFC 7591 section 3). It
	// returns what its holder may register for, where nil means Policy. ErrInvalidToken: the token is not
	// good, and the answer is 401. Any other error is a fault and answers 503. nil: no token is good. Whether
	// a token is good for several registrations is for the application to say.
	InitialAccessToken func(ctx context.Context, token string) (*RegistrationPolicy, error)
	// Policy is what clients may register for.
	Policy RegistrationPolicy

	// SoftwareStatements are the issuers whose software statements are believed (RFC 7591 section 2.3).
	// What one says takes precedence over the rest of the request. None: software statements are ignored.
	SoftwareStatements []SoftwareStatementIssuer
	// RequireSoftwareStatement refuses registrations without a software statement.
	RequireSoftwareStatement bool

	// Approve, if set, has the last word on a client that is about to be registered, or to be replaced by
	// its own request. It may change the client's Name, Scope, AuthorizationDetailsTypes, GrantTypes and
	// lifetimes, and the client is told. An *Error refuses, such as ErrInvalidClientMetadata; any other error is a fault and answers
	// 503.
	Approve func(ctx context.Context, c *Client) error
}

// A RegistrationPolicy is what clients may register for. It holds for what they change later, too; what a
// client was registered for before, it may keep.
type RegistrationPolicy struct {
	// Scope is the most that a client may have. What it asks for beyond that is left out, and the client is
	// told. nil means ServerConfig.Scopes.
	Scope Scope `json:"scope,omitempty"`
	// DefaultScope is for a client that asks for none. nil means Scope.
	DefaultScope Scope `json:"default_scope,omitempty"`
	// AuthorizationDetailsTypes are the types of authorization details that a client may have (RFC 9396
	// section 10). What it names beyond that is left out, and the client is told. nil means none.
	AuthorizationDetailsTypes []string `json:"authorization_details_types,omitempty"`
	// GrantTypes are those that a client may have. nil means, of those that are served, the ones by which a
	// resource owner is asked: authorization_code, refresh_token and that of devices.
	GrantTypes []string `json:"grant_types,omitempty"`
	// AuthMethods are the ways in which a client may authenticate. nil means ServerConfig.AuthMethods.
	AuthMethods []string `json:"auth_methods,omitempty"`
	// SecretLifetime is how long a client secret is good for. A client gets a new one whenever it changes
	// its registration. In JSON it is in nanoseconds. 0 means that secrets do not expire; at least one minute.
	SecretLifetime time.Duration `json:"secret_lifetime,omitempty"`
}

// A SoftwareStatementIssuer signs software statements: JWTs that say who made a piece of software, and
// how it is to be registered (RFC 7591 section 2.3).
type SoftwareStatementIssuer struct {
	// Issuer is the claim iss.
	Issuer string
	// JWKS are its public keys (RFC 7517 section 5), one JSON object; or JWKSURI is where they are, an https
	// URL: see ServerConfig.HTTPClient. One of the two is required.
	JWKS    json.RawMessage
	JWKSURI string
	// Algorithm is the one that it signs with. Empty means ES256, EdDSA, Ed25519 or PS256.
	Algorithm string
}

// A ClientRegistration is what a Server keeps about a client that it registered, beside its metadata.
// There is no secret in it. It is the Server's to change.
type ClientRegistration struct {
	// IssuedAt is when the client was registered: client_id_issued_at (RFC 7591 section 3.2.1).
	IssuedAt time.Time `json:"issued_at"`
	// TokenDigest is that of the registration access token (RFC 7592 section 3).
	TokenDigest string `json:"token_digest"`
	// PreviousDigest is that of the token before it, until the client has used the new one: the same
	// change, sent again, is answered again. The new one derives from the one before and Salt.
	PreviousDigest string `json:"previous_digest,omitempty"`
	Salt           string `json:"salt,omitempty"`
	// Policy is the one that InitialAccessToken returned, with its defaults. nil: that of the configuration.
	Policy *RegistrationPolicy `json:"policy,omitempty"`
	// SoftwareStatement is the one that the client was registered with, as it came.
	SoftwareStatement string `json:"software_statement,omitempty"`
}

// userGrants are the grant types by which a resource owner is asked.
var userGrants = []string{GrantAuthorizationCode, GrantRefreshToken, GrantDeviceCode}

// withDefaults returns a copy in which nothing is nil that has a default.
func (c *RegistrationConfig) withDefaults(cfg *ServerConfig) *RegistrationConfig {
	if c == nil {
		return nil
	}
	filled := *c
	filled.Policy = c.Policy.withDefaults(cfg)
	return &filled
}

func (p RegistrationPolicy) withDefaults(cfg *ServerConfig) RegistrationPolicy {
	if p.Scope == nil {
		p.Scope = cfg.Scopes
	}
	if p.DefaultScope == nil {
		p.DefaultScope = p.Scope
	}
	if p.GrantTypes == nil {
		p.GrantTypes = slices.DeleteFunc(slices.Clone(userGrants), func(grantType string) bool { return !cfg.serves(grantType) })
	}
	if p.AuthMethods == nil {
		p.AuthMethods = cfg.AuthMethods
	}
	return p
}

// validate checks what New is given.
func (c *RegistrationConfig) validate(cfg *ServerConfig, report func(wrong bool, format string, args ...any)) {
	if c == nil {
		return
	}
	_, registers := clientStoreAs[ClientRegistry](cfg.Clients)
	report(!registers, "Registration needs a ClientStore that is a ClientRegistry")
	_, lists := storeAs[Lister](cfg.Tokens)
	report(!lists, "Registration needs a TokenStore that is a Lister, to end what a deleted client was given")
	report(!c.Open && c.InitialAccessToken == nil, "Registration: neither Open nor InitialAccessToken is set, so nobody can register")
	report(c.RequireSoftwareStatement && len(c.SoftwareStatements) == 0, "Registration: RequireSoftwareStatement needs SoftwareStatements")
	if err := c.Policy.validate(cfg); err != nil {
		report(true, "Registration: Policy: %w", err)
	}
	for i, issuer := range c.SoftwareStatements {
		_, err := parseKeySet(issuer.JWKS)
		report(issuer.Issuer == "", "Registration: SoftwareStatements[%d] has no Issuer", i)
		report(len(issuer.JWKS) > 0 == (issuer.JWKSURI != ""), "Registration: SoftwareStatements[%d] has not exactly one of JWKS and JWKSURI", i)
		report(len(issuer.JWKS) > 0 && err != nil, "Registration: SoftwareStatements[%d] has a JWKS that is no JWK Set of public keys", i)
		report(issuer.JWKSURI != "" && !fetch.ValidURL(issuer.JWKSURI), "Registration: SoftwareStatements[%d] has a JWKSURI that is no https URL", i)
		report(!servedAlg(issuer.Algorithm), "Registration: SoftwareStatements[%d] has an Algorithm that is not served", i)
	}
}

// validate holds a policy, with its defaults, to what the server serves.
func (p *RegistrationPolicy) validate(cfg *ServerConfig) error {
	var errs []error
	for _, grantType := range p.GrantTypes {
		if !slices.Contains(cfg.grantTypes(), grantType) {
			errs = append(errs, fmt.Errorf("the grant type %q is not served", grantType))
		}
	}
	for _, method := range p.AuthMethods {
		if !cfg.authenticatesBy(method) {
			errs = append(errs, fmt.Errorf("the authentication method %q is not served", method))
		}
	}
	for _, token := range p.Scope {
		if !validScopeToken(token) || cfg.Scopes != nil && !cfg.Scopes.Has(token) {
			errs = append(errs, fmt.Errorf("the scope %q is malformed or not served", token))
		}
	}
	for _, name := range p.AuthorizationDetailsTypes {
		if cfg.detailsType(name) == nil {
			errs = append(errs, fmt.Errorf("authorization details of the type %q are not served", name))
		}
	}
	if !p.Scope.Includes(p.DefaultScope) {
		errs = append(errs, errors.New("DefaultScope is more than Scope"))
	}
	if p.SecretLifetime != 0 && p.SecretLifetime < minSecretLifetime {
		errs = append(errs, fmt.Errorf("SecretLifetime %v is shorter than %v", p.SecretLifetime, minSecretLifetime))
	}
	return errors.Join(errs...)
}

// clone returns a copy that shares nothing with r.
func (r *ClientRegistration) clone() *ClientRegistration {
	if r == nil {
		return nil
	}
	clone := *r
	if r.Policy != nil {
		policy := *r.Policy
		policy.Scope, policy.DefaultScope = slices.Clone(policy.Scope), slices.Clone(policy.DefaultScope)
		policy.GrantTypes, policy.AuthMethods = slices.Clone(policy.GrantTypes), slices.Clone(policy.AuthMethods)
		policy.AuthorizationDetailsTypes = slices.Clone(policy.AuthorizationDetailsTypes)
		clone.Policy = &policy
	}
	return &clone
}

// policyOf finds out what who sends a registration may register for: a policy of its own, or nil for that of
// the configuration. The token is empty where none was sent.
func (s *Server) policyOf(ctx context.Context, token string) (*RegistrationPolicy, error) {
	c := s.cfg.Registration
	switch {
	case token == "" && c.Open:
		return nil, nil
	case token == "":
		return nil, errInitialTokenMissing
	case c.InitialAccessToken == nil:
		return nil, errInitialToken
	}
	policy, err := c.InitialAccessToken(ctx, token)
	switch {
	case errors.Is(err, ErrInvalidToken):
		return nil, errInitialToken.Because(err)
	case err != nil:
		return nil, unavailable(err)
	case policy == nil:
		return nil, nil
	}
	filled := policy.withDefaults(&s.cfg)
	if err := filled.validate(&s.cfg); err != nil {
		return nil, ErrServerError.Because(fmt.Errorf("oauth2: InitialAccessToken returned a wrong policy: %w", err))
	}
	return &filled, nil
}

var (
	errInitialTokenMissing = ErrInvalidToken.With("An initial access token is required.")
	errInitialToken        = ErrInvalidToken.With("The initial access token is not good.")
)

// forgetClient lets every store that keeps clients for a while drop one that was changed here.
func (s *Server) forgetClient(id string) {
	for store := s.cfg.Clients; store != nil; {
		if keeper, ok := store.(interface{ Forget(id string) }); ok {
			keeper.Forget(id)
		}
		wrapper, ok := store.(interface{ Unwrap() ClientStore })
		if !ok {
			return
		}
		store = wrapper.Unwrap()
	}
}

// newSecret is a client secret that is good for as long as the policy says.
func (p *RegistrationPolicy) newSecret(secret string, now time.Time) ClientSecret {
	made := ClientSecret{Hash: HashSecret(secret)}
	if p.SecretLifetime > 0 {
		made.ExpiresAt = now.Add(p.SecretLifetime).Truncate(time.Second)
	}
	return made
}
