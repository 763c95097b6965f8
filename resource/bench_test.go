package resource_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What an API pays for a JWT: the signature, and the claims.
func BenchmarkJWTVerifier(b *testing.B) {
	for algorithm, key := range testKeys() {
		b.Run(string(algorithm), func(b *testing.B) {
			i := newIssuer(b, published(key, algorithm, "k"))
			v, token := i.verifier(), signed(b, algorithm, key, "k", i.claims(nil), nil)
			_, err := v.Check(b.Context(), token)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Check(b.Context(), token)
			}
		})
	}
}
