package attack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var jarAttacks = []attack{
	{name: "a request object that the client did not sign is not believed", source: "RFC 9101 section 10.1, RFC 8725 sections 2.1 and 3.10", run: jarForged},
	{name: "a request object that says the wrong thing about itself is refused", source: "RFC 9101 sections 4, 5 and 10.8", run: jarClaims},
	{name: "parameters beside a request object are not used", source: "RFC 9101 section 6.3", run: jarOverridden},
	{name: "request and request_uri exclude each other", source: "RFC 9101 section 5", run: jarBoth},
	{name: "a request object is approved once", source: "RFC 7519 section 4.1.7", run: jarReplayed},
	{name: "no request_uri is fetched that the client did not register", source: "RFC 9101 section 10.4", run: jarFetched},
	{name: "a signed answer is for its client, and for minutes", source: "JARM section 2.4", only: embedded, run: jarmAnswer},
}

// signingKey is a fresh key, and the set that a client registers of it.
func signingKey() (*ecdsa.PrivateKey, jose.JSONWebKeySet) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // crypto/rand never fails
	return key, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "signer"}}}
}

// object is the request of a client that signs, with its claims changed; nil removes one.
func (s *site) object(a attempt, changes map[string]any, header ...string) string {
	return s.objectBy(s.signerKey, a, changes, header...)
}

func (s *site) objectBy(key *ecdsa.PrivateKey, a attempt, changes map[string]any, header ...string) string {
	claims := map[string]any{"iss": signer, "aud": s.issuer, "exp": s.now().Add(time.Minute).Unix()}
	for name := range a.Values {
		claims[name] = a.Get(name)
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	options := (&jose.SignerOptions{}).WithType("oauth-authz-req+jwt").WithHeader("kid", "signer")
	for i := 0; i+1 < len(header); i += 2 {
		options.WithHeader(jose.HeaderKey(header[i]), header[i+1])
	}
	with, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	require.NoError(s.t, err)
	payload, err := json.Marshal(claims)
	require.NoError(s.t, err)
	signed, err := with.Sign(payload)
	require.NoError(s.t, err)
	text, err := signed.CompactSerialize()
	require.NoError(s.t, err)
	return text
}

func (s *site) signedRequest() attempt { return s.request("client_id", signer) }

func byValue(object string) attempt {
	return attempt{Values: values("client_id", signer, "request", object)}
}

// notBelieved requires a refusal that leads nowhere, in the browser and at a push.
func (s *site) notBelieved(object, about string) {
	s.t.Helper()
	s.refusedOnPage(s.alice().open(byValue(object)), about)
	got := s.call(s.parURL(), signer, "request", object)
	require.Equal(s.t, http.StatusBadRequest, got.status, about)
	require.Equal(s.t, "invalid_request_object", got.str("error"), about)
}

func jarForged(t *testing.T, s *site) {
	good := s.object(s.signedRequest(), nil)
	parts := strings.Split(good, ".")
	stranger, set := signingKey()
	encode := base64.RawURLEncoding.EncodeToString
	evil := encode([]byte(`{"redirect_uri":"https://evil.example/"}`))
	public, err := json.Marshal(s.signerKey.Public())
	require.NoError(t, err)
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: public}, (&jose.SignerOptions{}).WithType("oauth-authz-req+jwt"))
	require.NoError(t, err)
	signed, err := hmac.Sign([]byte(`{}`))
	require.NoError(t, err)
	confused, err := signed.CompactSerialize()
	require.NoError(t, err)
	own, err := json.Marshal(set.Keys[0])
	require.NoError(t, err)
	for about, object := range map[string]string{
		"none":           encode([]byte(`{"alg":"none","typ":"oauth-authz-req+jwt"}`)) + "." + parts[1] + ".",
		"None":           encode([]byte(`{"alg":"None","typ":"oauth-authz-req+jwt"}`)) + "." + parts[1] + ".",
		"no signature":   parts[0] + "." + parts[1] + ".",
		"another body":   parts[0] + "." + evil + "." + parts[2],
		"HMAC":           confused,
		"a stranger":     s.objectBy(stranger, s.signedRequest(), nil),
		"its own key":    encode([]byte(`{"alg":"ES256","typ":"oauth-authz-req+jwt","jwk":`+string(own)+`}`)) + "." + parts[1] + "." + parts[2],
		"its own place":  s.object(s.signedRequest(), nil, "jku", "https://evil.example/keys"),
		"an unknown kid": s.object(s.signedRequest(), nil, "kid", "nobody"),
		"another typ":    s.object(s.signedRequest(), nil, "typ", "JWT"),
		"encrypted":      "a.b.c.d.e",
		"no JWT":         "evil",
	} {
		s.notBelieved(object, about)
	}
}

