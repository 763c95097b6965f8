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

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

// A TrustedIssuer is another authorization server or identity provider whose assertions are believed:
// those that are signed with the keys given here, and no others.
type TrustedIssuer struct {
	// Issuer is the claim iss, as an exact string. It is never this server's own.
	Issuer string
	// JWKS is a JWK Set of the issuer's public keys (RFC 7517 section 5), one JSON object; JWKSURI is where
	// it is instead, an https URL: see ServerConfig.HTTPClient. Exactly one of them.
	JWKS    json.RawMessage
	JWKSURI string
	// Algorithms are those that it signs with. nil means ES256, EdDSA, Ed25519 and PS256; RS256 has to be named.
	Algorithms []SignatureAlgorithm
	// IDJAG: its assertions are identity assertion authorization grants
	// (draft-ietf-oauth-identity-assertion-authz-grant), which name the client that may use them. Then no
	// other assertion of it is accepted; otherwise, no ID-JAG is.
	IDJAG bool
}

// The bounds of an assertion of a trusted issuer.
const (
	defaultAssertedLifetime = 5 * time.Minute
	maxAssertedLifetime     = time.Hour
	maxAssertionBytes       = 16 << 10
)

// An asserted JWT is one of a trusted issuer, whose signature was verified.
type asserted struct {
	issuer *TrustedIssuer
	claims assertedClaims
	// all are the claims as they were signed.
	all map[string]any
}

// assertedClaims are what an assertion says about the resource owner, and about what was granted.
type assertedClaims struct {
	jwt.Claims
	ClientID     string           `json:"client_id"`
	Scope        string           `json:"scope"`
	Resource     jwt.Audience     `json:"resource"` // one or several, as aud is
	AuthTime     *jwt.NumericDate `json:"auth_time"`
	ACR          string           `json:"acr"`
	AMR          []string         `json:"amr"`
	Confirmation *Confirmation    `json:"cnf"`
	Actor        *Actor           `json:"act"`
}

// errAsserted are refusals without an oracle: none tells which issuers are trusted, nor which key is
// missing.
var errAsserted = errors.New("oauth2: the assertion is none that a trusted issuer made")

// assertedHeaderChecks stand before the signature: whether its key can be looked for.
var assertedHeaderChecks = []struct {
	rule, source string
	holds        func(*TrustedIssuer, jose.Header) bool
}{
	{"alg is one of the issuer's", "RFC 8725 section 3.1", assertedAlg},
	{"the key is not brought along", "RFC 8725 section 3.10", func(_ *TrustedIssuer, h jose.Header) bool { return headerWithoutKey(nil, h) }},
	{"no extension is critical", "RFC 7515 section 4.1.11", func(_ *TrustedIssuer, h jose.Header) bool { return h.ExtraHeaders["crit"] == nil }},
	{"typ is that of the profile", "RFC 8725 section 3.11", assertedTyp},
}

// readAsserted verifies a JWT against the keys of the issuer that it names, if that is trusted. What is
// no such JWT is errAsserted; ErrTemporarilyUnavailable: the issuer's keys cannot be had.
func (s *Server) readAsserted(ctx context.Context, trusted []TrustedIssuer, text string) (*asserted, error) {
	if len(text) > maxAssertionBytes {
		return nil, errAsserted
	}
	token, err := jwt.ParseSigned(text, signatureAlgorithms)
	if err != nil {
		return nil, errAsserted // without the cause, which may quote the assertion
	}
	var named jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&named); err != nil {
		return nil, errAsserted
	}
	at := slices.IndexFunc(trusted, func(i TrustedIssuer) bool { return i.Issuer == named.Issuer })
	if at < 0 {
		return nil, errAsserted
	}
	found, header := &asserted{issuer: &trusted[at]}, token.Headers[0]
	for _, check := range assertedHeaderChecks {
		if !check.holds(found.issuer, header) {
			return nil, fmt.Errorf("%w: it does not hold that %s", errAsserted, check.rule)
		}
	}
	// Its keys are looked for as a client's are.
	keeper := &Client{ID: found.issuer.Issuer, JWKS: found.issuer.JWKS, JWKSURI: found.issuer.JWKSURI}
	err = s.verifyWithClientKeys(ctx, keeper, header, func(key any) error {
		found.claims, found.all = assertedClaims{}, nil
		return token.Claims(key, &found.claims, &found.all)
	})
	if errors.Is(err, errNoClientKey) {
		return nil, errAsserted
	}
	return found, err
}

