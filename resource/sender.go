package resource

import (
	"crypto/subtle"
	"net/http"

	"github.com/seed5f5fedc6/oauth2"
)

// A credential is an access token in the way in which it was presented.
type credential struct {
	scheme string // schemeBearer or schemeDPoP
	token  string
	// key is the thumbprint that the token is bound to, where a senderCheck looks at it.
	key string
}

const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
)

// A senderCheck is one way in which a token can be bound to a key of its sender (RFC 7800 section 3.1).
type senderCheck struct {
	rule, source string
	// key is the thumbprint of the key that the token is bound to in this way, or "".
	key func(*oauth2.Confirmation) string
	// prove returns the thumbprint of the key that the request proves to hold, and "" where it proves
	// none. It is asked for tokens that are bound in this way alone. An error is an *oauth2.Error.
	prove func(g *Guard, r *http.Request, c credential) (string, error)
}

// senderChecks are what a Guard asks of the sender of a bound token. The token must pass each that
// applies to it.
var senderChecks = []senderCheck{
	{
		"a token that is bound to a key comes with a proof of that key", "RFC 9449 section 7.1",
		func(c *oauth2.Confirmation) string { return c.JKT }, proveDPoPKey,
	},
	{
		"a token that is bound to a certificate comes over a connection with that certificate", "RFC 8705 section 3",
		func(c *oauth2.Confirmation) string { return c.X5T }, proveCertificate,
	},
}

var errSender = oauth2.ErrInvalidToken.With("The access token is bound to a key that the request does not prove to hold.")

// proveSender holds the request to the keys that its token is bound to. A bound token is never a bearer
// token: without its proof it is refused, and so is a confirmation that names no key that is known here.
func (g *Guard) proveSender(r *http.Request, c credential, info *oauth2.TokenInfo) error {
	bound := info.Confirmation
	if g.proofs.refuses(bound) {
		return errNotBound
	}
	if (c.scheme == schemeDPoP) != (bound != nil && bound.JKT != "") {
		return errSender
	}
	if bound == nil {
		return nil
	}
	if *bound == (oauth2.Confirmation{}) {
		return errSender
	}
	for _, check := range senderChecks {
		key := check.key(bound)
		if key == "" {
			continue
		}
		c.key = key
		proven, err := check.prove(g, r, c)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(key), []byte(proven)) != 1 {
			return errSender
		}
	}
	return nil
}
