package oauth2

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
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

	// lineageBytes and lineageChars measure Authorization.LineageKey.
	lineageBytes = 16
	lineageChars = 22
	// digestChars is the length of a SHA-256 in base64url.
	digestChars = 43
)

// A tokenKind keeps a code from passing for an access token: it enters the proof.
type tokenKind string

const (
	kindCode    tokenKind = "ac"
	kindAccess  tokenKind = "at"
	kindRefresh tokenKind = "rt"
	kindJWT     tokenKind = "jw" // the jti of an access token that is a JWT
	kindRequest tokenKind = "pr" // the request_uri of a pushed request
	kindDevice  tokenKind = "dc" // a device code
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
		var chars [idChars]byte
		copy(chars[:], id)
		_, _ = base64.RawURLEncoding.Decode(t.raw[:idBytes], chars[:])
	}
	copy(t.raw[idBytes:], core[:])
	own := t.proof(lineageKey)
	copy(t.raw[idBytes+coreBytes:], own[:])
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
	var chars [tokenChars]byte
	copy(chars[:], body)
	// Decoding skips line breaks, which would let two texts be one token; the length tells.
	n, err := base64.RawURLEncoding.Decode(t.raw[:], chars[:])
	return t, err == nil && n == tokenBytes
}

func (t *bearerToken) text(prefix string) string {
	var buf [2 * tokenChars]byte
	return string(t.appendText(buf[:0], prefix))
}

func (t *bearerToken) appendText(b []byte, prefix string) []byte {
	return base64.RawURLEncoding.AppendEncode(append(b, prefix...), t.raw[:])
}

// id is the ID of the authorization that the token names.
func (t *bearerToken) id() string { return base64.RawURLEncoding.EncodeToString(t.raw[:idBytes]) }

func (t *bearerToken) core() (core tokenCore) {
	copy(core[:], t.raw[idBytes:])
	return core
}

// digest is what the record keeps of the token. It covers every byte, the proof included.
func (t *bearerToken) digest() string {
	chars := t.digestText()
	return string(chars[:])
}

func (t *bearerToken) digestText() (chars [digestChars]byte) {
	sum := sha256.Sum256(t.raw[:])
	if t.kind == kindJWT {
		// A jti is no secret: resource servers log it. Behind the prefix it makes no opaque token.
		sum = hmacSHA256([]byte(kindJWT), t.raw[:])
	}
	base64.RawURLEncoding.Encode(chars[:], sum[:])
	return chars
}

// is reports whether a digest that a record keeps is the token's. An empty one, of a token that is
// not there, is none's.
func (t *bearerToken) is(digest string) bool {
	own := t.digestText()
	return sameDigest(digest, own[:])
}

// provenBy reports whether the token once came from the authorization with this lineage key. From a
// record without one, such as that of a value that was used up, no token ever came.
func (t *bearerToken) provenBy(lineageKey string) bool {
	own := t.proof(lineageKey)
	return lineageKey != "" && subtle.ConstantTimeCompare(t.raw[idBytes+coreBytes:], own[:]) == 1
}

// proof is the last part of a token with this kind and core.
func (t *bearerToken) proof(lineageKey string) [proofBytes]byte {
	sum := hmacSHA256([]byte(lineageKey), []byte(t.kind), t.raw[idBytes:idBytes+coreBytes])
	return [proofBytes]byte(sum[:])
}

// successor derives the core of the token of the given kind that follows from presenting core. Who
// knows the salt alone learns nothing; with the pepper, neither does who also holds a spent token.
func (core tokenCore) successor(kind tokenKind, salt string, pepper []byte) tokenCore {
	sum := hmacSHA256(core[:], []byte(salt), []byte(kind), pepper)
	return tokenCore(sum[:])
}

// sameDigest compares in constant time. The empty digest equals none.
func sameDigest(stored string, digest []byte) bool {
	return stored != "" && subtle.ConstantTimeCompare([]byte(stored), digest) == 1
}

// derivedID is the ID of a record that is found by a value instead of a locator, such as a one-time
// form token: Create of the same ID fails with ErrExists, which is the replay.
func derivedID(issuer, kind, value string) string {
	var buf [512]byte
	text := appendPart(appendPart(appendPart(buf[:0], issuer), kind), value)
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:idBytes])
}

// appendPart appends a part behind its length, which keeps ("ab", "c") from meeting ("a", "bc").
func appendPart(b []byte, part string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
	return append(b, part...)
}
