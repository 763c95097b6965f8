package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"

	"github.com/go-jose/go-jose/v4"
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
	jose.EdDSA: func(key any) bool {
		_, ok := key.(ed25519.PublicKey)
		return ok
	},
	jose.PS256: rsaFits,
	jose.RS256: rsaFits,
}

func rsaFits(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256}

// Algorithms are the JWS algorithms of the proofs that are accepted.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	return names
}

// verifySignature verifies a proof with the key that it carries, and returns its claims and the
// thumbprint of the key. A key with a private member is refused by go-jose; a test holds it to that.
func verifySignature(text string) (payload []byte, jkt string, err error) {
	jws, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, "", errSyntax
	}
	header := jws.Signatures[0].Protected
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
	if payload, err = jws.Verify(key.Key); err != nil {
		return nil, "", errSignature
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", errKey
	}
	return payload, base64.RawURLEncoding.EncodeToString(sum), nil
}
