package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

// mediaType is the typ of a proof (RFC 9449 section 4.2).
const mediaType = "dpop+jwt"

// The sizes of RSA keys. Verifying takes the longer the larger the key, and anybody may send one.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

const (
	errSyntax    ProofError = "The DPoP proof is not a JWS that is signed by one of the algorithms served, with a public key in it."
	errType      ProofError = "The DPoP proof's typ is not dpop+jwt."
	errCritical  ProofError = "The DPoP proof has critical header parameters, and none is understood."
	errNoKey     ProofError = "The DPoP proof has no key."
	errKey       ProofError = "The DPoP proof's key does not fit its algorithm, or is too short or too long."
	errSignature ProofError = "The DPoP proof's signature does not verify."
)

// keyFits tells which keys an algorithm is served with. All are asymmetric (RFC 9449 section 4.3).
var keyFits = map[jose.SignatureAlgorithm]func(key any) bool{
	jose.ES256: func(key any) bool {
		k, ok := key.(*ecdsa.PublicKey)
		return ok && k.Curve == elliptic.P256()
	},
	jose.EdDSA:  edwardsFits,
	jws.Ed25519: edwardsFits,
	jose.PS256:  rsaFits,
	jose.RS256:  rsaFits,
}

func edwardsFits(key any) bool {
	_, ok := key.(ed25519.PublicKey)
	return ok
}

func rsaFits(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jws.Ed25519, jose.PS256, jose.RS256}

// accepted are those that v accepts. RS256 is the last one.
func (v *Verifier) accepted() []jose.SignatureAlgorithm {
	if v.WithoutRS256 {
		return algorithms[:len(algorithms)-1]
	}
	return algorithms
}

// Algorithms are the JWS algorithms of the proofs that a Verifier accepts by default.
func Algorithms() []string { return new(Verifier).Algorithms() }

// Algorithms are the JWS algorithms of the proofs that are accepted.
func (v *Verifier) Algorithms() []string {
	names := make([]string, len(v.accepted()))
	for i, a := range v.accepted() {
		names[i] = string(a)
	}
	return names
}

// verifySignature verifies a proof with the key that it carries, and returns its claims and the
// thumbprint of the key. A key with a private member is refused by go-jose; a test holds it to that.
func verifySignature(text string, accepted []jose.SignatureAlgorithm) (payload []byte, jkt string, err error) {
	signed, err := jose.ParseSignedCompact(text, accepted)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, "", errSyntax
	}
	header := signed.Signatures[0].Protected
	_, critical := header.ExtraHeaders["crit"]
	key := header.JSONWebKey
	switch {
	case header.ExtraHeaders[jose.HeaderType] != mediaType:
		return nil, "", errType
	case critical:
		return nil, "", errCritical
	case key == nil:
		return nil, "", errNoKey
	case !keyFits[jose.SignatureAlgorithm(header.Algorithm)](key.Key):
		return nil, "", errKey
	}
	if payload, err = signed.Verify(jws.Key(key.Key, header.Algorithm)); err != nil {
		return nil, "", errSignature
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", errKey
	}
	return payload, base64.RawURLEncoding.EncodeToString(sum), nil
}
