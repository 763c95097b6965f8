package resource_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

func TestEveryMisconfigurationOfAVerifierIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := resource.NewJWTVerifier(resource.JWTConfig{
		Issuer: "http://id.example.com", JWKSURI: "ftp://x", Algorithms: []string{"none", "HS256"}, Timeout: -1, KeysFor: -1, RefreshPause: -1, Leeway: 1 << 60,
	})
	for _, text := range []string{"Issuer", "Audience", "JWKSURI", `"none"`, `"HS256"`, "Timeout", "KeysFor", "RefreshPause", "Leeway"} {
		require.ErrorContains(t, err, text)
	}
	_, err = resource.NewJWTVerifier(resource.JWTConfig{Issuer: "https://id.example.com", Audience: []string{audience}, Algorithms: []string{}, KeysFor: 2, StaleFor: 1})
	require.ErrorContains(t, err, "Algorithms is empty")
	require.ErrorContains(t, err, "StaleFor")
}

func TestAJWTOfEveryAlgorithmIsVerifiedOffline(t *testing.T) {
	t.Parallel()
	for algorithm, key := range testKeys() {
		i := newIssuer(t, published(key, algorithm, "k"))
		v := i.verifier()
		for _, typ := range []string{"at+jwt", "application/at+jwt", "AT+JWT"} {
			info, err := v.Check(t.Context(), signed(t, algorithm, key, "k", i.claims(map[string]any{
				"aud": []string{"https://other.example.com", audience}, "acr": "gold", "amr": []string{"otp"}, "auth_time": 1_700_000_000, "tenant": "acme",
			}), map[string]any{"typ": typ}))
			require.NoError(t, err, algorithm)
			require.Equal(t, "alice", info.Subject)
			require.Equal(t, "app", info.ClientID)
			require.Equal(t, oauth2.Scope{"read"}, info.Scope)
			require.Equal(t, i.url, info.Issuer)
			require.Equal(t, []string{"https://other.example.com", audience}, info.Audience)
			require.Equal(t, i.clock.Now().Unix()+60, info.ExpiresAt.Unix())
			require.Equal(t, "gold", info.ACR)
			require.Equal(t, []string{"otp"}, info.AMR)
			require.EqualValues(t, 1_700_000_000, info.AuthTime.Unix())
			require.Equal(t, map[string]any{"tenant": "acme", "jti": "1"}, info.Claims)
			require.Nil(t, info.Confirmation)
		}
		require.EqualValues(t, 1, i.fetches.Load())
	}
}

func TestATokenWhoseSubjectIsItsClientStandsForNoUser(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, published(testKeys()[jose.ES256], jose.ES256, "k"))
	info, err := i.verifier().Check(t.Context(), signed(t, jose.ES256, testKeys()[jose.ES256], "k", i.claims(map[string]any{"sub": "app"}), nil))
	require.NoError(t, err)
	require.Empty(t, info.Subject)
	require.Equal(t, "app", info.ClientID)
}

