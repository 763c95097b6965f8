package dpop_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/dpop"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
)

var nonceKey = []byte(strings.Repeat("k", 32))

func TestANonceIsGoodAtEveryReplicaForItsTimeAlone(t *testing.T) {
	t.Parallel()
	replica := func() *dpop.Nonces { return dpop.NewNonces(nonceKey, "https://id.example.com", time.Minute) }
	v := &dpop.Verifier{Lifetime: time.Second, Nonces: replica()}
	at := func(when time.Duration) error {
		nonce := replica().New(now.Add(when))
		// What the client's clock says does not matter where there is a nonce.
		proof, err := verify(v, "", key.Proof(http.MethodGet, uri, dpoptest.Nonce(nonce), dpoptest.Claim("iat", 1)))
		if err == nil {
			require.Equal(t, now.Add(when).Add(time.Minute).Unix(), proof.Until.Unix())
		}
		return err
	}
	require.NoError(t, at(0))
	require.NoError(t, at(-59*time.Second))
	require.NoError(t, at(5*time.Second), "clocks of replicas differ")
	require.ErrorIs(t, at(-time.Minute), dpop.ErrNonce)
	require.ErrorIs(t, at(6*time.Second), dpop.ErrNonce)
}

func TestANonceThatIsMadeUpOrMissingIsRefused(t *testing.T) {
	t.Parallel()
	nonces := dpop.NewNonces(nonceKey, "https://id.example.com", time.Minute)
	v := &dpop.Verifier{Lifetime: time.Minute, Nonces: nonces}
	good := nonces.New(now)
	_, err := verify(v, "", key.Proof(http.MethodGet, uri, dpoptest.Nonce(good)))
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(t, err)
	raw[7]++
	for name, nonce := range map[string]any{
		"missing":         nil,
		"empty":           "",
		"made up":         "eyJ7S_zG.eyJH0-Z.HX4w-7v",
		"another time":    base64.RawURLEncoding.EncodeToString(raw),
		"cut":             good[:31],
		"longer":          good + "AAAA",
		"of another key":  dpop.NewNonces([]byte(strings.Repeat("x", 32)), "https://id.example.com", time.Minute).New(now),
		"another issuers": dpop.NewNonces(nonceKey, "https://other.example.com", time.Minute).New(now),
	} {
		_, err := verify(v, "", key.Proof(http.MethodGet, uri, dpoptest.Claim("nonce", nonce)))
		require.ErrorIs(t, err, dpop.ErrNonce, name)
	}
	_, err = verify(v, "", key.Proof(http.MethodGet, uri, dpoptest.Nonce(good), dpoptest.Claim("iat", nil)))
	require.Error(t, err, "iat is required all the same")
}
