package oauth2

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var errSignatureFormat = errors.New("oauth2: the signer returned no ECDSA signature of its curve")

// signingOptions are what RFC 7518 section 3 says of each algorithm. RSASSA-PSS is salted with as many bytes
// as the digest has, which section 3.5 demands and strict verifiers insist on.
var signingOptions = map[SignatureAlgorithm]crypto.SignerOpts{
	ES256: crypto.SHA256,
	RS256: crypto.SHA256,
	PS256: &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256},
	// These sign the text itself.
	EdDSA:   crypto.Hash(0),
	Ed25519: crypto.Hash(0),
}

// signText makes the signature of a JWS (RFC 7515 section 5.1 step 5). By go-jose it would take thirteen
// allocations more. A test has go-jose verify what it makes.
func signText(signer crypto.Signer, algorithm SignatureAlgorithm, text []byte) ([]byte, error) {
	options := signingOptions[algorithm]
	if options.HashFunc() == crypto.SHA256 {
		digest := sha256.Sum256(text)
		text = digest[:]
	}
	signature, err := signer.Sign(rand.Reader, text, options)
	if err == nil && algorithm == ES256 {
		return fixedSignature(signature)
	}
	return signature, err
}

// fixedSignature is an ECDSA signature as JOSE has it: both numbers of 32 bytes, one behind the other
// (RFC 7518 section 3.4). Signers return them in ASN.1.
func fixedSignature(der []byte) ([]byte, error) {
	const size = 32
	input := cryptobyte.String(der)
	var pair cryptobyte.String
	var r, s []byte
	if !input.ReadASN1(&pair, asn1.SEQUENCE) || !input.Empty() ||
		!pair.ReadASN1Integer(&r) || !pair.ReadASN1Integer(&s) || !pair.Empty() || len(r) > size || len(s) > size {
		return nil, errSignatureFormat
	}
	fixed := make([]byte, 2*size)
	copy(fixed[size-len(r):], r)
	copy(fixed[2*size-len(s):], s)
	return fixed, nil
}
