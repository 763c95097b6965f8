package oauth2_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/jws"
	"github.com/seed5f5fedc6/oauth2/internal/jws/jwstest"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signer is the client that authenticates by private_key_jwt; signerRSA is another, registered for RS256.
const (
	signer    = "signer"
	signerRSA = "signer-rsa"
)

// keyOf makes a key once for each name and algorithm: RSA keys take long.
func keyOf(name string, alg jose.SignatureAlgorithm) crypto.Signer {
	made, _ := keysMade.LoadOrStore(name+string(alg), sync.OnceValue(func() crypto.Signer {
		var key crypto.Signer
		var err error
		switch alg {
		case jose.ES256:
			key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		case jose.EdDSA:
			_, key, err = ed25519.GenerateKey(rand.Reader)
		default:
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err != nil {
			panic(err)
		}
		return key
	}))
	return made.(func() crypto.Signer)()
}

var keysMade sync.Map

func publicJWK(key crypto.Signer, kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid, Use: "sig"}
}

// jwksOf is a JWK Set as a client registers it.
func jwksOf(keys ...jose.JSONWebKey) json.RawMessage {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		panic(err)
	}
	return text
}

// signedJWT signs claims as they are. headers may be nil.
func signedJWT(t testing.TB, key any, alg jose.SignatureAlgorithm, headers map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jwstest.SigningKey(alg, key), &jose.SignerOptions{ExtraHeaders: headers})
	require.NoError(t, err)
	text, err := json.Marshal(claims)
	require.NoError(t, err)
	signed, err := s.Sign(text)
	require.NoError(t, err)
	compact, err := signed.CompactSerialize()
	require.NoError(t, err)
	return compact
}

// withSigners serves private_key_jwt and registers the clients of these tests.
func withSigners(cfg *oauth2.ServerConfig) {
	cfg.AuthMethods = []string{oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodBasic, oauth2.AuthMethodPost, oauth2.AuthMethodNone}
}

func newSigningWorld(t testing.TB, configure ...func(*oauth2.ServerConfig)) *world {
	w := newWorld(t, append([]func(*oauth2.ServerConfig){withSigners}, configure...)...)
	for _, c := range []*oauth2.Client{
		{ID: signer, JWKS: jwksOf(
			publicJWK(keyOf(signer, jose.ES256), "es"), publicJWK(keyOf(signer, jose.EdDSA), "ed"), publicJWK(keyOf(signer, jose.PS256), "ps"),
		)},
		{ID: signerRSA, JWKS: jwksOf(publicJWK(keyOf(signer, jose.PS256), "")), TokenEndpointAuthSigningAlg: "RS256"},
	} {
		c.TokenEndpointAuthMethod, c.GrantTypes, c.Scope = oauth2.AuthMethodPrivateKeyJWT, []string{oauth2.GrantClientCredentials}, oauth2.Scope{"read"}
		require.NoError(t, w.clients.CreateClient(t.Context(), c))
	}
	return w
}

