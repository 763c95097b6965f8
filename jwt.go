package oauth2

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

// The values of typ that tell one JWT from another (RFC 8725 section 3.11).
const (
	typAccessToken   = "at+jwt"                  // RFC 9068 section 2.1
	typIntrospection = "token-introspection+jwt" // RFC 9701 section 5
)

// errNotOurJWT: the text is no JWT of the wanted type that one of our keys has signed.
var errNotOurJWT = errors.New("oauth2: not a JWT of this server")

// sign returns the JWT with these claims, in JWS compact serialization (RFC 7515 section 7.1), signed
// with the current key. ErrTemporarilyUnavailable: the keys cannot be had, or do not sign.
func (s *Server) sign(ctx context.Context, typ string, claims []byte) (string, error) {
	r, err := s.keys.get(ctx)
	if err != nil {
		return "", err
	}
	at := r.set.signing(s.now())
	if at < 0 || r.keys[at].signer == nil {
		return "", unavailable(errNoSigningKey)
	}
	key := &r.keys[at]
	var room [256]byte // more of a header than most have
	header := append(appendJSON(append(room[:0], key.header...), typ), '}')
	encoding := base64.RawURLEncoding
	signed := make([]byte, 0, encoding.EncodedLen(len(header))+encoding.EncodedLen(len(claims))+encoding.EncodedLen(minRSABits/8)+2)
	signed = encoding.AppendEncode(signed, header)
	signed = encoding.AppendEncode(append(signed, '.'), claims)
	signature, err := signText(key.signer, SignatureAlgorithm(key.public.Algorithm), signed)
	if err != nil {
		return "", unavailable(err)
	}
	return string(encoding.AppendEncode(append(signed, '.'), signature)), nil
}

// looksLikeJWT: two dots, which no other token of ours has.
func looksLikeJWT(text string) bool { return strings.Count(text, ".") == 2 }

// verify returns the claims of a JWT of a type that this Server, or a replica, has signed. errNotOurJWT:
// it is none; ErrTemporarilyUnavailable: the keys cannot be had.
func (s *Server) verify(ctx context.Context, typ, text string) ([]byte, error) {
	if s.keys == nil || !looksLikeJWT(text) {
		return nil, errNotOurJWT
	}
	signed, err := jose.ParseSignedCompact(text, signatureAlgorithms)
	if err != nil {
		return nil, errNotOurJWT
	}
	// Decoding skips line breaks and the last bits of a text, which would let many texts be one token.
	if canonical, err := signed.CompactSerialize(); err != nil || canonical != text {
		return nil, errNotOurJWT
	}
	header := signed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typ {
		return nil, errNotOurJWT
	}
	r, err := s.keys.get(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range r.keys {
		if key.public.KeyID != header.KeyID || key.public.Algorithm != header.Algorithm {
			continue
		}
		if claims, err := signed.Verify(jws.Key(key.public.Key, header.Algorithm)); err == nil {
			return claims, nil
		}
	}
	return nil, errNotOurJWT
}
