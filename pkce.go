package oauth2

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// challengeS256 is the only transformation served: plain would put the verifier itself in the
// browser's history (RFC 7636 section 4.2, RFC 9700 section 2.1.1).
const challengeS256 = "S256"

// challengeChars is the length of a SHA-256 in base64url.
const challengeChars = 43

// The length of a verifier (RFC 7636 section 4.1).
const (
	minVerifierChars = 43
	maxVerifierChars = 128
)

// validCodeChallenge checks the syntax of an S256 challenge: SHA-256 in base64url, 43 characters
// (RFC 7636 section 4.2).
func validCodeChallenge(challenge string) bool {
	if len(challenge) != challengeChars {
		return false
	}
	var chars [challengeChars]byte
	var sum [sha256.Size]byte
	copy(chars[:], challenge)
	n, err := strictBase64.Decode(sum[:], chars[:])
	return err == nil && n == sha256.Size
}

// validCodeVerifier checks the syntax of a verifier: 43 to 128 unreserved characters
// (RFC 7636 section 4.1).
func validCodeVerifier(verifier string) bool {
	if len(verifier) < minVerifierChars || len(verifier) > maxVerifierChars {
		return false
	}
	for i := range len(verifier) {
		if !unreserved(verifier[i]) {
			return false
		}
	}
	return true
}

// strictBase64 has one spelling for each value.
var strictBase64 = base64.RawURLEncoding.Strict()

// unreserved are the characters of RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// verifyPKCE compares a verifier with the challenge of the authorization request
// (RFC 7636 section 4.6).
func verifyPKCE(challenge, verifier string) bool {
	if !validCodeVerifier(verifier) {
		return false
	}
	var buf [maxVerifierChars]byte
	sum := sha256.Sum256(buf[:copy(buf[:], verifier)])
	var got [challengeChars]byte
	base64.RawURLEncoding.Encode(got[:], sum[:])
	return subtle.ConstantTimeCompare(got[:], []byte(challenge)) == 1
}
