package oauth2

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// A subjectToken is what a token exchange begins with.
type subjectToken struct {
	// record is its authorization. That of another issuer's token was never stored.
	record *Authorization
	// parents are those of what is issued for it: its own, and itself.
	parents []ParentToken
}

// The refusals are without an oracle: none tells whether a token ever was one.
var (
	errSubjectToken = ErrInvalidRequest.With("subject_token is no token that is good for an exchange.")
	errActorToken   = ErrInvalidRequest.With("actor_token is no access token of this client.")
	errTokenTypes   = ErrInvalidRequest.With("The token type is not accepted.")
)

// read reads the tokens of the request.
func (x *TokenExchange) read(ctx context.Context, g *TokenExchangeGrant) (err error) {
	if x.subject, x.Subject, err = g.readSubject(ctx, x.req, x.SubjectTokenType); err != nil {
		return err
	}
	x.req.presented = x.subject.presented()
	actor := &Actor{Subject: x.Client.ID, ClientID: x.Client.ID}
	if text := x.req.Param("actor_token"); text != "" {
		if x.ActorToken, err = x.req.readActor(ctx, text); err != nil {
			return err
		}
		actor.ClientID = x.ActorToken.ClientID
		if actor.Subject = x.ActorToken.Subject; actor.Subject == "" {
			actor.Subject = x.ActorToken.ClientID
		}
	}
	actor.Actor = x.subject.record.Actor
	x.Actor = actor
	return nil
}

// presented is the record that events name. That of another issuer's token has no ID.
func (t *subjectToken) presented() *Authorization {
	if t.record.ID == "" {
		return nil
	}
	return t.record
}

// readSubject reads the subject token: an access token of this server, or a JWT of a trusted issuer.
func (g *TokenExchangeGrant) readSubject(ctx context.Context, req *TokenRequest, tokenType string) (*subjectToken, *TokenInfo, error) {
	text := req.Param("subject_token")
	switch tokenType {
	case TokenTypeAccessToken:
	case TokenTypeJWT:
		if !looksLikeJWT(text) {
			return nil, nil, errSubjectToken
		}
	case TokenTypeIDToken:
		if len(g.Issuers) == 0 {
			return nil, nil, errTokenTypes
		}
		return g.readForeign(ctx, req, tokenType, text)
	default:
		return nil, nil, errTokenTypes
	}
	found, info, err := req.server.readExchanged(ctx, req, text)
	if errors.Is(err, errNotSubject) && tokenType == TokenTypeJWT && len(g.Issuers) > 0 {
		return g.readForeign(ctx, req, tokenType, text)
	}
	if errors.Is(err, errNotSubject) {
		err = errSubjectToken
	}
	return found, info, err
}

// readExchanged reads an access token of this server that a resource owner granted. errNotSubject: it is
// none that is live.
func (s *Server) readExchanged(ctx context.Context, req *TokenRequest, text string) (*subjectToken, *TokenInfo, error) {
	t, err := s.locate(ctx, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil, errNotSubject
	case err != nil:
		return nil, nil, err
	case t.kind != kindAccess && t.kind != kindJWT:
		return nil, nil, errNotSubject
	}
	a, err := s.get(ctx, t.id())
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil, errNotSubject
	case err != nil:
		return nil, nil, err
	}
	token, live := a.findAccess(t, req.Now)
	if !live || a.Subject == "" {
		return nil, nil, errNotSubject
	}
	if err := s.checkParents(ctx, a, req.Now); err != nil {
		if errors.Is(err, ErrInvalidToken) {
			err = errNotSubject
		}
		return nil, nil, err
	}
	info, err := s.describe(ctx, a, token)
	if err != nil {
		return nil, nil, err
	}
	parents := append(slices.Clone(a.Parents), ParentToken{ID: a.ID, Digest: token.Digest})
	return &subjectToken{record: a, parents: parents}, &info, nil
}

// readActor reads the actor token: an access token of this server, of whatever grant.
func (req *TokenRequest) readActor(ctx context.Context, text string) (*TokenInfo, error) {
	switch req.Param("actor_token_type") {
	case TokenTypeAccessToken:
	case TokenTypeJWT:
		if !looksLikeJWT(text) {
			return nil, errActorToken
		}
	default:
		return nil, errTokenTypes
	}
	info, err := req.server.Check(ctx, text)
	if err == nil {
		err = req.server.subjectActive(ctx, &Authorization{Subject: info.Subject})
	}
	if errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrInvalidGrant) {
		err = errActorToken
	}
	return info, err
}