// claimsOf are those of a good assertion, changed by pairs; nil removes one.
func (w *world) claimsOf(client string, changes map[string]any) map[string]any {
	now := w.clock.Now().Unix()
	claims := map[string]any{"iss": client, "sub": client, "aud": w.url, "iat": now, "exp": now + 60, "jti": oauth2.NewSecret()}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (w *world) assertion(changes map[string]any) string {
	return signedJWT(w.t, keyOf(signer, jose.ES256), jose.ES256, map[jose.HeaderKey]any{"kid": "es"}, w.claimsOf(signer, changes))
}

// asserting is a client credentials request with an assertion, and pairs beside it.
func asserting(assertion string, pairs ...string) url.Values {
	form := values("grant_type", "client_credentials", "client_assertion_type", assertionType, "client_assertion", assertion)
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestAClientAuthenticatesByAnAssertionThatItSigned(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jws.Ed25519, jose.PS256} {
		key := keyOf(signer, alg)
		if alg == jws.Ed25519 {
			key = keyOf(signer, jose.EdDSA) // one key, by both names
		}
		for _, kid := range []string{strings.ToLower(string(alg))[:2], ""} {
			headers := map[jose.HeaderKey]any{}
			if kid != "" {
				headers["kid"] = kid
			}
			got := w.post("/token", "", asserting(signedJWT(t, key, alg, headers, w.claimsOf(signer, nil))))
			require.Equal(t, http.StatusOK, got.status, "%s %q: %s", alg, kid, got.body)
		}
	}
	require.Equal(t, http.StatusOK, w.post("/token", "", asserting(w.assertion(nil), "client_id", signer)).status, "the client_id may stand beside it")
	require.Equal(t, http.StatusOK, w.post("/revoke", "", asserting(w.assertion(nil), "token", "x")).status, "at each endpoint")
	for _, typ := range []string{"JWT", "client-authentication+jwt", "application/client-authentication+jwt"} {
		signed := signedJWT(t, keyOf(signer, jose.ES256), jose.ES256, map[jose.HeaderKey]any{"typ": typ}, w.claimsOf(signer, nil))
		require.Equal(t, http.StatusOK, w.post("/token", "", asserting(signed)).status, typ)
	}
}

func TestRS256IsForClientsThatRegisteredIt(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	key := keyOf(signer, jose.PS256)
	require.Equal(t, http.StatusOK, w.post("/token", "", asserting(signedJWT(t, key, jose.RS256, nil, w.claimsOf(signerRSA, nil)))).status)
	refused(t, w.post("/token", "", asserting(signedJWT(t, key, jose.PS256, nil, w.claimsOf(signerRSA, nil)))), 401, "invalid_client")
	refused(t, w.post("/token", "", asserting(signedJWT(t, key, jose.RS256, nil, w.claimsOf(signer, nil)))), 401, "invalid_client")
}

// assertionFaults are what is wrong with an assertion that is right in every other respect.
var assertionFaults = map[string]map[string]any{
	"RFC 7523 section 3: no iss":                       {"iss": nil},
	"RFC 7523 section 3: another iss":                  {"iss": machine},
	"RFC 7523 section 3: no sub":                       {"sub": nil},
	"RFC 7523 section 3: another sub":                  {"sub": machine},
	"RFC 7523 section 3: no aud":                       {"aud": nil},
	"RFC 7523 section 3: another aud":                  {"aud": "https://other.example.com"},
	"FAPI 2.0 section 5.3.2.1: aud is a list":          {"aud": []string{"ISSUER"}},
	"FAPI 2.0 section 5.3.2.1: aud is an endpoint":     {"aud": "ISSUER/token"},
	"FAPI 2.0 section 5.3.2.1: aud has a slash more":   {"aud": "ISSUER/"},
	"RFC 7523 section 3: no exp":                       {"exp": nil},
	"RFC 7523 section 3: exp is over":                  {"exp": -1},
	"RFC 7523 section 3: exp is now":                   {"exp": 0},
	"RFC 7523 section 3: exp is unreasonably far":      {"exp": 3600},
	"RFC 7523 section 3: exp is no number":             {"exp": "soon"},
	"FAPI 2.0 section 5.3.2.1: nbf is far ahead":       {"nbf": 61},
	"FAPI 2.0 section 5.3.2.1: iat is far ahead":       {"iat": 61},
	"FAPI 2.0 section 5.3.2.1: no jti":                 {"jti": nil},
	"RFC 7523 section 3: jti is empty":                 {"jti": ""},
	"a jti that is longer than what is remembered for": {"jti": strings.Repeat("x", 257)},
	"RFC 7519 section 4.1.7: jti is no text":           {"jti": 7},
}

// resolved puts the issuer and the time into the claims of a fault.
func (w *world) resolved(fault map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range fault {
		switch v := value.(type) {
		case string:
			value = strings.Replace(v, "ISSUER", w.url, 1)
		case []string:
			value = []string{strings.Replace(v[0], "ISSUER", w.url, 1)}
		case int:
			if name != "jti" {
				value = w.clock.Now().Unix() + int64(v)
			}
		}
		out[name] = value
	}
	return out
}

func TestAnAssertionWithAnythingWrongIsRefused(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	for name, fault := range assertionFaults {
		t.Run(name, func(t *testing.T) {
			refused(t, w.post("/token", "", asserting(w.assertion(w.resolved(fault)), "client_id", signer)), 401, "invalid_client")
		})
	}
}

func TestAClockOfAClientMayBeSomeSecondsAhead(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	ahead := w.clock.Now().Unix() + 10
	got := w.post("/token", "", asserting(w.assertion(map[string]any{"iat": ahead, "nbf": ahead, "exp": ahead + 300})))
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func TestAForgedAssertionIsRefused(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	key, other := keyOf(signer, jose.ES256), keyOf("other", jose.ES256)
	claims := func() map[string]any { return w.claimsOf(signer, nil) }
	part := func(s string, i int) string { return strings.Split(s, ".")[i] }
	good, again := w.assertion(nil), w.assertion(nil)
	public, err := json.Marshal(publicJWK(key, "es"))
	require.NoError(t, err)
	embedded := publicJWK(other, "es")
	for name, forged := range map[string]string{
		"RFC 8725 section 3.1: none":              unsigned(t, claims()),
		"RFC 8725 section 2.1: HMAC with the key": signedJWT(t, public, jose.HS256, map[jose.HeaderKey]any{"kid": "es"}, claims()),
		"another key":                                signedJWT(t, other, jose.ES256, map[jose.HeaderKey]any{"kid": "es"}, claims()),
		"an unknown kid":                             signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"kid": "unknown"}, claims()),
		"the kid of another kind of key":             signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"kid": "ed"}, claims()),
		"RFC 8725 section 3.10: jwk":                 signedJWT(t, other, jose.ES256, map[jose.HeaderKey]any{"jwk": embedded}, claims()),
		"RFC 8725 section 3.10: jwk of the client":   signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"jwk": publicJWK(key, "es")}, claims()),
		"RFC 8725 section 3.10: jku":                 signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"jku": "https://evil.example/keys"}, claims()),
		"RFC 8725 section 3.10: x5u":                 signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"x5u": "https://evil.example/keys"}, claims()),
		"RFC 8725 section 3.11: another kind of JWT": signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"typ": "dpop+jwt"}, claims()),
		"RFC 7515 section 4.1.11: crit":              signedJWT(t, key, jose.ES256, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}, claims()),
		"the signature of another":                   part(good, 0) + "." + part(again, 1) + "." + part(good, 2),
		"no signature":                               part(good, 0) + "." + part(good, 1) + ".",
		"no JWT":                                     "x.y.z",
		"the client of another key":                  signedJWT(t, key, jose.ES256, nil, w.claimsOf(signerRSA, nil)),
		"an unknown client":                          signedJWT(t, key, jose.ES256, nil, w.claimsOf("nobody", nil)),
		"a client with a secret":                     signedJWT(t, key, jose.ES256, nil, w.claimsOf(machine, nil)),
		"a public client":                            signedJWT(t, key, jose.ES256, nil, w.claimsOf(browserApp, nil)),
	} {
		got := w.post("/token", "", asserting(forged))
		refused(t, got, 401, "invalid_client")
		require.NotContains(t, got.body, forged, name)
	}
	require.Equal(t, http.StatusOK, w.post("/token", "", asserting(good)).status, "what was refused has used nothing up")
}

