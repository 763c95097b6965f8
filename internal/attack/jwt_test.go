package attack

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const introspectionJWT = "application/token-introspection+jwt"

var jwtAttacks = []attack{
	{name: "the JWKS has public keys only, under names of their own, for any page", source: "RFC 7517 sections 4.5 and 9.2", run: jwksPublic},
	{name: "a JWT that was forged in any way opens nothing", source: "RFC 8725 sections 2.1 and 3.1, RFC 9068 section 4", only: signing, run: jwtForged},
	{name: "the jti of a JWT, as logs have it, opens nothing", source: "RFC 9068 section 6", only: signing, run: jwtJTI},
	{name: "a revoked JWT is inactive at once, and another client cannot revoke it", source: "RFC 7009 sections 2.1 and 2.2", only: signing, run: jwtRevoked},
	{name: "the refresh of an ended authorization brings no JWT", source: "RFC 7009 section 2.1", only: signing, run: jwtEnded},
	{name: "of 16 parallel redemptions of a code for a JWT one wins", source: "RFC 6749 section 4.1.2", only: signing, run: jwtParallel},
	{name: "a machine's JWT cannot pass for a user's", source: "RFC 9068 section 5, RFC 9700 section 4.15", only: embedded, run: jwtMachine},
	{name: "one token for resources of two formats is refused, and burns no code", source: "RFC 8707 section 2.2", only: embedded, run: jwtFormats},
	{name: "a signed introspection answer is no access token, and is for its asker alone", source: "RFC 9701 sections 5 and 8.1", run: introspectionSigned},
	{name: "a store that fails is 503, and neither an empty JWKS nor an unsigned token", source: "RFC 9110 section 15.6.4", only: embedded, run: jwtStoreDown},
}

// issueJWTs makes the API take JWTs.
func issueJWTs(cfg *oauth2.ServerConfig) { cfg.Resources[0].Format = oauth2.FormatJWT }

// withJWTs is the server, or the application once more, with an API that takes JWTs.
func (s *site) withJWTs() *site {
	if s.jwts {
		return s
	}
	return s.anew(issueJWTs)
}

func (s *site) jwksURL() string { return s.get(metadataURL(s.t, s.issuer)).str("jwks_uri") }

func (s *site) keys() jose.JSONWebKeySet {
	s.t.Helper()
	var set jose.JSONWebKeySet
	got := s.get(s.jwksURL())
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	require.NoError(s.t, json.Unmarshal([]byte(got.body), &set))
	return set
}

// claimsOf are the claims of a JWT that one of the server's keys has signed.
func (s *site) claimsOf(text, typ string) map[string]any {
	s.t.Helper()
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(s.t, err)
	header := signed.Signatures[0].Protected
	require.Equal(s.t, typ, header.ExtraHeaders[jose.HeaderType])
	set := s.keys()
	keys := set.Key(header.KeyID)
	require.Len(s.t, keys, 1)
	payload, err := signed.Verify(keys[0].Key)
	require.NoError(s.t, err)
	var claims map[string]any
	require.NoError(s.t, json.Unmarshal(payload, &claims))
	return claims
}

func jwksPublic(t *testing.T, s *site) {
	got := s.get(s.jwksURL())
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
	require.Contains(t, got.header.Get("Cache-Control"), "max-age=")
	seen := map[any]bool{}
	for _, one := range got.json["keys"].([]any) {
		key := one.(map[string]any)
		require.False(t, seen[key["kid"]])
		seen[key["kid"]] = true
		require.NotEmpty(t, key["kid"])
		require.Contains(t, []any{"EC", "OKP", "RSA"}, key["kty"], "no symmetric key")
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			require.NotContains(t, key, private)
		}
	}
	require.NotEmpty(t, seen)
	r, err := http.NewRequest(http.MethodPost, s.jwksURL(), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, s.do(s.client, r).status)
}

