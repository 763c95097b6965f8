package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// A TokenInfo is what a live access token stands for (RFC 7662 section 2.2).
type TokenInfo struct {
	// Subject is the resource owner. It is empty when the client acts for itself.
	Subject  string
	ClientID string
	Scope    Scope
	Audience []string
	Issuer   string
	IssuedAt time.Time
	// ExpiresAt is in the future. It is zero where an introspection endpoint does not tell.
	ExpiresAt time.Time
	// Details are the token's authorization details (RFC 9396 section 9), a JSON array; [DetailsType] reads them.
	// nil: it has none.
	Details json.RawMessage
	// AuthTime, ACR and AMR tell how the resource owner was authenticated (RFC 9470 section 6.2).
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Confirmation is the key that the token's sender must prove to hold (RFC 7800 section 3.1). nil: it is
	// a bearer token.
	Confirmation *Confirmation
	// Actor acts for the subject, where that was delegated (RFC 8693 section 4.1). nil: nobody does.
	Actor *Actor
	// AuthorizationID names the record. All tokens of one approval share it. It is empty where the
	// token was checked by introspection, for an access token of another server (see [Adopter]), and for
	// the JWT of a client that acts for itself.
	AuthorizationID string
	// Claims are further members: those of Approval.Claims and of ServerConfig.Claims.
	Claims map[string]any
}

// Check tells what an access token stands for, from the record itself, so a revocation is seen at
// once, that of a JWT too. It costs one read, and one more for each token behind one that was exchanged
// for (see [TokenExchangeGrant]). The JWT of a client that acts for itself has no record: its
// signature and its time are all that is looked at. ErrInvalidToken: the token is unknown, expired or
// revoked, or no access token of this issuer; ErrTemporarilyUnavailable: the store failed.
func (s *Server) Check(ctx context.Context, accessToken string) (*TokenInfo, error) {
	t, ok := parseBearerToken(kindAccess, s.cfg.Prefixes.Access, accessToken)
	if !ok {
		claims, err := s.readAccessJWT(ctx, accessToken)
		switch {
		case errors.Is(err, ErrNotFound):
			return s.checkForeign(ctx, accessToken)
		case err != nil:
			return nil, err
		}
		if t, ok = claims.locator(); !ok {
			return claims.tokenInfo(), nil
		}
	}
	a, err := s.load(ctx, t, errTokenInvalid)
	if err != nil {
		return nil, err
	}
	now := s.now()
	token, live := a.findAccess(t, now)
	if !live {
		return nil, errTokenInvalid
	}
	if err := s.checkParents(ctx, a, now); err != nil {
		return nil, err
	}
	return s.tokenInfo(ctx, a, token)
}

// tokenInfo tells what a live access token of this record stands for, if its subject may be served.
func (s *Server) tokenInfo(ctx context.Context, a *Authorization, token AccessToken) (*TokenInfo, error) {
	if s.cfg.SubjectActiveOnCheck {
		if err := s.subjectActive(ctx, a); err != nil {
			if errors.Is(err, ErrInvalidGrant) {
				err = errTokenInvalid
			}
			return nil, err
		}
	}
	info, err := s.describe(ctx, a, token)
	if err != nil {
		return nil, err
	}
	return &info, nil
}

// describe tells what an access token of this record stands for.
func (s *Server) describe(ctx context.Context, a *Authorization, token AccessToken) (TokenInfo, error) {
	info := TokenInfo{
		Subject:         a.Subject,
		ClientID:        a.ClientID,
		Scope:           token.scopeIn(a),
		Audience:        token.audienceIn(a),
		Details:         token.detailsIn(a),
		Issuer:          a.Issuer,
		IssuedAt:        token.IssuedAt,
		ExpiresAt:       token.ExpiresAt,
		AuthTime:        a.AuthTime,
		ACR:             a.ACR,
		AMR:             a.AMR,
		Confirmation:    token.Confirmation.clone(),
		Actor:           a.Actor.clone(),
		AuthorizationID: a.ID,
	}
	var err error
	info.Claims, err = s.claims(ctx, a)
	return info, err
}

var errTokenInvalid = ErrInvalidToken.With("The access token is unknown, expired or revoked.")
