package oauth2

import (
	"context"
	"errors"
	"slices"
	"time"
)

// GrantTokenExchange is the grant type of token exchange (RFC 8693 section 2.1).
const GrantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a name, and no credential

// The token types of token exchange (RFC 8693 section 3, draft-ietf-oauth-identity-assertion-authz-grant
// section 4.3).
const (
	TokenTypeAccessToken = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // as above
	TokenTypeJWT         = "urn:ietf:params:oauth:token-type:jwt"          //nolint:gosec // as above
	TokenTypeIDToken     = "urn:ietf:params:oauth:token-type:id_token"     //nolint:gosec // as above
	TokenTypeIDJAG       = "urn:ietf:params:oauth:token-type:id-jag"       //nolint:gosec // as above
)

// TokenExchangeGrant gives a client an access token for a resource owner's access token that it received,
// so that it can call the next API (RFC 8693). Only confidential clients that are registered for the
// grant may exchange, and only what Policy allows.
//
// The new token is never wider than the subject token: its scope, its resources, its authorization details
// and its lifetime are within the subject token's, and within the client's registration. It ends with the subject token,
// whichever way that ends; a JWT outlives it until it expires, as every JWT does. There is no refresh
// token. A subject token that is bound to a key is exchanged with a proof of that key alone.
//
// Codes, refresh tokens and the tokens of clients that act for themselves are no subject tokens.
type TokenExchangeGrant struct {
	// Policy decides, once everything else about the request was proven. It may be called in parallel.
	// An *Error that it returns is the answer; any other error answers 503. nil: no access token is
	// issued; then IdentityAssertion is required.
	Policy func(ctx context.Context, x *TokenExchange) (ExchangeMode, error)
	// IdentityAssertion, if set, decides which client gets an ID-JAG, for which other authorization
	// server: see [IdentityAssertion]. It needs Keys. nil: none is issued.
	IdentityAssertion func(ctx context.Context, x *TokenExchange) (*IdentityAssertion, error)

	// Issuers are those whose JWTs are accepted as subject tokens too: with the subject_token_type
	// id_token those for the client itself, with jwt those for this server. Whom they mean here, and what
	// they are good for, Accept tells. nil: this server's own access tokens alone.
	Issuers []TrustedIssuer
	// Accept maps a subject token of one of Issuers to the resource owner here. The scope that it approves
	// is the subject token's: nil means the claim scope. Required where there are Issuers.
	Accept func(ctx context.Context, a *BearerAssertion) (*Approval, error)
}

// An ExchangeMode is what a policy allows. The zero value refuses.
type ExchangeMode string

// The modes (RFC 8693 section 1.1).
const (
	// Refuse is the zero value: there is no exchange.
	Refuse ExchangeMode = ""
	// Delegate issues a token of the subject that tells who acts for it, in the claim act.
	Delegate ExchangeMode = "delegation"
	// Impersonate issues a token that tells of the subject alone: nobody sees that another one acts. Actors
	// of the subject token stay.
	Impersonate ExchangeMode = "impersonation"
)

// A TokenExchange is a request for a token exchange whose tokens are proven, for a policy to decide on.
type TokenExchange struct {
	Client *Client
	// Subject is what the subject token stands for. Its ClientID is whom it was issued to.
	Subject *TokenInfo
	// Actor will act: the owner of the actor token, or else the client itself.
	Actor *Actor
	// ActorToken is what the actor token stands for. nil: there was none.
	ActorToken *TokenInfo
	// SubjectTokenType and RequestedTokenType are as the client named them; an access token is requested
	// where it named none.
	SubjectTokenType, RequestedTokenType string
	// Scope and Resource are what the new token will have. Those of an ID-JAG are the other server's, as
	// the client named them.
	Scope    Scope
	Resource []string
	// Audience is the parameter audience. That of an ID-JAG names the other server; else it is part of
	// Resource.
	Audience []string

	req     *TokenRequest
	subject *subjectToken
}

// GrantType returns "urn:ietf:params:oauth:grant-type:token-exchange".
func (TokenExchangeGrant) GrantType() string { return GrantTokenExchange }

func (g TokenExchangeGrant) validate(cfg *ServerConfig, report func(wrong bool, format string, args ...any)) {
	report(g.Policy == nil && g.IdentityAssertion == nil, "TokenExchangeGrant: Policy is required")
	report(g.IdentityAssertion != nil && cfg.Keys == nil, "TokenExchangeGrant: IdentityAssertion needs Keys")
	report((len(g.Issuers) > 0) != (g.Accept != nil), "TokenExchangeGrant: Issuers and Accept need each other")
	report(slices.ContainsFunc(g.Issuers, func(i TrustedIssuer) bool { return i.IDJAG }), "TokenExchangeGrant: Issuers: an ID-JAG is no subject token")
	validateIssuers(cfg, "TokenExchangeGrant", g.Issuers, report)
}

