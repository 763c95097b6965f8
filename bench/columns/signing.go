package columns

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// signingWith builds a column with a new key for each algorithm.
func signingWith(build func(algorithm string, key crypto.Signer) (*bench.Target, error)) map[string]func() (*bench.Target, error) {
	return map[string]func() (*bench.Target, error){
		bench.ES256: func() (*bench.Target, error) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				return nil, err
			}
			return build(bench.ES256, key)
		},
		bench.EdDSA: func() (*bench.Target, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return nil, err
			}
			return build(bench.EdDSA, key)
		},
	}
}
