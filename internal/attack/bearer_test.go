package attack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var bearerAttacks = []attack{
	{name: "a forged assertion is nobody's word", source: "RFC 8725 sections 3.1 and 3.10, RFC 7523 section 3", only: embedded, run: bearerForged},
	{name: "an assertion that is wrong in anything is refused, and not used up", source: "RFC 7523 section 3", only: embedded, run: bearerFaults},
	{name: "of 16 parallel uses of one assertion one wins, whoever brings it", source: "RFC 7523 section 3; CVE-2020-15222", only: embedded, run: bearerParallel},
	{name: "an ID-JAG is good for the client that it names", source: "draft-ietf-oauth-identity-assertion-authz-grant section 4.4.1", only: embedded, run: bearerClient},
	{name: "an assertion leads to no more scope or resource than it grants", source: "RFC 6749 section 3.3, RFC 8707 section 2.2", only: embedded, run: bearerScope},
	{name: "where no issuer is trusted nobody's assertion is", source: "RFC 6749 section 5.2", only: example, run: bearerUnserved},
}

// The identity providers of these attacks. Both sign with the key of signer.
const (
	plainIDP = "https://idp.example"
	jagIDP   = "https://jag.idp.example"
)

func (tg *target) bearerGrant() oauth2.JWTBearerGrant {
	set, _ := json.Marshal(tg.signerSet) // which encodes
	return oauth2.JWTBearerGrant{
		Issuers: []oauth2.TrustedIssuer{{Issuer: plainIDP, JWKS: set}, {Issuer: jagIDP, JWKS: set, IDJAG: true}},
		Approve: func(_ context.Context, a *oauth2.BearerAssertion) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: a.Subject}, nil
		},
	}
}

// word is an assertion of plainIDP, changed by changes; nil removes one.
func (s *site) word(changes map[string]any) string {
	return s.signed(s.signerKey, jose.ES256, nil, plainIDP, withSubject(changes))
}

// jag is an ID-JAG of jagIDP for agent.
func (s *site) jag(changes map[string]any) string {
	claims := map[string]any{"client_id": agent, "scope": scopeRead}
	for name, value := range withSubject(changes) {
		claims[name] = value
	}
	return s.signed(s.signerKey, jose.ES256, map[jose.HeaderKey]any{"typ": "oauth-id-jag+jwt"}, jagIDP, claims)
}

func withSubject(changes map[string]any) map[string]any {
	claims := map[string]any{"sub": "alice"}
	for name, value := range changes {
		claims[name] = value
	}
	return claims
}

func (s *site) bring(assertion string, pairs ...string) answer {
	s.t.Helper()
	return s.token(agent, append([]string{"grant_type", oauth2.GrantJWTBearer, "assertion", assertion}, pairs...)...)
}

func bearerForged(t *testing.T, s *site) {
	stranger, _ := signingKey()
	public, err := json.Marshal(s.signerSet.Keys[0])
	require.NoError(t, err)
	good, other := strings.Split(s.word(nil), "."), strings.Split(s.word(nil), ".")
	claims := withSubject(nil)
	access, refresh := s.tokens()
	for name, forged := range map[string]string{
		"none":                base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + good[1] + ".",
		"HMAC":                s.signed(public, jose.HS256, nil, plainIDP, claims),
		"another key":         s.signed(stranger, jose.ES256, nil, plainIDP, claims),
		"jwk":                 s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: stranger.Public()}}, plainIDP, claims),
		"jku":                 s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"jku": startTrap(t).url}, plainIDP, claims),
		"x5u":                 s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"x5u": startTrap(t).url}, plainIDP, claims),
		"kid is a path":       s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"kid": "../../../../dev/null"}, plainIDP, claims),
		"kid is SQL":          s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"kid": "' OR '1'='1"}, plainIDP, claims),
		"kid of a URL":        s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"kid": startTrap(t).url}, plainIDP, claims),
		"typ of a DPoP proof": s.signed(s.signerKey, jose.ES256, map[jose.HeaderKey]any{"typ": "dpop+jwt"}, plainIDP, claims),
		"an unknown issuer":   s.signed(s.signerKey, jose.ES256, nil, "https://other.example", claims),
		"a client's own":      s.signed(s.signerKey, jose.ES256, nil, keyed, nil),
		"no ID-JAG by typ":    s.signed(s.signerKey, jose.ES256, nil, jagIDP, withSubject(map[string]any{"client_id": agent})),
		"an ID-JAG by typ":    s.signed(s.signerKey, jose.ES256, map[jose.HeaderKey]any{"typ": "oauth-id-jag+jwt"}, plainIDP, withSubject(map[string]any{"client_id": agent})),
		"another's signature": good[0] + "." + good[1] + "." + other[2],
		"an access token":     access,
		"a refresh token":     refresh,
	} {
		got := s.bring(forged)
		require.Equal(t, "invalid_grant", got.str("error"), "%s: %s", name, got.body)
	}
	require.Zero(t, startTrap(t).connected.Load())
}

