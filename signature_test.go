package oauth2

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"io"
	"math/big"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

func TestGoJOSEVerifiesWhatSignTextSigns(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []SignatureAlgorithm{ES256, EdDSA, Ed25519, RS256, PS256} {
		key, err := newPrivateKey(algorithm)
		require.NoError(t, err)
		protected := []byte(`{"alg":"` + string(algorithm) + `"}`)
		for range 20 {
			payload := []byte(NewSecret())
			text := strictBase64.EncodeToString(protected) + "." + strictBase64.EncodeToString(payload)
			signature, err := signText(key, algorithm, []byte(text))
			require.NoError(t, err)
			signed, err := jose.ParseSignedCompact(text+"."+strictBase64.EncodeToString(signature), signatureAlgorithms)
			require.NoError(t, err)
			got, err := signed.Verify(jws.Key(key.Public(), string(algorithm)))
			require.NoError(t, err, "%s", algorithm)
			require.Equal(t, payload, got)
		}
	}
}

// A fixedSigner signer signs everything with the same bytes.
type fixedSigner []byte

func (fixedSigner) Public() crypto.PublicKey                                    { return nil }
func (a fixedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return a, nil }

func TestAnECDSASignatureIsTwoNumbersOfThirtyTwoBytesHoweverSmallTheyAre(t *testing.T) {
	t.Parallel()
	most := new(big.Int).Sub(elliptic.P256().Params().N, big.NewInt(1))
	for _, pair := range [][2]*big.Int{
		{big.NewInt(1), big.NewInt(0x80)}, {most, big.NewInt(0x7fff)}, {new(big.Int).Rsh(most, 8), most}, {new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(2)},
	} {
		der, err := asn1.Marshal(struct{ R, S *big.Int }{pair[0], pair[1]})
		require.NoError(t, err)
		got, err := signText(fixedSigner(der), ES256, nil)
		require.NoError(t, err)
		want := append(pair[0].FillBytes(make([]byte, 32)), pair[1].FillBytes(make([]byte, 32))...)
		require.Equal(t, want, got)
	}
}

func TestASignerThatReturnsNoSignatureOfItsCurveIsAFault(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good, err := ecdsa.SignASN1(rand.Reader, key, make([]byte, 32))
	require.NoError(t, err)
	long, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)})
	require.NoError(t, err)
	negative, err := asn1.Marshal(struct{ R, S *big.Int }{big.NewInt(-1), big.NewInt(1)})
	require.NoError(t, err)
	three, err := asn1.Marshal(struct{ R, S, T *big.Int }{big.NewInt(1), big.NewInt(1), big.NewInt(1)})
	require.NoError(t, err)
	for name, der := range map[string][]byte{
		"nothing": nil, "cut off": good[:len(good)-1], "with more behind it": append(good[:len(good):len(good)], 0),
		"a number that is too long": long, "a negative number": negative, "three numbers": three, "64 bytes": make([]byte, 64),
	} {
		_, err := signText(fixedSigner(der), ES256, nil)
		require.ErrorIs(t, err, errSignatureFormat, name)
	}
}
