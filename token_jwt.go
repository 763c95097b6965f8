package oauth2

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	strict "github.com/go-jose/go-jose/v4/json" // which matches names exactly
	"github.com/go-jose/go-jose/v4/jwt"
)

// An access token that is a JWT (RFC 9068) has a record like any other: its jti is what an opaque token
// has behind its prefix, so introspection and revocation find the record. A client that acts for itself
// gets a JWT without one, whose jti names nothing: it is written nowhere and cannot be ended singly.

// errNoRecord: the JWT is ours, and good, but has no record.
var errNoRecord = fmt.Errorf("oauth2: the JWT has no record: %w", ErrNotFound)

// unrecorded reports whether nothing is written of what an exchange hands out.
func (x *exchange) unrecorded(a *Authorization) bool {
	return x.out.access.kind == kindJWT && a.Version == 0 && a.Subject == "" && a.Code == nil && a.Refresh == nil
}

// kindFor is the kind of an access token for these resources.
func (s *Server) kindFor(resources []string) (tokenKind, error) {
	format, err := s.cfg.formatFor(resources)
	if err != nil || format != FormatJWT {
		return kindAccess, err
	}
	return kindJWT, nil
}

// signAccess puts an access token that is a JWT into words, before anything is stored: what cannot be
// signed changes nothing. A retry gets the same claims again; only an ECDSA or PSS signature differs,
// and after a rotation the key.
func (x *exchange) signAccess(ctx context.Context, a *Authorization) error {
	if x.out.access.kind != kindJWT {
		return nil
	}
	info, err := x.server.describe(ctx, a, x.out.token)
	if err != nil {
		return err
	}
	claims, err := accessClaimsOf(&info, x.jti(a))
	if err != nil {
		return ErrServerError.Because(err)
	}
	x.out.texts.access, err = x.server.sign(ctx, typAccessToken, claims.end())
	claims.free()
	return err
}

// jti is what an opaque token has behind its prefix, or names nothing.
func (x *exchange) jti(a *Authorization) string {
	if x.unrecorded(a) {
		core := x.out.access.core()
		return base64.RawURLEncoding.EncodeToString(core[:])
	}
	return x.out.access.text("")
}

// accessClaimsOf are RFC 9068 section 2.2's claims. sub is the client where it acts for itself.
func accessClaimsOf(info *TokenInfo, jti string) (*object, error) {
	subject := info.Subject
	if subject == "" {
		subject = info.ClientID
	}
	o := newObject().text("iss", info.Issuer).text("sub", subject).text("client_id", info.ClientID).text("jti", jti)
	return o, o.facts(info)
}

// facts are the members that a JWT and an introspection answer have in common.
func (o *object) facts(info *TokenInfo) error {
	o.number("iat", info.IssuedAt.Unix()).number("exp", info.ExpiresAt.Unix()).scope(info.Scope)
	switch len(info.Audience) {
	case 0:
	case 1:
		o.text("aud", info.Audience[0])
	default:
		o.texts("aud", info.Audience)
	}
	if !info.AuthTime.IsZero() {
		o.number("auth_time", info.AuthTime.Unix())
	}
	if info.ACR != "" {
		o.text("acr", info.ACR)
	}
	if len(info.AMR) > 0 {
		o.texts("amr", info.AMR)
	}
	if info.Confirmation != nil {
		o.member("cnf", info.Confirmation)
	}
	if info.Actor != nil {
		o.member("act", info.Actor)
	}
	return o.details(info.Details).others(info.Claims, reservedClaims)
}

// accessClaims are the claims of one of our JWT access tokens.
type accessClaims struct {
	jwt.Claims
	ClientID     string          `json:"client_id"`
	Scope        string          `json:"scope"`
	Confirmation *Confirmation   `json:"cnf"`
	Details      json.RawMessage `json:"authorization_details"`

	others map[string]any
}

// readAccessJWT returns the claims of a JWT access token that this issuer signed and that is good by its
// time. ErrNotFound: it is none.
func (s *Server) readAccessJWT(ctx context.Context, text string) (*accessClaims, error) {
	payload, err := s.verify(ctx, typAccessToken, text)
	switch {
	case errors.Is(err, errNotOurJWT):
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	}
	claims := &accessClaims{}
	if err := errors.Join(strict.Unmarshal(payload, claims), strict.Unmarshal(payload, &claims.others)); err != nil {
		return nil, ErrNotFound
	}
	maps.DeleteFunc(claims.others, func(name string, _ any) bool { return slices.Contains(reservedClaims, name) })
	if claims.Issuer != s.cfg.Issuer || claims.Expiry == nil || !s.now().Before(claims.Expiry.Time()) {
		return nil, ErrNotFound
	}
	return claims, nil
}

// locator is the part of a JWT that names its record; there is none where the client acts for itself.
func (c *accessClaims) locator() (bearerToken, bool) { return parseBearerToken(kindJWT, "", c.ID) }

// tokenInfo tells what a JWT without a record stands for.
func (c *accessClaims) tokenInfo() *TokenInfo {
	scope, _ := ParseScope(c.Scope) // as it was signed
	return &TokenInfo{
		ClientID: c.ClientID, Scope: scope, Audience: c.Audience, Issuer: c.Issuer,
		IssuedAt: timeOf(c.IssuedAt), ExpiresAt: timeOf(c.Expiry),
		Confirmation: c.Confirmation, Details: c.Details, Claims: c.others,
	}
}

func timeOf(date *jwt.NumericDate) time.Time {
	if date == nil {
		return time.Time{}
	}
	return date.Time().UTC()
}

// locate reads a code or token of whatever kind. ErrNotFound: it is none of ours; errNoRecord, which is
// ErrNotFound too: it is, but has no record.
func (s *Server) locate(ctx context.Context, text string) (bearerToken, error) {
	if t, ok := s.parseAny(text); ok {
		return t, nil
	}
	claims, err := s.readAccessJWT(ctx, text)
	if err != nil {
		return bearerToken{}, err
	}
	t, ok := claims.locator()
	if !ok {
		return t, errNoRecord
	}
	return t, nil
}