func bearerFaults(t *testing.T, s *site) {
	now := s.now().Unix()
	for name, fault := range map[string]map[string]any{
		"no sub": {"sub": nil}, "no aud": {"aud": nil}, "another aud": {"aud": "https://other.example"}, "several": {"aud": []string{s.issuer, "https://other.example"}}, "an endpoint": {"aud": s.tokenURL},
		"no exp": {"exp": nil}, "exp is over": {"exp": now - 10}, "exp is in a year": {"exp": now + 365*86400}, "nbf is ahead": {"nbf": now + 90}, "iat is ahead": {"iat": now + 90}, "no jti": {"jti": nil},
		"a key that is not proven": {"cnf": map[string]any{"jkt": s.dpopKey().Thumbprint()}},
	} {
		for _, assertion := range []string{s.word(fault), s.jag(fault)} {
			got := s.bring(assertion)
			require.Equal(t, "invalid_grant", got.str("error"), "%s: %s", name, got.body)
		}
	}
	good := s.word(nil)
	s.refused(s.bring(good, "scope", "admin"), http.StatusBadRequest, "invalid_scope")
	s.refused(s.token(web, "grant_type", oauth2.GrantJWTBearer, "assertion", good), http.StatusBadRequest, "unauthorized_client")
	s.refused(s.token(spa, "grant_type", oauth2.GrantJWTBearer, "assertion", good), http.StatusBadRequest, "unauthorized_client")
	require.Equal(t, http.StatusOK, s.bring(good).status)
}

func bearerParallel(t *testing.T, s *site) {
	for _, assertion := range []string{s.word(nil), s.jag(nil), s.word(nil)} {
		var won atomic.Int32
		together(16, func(int) {
			if s.bring(assertion).status == http.StatusOK {
				won.Add(1)
			}
		})
		require.EqualValues(t, 1, won.Load())
		s.refused(s.bring(assertion), http.StatusBadRequest, "invalid_grant")
	}
}

func bearerClient(t *testing.T, s *site) {
	for _, fault := range []map[string]any{{"client_id": web}, {"client_id": nil}, {"client_id": strings.ToUpper(agent)}, {"iat": nil}} {
		s.refused(s.bring(s.jag(fault)), http.StatusBadRequest, "invalid_grant")
	}
	got := s.bring(s.jag(nil))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NotContains(t, got.json, "refresh_token")
	require.Equal(t, http.StatusOK, s.contacts(got.str("access_token")).status)
}

func bearerScope(_ *testing.T, s *site) {
	s.refused(s.bring(s.jag(nil), "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
	s.refused(s.bring(s.jag(map[string]any{"scope": "admin"})), http.StatusBadRequest, "invalid_scope")
	s.refused(s.bring(s.jag(map[string]any{"resource": "https://other.example"})), http.StatusBadRequest, "invalid_target")
	s.refused(s.bring(s.word(nil), "resource", "https://other.example"), http.StatusBadRequest, "invalid_target")
}

func bearerUnserved(_ *testing.T, s *site) {
	s.refused(s.bring(s.word(nil)), http.StatusBadRequest, "unsupported_grant_type")
}
