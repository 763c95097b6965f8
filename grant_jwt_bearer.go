package oauth2

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// GrantJWTBearer is the grant type of assertions (RFC 7523 section 2.1).
const GrantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer" //nolint:gosec // a name, and no credential

// JWTBearerGrant issues an access token for a JWT by which another issuer asserts who the resource owner is
// (RFC 7523 section 2.1), such as an ID-JAG of an enterprise's identity provider. An assertion is
// accepted once, at whatever replica, from clients that are registered for the grant. There is no
// refresh token: who needs another access token brings another assertion.
type JWTBearerGrant struct {
	// Issuers are those whose assertions are believed. Required.
	Issuers []TrustedIssuer
	// Approve maps an assertion to the resource owner here, and decides what it is good for. It is called
	// once everything else about the assertion was proven, and may be called in parallel. Required.
	//
	// It returns an Approval, whose nil Scope means all of BearerAssertion.Scope and whose Details are not used;
	// or an *Error, such as
	// ErrInvalidGrant or ErrAccessDenied. Any other error answers 503. Neither uses the assertion up. Of
	// parallel uses of one assertion it may see several, of which one gets a token.
	Approve func(ctx context.Context, a *BearerAssertion) (*Approval, error)
	// MaxLifetime is how far ahead exp may lie: so long is the assertion remembered, so that it is
	// accepted once. 0 means five minutes; at most an hour.
	MaxLifetime time.Duration
	// PublicClients lets clients use the grant that cannot authenticate, which RFC 7523 section 2.1
	// allows: whoever holds an assertion can then use it. No ID-JAG is accepted from them. false: every
	// client authenticates.
	PublicClients bool
}

// A BearerAssertion is an assertion whose signature, times and audience were verified, and the request
// that it came with.
type BearerAssertion struct {
	// Client brought it. The client_id of an ID-JAG is its.
	Client *Client
	// Issuer vouches for Subject, which is unique with it alone: who asserts "alice" elsewhere need not
	// mean the alice of this server. Where the issuer has several tenants, the claim tenant belongs to it
	// (draft-ietf-oauth-identity-assertion-authz-grant section 6.3).
	Issuer, Subject string
	// IDJAG: it is an identity assertion authorization grant.
	IDJAG bool
	// Scope and Resource are what the access token will have unless Approve says less: what was asked for,
	// or else all that the assertion grants, never more than it grants or than the client is registered
	// for. An assertion that names none limits none; but one that has authorization details and no scope is
	// refused, because those are not granted here.
	Scope    Scope
	Resource []string
	// ExpiresAt is when the assertion expires.
	ExpiresAt time.Time
	// Claims are all claims as they were signed.
	Claims map[string]any

	asserted *asserted
}

// GrantType returns "urn:ietf:params:oauth:grant-type:jwt-bearer".
func (JWTBearerGrant) GrantType() string { return GrantJWTBearer }

func (g JWTBearerGrant) validate(cfg *ServerConfig, report func(wrong bool, format string, args ...any)) {
	report(len(g.Issuers) == 0, "JWTBearerGrant: Issuers is required")
	report(g.Approve == nil, "JWTBearerGrant: Approve is required")
	report(g.MaxLifetime < 0 || g.MaxLifetime > maxAssertedLifetime, "JWTBearerGrant: MaxLifetime %v is negative or longer than %v", g.MaxLifetime, maxAssertedLifetime)
	validateIssuers(cfg, "JWTBearerGrant", g.Issuers, report)
}

// advertise adds the profile to the metadata
// (draft-ietf-oauth-identity-assertion-authz-grant section 7.2). It tells no issuer (section 9.4).
func (g JWTBearerGrant) advertise(m *grantMetadata) {
	if slices.ContainsFunc(g.Issuers, func(i TrustedIssuer) bool { return i.IDJAG }) {
		m.AuthorizationGrantProfiles = []string{profileIDJAG}
	}
}