// exchangeForm are the checks of the parameters alone.
var exchangeForm = []struct {
	rule, source string
	verify       func(*TokenExchangeGrant, *TokenRequest) error
}{
	{"the client is confidential", "RFC 8693 section 2.1", checkExchangeClient},
	{"subject_token and its type are there", "RFC 8693 section 2.1", checkSubjectTokenPresent},
	{"actor_token and its type are there together", "RFC 8693 section 2.1", checkActorTokenPresent},
	{"requested_token_type is served", "RFC 8693 section 2.1", checkRequestedType},
}

// exchangeChecks are those of the tokens.
var exchangeChecks = []struct {
	rule, source string
	verify       func(*TokenExchange) error
}{
	{"the resource owner of the subject token is still served", "RFC 8693 section 2.2.2", checkSubjectServed},
	{"the request proves the key that the subject token is bound to", "RFC 9449 section 7.1", checkSubjectKey},
	{"the actor token is the client's own", "RFC 8693 section 2.1", checkActorClient},
	{"the request proves the key that the actor token is bound to", "RFC 9449 section 7.1", checkActorKey},
	{"may_act names the actor, if it is there", "RFC 8693 section 4.4", checkMayAct},
	{"not too many have acted before", "RFC 8693 section 4.1", checkActors},
}

// Exchange decides on one request.
func (g TokenExchangeGrant) Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error) {
	for _, check := range exchangeForm {
		if err := check.verify(&g, req); err != nil {
			return nil, err
		}
	}
	x := &TokenExchange{
		Client: req.Client, SubjectTokenType: req.Param("subject_token_type"), RequestedTokenType: requestedType(req),
		Scope: req.Scope, Resource: req.Resource, Audience: req.Params("audience"), req: req,
	}
	if err := x.read(ctx, &g); err != nil {
		return nil, err
	}
	for _, check := range exchangeChecks {
		if err := check.verify(x); err != nil {
			return nil, err
		}
	}
	if x.RequestedTokenType == TokenTypeIDJAG {
		return g.assert(ctx, x)
	}
	return g.issue(ctx, x)
}

// issue asks the policy, and begins an authorization of the client's own that the subject token bounds.
func (g *TokenExchangeGrant) issue(ctx context.Context, x *TokenExchange) (*Issuance, error) {
	if err := x.narrow(); err != nil {
		return nil, err
	}
	issued, err := x.issuedType()
	if err != nil {
		return nil, err
	}
	mode, err := g.Policy(ctx, x)
	switch {
	case err != nil:
		return nil, hookRefusal(err)
	case mode != Delegate && mode != Impersonate:
		return nil, errExchangeRefused
	}
	a, err := x.req.Begin(x.Subject.Subject)
	if err != nil {
		return nil, err
	}
	before := x.subject.record
	a.Scope, a.Resource = x.Scope, x.Resource
	if a.Details, err = x.req.server.cfg.ownDetails(x.Client, x.Subject.Details); err != nil {
		return nil, err
	}
	a.AuthTime, a.ACR, a.AMR, a.SessionID, a.Claims = before.AuthTime, before.ACR, before.AMR, before.SessionID, before.Claims
	a.EndsAt = earlier(a.EndsAt, x.Subject.ExpiresAt.UTC().Truncate(time.Millisecond))
	a.Parents = x.subject.parents
	if a.Actor = before.Actor; mode == Delegate {
		a.Actor = x.Actor
	}
	return &Issuance{Authorization: a, Extra: map[string]any{"issued_token_type": issued}}, nil
}

var (
	// errExchangeRefused is invalid_request, as RFC 8693 section 2.2.2 wants for what a policy does not accept.
	errExchangeRefused = ErrInvalidRequest.With("The exchange is not allowed.")
	errExchangeScope   = ErrInvalidScope.With("The subject token does not have the scope.")
	errExchangeTarget  = ErrInvalidTarget.With("The subject token is not good for the target.")
)