func TestAClaimThatIsMissingOrWrongMakesAJWTInvalid(t *testing.T) {
	t.Parallel()
	key := testKeys()[jose.ES256]
	i := newIssuer(t, published(key, jose.ES256, "k"))
	v, now := i.verifier(), i.clock.Now().Unix()
	for name, c := range map[string]struct {
		differ map[string]any
		good   bool
	}{
		"as it should be":                 {nil, true},
		"no iss":                          {map[string]any{"iss": nil}, false},
		"no aud":                          {map[string]any{"aud": nil}, false},
		"no exp":                          {map[string]any{"exp": nil}, false},
		"no iat":                          {map[string]any{"iat": nil}, false},
		"no sub":                          {map[string]any{"sub": nil}, false},
		"no client_id":                    {map[string]any{"client_id": nil}, false},
		"no jti":                          {map[string]any{"jti": nil}, false},
		"an empty sub":                    {map[string]any{"sub": ""}, false},
		"an empty client_id":              {map[string]any{"client_id": ""}, false},
		"another issuer":                  {map[string]any{"iss": i.url + "/"}, false},
		"another audience":                {map[string]any{"aud": otherAudience}, false},
		"no audience at all":              {map[string]any{"aud": []string{}}, false},
		"an audience that begins alike":   {map[string]any{"aud": audience + "/"}, false},
		"expired, within the leeway":      {map[string]any{"exp": now - 9}, true},
		"expired":                         {map[string]any{"exp": now - 10}, false},
		"expiry is a string":              {map[string]any{"exp": "9999999999"}, false},
		"expiry is enormous":              {map[string]any{"exp": 1e300}, false},
		"not yet good":                    {map[string]any{"nbf": now + 11}, false},
		"not yet good, within the leeway": {map[string]any{"nbf": now + 10}, true},
		"nbf is text":                     {map[string]any{"nbf": "x"}, false},
		"issued in the future":            {map[string]any{"iat": now + 11}, false},
		"scope is a list":                 {map[string]any{"scope": []string{"read"}}, false},
		"no scope":                        {map[string]any{"scope": nil}, true},
		"cnf is text":                     {map[string]any{"cnf": "x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info, err := v.Check(t.Context(), signed(t, jose.ES256, key, "k", i.claims(c.differ), nil))
			if c.good {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, oauth2.ErrInvalidToken)
			require.Nil(t, info)
		})
	}
	for _, payload := range []string{"", "null", "[]", `"x"`, `{"iss":1}`, `{`} {
		_, err := v.Check(t.Context(), signed(t, jose.ES256, key, "k", []byte(payload), nil))
		require.ErrorIs(t, err, oauth2.ErrInvalidToken, payload)
	}
}

func TestNoForgeryOfAJWTIsAccepted(t *testing.T) {
	t.Parallel()
	ec, rs, ed := testKeys()[jose.ES256], testKeys()[jose.RS256], testKeys()[jose.EdDSA]
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	shared := jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "oct", Algorithm: "HS256"}
	i := newIssuer(t,
		published(ec, jose.ES256, "ec"), published(rs, jose.RS256, "rs"), published(rs, "", "any"), published(ed, jose.EdDSA, "ed"),
		published(weak, jose.RS256, "weak"), published(p384, jose.ES384, "p384"), shared,
		jose.JSONWebKey{Key: ec.Public(), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: ec, KeyID: "private", Algorithm: "ES256"},
		map[string]any{"kty": "unheard-of", "kid": "new"}, "no key at all",
	)
	v := i.verifier()
	claims := i.claims(nil)
	good := signed(t, jose.ES256, ec, "ec", claims, nil)
	_, err = v.Check(t.Context(), good)
	require.NoError(t, err)
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	rsaPEM, err := x509.MarshalPKIXPublicKey(rs.Public())
	require.NoError(t, err)
	withJWK, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: mine}, (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt").WithHeader("kid", "ec"))
	require.NoError(t, err)
	embedded, err := withJWK.Sign([]byte("{}"))
	require.NoError(t, err)
	embeddedText, err := embedded.CompactSerialize()
	require.NoError(t, err)
	for name, token := range map[string]string{
		"empty":                           "",
		"opaque":                          "at_abc",
		"not signed":                      encode([]byte(`{"alg":"none","typ":"at+jwt","kid":"ec"}`)) + "." + parts[1] + ".",
		"none, with a signature":          encode([]byte(`{"alg":"none","typ":"at+jwt","kid":"ec"}`)) + "." + parts[1] + "." + parts[2],
		"signature cut off":               parts[0] + "." + parts[1] + ".",
		"signature of another token":      parts[0] + "." + encode([]byte(`{"iss":"x"}`)) + "." + parts[2],
		"a line break":                    parts[0] + ".\n" + parts[1] + "." + parts[2],
		"JSON serialization":              `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"HMAC with the shared key":        signed(t, jose.HS256, shared.Key, "oct", claims, nil),
		"HMAC with the public key":        signed(t, jose.HS256, rsaPEM, "rs", claims, nil),
		"another key under the kid":       signed(t, jose.ES256, mine, "ec", claims, nil),
		"a key in the header":             embeddedText,
		"jku":                             signed(t, jose.ES256, mine, "ec", claims, map[string]any{"jku": i.url + "/keys"}),
		"x5u":                             signed(t, jose.ES256, mine, "ec", claims, map[string]any{"x5u": i.url + "/keys"}),
		"unknown kid":                     signed(t, jose.ES256, ec, "unknown", claims, nil),
		"no kid":                          signed(t, jose.ES256, ec, "ec", claims, map[string]any{"kid": nil}),
		"the kid of another key":          signed(t, jose.ES256, ec, "rs", claims, nil),
		"PS256 with a key for RS256":      signed(t, jose.PS256, rs, "rs", claims, nil),
		"RS512":                           signed(t, jose.RS512, rs, "any", claims, nil),
		"a weak key":                      signed(t, jose.RS256, weak, "weak", claims, nil),
		"ES384":                           signed(t, jose.ES384, p384, "p384", claims, nil),
		"a key for encryption":            signed(t, jose.ES256, ec, "enc", claims, nil),
		"a private key that was shown":    signed(t, jose.ES256, ec, "private", claims, nil),
		"no typ":                          signed(t, jose.ES256, ec, "ec", claims, map[string]any{"typ": nil}),
		"typ JWT":                         signed(t, jose.ES256, ec, "ec", claims, map[string]any{"typ": "JWT"}),
		"typ of an introspection answer":  signed(t, jose.ES256, ec, "ec", claims, map[string]any{"typ": "token-introspection+jwt"}),
		"an extension that must be known": encode([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"ec","crit":["exp"],"exp":1}`)) + "." + parts[1] + "." + parts[2],
		"enormous":                        signed(t, jose.ES256, ec, "ec", i.claims(map[string]any{"x": strings.Repeat("x", 20<<10)}), nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info, err := v.Check(t.Context(), token)
			require.ErrorIs(t, err, oauth2.ErrInvalidToken)
			require.Nil(t, info)
			if len(token) > 20 {
				require.NotContains(t, err.Error(), token)
				require.NotContains(t, err.Error(), parts[2])
			}
		})
	}
}

