package authserver

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/seed5f5fedc6/oauth2"
)

// dpop is the configuration of DPoP. The key of the nonces derives from that of the cookies, so every
// replica knows the nonces of the others.
func (o *Options) dpop(cookieKey []byte) (*oauth2.DPoPConfig, error) {
	if !o.DPoPNonces {
		return &oauth2.DPoPConfig{}, nil
	}
	key, err := hkdf.Key(sha256.New, cookieKey, nil, "DPoP nonces of Xmail", sha256.Size)
	return &oauth2.DPoPConfig{NonceKey: key}, err
}