// unsigned is a JWT with the algorithm none.
func unsigned(t testing.TB, claims map[string]any) string {
	text, err := json.Marshal(claims)
	require.NoError(t, err)
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString(text) + "."
}

func TestAnAssertionStandsAlone(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	refused(t, w.post("/token", "", asserting(w.assertion(nil), "client_secret", "x")), 400, "invalid_request")
	refused(t, w.post("/token", machine, asserting(w.assertion(nil))), 400, "invalid_request")
	refused(t, w.post("/token", "", asserting(w.assertion(nil), "client_id", machine)), 401, "invalid_client")
	for _, kind := range []string{"", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", strings.ToUpper(assertionType)} {
		refused(t, w.post("/token", "", asserting(w.assertion(nil), "client_assertion_type", kind)), 401, "invalid_client")
	}
	refused(t, w.post("/token", "", asserting("", "client_id", signer)), 401, "invalid_client")
	refused(t, w.post("/token", "", values("grant_type", "client_credentials", "client_id", signer)), 401, "invalid_client")
	refused(t, w.post("/token", signer, values("grant_type", "client_credentials")), 401, "invalid_client")
}

func TestAnAssertionIsUsedAtMostOnceOnEachStoreAndAtEveryReplica(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newSigningWorld(t, withTokens(store))
		replica, err := oauth2.New(w.config)
		require.NoError(t, err)
		var next int
		w.http.Config.Handler = roundRobin([]*oauth2.Server{w.server, replica}, &next)
		assertion := w.assertion(nil)
		statuses := make([]int, 16)
		var wg sync.WaitGroup
		for i := range statuses {
			wg.Go(func() { statuses[i] = w.post("/token", "", asserting(assertion)).status })
		}
		wg.Wait()
		slices.Sort(statuses)
		require.Equal(t, http.StatusOK, statuses[0])
		require.Equal(t, http.StatusUnauthorized, statuses[1], statuses)
		w.clock.Advance(30 * time.Second)
		refused(t, w.post("/token", "", asserting(assertion)), 401, "invalid_client")
	})
}

