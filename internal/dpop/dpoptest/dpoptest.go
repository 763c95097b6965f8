// Package dpoptest is the client's side of DPoP (RFC 9449 section 4) for tests and examples: keys, and
// the proofs that they sign.
package dpoptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
	"github.com/seed5f5fedc6/oauth2/internal/jws/jwstest"
)

// A Key signs proofs. It is safe for concurrent use.
type Key struct {
	alg     jose.SignatureAlgorithm
	private crypto.Signer
	now     func() time.Time
}

// New returns a new key for an algorithm. now is the client's clock. It panics at an algorithm that is
// unknown.
func New(alg jose.SignatureAlgorithm, now func() time.Time) *Key {
	var private crypto.Signer
	var err error
	switch alg {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA, jws.Ed25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case jose.RS256, jose.PS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		panic("dpoptest: unknown algorithm " + alg)
	}
	if err != nil {
		panic(err)
	}
	return &Key{alg: alg, private: private, now: now}
}

// NewES256 returns a new key for ES256.
func NewES256(now func() time.Time) *Key { return New(jose.ES256, now) }

// JWK is the key as a proof carries it.
func (k *Key) JWK() jose.JSONWebKey { return jose.JSONWebKey{Key: k.private.Public()} }

// Private is the key that signs.
func (k *Key) Private() crypto.Signer { return k.private }

// Thumbprint is the key's RFC 7638 thumbprint.
func (k *Key) Thumbprint() string {
	jwk := k.JWK()
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// A Change makes a proof another one. A member that is nil is left out.
type Change func(header, claims map[string]any)

// Header sets a header parameter.
func Header(name string, value any) Change {
	return func(header, _ map[string]any) { header[name] = value }
}

// Claim sets a claim.
func Claim(name string, value any) Change {
	return func(_, claims map[string]any) { claims[name] = value }
}

// Nonce is the nonce that a server handed out; an empty one is left out.
func Nonce(nonce string) Change {
	return func(_, claims map[string]any) {
		if nonce != "" {
			claims["nonce"] = nonce
		}
	}
}

// For is the hash of the access token that the proof is sent with.
func For(accessToken string) Change {
	sum := sha256.Sum256([]byte(accessToken))
	return Claim("ath", base64.RawURLEncoding.EncodeToString(sum[:]))
}

// Proof signs a new proof for one request.
func (k *Key) Proof(method, uri string, changes ...Change) string {
	header := map[string]any{"typ": "dpop+jwt", "jwk": k.JWK()}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": k.now().Unix()}
	for _, change := range changes {
		change(header, claims)
	}
	return Sign(k.alg, k.private, header, claims)
}

// Sign signs any header and claims. A member that is nil is left out.
func Sign(alg jose.SignatureAlgorithm, key any, header, claims map[string]any) string {
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return SignPayload(alg, key, header, payload)
}

// SignPayload signs what may be no claims at all.
func SignPayload(alg jose.SignatureAlgorithm, key any, header map[string]any, payload []byte) string {
	options := &jose.SignerOptions{}
	for name, value := range header {
		if value != nil {
			options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(jwstest.SigningKey(alg, key), options)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}
