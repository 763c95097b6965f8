package jws_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

var encode = base64.RawURLEncoding.EncodeToString

func sign(private ed25519.PrivateKey, algorithm, payload string) string {
	text := encode([]byte(`{"alg":"`+algorithm+`"}`)) + "." + encode([]byte(payload))
	return text + "." + encode(ed25519.Sign(private, []byte(text)))
}

func newKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return public, private
}

func TestASignatureVerifiesUnderEachNameOfItsAlgorithm(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	for _, algorithm := range []string{"EdDSA", "Ed25519"} {
		signed, err := jose.ParseSignedCompact(sign(private, algorithm, "payload"), []jose.SignatureAlgorithm{jose.EdDSA, jws.Ed25519})
		require.NoError(t, err)
		payload, err := signed.Verify(jws.Key(public, algorithm))
		require.NoError(t, err)
		require.Equal(t, "payload", string(payload))
	}
}

func TestNothingElseVerifies(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	other, _ := newKey(t)
	accepted := []jose.SignatureAlgorithm{jose.EdDSA, jws.Ed25519, jose.HS256}
	good := sign(private, "Ed25519", "payload")
	for name, attempt := range map[string]struct {
		text string
		key  any
	}{
		"another key":          {good, jws.Key(other, "Ed25519")},
		"a key cut off":        {good, jws.Key(public[:31], "Ed25519")},
		"no key":               {good, jws.Key(ed25519.PublicKey(nil), "Ed25519")},
		"another payload":      {sign(private, "Ed25519", "x")[:40] + good[40:], jws.Key(public, "Ed25519")},
		"the other name":       {sign(private, "EdDSA", "payload"), jws.Key(public, "Ed25519")},
		"HMAC with the public": {sign(private, "HS256", "payload"), jws.Key(public, "Ed25519")},
		"a plain key":          {good, public},
	} {
		signed, err := jose.ParseSignedCompact(attempt.text, accepted)
		if err != nil {
			continue
		}
		_, err = signed.Verify(attempt.key)
		require.Error(t, err, name)
	}
	_, err := jose.ParseSignedCompact(good, []jose.SignatureAlgorithm{jose.EdDSA})
	require.Error(t, err, "who accepts EdDSA alone does not accept the other name")
	require.Equal(t, "key", jws.Key("key", "Ed25519"))
}
