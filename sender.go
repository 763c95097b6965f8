package oauth2

import "net/http"

// A Confirmation is the key that the sender of a token must prove to hold (RFC 7800 section 3.1). A token
// without one is a bearer token.
type Confirmation struct {
	// JKT is the SHA-256 thumbprint of a DPoP key (RFC 9449 section 6.1, RFC 7638).
	JKT string `json:"jkt,omitempty"`
	// X5T is the SHA-256 thumbprint of a client certificate (RFC 8705 section 3.1).
	X5T string `json:"x5t#S256,omitempty"`
}

// equal reports whether both are bound to the same key; nil is bound to none.
func (c *Confirmation) equal(other *Confirmation) bool {
	if c == nil || other == nil {
		return c == other
	}
	return *c == *other
}

// proves reports whether who has proven c holds the key that something else is bound to; nil is bound to
// none, and nobody holds a key that is not named.
func (c *Confirmation) proves(bound *Confirmation) bool {
	switch {
	case bound == nil:
		return true
	case c == nil || *bound == Confirmation{}:
		return false
	}
	return (bound.JKT == "" || bound.JKT == c.JKT) && (bound.X5T == "" || bound.X5T == c.X5T)
}

// clone returns a copy that shares nothing.
func (c *Confirmation) clone() *Confirmation {
	if c == nil {
		return nil
	}
	copied := *c
	return &copied
}

// tokenType is the type of a token that is bound to c (RFC 6749 section 7.1, RFC 9449 section 5).
func (c *Confirmation) tokenType() string {
	if c != nil && c.JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}

// senderKeys are the ways in which a token request proves to hold a key, in the order in which they are
// tried. Each returns nil where the request does not use it.
var senderKeys = []struct {
	rule, source string
	prove        func(*Server, *http.Request, *TokenRequest) (*Confirmation, error)
}{
	{"the key of a DPoP proof", "RFC 9449 section 5", proveDPoPKey},
	{"the certificate of a client whose tokens are bound to it", "RFC 8705 section 3", proveSenderCertificate},
}

// proveSender finds the key that the tokens of this request will be bound to. It stands in front of
// every grant. It uses nothing up: a DPoP proof is spent once the grant has decided.
func (s *Server) proveSender(r *http.Request, req *TokenRequest) error {
	for _, key := range senderKeys {
		found, err := key.prove(s, r, req)
		if err != nil {
			return err
		}
		if found == nil {
			continue
		}
		if req.Confirmation == nil {
			req.Confirmation = &Confirmation{}
		}
		req.Confirmation.JKT += found.JKT
		req.Confirmation.X5T += found.X5T
	}
	return s.requireSender(req)
}
