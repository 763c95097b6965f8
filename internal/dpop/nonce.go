package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// MinNonceKeyBytes is the least length of a key that nonces are made with.
const MinNonceKeyBytes = 32

const (
	nonceTimeBytes = 8
	nonceMACBytes  = 16
	// maxSkew is how far the clocks of replicas may differ.
	maxSkew = 5 * time.Second
)

// Nonces are the nonces of a server (RFC 9449 section 8): a time and its HMAC. Nothing is kept, so all
// replicas with the key accept each other's, and nobody else can make one. Nonces are immutable and
// safe for concurrent use.
type Nonces struct {
	key      []byte
	lifetime time.Duration
}

// NewNonces returns the nonces of one server. They are good for lifetime, and no good to another server
// with the same key.
func NewNonces(key []byte, server string, lifetime time.Duration) *Nonces {
	return &Nonces{key: mac(key, []byte("DPoP nonce of "+server)), lifetime: lifetime}
}

// New is a nonce that was made now.
func (n *Nonces) New(now time.Time) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, nonceTimeBytes+sha256.Size), uint64(now.Unix()))
	b = append(b, mac(n.key, b)[:nonceMACBytes]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// until is when a nonce ends to be accepted. ErrNonce: it is none of this server's, or it has ended.
func (n *Nonces) until(nonce string, now time.Time) (time.Time, error) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceTimeBytes+nonceMACBytes {
		return time.Time{}, ErrNonce
	}
	made, sum := b[:nonceTimeBytes], b[nonceTimeBytes:]
	if !hmac.Equal(sum, mac(n.key, made)[:nonceMACBytes]) {
		return time.Time{}, ErrNonce
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(made)), 0)
	until := at.Add(n.lifetime)
	if at.Sub(now) > maxSkew || !now.Before(until) {
		return time.Time{}, ErrNonce
	}
	return until, nil
}

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}
