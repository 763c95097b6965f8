package resource_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
	"github.com/seed5f5fedc6/oauth2/internal/jws/jwstest"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// testKeys are one key for each algorithm, made once.
var testKeys = sync.OnceValue(func() map[jose.SignatureAlgorithm]crypto.Signer {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	return map[jose.SignatureAlgorithm]crypto.Signer{jose.ES256: ec, jose.EdDSA: ed, jws.Ed25519: ed, jose.RS256: rs, jose.PS256: rs}
})

// An issuer is an authorization server of which an API sees the metadata and the keys.
type issuer struct {
	t     testing.TB
	url   string
	clock *testclock.Clock
	// lookups and fetches count the requests for the metadata and for the keys.
	lookups, fetches atomic.Int32
	mu               sync.Mutex
	keys             []any
	down             bool
	// before, if set, runs before each answer with the keys.
	before func()
}

func newIssuer(t testing.TB, keys ...any) *issuer {
	i := &issuer{t: t, keys: keys, clock: testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	listener := httptest.NewServer(i)
	t.Cleanup(listener.Close)
	i.url = listener.URL
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	keys, down, before := i.keys, i.down, i.before
	i.mu.Unlock()
	var answer any
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		i.lookups.Add(1)
		answer = map[string]any{"issuer": i.url, "jwks_uri": i.url + "/keys"}
	case "/keys":
		i.fetches.Add(1)
		if before != nil {
			before()
		}
		answer = map[string]any{"keys": keys}
	default:
		http.NotFound(w, r)
		return
	}
	if down {
		http.Error(w, "down", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// publish replaces the keys, and whether the server answers at all.
func (i *issuer) publish(down bool, keys ...any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down, i.keys = down, keys
}

// verifier trusts the issuer; configure may change anything.
func (i *issuer) verifier(configure ...func(*resource.JWTConfig)) *resource.JWTVerifier {
	i.t.Helper()
	cfg := resource.JWTConfig{Issuer: i.url, Audience: []string{audience}, Now: i.clock.Now, Timeout: patience}
	for _, change := range configure {
		change(&cfg)
	}
	v, err := resource.NewJWTVerifier(cfg)
	require.NoError(i.t, err)
	return v
}

// claims are those of a good token, and what differs from them; nil leaves one out.
func (i *issuer) claims(differ map[string]any) map[string]any {
	now := i.clock.Now().Unix()
	claims := map[string]any{
		"iss": i.url, "aud": audience, "sub": "alice", "client_id": "app", "scope": "read", "jti": "1", "iat": now, "exp": now + 60,
	}
	maps.Copy(claims, differ)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

// published is the public JWK of a key, as its issuer would show it.
func published(key crypto.Signer, algorithm jose.SignatureAlgorithm, kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: string(algorithm), Use: "sig"}
}

// signed makes a JWT. The header has kid and typ, and what differs from them; nil leaves one out.
func signed(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kid string, claims any, differ map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", kid)
	for name, value := range differ {
		options = options.WithHeader(jose.HeaderKey(name), value)
		if value == nil {
			delete(options.ExtraHeaders, jose.HeaderKey(name))
		}
	}
	signer, err := jose.NewSigner(jwstest.SigningKey(algorithm, key), options)
	require.NoError(t, err)
	payload, ok := claims.([]byte)
	if !ok {
		payload, err = json.Marshal(claims)
		require.NoError(t, err)
	}
	token, err := signer.Sign(payload)
	require.NoError(t, err)
	text, err := token.CompactSerialize()
	require.NoError(t, err)
	return text
}
