package dpop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/dpop"
)

// FuzzProof holds whatever comes as a proof to what is promised of one that is accepted.
func FuzzProof(f *testing.F) {
	good := key.Proof(http.MethodGet, uri)
	f.Add(good, uri)
	f.Add("", "")
	f.Add("eyJhbGciOiJub25lIn0.e30.", "http://[::1]:80/%7e/../.")
	f.Add(good[:40], "https://%zz")
	f.Fuzz(func(t *testing.T, proof, to string) {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
		r.Header.Set("DPoP", proof)
		found, err := plain.Verify(r, "", now, to)
		if err != nil {
			require.Nil(t, found)
			var refusal dpop.ProofError
			require.ErrorAs(t, err, &refusal)
			return
		}
		require.True(t, dpop.IsThumbprint(found.JKT))
		require.NotEmpty(t, found.JTI)
		require.True(t, found.Until.After(now))
	})
}
