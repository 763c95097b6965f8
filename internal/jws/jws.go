// Package jws has the one signature algorithm of this module that go-jose does not know by its name.
package jws

import (
	"crypto/ed25519"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

// Ed25519 is EdDSA with the curve Ed25519, under the name that says so (RFC 9864 section 2.2). Signatures
// are the same under both names.
const Ed25519 = jose.SignatureAlgorithm("Ed25519")

// Key is what go-jose verifies a signature of an algorithm with, given the public key: for Ed25519 a
// verifier, for any other algorithm the key itself.
func Key(public any, algorithm string) any {
	if key, ok := public.(ed25519.PublicKey); ok && algorithm == string(Ed25519) {
		return verifier(key)
	}
	return public
}

// A verifier is go-jose's seam for keys and algorithms that it does not know.
type verifier ed25519.PublicKey

var errSignature = errors.New("jws: the signature does not verify")

// VerifyPayload implements jose.OpaqueVerifier.
func (v verifier) VerifyPayload(payload, signature []byte, algorithm jose.SignatureAlgorithm) error {
	if algorithm != Ed25519 || len(v) != ed25519.PublicKeySize || !ed25519.Verify(ed25519.PublicKey(v), payload, signature) {
		return errSignature
	}
	return nil
}
