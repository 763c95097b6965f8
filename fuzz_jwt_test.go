package oauth2

import (
	"crypto/ed25519"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
)

// signingServer has one Ed25519 key at hand, and no store. Its signatures are no matter of chance.
func signingServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{cfg: ServerConfig{Issuer: "https://id.example.com"}.withDefaults()}
	s.cfg.Keys = (&SigningKeys{External: []ExternalKey{{Signer: ed25519.NewKeyFromSeed(make([]byte, 32))}}}).withDefaults()
	var err error
	s.keys, err = newKeyring(s)
	require.NoError(t, err)
	return s
}

// Whatever verifies is, to the letter, what this server signs.
func FuzzJWT(f *testing.F) {
	s := signingServer(f)
	seed, err := s.sign(f.Context(), typAccessToken, []byte(`{"iss":"https://id.example.com","sub":"alice"}`))
	require.NoError(f, err)
	for _, text := range []string{seed, seed + "=", seed[:len(seed)-1], "\n" + seed, "..", "eyJhbGciOiJub25lIn0.e30.", `{"payload":""}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := s.verify(t.Context(), typAccessToken, text)
		if err != nil {
			require.ErrorIs(t, err, errNotOurJWT)
			return
		}
		again, err := s.sign(t.Context(), typAccessToken, claims)
		require.NoError(t, err)
		require.Equal(t, again, text)
	})
}

// Whatever is unsealed is what was sealed, however the store wrote it down.
func FuzzSealedKeys(f *testing.F) {
	const issuer = "https://id.example.com"
	k := (&SigningKeys{SealingKeys: [][]byte{make([]byte, sealingKeyBytes)}}).withDefaults()
	// The same key in each process that fuzzes.
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	public, err := publicKey(private.Public(), EdDSA)
	require.NoError(f, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(f, err)
	set := signingSet{Keys: []storedKey{{Public: public, SignsFrom: noon, private: encoded}}}
	document, err := k.seal(issuer, set)
	require.NoError(f, err)
	for _, seed := range [][]byte{document, append([]byte(" "), document...), []byte("{}"), []byte(`{"keys":[{}],"sealed":"AAAA"}`), nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		opened, _, err := k.unseal(issuer, document)
		if err == nil {
			require.True(t, set.equal(opened))
			_, err = newRing(opened, (*storedKey).signer)
			require.NoError(t, err)
		}
	})
}