func jwtForged(t *testing.T, s *site) {
	s = s.withJWTs()
	access, _ := s.tokens()
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.contacts(access).status)
	payload, err := json.Marshal(s.claimsOf(access, "at+jwt"))
	require.NoError(t, err)
	parts, kid := strings.Split(access, "."), s.keys().Keys[0].KeyID
	public, err := json.Marshal(s.keys().Keys[0])
	require.NoError(t, err)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	sign := func(algorithm jose.SignatureAlgorithm, key any, options *jose.SignerOptions) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options.WithType("at+jwt"))
		require.NoError(t, err)
		signed, err := signer.Sign(payload)
		require.NoError(t, err)
		text, err := signed.CompactSerialize()
		require.NoError(t, err)
		return text
	}
	foreign, _ := startApp(t, s.target, issueJWTs).tokens()
	for name, forged := range map[string]string{
		"alg none":               encode([]byte(`{"alg":"none","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"alg None":               encode([]byte(`{"alg":"None","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"no signature":           parts[0] + "." + parts[1] + ".",
		"a null signature":       parts[0] + "." + parts[1] + "." + encode(make([]byte, 64)),
		"other claims":           parts[0] + "." + encode(bytes.Replace(payload, []byte("alice"), []byte("bobby"), 1)) + "." + parts[2],
		"HMAC by a public key":   sign(jose.HS256, public, &jose.SignerOptions{}),
		"a key of the forger":    sign(jose.ES256, own, &jose.SignerOptions{}),
		"jwk":                    sign(jose.ES256, own, &jose.SignerOptions{EmbedJWK: true}),
		"jku":                    sign(jose.ES256, own, (&jose.SignerOptions{}).WithHeader("jku", "https://forger.example/jwks")),
		"x5u":                    sign(jose.ES256, own, (&jose.SignerOptions{}).WithHeader("x5u", "https://forger.example/cert")),
		"crit":                   sign(jose.ES256, own, (&jose.SignerOptions{}).WithHeader("crit", []string{"b64"})),
		"another issuer's":       foreign,
		"an empty one":           "..",
		"cut":                    access[:len(access)-1],
		"longer":                 access + "A",
		"another last bit":       access[:len(access)-1] + string(access[len(access)-1]+1),
		"a line break":           parts[0] + ".\n" + parts[1] + "." + parts[2],
		"behind an opaque one's": "at_" + access,
	} {
		require.False(t, s.active(forged), name)
		if !strings.Contains(forged, "\n") { // which no header can carry
			require.Equal(t, http.StatusUnauthorized, s.contacts(forged).status, name)
		}
	}
	require.True(t, s.active(access))
}

func jwtJTI(t *testing.T, s *site) {
	s = s.withJWTs()
	access, _ := s.tokens()
	jti := s.claimsOf(access, "at+jwt")["jti"].(string)
	for _, prefix := range []string{"", "at_", "rt_", "ac_"} {
		require.False(t, s.active(prefix+jti))
		require.Equal(t, http.StatusUnauthorized, s.contacts(prefix+jti).status)
		require.Equal(t, http.StatusOK, s.call(s.revokeURL, web, "token", prefix+jti).status)
	}
	require.True(t, s.active(access), "nor is anything revoked by it")
}

func jwtRevoked(t *testing.T, s *site) {
	s = s.withJWTs()
	access, _ := s.tokens()
	s.refused(s.call(s.revokeURL, rival, "token", access), http.StatusBadRequest, "invalid_grant")
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.call(s.revokeURL, web, "token", access).status)
	require.False(t, s.active(access))
	require.Equal(t, http.StatusUnauthorized, s.contacts(access).status, "the API asks")
}

func jwtEnded(t *testing.T, s *site) {
	s = s.withJWTs()
	access, refresh := s.tokens()
	require.Equal(t, http.StatusOK, s.call(s.revokeURL, web, "token", refresh).status)
	require.False(t, s.active(access))
	s.refused(s.refresh(web, refresh), http.StatusBadRequest, "invalid_grant")
}

func jwtParallel(t *testing.T, s *site) {
	s = s.withJWTs()
	pending := s.code()
	answers := make([]answer, 16)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = s.redeem(pending) })
	}
	all.Wait()
	won := 0
	for _, got := range answers {
		if got.status == http.StatusOK {
			won++
		}
	}
	require.Equal(t, 1, won)
}

func jwtMachine(t *testing.T, s *site) {
	s = s.withJWTs()
	got := s.call(s.tokenURL, machine, "grant_type", "client_credentials")
	require.Equal(t, http.StatusOK, got.status, got.body)
	access := got.str("access_token")
	require.Equal(t, machine, s.claimsOf(access, "at+jwt")["sub"])
	info := s.call(s.introspectURL, api, "token", access)
	require.Equal(t, true, info.json["active"])
	require.NotContains(t, info.json, "sub")
	require.Empty(t, got.str("refresh_token"))
	s.app.clock.Advance(61 * time.Minute)
	require.False(t, s.active(access))
}

func jwtFormats(t *testing.T, s *site) {
	const other = "https://other.example"
	s = s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Resources = append(cfg.Resources, oauth2.Resource{URI: other, Format: oauth2.FormatJWT})
	})
	request := s.request()
	request.Values["resource"] = []string{s.apiURL, other}
	pending := s.alice().approve(request)
	s.refused(s.redeem(pending), http.StatusBadRequest, "invalid_target")
	require.Equal(t, http.StatusOK, s.call(s.tokenURL, web, append(redemption(pending), "resource", other)...).status)
}

func introspectionSigned(t *testing.T, s *site) {
	access, _ := s.tokens()
	ask := func(token string) answer {
		r := s.asClient(s.introspectURL, api, "token", token)
		r.Header.Set("Accept", introspectionJWT)
		return s.do(s.client, r)
	}
	got := ask(access)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, introspectionJWT, got.header.Get("Content-Type"))
	claims := s.claimsOf(got.body, "token-introspection+jwt")
	require.Equal(t, api, claims["aud"])
	require.NotContains(t, claims, "sub")
	require.NotContains(t, claims, "exp")
	require.False(t, s.active(got.body))
	require.Equal(t, http.StatusUnauthorized, s.contacts(got.body).status)
	require.Equal(t, map[string]any{"active": false}, s.claimsOf(ask("at_unknown").body, "token-introspection+jwt")["token_introspection"])
}

func jwtStoreDown(t *testing.T, s *site) {
	shaken, store := s.shake()
	access, _ := shaken.tokens()
	require.True(t, shaken.active(access))
	shaken.app.clock.Advance(2 * time.Minute) // the keys at hand are looked at again
	store.all(true)
	shaken.unavailable(shaken.get(shaken.jwksURL()))
	store.all(false)
	require.NotEmpty(t, shaken.keys().Keys)
}
