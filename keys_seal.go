package oauth2

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
)

// sealingKeyBytes is the length of an AES-256 key.
const sealingKeyBytes = 32

// A sealedSet is the document that the store keeps: the public keys in clear, the private ones sealed.
// The seal is AES-256-GCM and covers the issuer, the kids and all else that is in clear, so that who
// can write to the store can neither read a key nor plant one.
type sealedSet struct {
	signingSet
	// Sealed is a nonce and the sealed JSON object of private keys by their kid.
	Sealed []byte `json:"sealed"`
}

var (
	errUnsealable = errors.New("oauth2: the signing keys in the store were sealed with another key, or were changed")
	errKeyDiffers = errors.New("oauth2: a private key is not that of its public key")
)

// seal is the document of a key set.
func (k *SigningKeys) seal(issuer string, set signingSet) ([]byte, error) {
	private := map[string][]byte{}
	for _, key := range set.Keys {
		if key.private != nil {
			private[key.Public.KeyID] = key.private
		}
	}
	secret, err := json.Marshal(private)
	if err != nil {
		return nil, err
	}
	clear, err := set.inClear(issuer)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(k.SealingKeys[0])
	if err != nil {
		return nil, err
	}
	sealed := aead.Seal(nil, nil, secret, clear) //nolint:gosec // this AEAD draws its nonces itself
	return json.Marshal(sealedSet{signingSet: set, Sealed: sealed})
}

// unseal reads a document, and tells whether the first sealing key opened it. Whatever it cannot open,
// or is not what was sealed, is an error.
func (k *SigningKeys) unseal(issuer string, document []byte) (set signingSet, first bool, err error) {
	var sealed sealedSet
	if err := json.Unmarshal(document, &sealed); err != nil {
		return signingSet{}, false, err
	}
	clear, err := sealed.inClear(issuer)
	if err != nil {
		return signingSet{}, false, err
	}
	for i, key := range k.SealingKeys {
		aead, err := newAEAD(key)
		if err != nil {
			return signingSet{}, false, err
		}
		secret, err := aead.Open(nil, nil, sealed.Sealed, clear)
		if err != nil {
			continue
		}
		var private map[string][]byte
		if err := json.Unmarshal(secret, &private); err != nil {
			return signingSet{}, false, err
		}
		for i := range sealed.Keys {
			sealed.Keys[i].private = private[sealed.Keys[i].Public.KeyID]
		}
		return sealed.signingSet, i == 0, nil
	}
	return signingSet{}, false, errUnsealable
}

// inClear is what the seal covers beside the private keys. Stores may write a document down in their
// own way; this is always the same.
func (set signingSet) inClear(issuer string) ([]byte, error) {
	text, err := json.Marshal(set)
	return append(appendPart(nil, issuer), text...), err
}

// newAEAD draws a nonce by itself for each seal; a set is sealed a few times a year.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// newStoredKey makes a key pair.
func newStoredKey(algorithm SignatureAlgorithm) (storedKey, error) {
	private, err := newPrivateKey(algorithm)
	if err != nil {
		return storedKey{}, err
	}
	public, err := publicKey(private.Public(), algorithm)
	if err != nil {
		return storedKey{}, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	return storedKey{Public: public, private: encoded}, err
}

func newPrivateKey(algorithm SignatureAlgorithm) (crypto.Signer, error) {
	switch algorithm {
	case EdDSA, Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case RS256, PS256:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	default:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
}

// signer is the private key, ready for use; nil where the key signs no more.
func (key *storedKey) signer() (crypto.Signer, error) {
	if key.private == nil {
		return nil, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key.private)
	if err != nil {
		return nil, err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errKeyDiffers
	}
	public, err := publicKey(signer.Public(), SignatureAlgorithm(key.Public.Algorithm))
	if err != nil || public.KeyID != key.Public.KeyID {
		return nil, errKeyDiffers
	}
	return signer, nil
}
