package oauth2

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Hashes of secrets are told apart by their prefix, in the manner of the PHC string format:
//
//	$sha256$SALT$SUM                           random secrets, see HashSecret
//	$argon2id$v=19$m=19456,t=2,p=1$SALT$SUM    secrets that a person chose, see HashPassword
//	$2a$, $2b$ or $2y$                         bcrypt, as other systems keep them
const (
	prefixSHA256   = "$sha256$"
	prefixArgon2id = "$argon2id$"
	prefixBcrypt   = "$2"
)

// The argon2id parameters are OWASP's for 19 MiB of memory. A stored hash carries its own.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024
	argonThreads = 1
	argonSum     = 32
	// argonMemoryMax refuses a hash whose verification would take the machine down: 256 MiB.
	argonMemoryMax = 256 * 1024
	argonTimeMax   = 16

	argonParameters = "m=%d,t=%d,p=%d"
)

// bcryptCostMax refuses a hash whose verification would take longer than some seconds: each step of
// the cost doubles the time, and 31 would be days.
const bcryptCostMax = 16

var errHashSyntax = errors.New("oauth2: malformed hash of a secret")

// NewSecret returns a random secret of 256 bits, in 43 characters of base64url.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// HashSecret returns a salted SHA-256 of a secret that was drawn at random with at least 128 bits,
// as [NewSecret] does. It is quick to verify, and only safe because such a secret cannot be guessed.
func HashSecret(secret string) string {
	salt := newSalt()
	sum := sha256.Sum256([]byte(salt + secret))
	return prefixSHA256 + salt + "$" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// HashPassword returns an argon2id hash of a secret that a person chose (RFC 9106). It takes tens of
// milliseconds and 19 MiB to make and to verify.
func HashPassword(password string) string {
	salt := newSalt()
	sum := argon2.IDKey([]byte(password), []byte(salt), argonTime, argonMemory, argonThreads, argonSum)
	return fmt.Sprintf("%sv=%d$"+argonParameters+"$%s$%s", prefixArgon2id, argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString([]byte(salt)), base64.RawStdEncoding.EncodeToString(sum))
}

// VerifySecret reports whether secret is the one that hash was made of, in a time that depends on
// the kind of hash alone. A hash that cannot be read matches nothing. bcrypt looks
// at the first 72 bytes of a secret alone.
func VerifySecret(hash, secret string) bool {
	switch {
	case strings.HasPrefix(hash, prefixSHA256):
		salt, want, ok := strings.Cut(hash[len(prefixSHA256):], "$")
		var buf [256]byte // more of a secret than most have
		sum := sha256.Sum256(append(append(buf[:0], salt...), secret...))
		var got [digestChars]byte
		base64.RawStdEncoding.Encode(got[:], sum[:])
		return ok && subtle.ConstantTimeCompare(got[:], []byte(want)) == 1
	case strings.HasPrefix(hash, prefixArgon2id):
		return verifyArgon2id(hash, secret)
	case strings.HasPrefix(hash, prefixBcrypt):
		return boundedBcrypt(hash) && bcrypt.CompareHashAndPassword([]byte(hash), []byte(secret)) == nil
	}
	return false
}

// IsHash reports whether text is a hash that [VerifySecret] can read. What begins like a hash and is
// none is damaged, or too costly to verify: do not take it for a secret in clear.
func IsHash(text string) bool {
	switch {
	case strings.HasPrefix(text, prefixSHA256):
		return strings.Count(text, "$") == 3
	case strings.HasPrefix(text, prefixArgon2id):
		_, err := parseArgon2id(text)
		return err == nil
	case strings.HasPrefix(text, prefixBcrypt):
		return boundedBcrypt(text)
	}
	return false
}

// boundedBcrypt reports whether a bcrypt hash can be read, and at a cost that the machine can bear.
func boundedBcrypt(hash string) bool {
	cost, err := bcrypt.Cost([]byte(hash))
	return err == nil && cost <= bcryptCostMax
}

type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

func parseArgon2id(hash string) (h argonHash, err error) {
	parts := strings.Split(hash, "$") // "", "argon2id", version, parameters, salt, sum
	if len(parts) != 6 || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errHashSyntax
	}
	// Sscanf stops where the format ends, whatever follows: writing it again tells.
	_, err = fmt.Sscanf(parts[3], argonParameters, &h.memory, &h.time, &h.threads)
	if err != nil || parts[3] != fmt.Sprintf(argonParameters, h.memory, h.time, h.threads) {
		return h, errHashSyntax
	}
	if h.memory == 0 || h.memory > argonMemoryMax || h.time == 0 || h.time > argonTimeMax || h.threads == 0 {
		return h, errHashSyntax
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, errHashSyntax
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, errHashSyntax
	}
	return h, nil
}

func verifyArgon2id(hash, secret string) bool {
	h, err := parseArgon2id(hash)
	if err != nil {
		return false
	}
	got := argon2.IDKey([]byte(secret), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(got, h.sum) == 1
}

func newSalt() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return base64.RawStdEncoding.EncodeToString(b[:])
}
