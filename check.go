package oauth2

import (
	"context"
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
	// AuthTime, ACR and AMR tell how the resource owner was authenticated (RFC 9470 section 6.2).
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Confirmation is the key that the token's sender must prove to hold (RFC 7800 section 3.1). nil: it is
	// a bearer token.
	Confirmation *Confirmation
	// AuthorizationID names the record. All tokens of one approval share it. It is empty where the
	// token was checked by introspection, for an access token of another server (see [Adopter]), and for
	// the JWT of a client that acts for itself.
	AuthorizationID string
	// Claims are further members: those of Approval.Claims and of ServerConfig.Claims.
	Claims map[string]any
}

// Check tells what an access token stands for, from the record itself, so a revocation is seen at
// once, that of a JWT too. It costs one read. The JWT of a client that acts for itself has no record: its
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
	token, live := a.findAccess(t, s.now())
	if !live {
		return nil, errTokenInvalid
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
	return s.describe(ctx, a, token)
}

// describe tells what an access token of this record stands for.
func (s *Server) describe(ctx context.Context, a *Authorization, token AccessToken) (*TokenInfo, error) {
	info := &TokenInfo{
		Subject:         a.Subject,
		ClientID:        a.ClientID,
		Scope:           token.scopeIn(a),
		Audience:        token.audienceIn(a),
		Issuer:          a.Issuer,
		IssuedAt:        token.IssuedAt,
		ExpiresAt:       token.ExpiresAt,
		AuthTime:        a.AuthTime,
		ACR:             a.ACR,
		AMR:             a.AMR,
		Confirmation:    token.Confirmation.clone(),
		AuthorizationID: a.ID,
	}
	var err error
	info.Claims, err = s.claims(ctx, a)
	return info, err
}

var errTokenInvalid = ErrInvalidToken.With("The access token is unknown, expired or revoked.")
