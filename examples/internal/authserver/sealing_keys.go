package authserver

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
)

// sealingKeyBytes is what the library takes.
const sealingKeyBytes = 32

// sealingKeys seal the signing keys in the store, the first one, and open them, all. They derive from
// Options.SealingKeys, or from the key of the cookies: who names neither has the two in one database,
// which is good enough for an example.
func (o *Options) sealingKeys(cookieKey []byte) ([][]byte, error) {
	sources := [][]byte{cookieKey}
	if o.SealingKeys != "" {
		var err error
		if sources, err = parseSealingKeys(o.SealingKeys); err != nil {
			return nil, err
		}
	}
	keys := make([][]byte, len(sources))
	for i, source := range sources {
		// The same for both, so that the key of the cookies can be named as a sealing key later.
		key, err := hkdf.Key(sha256.New, source, nil, "signing keys of Xmail", sealingKeyBytes)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// parseSealingKeys reads keys that are separated by commas. The error quotes none.
func parseSealingKeys(text string) (keys [][]byte, err error) {
	for field := range strings.SplitSeq(text, ",") {
		key, err := logins.ParseKey(field)
		if err != nil {
			return nil, fmt.Errorf("each is %d bytes or more in base64", logins.KeyBytes)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