func jarClaims(_ *testing.T, s *site) {
	for name, changes := range map[string]map[string]any{
		"another client":  {"client_id": web},
		"no client":       {"client_id": nil},
		"another issuer":  {"iss": web},
		"no issuer":       {"iss": nil},
		"another server":  {"aud": "https://evil.example"},
		"no audience":     {"aud": nil},
		"over":            {"exp": s.now().Add(-time.Second).Unix()},
		"for ever":        {"exp": nil},
		"for too long":    {"exp": s.now().Add(48 * time.Hour).Unix()},
		"from tomorrow":   {"nbf": s.now().Add(24 * time.Hour).Unix()},
		"an assertion":    {"sub": signer},
		"a nested object": {"request": "a.b.c"},
		"a nested URI":    {"request_uri": "https://app.example/request"},
	} {
		s.notBelieved(s.object(s.signedRequest(), changes), name)
	}
}

func jarOverridden(t *testing.T, s *site) {
	inner := s.signedRequest()
	inner.Set("scope", scopeRead)
	a := byValue(s.object(inner, nil))
	a.verifier = inner.verifier
	change(a.Values, "redirect_uri", redirects[rival], "scope", scopeRead+" "+scopeStats, "state", "evil", "prompt", "none", "code_challenge", strings.Repeat("A", 43))
	got := s.redeem(s.alice().approved(a, redirects[signer]))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"))
}

func jarBoth(_ *testing.T, s *site) {
	object := s.object(s.signedRequest(), nil)
	for _, uri := range []string{"https://app.example/request", s.pushed(s.signedRequest()).Get("request_uri")} {
		a := byValue(object)
		a.Set("request_uri", uri)
		s.refusedOnPage(s.alice().open(a), uri)
	}
}

func jarReplayed(_ *testing.T, s *site) {
	inner := s.signedRequest()
	object := s.object(inner, map[string]any{"jti": oauth2.NewSecret()})
	s.alice().approved(byValue(object), redirects[signer])
	s.refusedOnPage(s.alice().decide(s.alice().ask(byValue(object)), "yes"), "approved before")
	thief := s.browser("bob")
	s.refusedOnPage(thief.decide(thief.ask(byValue(object)), "yes"), "approved before, in another browser")
}

func jarFetched(t *testing.T, s *site) {
	var asked atomic.Int32
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer canary.Close()
	for _, uri := range []string{canary.URL, canary.URL + "/request", "file:///etc/passwd", "http://169.254.169.254/latest", "urn:x", "https://evil.example/x"} {
		s.refusedOnPage(s.alice().open(attempt{Values: values("client_id", signer, "request_uri", uri)}), uri)
	}
	require.Zero(t, asked.Load())
}

func jarmAnswer(t *testing.T, s *site) {
	sealing := make([]byte, 32)
	_, _ = rand.Read(sealing)
	signs := s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{sealing}}
		cfg.SignedResponses = true
	}).in(t)
	got := signs.alice().decide(signs.alice().ask(signs.request("response_mode", "jwt")), "yes")
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	_, text, ok := strings.Cut(got.header.Get("Location"), "?response=")
	require.True(t, ok, "and nothing else")
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(t, err)
	var keys jose.JSONWebKeySet
	uri := signs.get(metadataURL(t, signs.issuer)).str("jwks_uri")
	require.NoError(t, json.Unmarshal([]byte(signs.get(uri).body), &keys))
	payload, err := signed.Verify(keys)
	require.NoError(t, err)
	var claims struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		Expiry   int64  `json:"exp"`
		Code     string `json:"code"`
	}
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Equal(t, signs.issuer, claims.Issuer)
	require.Equal(t, web, claims.Audience)
	require.LessOrEqual(t, time.Unix(claims.Expiry, 0).Sub(signs.now()), 10*time.Minute)
	require.NotEmpty(t, claims.Code)
	token := signs.call(signs.introspectURL, api, "token", text)
	require.JSONEq(t, `{"active":false}`, token.body, "an answer is no access token")
}