// foreignChecks are what a subject token of a trusted issuer has to hold. A client may use it again for as
// long as it is good, as it may use an access token.
var foreignChecks = []struct {
	rule, source string
	holds        func(req *TokenRequest, tokenType string, a *asserted) bool
}{
	{"sub is there, and is text", "RFC 7519 section 4.1.2", func(req *TokenRequest, _ string, a *asserted) bool { return assertedSubject(nil, req, a) }},
	{"aud is the client of an ID token, and this server for any other JWT", "OpenID Connect Core section 2", foreignAudience},
	{"exp is there, and not over", "RFC 7519 section 4.1.4", func(req *TokenRequest, _ string, a *asserted) bool {
		return a.claims.Expiry != nil && req.Now.Before(a.claims.Expiry.Time())
	}},
	{"nbf and iat are not ahead of the time", "RFC 7519 section 4.1.5", func(req *TokenRequest, _ string, a *asserted) bool { return a.hasBegun(req.Now) }},
	{"act is valid", "RFC 8693 section 4.1", func(_ *TokenRequest, _ string, a *asserted) bool {
		return a.claims.Actor.depth() <= maxActors && a.claims.Actor.valid()
	}},
}

func foreignAudience(req *TokenRequest, tokenType string, a *asserted) bool {
	wanted := req.server.cfg.Issuer
	if tokenType == TokenTypeIDToken {
		wanted = req.Client.ID
	}
	return len(a.claims.Audience) == 1 && a.claims.Audience[0] == wanted
}

// readForeign reads a JWT of a trusted issuer.
func (g *TokenExchangeGrant) readForeign(ctx context.Context, req *TokenRequest, tokenType, text string) (*subjectToken, *TokenInfo, error) {
	found, err := req.server.readAsserted(ctx, g.Issuers, text)
	switch {
	case errors.Is(err, errAsserted):
		return nil, nil, errSubjectToken.Because(err)
	case err != nil:
		return nil, nil, err
	}
	for _, check := range foreignChecks {
		if !check.holds(req, tokenType, found) {
			return nil, nil, ErrInvalidRequest.With("Of subject_token it does not hold that " + check.rule + ".")
		}
	}
	return g.foreignSubject(ctx, req, found)
}

// foreignSubject asks the application whom a JWT of a trusted issuer means here. No record of it is stored.
func (g *TokenExchangeGrant) foreignSubject(ctx context.Context, req *TokenRequest, found *asserted) (*subjectToken, *TokenInfo, error) {
	scope, err := ParseScope(found.claims.Scope)
	if err != nil {
		return nil, nil, errSubjectToken
	}
	approval, err := g.Accept(ctx, &BearerAssertion{
		Client: req.Client, Issuer: found.claims.Issuer, Subject: found.claims.Subject,
		Scope: scope, Resource: found.claims.Resource, ExpiresAt: timeOf(found.claims.Expiry), Claims: found.all,
	})
	switch {
	case err != nil:
		return nil, nil, hookRefusal(err)
	case approval == nil || approval.Subject == "":
		return nil, nil, ErrServerError.Because(errApproveNothing)
	}
	approved := *approval
	if mayAct, there := found.all["may_act"]; there {
		approved.Claims = maps.Clone(approval.Claims)
		if approved.Claims == nil {
			approved.Claims = map[string]any{}
		}
		approved.Claims["may_act"] = mayAct
	}
	a := &Authorization{Subject: approved.Subject, Scope: scope, Actor: found.actor()}
	if approved.Scope != nil {
		a.Scope = approved.Scope
	}
	if err := a.tell(&approved); err != nil {
		return nil, nil, err
	}
	info := &TokenInfo{
		Subject: a.Subject, ClientID: req.Client.ID, Scope: a.Scope, Audience: found.claims.Resource, Issuer: found.claims.Issuer,
		IssuedAt: timeOf(found.claims.IssuedAt), ExpiresAt: timeOf(found.claims.Expiry),
		AuthTime: a.AuthTime, ACR: a.ACR, AMR: a.AMR, Confirmation: found.claims.Confirmation, Actor: a.Actor, Claims: approved.Claims,
	}
	if info.Audience == nil {
		// It names no resource: the exchange is for the default ones.
		info.Audience = req.server.defaultResource()
	}
	return &subjectToken{record: a}, info, nil
}