// bearerChecks are what an assertion, signed by a trusted issuer, and the request around it have to hold.
var bearerChecks = []struct {
	rule, source string
	holds        func(*JWTBearerGrant, *TokenRequest, *asserted) bool
}{
	{"sub is there, and is text", "RFC 7523 section 3", assertedSubject},
	{"aud is the issuer of this server, and nobody else", "RFC 7523 section 3", assertedAudience},
	{"exp is there, not over, and not too far ahead", "RFC 7523 section 3", assertedExpires},
	{"nbf and iat are not ahead of the time", "RFC 7523 section 3", assertedHasBegun},
	{"jti is there, and not too long", "RFC 7523 section 3", assertedNamed},
	{"an ID-JAG has iat, and the client_id of the client, which has authenticated", "draft-ietf-oauth-identity-assertion-authz-grant section 4.4.1", assertedClient},
	{"the request proves the key of cnf", "draft-ietf-oauth-identity-assertion-authz-grant section 9.8", assertedKey},
	{"act is no longer than a token can tell", "RFC 8693 section 4.1", assertedActors},
}

// Exchange accepts an assertion, and uses it up.
func (g JWTBearerGrant) Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error) {
	if req.Client.Public() && !g.PublicClients {
		return nil, ErrUnauthorizedClient.With("Only a client that authenticates may use assertions.")
	}
	text := req.Param("assertion")
	if text == "" {
		return nil, ErrInvalidRequest.With("assertion is missing.")
	}
	found, err := req.server.readAsserted(ctx, g.Issuers, text)
	switch {
	case errors.Is(err, errAsserted):
		return nil, ErrInvalidGrant.With("The assertion is none of a trusted issuer.").Because(err)
	case err != nil:
		return nil, err
	}
	for _, check := range bearerChecks {
		if !check.holds(&g, req, found) {
			return nil, ErrInvalidGrant.With("Of the assertion it does not hold that " + check.rule + ".")
		}
	}
	granted, err := g.granted(req, found)
	if err != nil {
		return nil, err
	}
	issuance, err := g.issue(ctx, req, granted)
	if err != nil {
		return nil, err
	}
	issuance.spend = func(ctx context.Context) error { return req.server.spendAsserted(ctx, found) }
	return issuance, nil
}

// spendAsserted uses an assertion up, for all clients and replicas.
func (s *Server) spendAsserted(ctx context.Context, found *asserted) error {
	err := s.once(ctx, "jwt_bearer", "", found.claims.Issuer+"\x00"+found.claims.ID, found.claims.Expiry.Time())
	if errors.Is(err, errUsedBefore) {
		return ErrInvalidGrant.With("The assertion was used before.").Because(err)
	}
	return err
}

// granted is what the assertion grants of what was asked for.
func (g *JWTBearerGrant) granted(req *TokenRequest, found *asserted) (*BearerAssertion, error) {
	granted := &BearerAssertion{
		Client: req.Client, Issuer: found.claims.Issuer, Subject: found.claims.Subject, IDJAG: found.issuer.IDJAG,
		Scope: req.Scope, Resource: req.Resource, ExpiresAt: timeOf(found.claims.Expiry), Claims: found.all, asserted: found,
	}
	s := req.server
	scope, err := ParseScope(found.claims.Scope)
	switch {
	case err != nil, found.all["scope"] == "":
		return nil, ErrInvalidScope.With("The scope of the assertion is malformed.")
	case len(scope) > 0:
		if granted.Scope, err = within(req.Scope, scope, s.defaultScope(req.Client), errAssertedScope); err != nil {
			return nil, err
		}
	case found.all["authorization_details"] != nil:
		return nil, errAssertedScope // it names what it grants, and that is no scope
	case granted.Scope == nil:
		granted.Scope = s.defaultScope(req.Client)
	}
	switch {
	case found.claims.Resource != nil: // of an empty list, nothing
		served := s.servedResources(found.claims.Resource)
		granted.Resource, err = within(req.Resource, served, served, errAssertedTarget)
	case granted.Resource == nil:
		granted.Resource = s.defaultResource()
	}
	return granted, err
}

var (
	errAssertedScope  = ErrInvalidScope.With("The assertion does not grant the scope.")
	errAssertedTarget = ErrInvalidTarget.With("The assertion does not grant the resource.")
)

