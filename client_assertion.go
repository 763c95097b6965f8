package oauth2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// assertionTypeJWT is the one client_assertion_type (RFC 7523 section 2.2).
const assertionTypeJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	// assertionLifetime is how far ahead exp may lie: so long is the jti remembered.
	assertionLifetime = 5 * time.Minute
	// assertionAhead is how far ahead a client's clock may be. FAPI 2.0 section 5.3.2.1 wants 10
	// seconds forgiven, and more than 60 refused.
	assertionAhead = 30 * time.Second
	maxJTIBytes    = 256
)

// An assertion is a JWT by which a client authenticates (RFC 7523 section 3).
type assertion struct {
	token  *jwt.JSONWebToken
	claims assertionClaims
}

// assertionClaims are what an assertion says. Audience is a text, or whatever else was sent.
type assertionClaims struct {
	Issuer    string           `json:"iss"`
	Subject   string           `json:"sub"`
	Audience  any              `json:"aud"`
	ID        string           `json:"jti"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
}

var errAssertionSyntax = errors.New("oauth2: the client assertion cannot be read")

// readAssertion reads an assertion, and believes nothing of it yet.
func readAssertion(f form) (*assertion, error) {
	if f.get("client_assertion_type") != assertionTypeJWT {
		return nil, ErrInvalidClient.With("client_assertion_type is not that of a JWT.")
	}
	token, err := jwt.ParseSigned(f.get("client_assertion"), signatureAlgorithms)
	if err != nil {
		// The error may quote the assertion.
		return nil, errClientAuthentication.Because(errAssertionSyntax)
	}
	a := &assertion{token: token}
	if err := token.UnsafeClaimsWithoutVerification(&a.claims); err != nil {
		return nil, errClientAuthentication.Because(errAssertionSyntax)
	}
	return a, nil
}

// headerChecks stand before the signature: whether its key can be looked for.
var headerChecks = []struct {
	rule, source string
	holds        func(*Client, jose.Header) bool
}{
	{"the client is registered for alg", "FAPI 2.0 section 5.4.1", headerAlgRegistered},
	{"the key is not brought along", "RFC 8725 section 3.10", headerWithoutKey},
	{"typ is that of no other JWT", "RFC 8725 section 3.11", headerOfAnAssertion},
}

// assertionChecks stand behind the signature: what the client says about itself.
var assertionChecks = []struct {
	rule, source string
	holds        func(*Server, *Client, *assertionClaims) bool
}{
	{"iss and sub are the client_id", "RFC 7523 section 3", assertionIsOfClient},
	{"aud is the issuer, as a string", "FAPI 2.0 section 5.3.2.1", assertionIsForIssuer},
	{"exp is there, not over, and at most five minutes ahead", "RFC 7523 section 3", assertionExpires},
	{"nbf and iat are not ahead of the time", "FAPI 2.0 section 5.3.2.1", assertionHasBegun},
	{"jti is there, and not too long", "RFC 7523 section 3", assertionIsNamed},
}

// proveAssertion authenticates a client by private_key_jwt. The jti is used up by an assertion that is
// right in all other respects, at whatever replica it arrives.
func proveAssertion(s *Server, r *http.Request, client *Client, c credentials) error {
	if !client.accepts(AuthMethodPrivateKeyJWT) || !s.cfg.authenticatesBy(AuthMethodPrivateKeyJWT) {
		return errClientMethod
	}
	header := c.assertion.token.Headers[0]
	for _, check := range headerChecks {
		if !check.holds(client, header) {
			return errClientAuthentication.Because(brokenRule(check.rule))
		}
	}
	var claims assertionClaims
	err := s.verifyWithClientKeys(r.Context(), client, header, func(key any) error {
		claims = assertionClaims{}
		return c.assertion.token.Claims(key, &claims)
	})
	switch {
	case errors.Is(err, errNoClientKey):
		return errClientAuthentication.Because(err)
	case err != nil:
		return err
	}
	return s.acceptAssertion(r.Context(), client, &claims)
}

// acceptAssertion judges claims that the client has signed. Its developer is told what is wrong.
func (s *Server) acceptAssertion(ctx context.Context, client *Client, claims *assertionClaims) error {
	for _, check := range assertionChecks {
		if !check.holds(s, client, claims) {
			return ErrInvalidClient.With("Of the client assertion it does not hold that " + check.rule + ".")
		}
	}
	err := s.once(ctx, "client_assertion", client.ID, claims.ID, claims.Expiry.Time())
	if errors.Is(err, errUsedBefore) {
		return ErrInvalidClient.With("The client assertion was used before.").Because(err)
	}
	return err
}

func brokenRule(rule string) error {
	return fmt.Errorf("oauth2: of the client assertion it does not hold that %s", rule)
}

func headerAlgRegistered(client *Client, header jose.Header) bool {
	for _, alg := range signatureAlgorithmsFor(client.TokenEndpointAuthSigningAlg) {
		if header.Algorithm == string(alg) {
			return true
		}
	}
	return false
}

func headerWithoutKey(_ *Client, header jose.Header) bool {
	_, jku := header.ExtraHeaders["jku"]
	_, x5u := header.ExtraHeaders["x5u"]
	return header.JSONWebKey == nil && !jku && !x5u
}

// headerOfAnAssertion: what is typed is either just a JWT, or a client's authentication by word.
func headerOfAnAssertion(_ *Client, header jose.Header) bool {
	typ, there := header.ExtraHeaders[jose.HeaderType]
	if !there {
		return true
	}
	text, _ := typ.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	return text == "jwt" || text == "client-authentication+jwt"
}

func assertionIsOfClient(_ *Server, client *Client, claims *assertionClaims) bool {
	return claims.Issuer == client.ID && claims.Subject == client.ID
}

// assertionIsForIssuer takes the issuer alone, not the URL of an endpoint: another server could have
// named that as its own, to be sent an assertion that is good here.
func assertionIsForIssuer(s *Server, _ *Client, claims *assertionClaims) bool {
	audience, ok := claims.Audience.(string)
	return ok && audience == s.cfg.Issuer
}

func assertionExpires(s *Server, _ *Client, claims *assertionClaims) bool {
	if claims.Expiry == nil {
		return false
	}
	left := claims.Expiry.Time().Sub(s.now())
	return left > 0 && left <= assertionLifetime+assertionAhead
}

func assertionHasBegun(s *Server, _ *Client, claims *assertionClaims) bool {
	latest := s.now().Add(assertionAhead)
	return !claims.NotBefore.Time().After(latest) && !claims.IssuedAt.Time().After(latest)
}

func assertionIsNamed(_ *Server, _ *Client, claims *assertionClaims) bool {
	return claims.ID != "" && len(claims.ID) <= maxJTIBytes
}