func TestAFailedAssertionCountsLikeAWrongSecret(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	require.Eventually(t, func() bool {
		return w.post("/token", "", asserting("x.y.z", "client_id", signer)).status == http.StatusTooManyRequests
	}, longEnough, shortly)
	require.Equal(t, http.StatusOK, w.post("/token", "", asserting(w.assertion(nil))).status, "who is right passes")
	require.Contains(t, w.eventTypes(), oauth2.EventClientAuthenticationFailed)
}

func TestAnAssertionIsNotServedUnlessItIsConfigured(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t, func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = nil })
	refused(t, w.post("/token", "", asserting(w.assertion(nil))), 401, "invalid_client")
	metadata := w.metadata()
	require.NotContains(t, metadata, "token_endpoint_auth_signing_alg_values_supported")
	require.NotContains(t, listOf(t, metadata, "token_endpoint_auth_methods_supported"), "private_key_jwt")
}

func TestMetadataNamesTheAlgorithmsOfAssertions(t *testing.T) {
	t.Parallel()
	metadata := newSigningWorld(t).metadata()
	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		require.Contains(t, listOf(t, metadata, endpoint+"_endpoint_auth_methods_supported"), "private_key_jwt")
		require.Equal(t, []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}, listOf(t, metadata, endpoint+"_endpoint_auth_signing_alg_values_supported"))
	}
}

func TestMethodsThatAreLeftOutAreNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = []string{oauth2.AuthMethodPost} })
	refused(t, w.token(machine, "grant_type", "client_credentials"), 401, "invalid_client")
	refused(t, w.post("/token", "", values("grant_type", "refresh_token", "refresh_token", "x", "client_id", browserApp)), 401, "invalid_client")
	require.Equal(t, http.StatusOK, w.post("/token", "", values("grant_type", "client_credentials", "client_id", machine, "client_secret", secretOf(machine))).status)
}

func TestClientAssertionThatIsRepeatedIsRefused(t *testing.T) {
	t.Parallel()
	w := newSigningWorld(t)
	assertion := w.assertion(nil)
	body := asserting(assertion).Encode() + "&client_assertion=" + assertion
	refused(t, w.raw(http.MethodPost, "/token", strings.NewReader(body)), 400, "invalid_request")
}