// within is what was asked for, if the limit has all of it, or else all of the limit that can be had.
// Neither is ever nothing.
func within(asked, limit, possible []string, refusal *Error) ([]string, error) {
	if asked != nil {
		if !Scope(limit).Includes(asked) {
			return nil, refusal
		}
		return asked, nil
	}
	all := slices.DeleteFunc(slices.Clone(limit), func(value string) bool { return !slices.Contains(possible, value) })
	if len(all) == 0 {
		return nil, refusal
	}
	return all, nil
}

// servedResources are those of the resources that are configured, under their own names.
func (s *Server) servedResources(resources []string) (served []string) {
	for _, uri := range resources {
		if r := s.cfg.requestedAs(uri); r != nil {
			served = append(served, r.URI)
		}
	}
	slices.Sort(served)
	return slices.Compact(served)
}

// issue asks the application, and begins the authorization.
func (g *JWTBearerGrant) issue(ctx context.Context, req *TokenRequest, granted *BearerAssertion) (*Issuance, error) {
	approval, err := g.Approve(ctx, granted)
	switch {
	case err != nil:
		return nil, hookRefusal(err)
	case approval == nil || approval.Subject == "":
		return nil, ErrServerError.Because(errApproveNothing)
	case !granted.Scope.Includes(approval.Scope):
		return nil, ErrServerError.Because(errApproveScope)
	}
	a, err := req.Begin(approval.Subject)
	if err != nil {
		return nil, err
	}
	a.Scope, a.Resource, a.Actor = granted.Scope, granted.Resource, granted.asserted.actor()
	if approval.Scope != nil {
		a.Scope = approval.Scope
	}
	return &Issuance{Authorization: a}, a.tell(approval)
}

// tell takes what an approval says about the resource owner and the login.
func (a *Authorization) tell(approval *Approval) error {
	if !isText(approval.SessionID + approval.ACR + strings.Join(approval.AMR, "")) {
		return ErrServerError.Because(errNotText)
	}
	if len(approval.Claims) > 0 {
		claims, err := json.Marshal(approval.Claims)
		if err != nil {
			return ErrServerError.Because(fmt.Errorf("oauth2: Approval.Claims: %w", err))
		}
		a.Claims = claims
	}
	a.AuthTime, a.ACR, a.AMR, a.SessionID = approval.AuthTime.UTC().Truncate(time.Millisecond), approval.ACR, approval.AMR, approval.SessionID
	return nil
}

var (
	errApproveNothing = errors.New("oauth2: the grant's function returned neither an Approval with a Subject nor an error")
	errApproveScope   = errors.New("oauth2: the grant's function approved a scope that was not there")
)

// hookRefusal is what an application's decision answers: its own refusal, or 503.
func hookRefusal(err error) error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	return unavailable(err)
}

func assertedSubject(_ *JWTBearerGrant, _ *TokenRequest, a *asserted) bool {
	return a.claims.Subject != "" && isText(a.claims.Subject)
}

// assertedAudience takes the issuer alone: an assertion for several could be used here by one of the
// others.
func assertedAudience(_ *JWTBearerGrant, req *TokenRequest, a *asserted) bool {
	return len(a.claims.Audience) == 1 && a.claims.Audience[0] == req.server.cfg.Issuer
}

func assertedExpires(g *JWTBearerGrant, req *TokenRequest, a *asserted) bool {
	return a.expires(req.Now, cmp.Or(g.MaxLifetime, defaultAssertedLifetime))
}

func assertedHasBegun(_ *JWTBearerGrant, req *TokenRequest, a *asserted) bool {
	return a.hasBegun(req.Now)
}

func assertedNamed(_ *JWTBearerGrant, _ *TokenRequest, a *asserted) bool {
	return a.claims.ID != "" && len(a.claims.ID) <= maxJTIBytes
}

func assertedClient(_ *JWTBearerGrant, req *TokenRequest, a *asserted) bool {
	return !a.issuer.IDJAG || a.claims.IssuedAt != nil && a.claims.ClientID == req.Client.ID && !req.Client.Public()
}

func assertedKey(_ *JWTBearerGrant, req *TokenRequest, a *asserted) bool {
	return req.Confirmation.proves(a.claims.Confirmation)
}

func assertedActors(_ *JWTBearerGrant, _ *TokenRequest, a *asserted) bool {
	return a.claims.Actor.depth() <= maxActors && a.claims.Actor.valid()
}
