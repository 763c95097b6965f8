package attack

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// Attacks on an API that verifies JWTs by itself, and on what a Resource and a Guard are configured for.
var offlineAttacks = []attack{
	{name: "a JWT that was forged in any way opens nothing without introspection either", source: "RFC 8725 sections 2.1 and 3.1, RFC 9068 section 4", only: embedded, run: offlineForged},
	{name: "made-up key identifiers do not make an API read the keys again and again", source: "RFC 9068 section 4, RFC 8725 section 3.10", only: embedded, run: offlineFlood},
	{name: "a JWT for one API, or of another issuer, opens no other", source: "RFC 9068 section 5", only: embedded, run: offlineForeign},
	{name: "a JWT that has expired opens nothing", source: "RFC 9068 section 4", only: embedded, run: offlineExpired},
	{name: "an introspection answer, which the same keys sign, opens nothing", source: "RFC 8725 section 3.11", only: embedded, run: offlineOtherType},
	{name: "a token carries no scope that its resource does not take, however it is asked for", source: "RFC 8707 section 2.2", only: embedded, run: resourceScopes},
	{name: "asking for a stronger login without having one raises nothing", source: "RFC 9470 sections 4 and 5", only: embedded, run: stepUpAlone},
	{name: "no header of a request gets into the metadata of an API", source: "RFC 9728 section 7.3", only: embedded, run: apiMetadata},
}

// An offlineAPI is an API that verifies JWTs by itself, and counts how often it reads the keys.
type offlineAPI struct {
	s     *site
	url   string
	reads *atomic.Int32
}

// A counting transport counts requests.
type counting struct {
	http.RoundTripper
	requests *atomic.Int32
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// offline starts an API that takes tokens for audience.
func (s *site) offline(audience string) offlineAPI {
	s.t.Helper()
	a := offlineAPI{s: s, reads: &atomic.Int32{}}
	verifier, err := resource.NewJWTVerifier(resource.JWTConfig{
		Issuer: s.issuer, Audience: []string{audience}, Now: s.now,
		HTTPClient: &http.Client{Transport: counting{s.client.Transport, a.reads}},
	})
	require.NoError(s.t, err)
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: resource.Formats{JWT: verifier}, Audience: audience, Now: s.now})
	require.NoError(s.t, err)
	server := httptest.NewServer(guard.Require(scopeRead)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	s.t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// call is the status of a request with a token.
func (a offlineAPI) call(token string) int {
	a.s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, a.url, nil)
	require.NoError(a.s.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	return a.s.do(a.s.client, r).status
}

func offlineForged(t *testing.T, s *site) {
	s = s.withJWTs()
	access, refresh := s.tokens()
	api := s.offline(s.apiURL)
	require.Equal(t, http.StatusOK, api.call(access))
	parts := strings.Split(access, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	kid := s.keys().Keys[0].KeyID
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	sign := func(options *jose.SignerOptions) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: own}, options.WithType("at+jwt").WithHeader("kid", kid))
		require.NoError(t, err)
		signed, err := signer.Sign(payload)
		require.NoError(t, err)
		text, err := signed.CompactSerialize()
		require.NoError(t, err)
		return text
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, forged := range map[string]string{
		"a refresh token":      refresh,
		"none":                 encode([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+kid+`"}`)) + "." + parts[1] + ".",
		"no signature":         parts[0] + "." + parts[1] + ".",
		"other claims":         parts[0] + "." + encode(bytes.Replace(payload, []byte("alice"), []byte("bobby"), 1)) + "." + parts[2],
		"a key of the forger":  sign(&jose.SignerOptions{}),
		"jwk":                  sign(&jose.SignerOptions{EmbedJWK: true}),
		"jku":                  sign((&jose.SignerOptions{}).WithHeader("jku", "https://forger.example/jwks")),
		"cut":                  access[:len(access)-1],
		"another last bit":     access[:len(access)-1] + string(access[len(access)-1]+1),
		"a part of an example": "eyJ0eXAiOiJhdCtqd3QifQ.e30.x",
	} {
		require.Equal(t, http.StatusUnauthorized, api.call(forged), name)
	}
	require.Equal(t, http.StatusOK, api.call(access))
}

func offlineFlood(t *testing.T, s *site) {
	s = s.withJWTs()
	access, _ := s.tokens()
	api := s.offline(s.apiURL)
	require.Equal(t, http.StatusOK, api.call(access))
	before := api.reads.Load()
	parts := strings.Split(access, ".")
	for i := range 100 {
		header := fmt.Sprintf(`{"alg":"ES256","typ":"at+jwt","kid":"made-up-%d"}`, i)
		require.Equal(t, http.StatusUnauthorized, api.call(base64.RawURLEncoding.EncodeToString([]byte(header))+"."+parts[1]+"."+parts[2]))
	}
	require.LessOrEqual(t, api.reads.Load()-before, int32(2), "the metadata and the keys, once")
	require.Equal(t, http.StatusOK, api.call(access), "and honest tokens go on")
}

