package oauth2

import (
	"crypto"
	"encoding/base64"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A SignatureAlgorithm names how a JWT is signed (RFC 7518 section 3.1, RFC 8037 section 3.1). The
// algorithms below are all: there is no "none", and no HMAC.
type SignatureAlgorithm string

// The algorithms.
const (
	ES256 SignatureAlgorithm = "ES256" // ECDSA, P-256 and SHA-256
	EdDSA SignatureAlgorithm = "EdDSA" // with Ed25519
	RS256 SignatureAlgorithm = "RS256" // RSASSA-PKCS1-v1_5 and SHA-256
	PS256 SignatureAlgorithm = "PS256" // RSASSA-PSS and SHA-256
	// Ed25519 is EdDSA by the name that names its curve too (RFC 9864 section 2.2), which older verifiers do
	// not know.
	Ed25519 SignatureAlgorithm = "Ed25519"
)

// SigningKeys configure what a Server signs with. The keys are made by the Server, kept in its
// TokenStore, one set for all replicas, and replaced in time:
//
//   - announced: the new key is in the JWKS and signs nothing yet, so that every cached JWKS has it
//     by the time that it signs;
//   - used: it signs;
//   - retained: its successor signs. It stays in the JWKS until the last token that it signed has
//     expired; its private half is erased.
//
// No goroutine does that: a Server that needs a key takes the step that is due, by one compare-and-swap.
// All replicas have the same SigningKeys.
type SigningKeys struct {
	// Algorithm is that of the keys that are made. "" means ES256. A change is a rotation.
	Algorithm SignatureAlgorithm
	// SealingKeys seal the private keys in the store, and prove that nobody there changed the set. Each
	// is 32 random bytes. The first seals; the others open what was sealed before, so a sealing key is
	// replaced by adding the new one behind it on all replicas, then in front, then by dropping the old
	// one. Required, unless External is set.
	SealingKeys [][]byte
	// RotateAfter is how long a key signs. 0 means 90 days.
	RotateAfter time.Duration
	// Announce is how long a key is published before it signs. Nobody need cache a JWKS for longer than
	// half of it: that, and at most an hour, is the max-age of the JWKS. 0 means a day; at least a
	// minute, and less than RotateAfter.
	Announce time.Duration
	// Retain is how long a key is published after it signed last: no JWT lives longer. 0 means a day.
	Retain time.Duration
	// External are keys that are kept elsewhere. With any of them, nothing is made and nothing is kept:
	// SealingKeys, RotateAfter and Announce have no effect.
	External []ExternalKey
}

// An ExternalKey is a signing key that a KMS or an HSM keeps. All in [SigningKeys.External] are
// published; the one that signs is the last whose SignsFrom has passed.
type ExternalKey struct {
	// Signer signs digests, and whole messages if the key is Ed25519. It is safe for concurrent use. What
	// fails is answered with 503.
	Signer crypto.Signer
	// Algorithm is one that the key is good for. "" means ES256, EdDSA or RS256, as the key has it.
	Algorithm SignatureAlgorithm
	// SignsFrom is when the key begins to sign. The zero time means at once. A successor is added a day
	// before it signs, and its predecessor is left out once its last token has expired.
	SignsFrom time.Time
}

// The defaults of SigningKeys.
const (
	defaultRotateAfter = 90 * 24 * time.Hour
	defaultAnnounce    = 24 * time.Hour
	defaultRetain      = 24 * time.Hour
	minAnnounce        = time.Minute
	maxKeyCache        = time.Minute
	maxJWKSAge         = time.Hour
)

func (k *SigningKeys) withDefaults() *SigningKeys {
	if k == nil {
		return nil
	}
	d := *k
	if d.Algorithm == "" {
		d.Algorithm = ES256
	}
	for _, field := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&d.RotateAfter, defaultRotateAfter}, {&d.Announce, defaultAnnounce}, {&d.Retain, defaultRetain}} {
		if *field.value == 0 {
			*field.value = field.standard
		}
	}
	d.External = slices.Clone(d.External)
	for i := range d.External {
		if e := &d.External[i]; e.Algorithm == "" && e.Signer != nil {
			e.Algorithm = usualAlgorithm(e.Signer.Public())
		}
	}
	return &d
}

// validateKeys reports what is wrong with Keys, and with resources that need them.
func (cfg *ServerConfig) validateKeys(report func(wrong bool, format string, args ...any)) {
	k := cfg.Keys
	for _, r := range cfg.Resources {
		report(r.Format == FormatJWT && k == nil, "Resources: %q: the Format %q needs Keys", r.URI, r.Format)
		report(r.Format == FormatJWT && k != nil && r.AccessLifetime > k.Retain, "Resources: %q: AccessLifetime %v is longer than Keys.Retain", r.URI, r.AccessLifetime)
	}
	if k == nil {
		return
	}
	report(k.Retain < time.Second, "Keys: Retain %v is shorter than a second", k.Retain)
	for i, e := range k.External {
		report(e.Signer == nil, "Keys: External[%d] has no Signer", i)
		report(e.Signer != nil && !suits(e.Signer.Public(), e.Algorithm), "Keys: External[%d] has a key that is too short or too long, or not one for %q", i, e.Algorithm)
	}
	if len(k.External) > 0 {
		return
	}
	report(!slices.Contains(signatureAlgorithms, jose.SignatureAlgorithm(k.Algorithm)), "Keys: the Algorithm %q is not served", k.Algorithm)
	report(len(k.SealingKeys) == 0, "Keys: SealingKeys is required")
	for i, key := range k.SealingKeys {
		report(len(key) != sealingKeyBytes, "Keys: SealingKeys[%d] has not %d bytes", i, sealingKeyBytes)
	}
	report(k.Announce < minAnnounce, "Keys: Announce %v is shorter than %v", k.Announce, minAnnounce)
	report(k.RotateAfter <= k.Announce, "Keys: RotateAfter %v is not longer than Announce", k.RotateAfter)
}

// usualAlgorithm is the algorithm that a public key is for.
func usualAlgorithm(public crypto.PublicKey) SignatureAlgorithm {
	for _, algorithm := range []SignatureAlgorithm{ES256, EdDSA, RS256} {
		if suits(public, algorithm) {
			return algorithm
		}
	}
	return ""
}

// suits reports whether a public key is one for the algorithm, long enough (RFC 7518 section 3.3) and not too
// long.
func suits(public crypto.PublicKey, algorithm SignatureAlgorithm) bool {
	return madeFor(public, jose.SignatureAlgorithm(algorithm))
}

// algorithms are those that the Server signs with.
func (k *SigningKeys) algorithms() []SignatureAlgorithm {
	if len(k.External) == 0 {
		return []SignatureAlgorithm{k.Algorithm}
	}
	var all []SignatureAlgorithm
	for _, e := range k.External {
		all = append(all, e.Algorithm)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// cacheFor is how long a Server uses a key set before it looks at the store again. Together with
// the max-age of the JWKS it is less than the announce phase.
func (k *SigningKeys) cacheFor() time.Duration { return min(k.Announce/4, maxKeyCache) }

// maxAge is how long anybody may cache the JWKS.
func (k *SigningKeys) maxAge() time.Duration { return min(k.Announce/2, maxJWKSAge) }

// publicKey is the JWK of a public key. Its kid is the key's thumbprint (RFC 7638).
func publicKey(public crypto.PublicKey, algorithm SignatureAlgorithm) (jose.JSONWebKey, error) {
	key := jose.JSONWebKey{Key: public, Algorithm: string(algorithm), Use: "sig"}
	sum, err := key.Thumbprint(crypto.SHA256)
	key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return key, err
}