func TestOnlyTheConfiguredAlgorithmsAreAccepted(t *testing.T) {
	t.Parallel()
	rs := testKeys()[jose.RS256]
	i := newIssuer(t, published(rs, "", "k"))
	v := i.verifier(func(cfg *resource.JWTConfig) { cfg.Algorithms = []string{"PS256"} })
	_, err := v.Check(t.Context(), signed(t, jose.PS256, rs, "k", i.claims(nil), nil))
	require.NoError(t, err)
	_, err = v.Check(t.Context(), signed(t, jose.RS256, rs, "k", i.claims(nil), nil))
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestOneByteThatDiffersMakesAJWTInvalid(t *testing.T) {
	t.Parallel()
	key := testKeys()[jose.EdDSA]
	i := newIssuer(t, published(key, jose.EdDSA, "k"))
	v, token := i.verifier(), signed(t, jose.EdDSA, key, "k", i.claims(nil), nil)
	for at := range token {
		changed := []byte(token)
		changed[at] ^= 1
		_, err := v.Check(t.Context(), string(changed))
		require.Error(t, err, "byte %d", at)
	}
}

func TestEachFormatIsCheckedInItsOwnWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	key := testKeys()[jose.ES256]
	i := newIssuer(t, published(key, jose.ES256, "k"))
	both := resource.Formats{JWT: i.verifier(), Opaque: w.introspector()}
	jwt, opaque := signed(t, jose.ES256, key, "k", i.claims(nil), nil), w.token(audience)
	for _, token := range []string{jwt, opaque} {
		_, err := both.Check(t.Context(), token)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.introspections.Load(), "nobody is asked about a JWT")
	for name, c := range map[string]struct {
		checker resource.Checker
		token   string
	}{
		"no JWTs":                   {resource.Formats{Opaque: w.introspector()}, jwt},
		"no opaque tokens":          {resource.Formats{JWT: i.verifier()}, opaque},
		"neither":                   {resource.Formats{}, jwt},
		"a JWT of another type":     {both, signed(t, jose.ES256, key, "k", i.claims(nil), map[string]any{"typ": "JWT"})},
		"what only looks like one":  {both, base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"at+jwt"}`)) + ".e30.x"},
		"dots and nothing":          {both, ".."},
		"an opaque token with dots": {both, opaque + ".x.y"},
	} {
		_, err := c.checker.Check(t.Context(), c.token)
		require.ErrorIs(t, err, oauth2.ErrInvalidToken, name)
	}
}
