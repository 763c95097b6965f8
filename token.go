package oauth2

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// Every code, access token and refresh token is
//
//	prefix + base64url(id || core || proof)
//
// with 15, 24 and 9 bytes, so that the ID is a plain substring of 20 characters. core is the
// secret: 192 bits, of which the store keeps a digest only. proof tells, without keeping a list,
// that a token once came from this authorization; it grants nothing by itself.
const (
	idBytes    = 15
	coreBytes  = 24
	proofBytes = 9
	tokenBytes = idBytes + coreBytes + proofBytes
	idChars    = idBytes * 8 / 6
	tokenChars = tokenBytes * 8 / 6
)

// A tokenKind keeps a code from passing for an access token: it enters the proof.
type tokenKind string

const (
	kindCode    tokenKind = "ac"
	kindAccess  tokenKind = "at"
	kindRefresh tokenKind = "rt"
)

// A tokenCore is the secret part of a token.
type tokenCore [coreBytes]byte

// A bearerToken is one token in its parts.
type bearerToken struct {
	kind tokenKind
	raw  [tokenBytes]byte
}

// newBearerToken is the token of the given kind and core that belongs to the authorization with
// this ID and lineage key.
func newBearerToken(kind tokenKind, id, lineageKey string, core tokenCore) bearerToken {
	t := bearerToken{kind: kind}
	// Only the ID of a garbled record has another length or does not decode. Its tokens lead to no record.
	if len(id) == idChars {
		_, _ = base64.RawURLEncoding.Decode(t.raw[:idBytes], []byte(id))
	}
	copy(t.raw[idBytes:], core[:])
	copy(t.raw[idBytes+coreBytes:], proof(lineageKey, kind, core[:]))
	return t
}

// parseBearerToken reads a token of the given kind. It fails on anything but the prefix and 64
// characters of base64url; whether the token was ever issued is for its record to say.
func parseBearerToken(kind tokenKind, prefix, text string) (bearerToken, bool) {
	t := bearerToken{kind: kind}
	body, ok := strings.CutPrefix(text, prefix)
	if !ok || len(body) != tokenChars {
		return t, false
	}
	// Decoding skips line breaks, which would let two texts be one token; the length tells.
	n, err := base64.RawURLEncoding.Decode(t.raw[:], []byte(body))
	return t, err == nil && n == tokenBytes
}

func (t *bearerToken) text(prefix string) string {
	out := make([]byte, len(prefix)+tokenChars)
	copy(out, prefix)
	base64.RawURLEncoding.Encode(out[len(prefix):], t.raw[:])
	return string(out)
}

// id is the ID of the authorization that the token names.
func (t *bearerToken) id() string { return base64.RawURLEncoding.EncodeToString(t.raw[:idBytes]) }

func (t *bearerToken) core() (core tokenCore) {
	copy(core[:], t.raw[idBytes:])
	return core
}

// digest is what the record keeps of the token. It covers every byte, the proof included.
func (t *bearerToken) digest() string {
	sum := sha256.Sum256(t.raw[:])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// provenBy reports whether the token once came from the authorization with this lineage key.
func (t *bearerToken) provenBy(lineageKey string) bool {
	core := t.raw[idBytes : idBytes+coreBytes]
	return hmac.Equal(t.raw[idBytes+coreBytes:], proof(lineageKey, t.kind, core))
}

func proof(lineageKey string, kind tokenKind, core []byte) []byte {
	mac := hmac.New(sha256.New, []byte(lineageKey))
	mac.Write([]byte(kind))
	mac.Write(core)
	return mac.Sum(nil)[:proofBytes]
}

// successor derives the core of the token of the given kind that follows from presenting core. Who
// knows the salt alone learns nothing; with the pepper, neither does who also holds a spent token.
func (core tokenCore) successor(kind tokenKind, salt string, pepper []byte) (next tokenCore) {
	mac := hmac.New(sha256.New, core[:])
	mac.Write([]byte(salt))
	mac.Write([]byte(kind))
	mac.Write(pepper)
	copy(next[:], mac.Sum(nil))
	return next
}

// sameDigest compares in constant time. An empty digest, of a token that is not there, equals none.
func sameDigest(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// derivedID is the ID of a record that is found by a value instead of a locator, such as a one-time
// form token: Create of the same ID fails with ErrExists, which is the replay.
func derivedID(issuer, kind, value string) string {
	h := sha256.New()
	for _, part := range []string{issuer, kind, value} {
		// The lengths keep ("ab", "c") from meeting ("a", "bc").
		n := len(part)
		h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:idBytes])
}
