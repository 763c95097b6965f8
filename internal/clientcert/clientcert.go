// Package clientcert is what both ends know of a client's certificate (RFC 8705): its thumbprint, and
// how a proxy that ends TLS passes it on.
package clientcert

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
)

// maxHeaderBytes is more than any certificate that a client would use needs.
const maxHeaderBytes = 16 << 10

// ErrHeader says that a header holds no certificate.
var ErrHeader = errors.New("clientcert: the header holds no certificate that can be read")

// Thumbprint is a certificate's x5t#S256: SHA-256 of its DER in base64url (RFC 8705 section 3.1).
func Thumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ParseHeader reads the one certificate in the value of a header, in one of the forms that proxies
// write: DER in Base64 between colons (RFC 9440 section 2.1), PEM with its special characters
// percent-encoded, or DER in Base64.
func ParseHeader(value string) (*x509.Certificate, error) {
	if value == "" || len(value) > maxHeaderBytes {
		return nil, ErrHeader
	}
	encoded, ok := strings.CutPrefix(value, ":")
	if ok {
		if encoded, ok = strings.CutSuffix(encoded, ":"); !ok {
			return nil, ErrHeader
		}
		return parseBase64(encoded)
	}
	// PathUnescape leaves "+" as it is, which some proxies do not encode.
	text, err := url.PathUnescape(value)
	if err != nil {
		return nil, ErrHeader
	}
	if !strings.HasPrefix(text, "-----BEGIN ") {
		return parseBase64(text)
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return nil, ErrHeader
	}
	return parse(block.Bytes)
}

func parseBase64(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrHeader
	}
	return parse(der)
}

func parse(der []byte) (*x509.Certificate, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, ErrHeader
	}
	return certificate, nil
}
