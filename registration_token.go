package oauth2

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A registrationToken is a registration access token: what a client manages its own registration with
// (RFC 7592 section 3). It is 256 random bits, and begins as no other token does.
type registrationToken [sha256.Size]byte

const registrationTokenPrefix = "reg_"

// parseRegistrationToken reads the token of a request. It fails on anything but the one text that
// stands for a token.
func parseRegistrationToken(text string) (t registrationToken, ok bool) {
	encoded, ok := strings.CutPrefix(text, registrationTokenPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(len(t)) {
		return t, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != len(t) {
		return t, false
	}
	return registrationToken(raw), true
}

func (t registrationToken) text() string {
	return registrationTokenPrefix + base64.RawURLEncoding.EncodeToString(t[:])
}

// digest is what the store keeps of the token.
func (t registrationToken) digest() string {
	sum := sha256.Sum256(t[:])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// is reports, in constant time, whether a digest is the token's. The empty one is none's.
func (t registrationToken) is(digest string) bool { return sameDigest(digest, []byte(t.digest())) }

// derive makes what follows from presenting this token. It is derived and not drawn, so that a change whose
// answer was lost can be answered again.
func (t registrationToken) derive(what, salt string, pepper []byte) registrationToken {
	return hmacSHA256(t[:], []byte(salt), []byte(what), pepper)
}

// What derives from a registration access token.
const (
	nextToken  = "registration_access_token"
	nextSecret = "client_secret"
)

// following is the token that follows from presenting this one.
func (t registrationToken) following(salt string, pepper []byte) registrationToken {
	return t.derive(nextToken, salt, pepper)
}

// clientSecret is the client secret that follows from presenting this one.
func (t registrationToken) clientSecret(salt string, pepper []byte) string {
	secret := t.derive(nextSecret, salt, pepper)
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// issueRegistration makes the registration of a new client, and its token.
func (s *Server) issueRegistration() (*ClientRegistration, registrationToken, error) {
	var token registrationToken
	if err := s.random(token[:]); err != nil {
		return nil, token, err
	}
	return &ClientRegistration{IssuedAt: s.now(), TokenDigest: token.digest()}, token, nil
}

// rotateRegistration replaces the token that was presented (RFC 7592 section 5).
func (s *Server) rotateRegistration(r *ClientRegistration, presented registrationToken) error {
	var salt [lineageBytes]byte
	if err := s.random(salt[:]); err != nil {
		return err
	}
	r.PreviousDigest, r.Salt = presented.digest(), base64.RawURLEncoding.EncodeToString(salt[:])
	r.TokenDigest = presented.following(r.Salt, s.cfg.Pepper).digest()
	return nil
}
