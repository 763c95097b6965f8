// Package jwstest has go-jose sign with the algorithm that it does not know by its name, for tests.
package jwstest

import (
	"crypto"
	"crypto/rand"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

// SigningKey is what go-jose signs with.
func SigningKey(algorithm jose.SignatureAlgorithm, key any) jose.SigningKey {
	if private, ok := key.(crypto.Signer); ok && algorithm == jws.Ed25519 {
		key = signer{private}
	}
	return jose.SigningKey{Algorithm: algorithm, Key: key}
}

// A signer is go-jose's seam for algorithms that it does not know.
type signer struct{ private crypto.Signer }

func (s signer) Public() *jose.JSONWebKey { return &jose.JSONWebKey{Key: s.private.Public()} }

func (signer) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jws.Ed25519} }

func (s signer) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	return s.private.Sign(rand.Reader, payload, crypto.Hash(0))
}