func offlineForeign(t *testing.T, s *site) {
	const other = "https://other.example"
	s = s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Resources[0].Format = oauth2.FormatJWT
		cfg.Resources = append(cfg.Resources, oauth2.Resource{URI: other, Format: oauth2.FormatJWT})
	})
	elsewhere, _ := s.tokens("resource", other)
	here, _ := s.tokens("resource", s.apiURL)
	api, otherAPI := s.offline(s.apiURL), s.offline(other)
	require.Equal(t, http.StatusOK, api.call(here))
	require.Equal(t, http.StatusOK, otherAPI.call(elsewhere))
	require.Equal(t, http.StatusUnauthorized, api.call(elsewhere))
	require.Equal(t, http.StatusUnauthorized, otherAPI.call(here))
	foreign, _ := s.withJWTs().tokens()
	require.Equal(t, http.StatusUnauthorized, api.call(foreign))
}

func offlineExpired(t *testing.T, s *site) {
	s = s.withJWTs()
	access, _ := s.tokens()
	api := s.offline(s.apiURL)
	require.Equal(t, http.StatusOK, api.call(access))
	s.app.clock.Advance(2 * time.Hour)
	require.Equal(t, http.StatusUnauthorized, api.call(access))
}

func offlineOtherType(t *testing.T, s *site) {
	s = s.withJWTs()
	access, _ := s.tokens()
	r := s.asClient(s.introspectURL, api, "token", access)
	r.Header.Set("Accept", introspectionJWT)
	answer := s.do(s.client, r)
	require.Equal(t, http.StatusOK, answer.status)
	require.Equal(t, 2, strings.Count(answer.body, "."), "it is a JWT")
	require.Equal(t, http.StatusUnauthorized, s.offline(s.apiURL).call(answer.body))
}

func resourceScopes(t *testing.T, s *site) {
	const narrow = "https://narrow.example"
	s = s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Resources = append(cfg.Resources, oauth2.Resource{URI: narrow, Scopes: oauth2.Scope{scopeRead}})
	})
	everything := scopeRead + " " + scopeStats
	access, refresh := s.tokens("resource", narrow, "scope", everything)
	require.Equal(t, scopeRead, s.call(s.introspectURL, api, "token", access).str("scope"))
	s.refused(s.refresh(web, refresh, "resource", narrow, "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
	s.refused(s.refresh(web, refresh, "resource", s.apiURL), http.StatusBadRequest, "invalid_target")
	got := s.refresh(web, refresh, "resource", narrow, "scope", scopeRead)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"))
	s.refused(s.call(s.tokenURL, machine, "grant_type", "client_credentials", "resource", narrow, "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
	s.refused(s.call(s.tokenURL, machine, "grant_type", "client_credentials", "resource", narrow), http.StatusBadRequest, "invalid_scope")
}

func stepUpAlone(t *testing.T, s *site) {
	for _, site := range []*site{s, s.withJWTs()} {
		access, _ := site.tokens("acr_values", "gold", "max_age", "60", "acr", "gold")
		verifier, err := resource.NewJWTVerifier(resource.JWTConfig{Issuer: site.issuer, Audience: []string{site.apiURL}, HTTPClient: site.client, Now: site.now})
		require.NoError(t, err)
		guard, err := resource.NewGuard(resource.GuardConfig{
			Checker: resource.Formats{JWT: verifier, Opaque: introspectionOf(t, site)}, Audience: site.apiURL, Now: site.now,
		})
		require.NoError(t, err)
		for need, status := range map[*resource.Authentication]int{
			{ACRValues: []string{"gold"}}: http.StatusUnauthorized,
			{}:                            http.StatusOK,
		} {
			rec := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/?acr=gold", nil)
			r.Header.Set("Authorization", "Bearer "+access)
			guard.RequireAuthentication(*need)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
			require.Equal(t, status, rec.Code)
			require.Equal(t, status != http.StatusOK, strings.Contains(rec.Header().Get("WWW-Authenticate"), `error="insufficient_user_authentication"`))
		}
	}
}

func apiMetadata(t *testing.T, s *site) {
	metadata, err := resource.NewMetadata(resource.MetadataConfig{Resource: s.apiURL, AuthorizationServers: []string{s.issuer}})
	require.NoError(t, err)
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: introspectionOf(t, s), Audience: s.apiURL, Metadata: metadata})
	require.NoError(t, err)
	for _, handler := range []http.Handler{metadata, guard.Require(scopeRead)(http.NotFoundHandler())} {
		r := httptest.NewRequest(http.MethodGet, "http://forger.example/.well-known/oauth-protected-resource", nil)
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Forwarded", "Origin"} {
			r.Header.Set(name, "forger.example")
		}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		told := rec.Body.String() + fmt.Sprint(rec.Header())
		require.NotContains(t, told, "forger")
		require.Contains(t, told, s.apiURL)
	}
}