// narrow finds the scope and the resources: what was asked for, if the subject token has all of it, or
// else what the subject token has and the client may have.
func (x *TokenExchange) narrow() (err error) {
	s, asked := x.req.server, x.Resource
	for _, audience := range x.Audience {
		r := s.cfg.requestedAs(audience)
		if r == nil {
			return ErrInvalidTarget.With("The audience is unknown.")
		}
		asked = append(slices.Clip(asked), r.URI)
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	if len(x.Subject.Scope) > 0 || x.Scope != nil {
		if x.Scope, err = within(x.Scope, x.Subject.Scope, s.defaultScope(x.Client), errExchangeScope); err != nil {
			return err
		}
	} else {
		x.Scope = Scope{}
	}
	if served := s.servedResources(x.Subject.Audience); len(x.Subject.Audience) > 0 || asked != nil {
		x.Resource, err = within(asked, served, served, errExchangeTarget)
	}
	return err
}

// issuedType is the issued_token_type of an access token (RFC 8693 section 2.2.1).
func (x *TokenExchange) issuedType() (string, error) {
	format, err := x.req.server.cfg.formatFor(x.Resource)
	if err == nil && x.RequestedTokenType == TokenTypeJWT && format != FormatJWT {
		err = ErrInvalidRequest.With("The access token for this target is no JWT.")
	}
	return x.RequestedTokenType, err
}

func requestedType(req *TokenRequest) string {
	if requested := req.Param("requested_token_type"); requested != "" {
		return requested
	}
	return TokenTypeAccessToken
}

func checkExchangeClient(_ *TokenExchangeGrant, req *TokenRequest) error {
	if req.Client.Public() {
		return ErrUnauthorizedClient.With("Only a confidential client may exchange tokens.")
	}
	return nil
}

func checkSubjectTokenPresent(_ *TokenExchangeGrant, req *TokenRequest) error {
	switch {
	case req.Param("subject_token") == "":
		return ErrInvalidRequest.With("subject_token is missing.")
	case req.Param("subject_token_type") == "":
		return ErrInvalidRequest.With("subject_token_type is missing.")
	}
	return nil
}

func checkActorTokenPresent(_ *TokenExchangeGrant, req *TokenRequest) error {
	if (req.Param("actor_token") == "") != (req.Param("actor_token_type") == "") {
		return ErrInvalidRequest.With("actor_token and actor_token_type go together.")
	}
	return nil
}

func checkRequestedType(g *TokenExchangeGrant, req *TokenRequest) error {
	switch requested := requestedType(req); {
	case requested == TokenTypeIDJAG && g.IdentityAssertion != nil:
	case (requested == TokenTypeAccessToken || requested == TokenTypeJWT) && g.Policy != nil:
	default:
		return ErrInvalidRequest.With("This requested_token_type is not served.")
	}
	return nil
}

func checkSubjectServed(x *TokenExchange) error {
	err := x.req.server.subjectActive(x.req.http.Context(), x.subject.record)
	if errors.Is(err, ErrInvalidGrant) {
		return errSubjectToken
	}
	return err
}

func checkSubjectKey(x *TokenExchange) error {
	if !x.req.Confirmation.proves(x.Subject.Confirmation) {
		return ErrInvalidRequest.With("subject_token is bound to another key than the request proves.")
	}
	return nil
}

// checkActorClient keeps a client from acting as whoever's token it received.
func checkActorClient(x *TokenExchange) error {
	if x.ActorToken != nil && x.ActorToken.ClientID != x.Client.ID {
		return errActorToken
	}
	return nil
}

func checkActorKey(x *TokenExchange) error {
	if x.ActorToken != nil && !x.req.Confirmation.proves(x.ActorToken.Confirmation) {
		return ErrInvalidRequest.With("actor_token is bound to another key than the request proves.")
	}
	return nil
}

func checkActors(x *TokenExchange) error {
	if x.Actor.depth() > maxActors || len(x.subject.parents) > maxActors {
		return ErrInvalidRequest.With("subject_token was exchanged too often.")
	}
	return nil
}

// checkMayAct: the subject's word on who may act counts for as long as a token leads back to it. What in
// it is not understood, nobody fulfils.
func checkMayAct(x *TokenExchange) error {
	claim, there := x.Subject.Claims["may_act"]
	if !there {
		return nil
	}
	members, _ := claim.(map[string]any)
	subject, _ := members["sub"].(string)
	for name, value := range members {
		own, known := map[string]string{"sub": x.Actor.Subject, "client_id": x.Actor.ClientID, "iss": x.req.server.cfg.Issuer}[name]
		if !known || value != own {
			return errMayNotAct
		}
	}
	if subject == "" {
		return errMayNotAct
	}
	return nil
}

var errMayNotAct = ErrInvalidRequest.With("The subject token does not let the actor act.")

// targetsElsewhere reports whether scope and resource of a request are another server's, and not for
// this one's checks.
func (s *Server) targetsElsewhere(req *TokenRequest) bool {
	return req.GrantType == GrantTokenExchange && requestedType(req) == TokenTypeIDJAG
}

var errNotSubject = errors.New("oauth2: the token is no subject token")