func assertedAlg(issuer *TrustedIssuer, header jose.Header) bool {
	return slices.Contains(issuer.algorithms(), SignatureAlgorithm(header.Algorithm))
}

// algorithms are those that the issuer signs with.
func (i *TrustedIssuer) algorithms() []SignatureAlgorithm {
	if i.Algorithms != nil {
		return i.Algorithms
	}
	return []SignatureAlgorithm{ES256, EdDSA, Ed25519, PS256}
}

// assertedTyp keeps the JWTs of an issuer apart: an ID-JAG says what it is, and a plain assertion says
// nothing else.
func assertedTyp(issuer *TrustedIssuer, header jose.Header) bool {
	typ, there := header.ExtraHeaders[jose.HeaderType]
	text, _ := typ.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	if issuer.IDJAG {
		return text == typIDJAG
	}
	return !there || text == "jwt"
}

// expires reports whether exp is there, not over, and no further ahead than most.
func (a *asserted) expires(now time.Time, most time.Duration) bool {
	if a.claims.Expiry == nil {
		return false
	}
	left := a.claims.Expiry.Time().Sub(now)
	return left > 0 && left <= most+assertionAhead
}

// hasBegun reports whether nbf and iat have passed, but for some seconds of clock skew. A claim that is
// not there has.
func (a *asserted) hasBegun(now time.Time) bool {
	latest := now.Add(assertionAhead)
	return !a.claims.NotBefore.Time().After(latest) && !a.claims.IssuedAt.Time().After(latest)
}

// actor is the claim act, each actor with the issuer whose subject it is.
func (a *asserted) actor() *Actor {
	actor := a.claims.Actor.clone()
	for next := actor; next != nil; next = next.Actor {
		next.Issuer = cmp.Or(next.Issuer, a.issuer.Issuer)
	}
	return actor
}

// trustsRS256 finds an issuer that may sign with it.
func trustsRS256(cfg *ServerConfig) bool {
	var issuers []TrustedIssuer
	if g := grantOf[JWTBearerGrant](cfg); g != nil {
		issuers = append(issuers, g.Issuers...)
	}
	if g := grantOf[TokenExchangeGrant](cfg); g != nil {
		issuers = append(issuers, g.Issuers...)
	}
	return slices.ContainsFunc(issuers, func(i TrustedIssuer) bool { return slices.Contains(i.Algorithms, RS256) })
}

// grantOf finds the grant of a kind. nil: it is not served.
func grantOf[T GrantHandler](cfg *ServerConfig) *T {
	for _, g := range cfg.Grants {
		switch g := any(g).(type) {
		case T:
			return &g
		case *T:
			return g
		}
	}
	return nil
}

// validateIssuers reports what is wrong with each trusted issuer of a grant.
func validateIssuers(cfg *ServerConfig, grant string, issuers []TrustedIssuer, report func(wrong bool, format string, args ...any)) {
	for i, issuer := range issuers {
		report(issuer.Issuer == "", "%s: Issuers[%d] has no Issuer", grant, i)
		report(issuer.Issuer == cfg.Issuer, "%s: Issuers: %q is this server itself", grant, issuer.Issuer)
		report(slices.ContainsFunc(issuers[:i], func(other TrustedIssuer) bool { return other.Issuer == issuer.Issuer }), "%s: Issuers has %q twice", grant, issuer.Issuer)
		report((len(issuer.JWKS) > 0) == (issuer.JWKSURI != ""), "%s: Issuers: %q has not exactly one of JWKS and JWKSURI", grant, issuer.Issuer)
		report(issuer.JWKSURI != "" && !fetch.ValidURL(issuer.JWKSURI), "%s: Issuers: %q has a JWKSURI that is no https URL", grant, issuer.Issuer)
		report(brokenJWKS(&Client{JWKS: issuer.JWKS}), "%s: Issuers: %q has a JWKS that is no JWK Set of public keys", grant, issuer.Issuer)
		for _, alg := range issuer.Algorithms {
			report(!slices.Contains(signatureAlgorithms, jose.SignatureAlgorithm(alg)), "%s: Issuers: %q has the algorithm %q, which is not served", grant, issuer.Issuer, alg)
		}
	}
}
