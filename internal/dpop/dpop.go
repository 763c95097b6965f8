// Package dpop verifies DPoP proofs (RFC 9449 section 4): the half that an authorization server and a
// resource server share. That a proof is good once is left to the caller, who has a place to remember.
package dpop

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// Header is the field that carries a proof, NonceHeader the one that hands out a nonce (RFC 9449
// sections 4.1 and 8).
const (
	Header      = "DPoP"
	NonceHeader = "DPoP-Nonce"
)

const (
	// maxProofBytes bounds what is parsed. A proof with an RSA key of 4096 bits takes about 2 KB.
	maxProofBytes = 8 << 10
	// maxJTIBytes bounds what is remembered of a proof.
	maxJTIBytes = 256
	// maxAhead is how far a client's clock may be ahead.
	maxAhead = 10 * time.Second
	// maxDate is the end of the year 9999, the last that time.Time can write.
	maxDate = 253402300799
)

// A ProofError is why a proof is not accepted, in a sentence for the client's developer. It holds nothing
// of the proof.
type ProofError string

// Error implements error.
func (e ProofError) Error() string { return "dpop: " + string(e) }

// ErrNonce asks for a proof with a nonce of this server (RFC 9449 section 8). Every other ProofError says
// that the proof is invalid.
const ErrNonce ProofError = "The DPoP proof has no nonce of this server, or one that has expired."

const (
	errTwice    ProofError = "There is more than one DPoP header."
	errTooLarge ProofError = "The DPoP proof is too large."
	errClaims   ProofError = "The DPoP proof's claims are malformed."
	errJTI      ProofError = "The DPoP proof's jti is missing or too long."
	errHTM      ProofError = "The DPoP proof's htm is not the method of the request."
	errHTU      ProofError = "The DPoP proof's htu is not the URI of the request."
	errNoNonces ProofError = "The DPoP proof has a nonce, and this server hands out none."
	errIssuedAt ProofError = "The DPoP proof's iat is missing or malformed."
	errTooOld   ProofError = "The DPoP proof is too old."
	errTooNew   ProofError = "The DPoP proof's iat is in the future."
	errATH      ProofError = "The DPoP proof's ath is not the hash of the access token."
)

// A Verifier verifies proofs. It is immutable and safe for concurrent use.
type Verifier struct {
	// Lifetime is how old a proof without a nonce may be.
	Lifetime time.Duration
	// Nonces, if set, are required of every proof: then it is their age that counts, and not what the
	// client's clock says. nil: a proof that has one is refused, since nobody here made it.
	Nonces *Nonces
	// WithoutRS256 refuses proofs that are signed with it (FAPI 2.0 section 5.4.1).
	WithoutRS256 bool
}

// A Proof is one that was verified.
type Proof struct {
	// JKT is the SHA-256 thumbprint of the key (RFC 7638) in base64url.
	JKT string
	// JTI is the proof's identifier. It is unique for its key alone.
	JTI string
	// Until is when the proof ends to be accepted.
	Until time.Time
}

// Verify verifies the proof of a request, for an access token where one is presented. It is nil where
// the request has none. What the request is for has one of the uris, of which empty ones are none's. A
// ProofError says why a proof is not accepted.
func (v *Verifier) Verify(r *http.Request, accessToken string, now time.Time, uris ...string) (*Proof, error) {
	headers := r.Header.Values(Header)
	switch {
	case len(headers) == 0:
		return nil, nil
	case len(headers) > 1:
		return nil, errTwice
	case len(headers[0]) > maxProofBytes:
		return nil, errTooLarge
	}
	payload, jkt, err := verifySignature(headers[0], v.accepted())
	if err != nil {
		return nil, err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errClaims
	}
	proof := &Proof{JKT: jkt, JTI: c.JTI}
	if proof.Until, err = v.until(&c, now); err != nil {
		return nil, err
	}
	switch {
	case c.JTI == "" || len(c.JTI) > maxJTIBytes:
		return nil, errJTI
	case c.HTM != r.Method:
		return nil, errHTM
	case !slices.ContainsFunc(uris, func(uri string) bool { return sameURI(c.HTU, uri) }):
		return nil, errHTU
	case accessToken != "" && !isHash(c.ATH, accessToken):
		return nil, errATH
	}
	return proof, nil
}

// claims are RFC 9449 section 4.2's. go-jose's JSON tells members apart by case and refuses those that
// repeat.
type claims struct {
	JTI      string   `json:"jti"`
	HTM      string   `json:"htm"`
	HTU      string   `json:"htu"`
	IssuedAt *float64 `json:"iat"`
	ATH      string   `json:"ath"`
	Nonce    *string  `json:"nonce"`
}

// until judges when the proof was made (RFC 9449 section 11.1): by its nonce, or else by its iat.
func (v *Verifier) until(c *claims, now time.Time) (time.Time, error) {
	if c.IssuedAt == nil || *c.IssuedAt < 0 || *c.IssuedAt > maxDate {
		return time.Time{}, errIssuedAt
	}
	if v.Nonces != nil {
		if c.Nonce == nil {
			return time.Time{}, ErrNonce
		}
		return v.Nonces.until(*c.Nonce, now)
	}
	issued := time.UnixMilli(int64(*c.IssuedAt * 1000))
	switch {
	case c.Nonce != nil:
		return time.Time{}, errNoNonces
	case issued.Sub(now) > maxAhead:
		return time.Time{}, errTooNew
	case !now.Before(issued.Add(v.Lifetime)):
		return time.Time{}, errTooOld
	}
	return issued.Add(v.Lifetime), nil
}

// isHash reports whether ath is the SHA-256 of a token in base64url (RFC 9449 section 4.2).
func isHash(ath, token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare([]byte(ath), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) == 1
}

// IsThumbprint reports whether text can be a SHA-256 thumbprint in base64url (RFC 7638 section 3).
func IsThumbprint(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == sha256.Size && len(text) == base64.RawURLEncoding.EncodedLen(sha256.Size)
}
