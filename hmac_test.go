package oauth2

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

func plainHMAC(key []byte, message ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range message {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// Every length of key and message around the sizes of a block and of the stack.
func TestHMACIsThatOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, keyLength := range []int{0, 1, 22, 63, 64, 65, 200} {
		key := bytes.Repeat([]byte{0xa7}, keyLength)
		for length := range 600 {
			message := bytes.Repeat([]byte{0x5c, 0x36}, length)[:length]
			got := hmacSHA256(key, message[:length/3], nil, message[length/3:])
			require.Equal(t, plainHMAC(key, message), got[:], "%d, %d", keyLength, length)
		}
	}
}

func TestProofsAllocateNothing(t *testing.T) {
	token := newBearerToken(kindAccess, "AAAAAAAAAAAAAAAAAAAA", "a key of 22 characters", tokenCore{1})
	require.Zero(t, testing.AllocsPerRun(100, func() { token.provenBy("a key of 22 characters") }))
}
