package oauth2

import "crypto/sha256"

// hmacSHA256 is HMAC-SHA256 (RFC 2104 section 2) of the parts of a message, one after the other.
//
// crypto/hmac keeps its state on the heap: eight allocations for the 26 bytes that a token's proof is
// made of, each time a token is made or checked. A message of up to a few hundred bytes stays on the
// stack here. A test compares the two.
func hmacSHA256(key []byte, message ...[]byte) [sha256.Size]byte {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	var inner [4 * sha256.BlockSize]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	text := inner[:sha256.BlockSize]
	for _, part := range message {
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}
