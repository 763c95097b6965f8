package oauth2

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"
)

// The names of the identity assertion authorization grant
// (draft-ietf-oauth-identity-assertion-authz-grant sections 3.1 and 7.2).
const (
	typIDJAG     = "oauth-id-jag+jwt"
	profileIDJAG = "urn:ietf:params:oauth:grant-profile:id-jag"
)

// tokenTypeNone is the token_type of what is no access token (RFC 8693 section 2.2.1).
const tokenTypeNone = "N_A"

// An IdentityAssertion is what an ID-JAG will say (draft-ietf-oauth-identity-assertion-authz-grant section
// 3.1): this server vouches to another authorization server for a resource owner that both know, so
// that a client gets an access token there without asking the owner once more. It is signed with Keys,
// and good for one use; the other server accepts it with a [JWTBearerGrant].
type IdentityAssertion struct {
	// Audience is the issuer of the other authorization server. Required; never this server's own.
	Audience string
	// ClientID is the client's ID there. Required.
	ClientID string
	// Subject identifies the resource owner to the other server. Empty means TokenInfo.Subject.
	Subject string
	// Scope and Resource are granted there. What is nil is not told, and limits nothing there: to grant
	// what was asked for, take TokenExchange's.
	Scope    Scope
	Resource []string
	// Claims are further claims, such as email. They replace none.
	Claims map[string]any
	// Lifetime is how long it can be used. 0 means five minutes; at most an hour, and the subject token's.
	Lifetime time.Duration
}

// idJAGClaims are the Server's to tell.
var idJAGClaims = append([]string{"resource"}, reservedClaims...)

var (
	errAssertionSelf    = errors.New("oauth2: IdentityAssertion: the Audience is missing, or this server itself")
	errAssertionClient  = errors.New("oauth2: IdentityAssertion: the ClientID is missing, or no client identifier")
	errAssertionTime    = errors.New("oauth2: IdentityAssertion: the Lifetime is negative, or longer than an hour")
	errAssertionSubject = errors.New("oauth2: IdentityAssertion: the Subject is no text")
)

// assert asks the policy, and makes an ID-JAG once the request's proof is spent. No record is kept of it.
func (g *TokenExchangeGrant) assert(ctx context.Context, x *TokenExchange) (*Issuance, error) {
	// Whose token it is, may vouch with it: the audience of an identity assertion is the client.
	if x.Subject.ClientID != x.Client.ID {
		return nil, errSubjectToken
	}
	scope, err := ParseScope(x.req.Param("scope"))
	switch {
	case err != nil:
		return nil, ErrInvalidScope.With("The scope is malformed.")
	case len(x.Audience) != 1:
		return nil, ErrInvalidRequest.With("audience has to name one authorization server.")
	case x.req.Param("actor_token") != "":
		return nil, ErrInvalidRequest.With("actor_token is not used for an ID-JAG.")
	case x.req.Param("authorization_details") != "":
		// Left out, they would limit nothing at the other server.
		return nil, ErrInvalidAuthorizationDetails.With("authorization_details is not used for an ID-JAG.")
	}
	x.Scope, x.Resource = scope, x.req.Params("resource")
	granted, err := g.IdentityAssertion(ctx, x)
	switch {
	case err != nil:
		return nil, hookRefusal(err)
	case granted == nil:
		return nil, errExchangeRefused
	}
	if err := granted.validate(x.req.server); err != nil {
		return nil, ErrServerError.Because(err)
	}
	return &Issuance{answer: func(ctx context.Context) (*minted, error) { return x.vouch(ctx, granted) }}, nil
}

func (i *IdentityAssertion) validate(s *Server) error {
	switch {
	case i.Audience == "" || i.Audience == s.cfg.Issuer:
		return errAssertionSelf
	case !validClientID(i.ClientID):
		return errAssertionClient
	case i.Lifetime < 0 || i.Lifetime > maxAssertedLifetime:
		return errAssertionTime
	case !isText(i.Subject):
		return errAssertionSubject
	}
	return nil
}

// vouch signs the ID-JAG.
func (x *TokenExchange) vouch(ctx context.Context, granted *IdentityAssertion) (*minted, error) {
	s, now := x.req.server, x.req.Now
	var id [18]byte
	if err := x.req.entropy.draw(s, id[:]); err != nil {
		return nil, err
	}
	// Whole seconds, as claims have them.
	expires := earlier(now.Add(cmp.Or(granted.Lifetime, defaultAssertedLifetime)), x.Subject.ExpiresAt).Truncate(time.Second)
	o := newObject().text("iss", s.cfg.Issuer).text("sub", cmp.Or(granted.Subject, x.Subject.Subject)).
		text("client_id", granted.ClientID).text("jti", base64.RawURLEncoding.EncodeToString(id[:]))
	if len(granted.Resource) > 0 {
		o.texts("resource", granted.Resource)
	}
	err := o.facts(&TokenInfo{
		IssuedAt: now, ExpiresAt: expires, Scope: granted.Scope, Audience: []string{granted.Audience},
		AuthTime: x.Subject.AuthTime, ACR: x.Subject.ACR, AMR: x.Subject.AMR,
		Confirmation: x.req.Confirmation, Actor: x.Subject.Actor, Claims: withoutClaims(granted.Claims, idJAGClaims),
	})
	if err != nil {
		return nil, ErrServerError.Because(err)
	}
	out := &minted{scope: granted.Scope, lifetime: expires.Sub(now), tokenType: tokenTypeNone, extra: map[string]any{"issued_token_type": TokenTypeIDJAG}}
	out.texts.access, err = s.sign(ctx, typIDJAG, o.end())
	if o.free(); err != nil {
		return nil, err
	}
	event := eventOf(EventIdentityAsserted, x.subject.record)
	event.ClientID, event.GrantType, event.Scope, event.Audience = x.Client.ID, x.req.GrantType, granted.Scope, granted.Audience
	event.DetailsTypes = nil // which an identity assertion does not carry
	s.emit(ctx, event)
	return out, nil
}

// withoutClaims are the claims without those that are reserved.
func withoutClaims(claims map[string]any, reserved []string) map[string]any {
	kept := make(map[string]any, len(claims))
	for name, value := range claims {
		if !slices.Contains(reserved, name) {
			kept[name] = value
		}
	}
	return kept
}

// advertise adds the token type to the metadata
// (draft-ietf-oauth-identity-assertion-authz-grant section 7.1).
func (g TokenExchangeGrant) advertise(m *grantMetadata) {
	if g.IdentityAssertion != nil {
		m.IdentityChainingTokenTypes = []string{TokenTypeIDJAG}
	}
}

// grantMetadata are the members of the metadata that grants bring.
type grantMetadata struct {
	AuthorizationGrantProfiles []string `json:"authorization_grant_profiles_supported,omitempty"`
	IdentityChainingTokenTypes []string `json:"identity_chaining_requested_token_types_supported,omitempty"`
}

// A configuredGrant is a grant of this package with a configuration of its own.
type configuredGrant interface {
	validate(cfg *ServerConfig, report func(wrong bool, format string, args ...any))
	advertise(m *grantMetadata)
}

func newGrantMetadata(cfg *ServerConfig) (m grantMetadata) {
	for _, g := range cfg.Grants {
		if g, ok := g.(configuredGrant); ok {
			g.advertise(&m)
		}
	}
	return m
}
