package oauth2

import (
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2/internal/dn"
)

// certificateNames are the members of which a client of tls_client_auth registers exactly one
// (RFC 8705 section 2.1.2), and how each is compared.
var certificateNames = []struct {
	member   string
	value    func(*Client) string
	valid    func(value string) bool
	isNameOf func(value string, c *x509.Certificate) bool
}{
	{"tls_client_auth_subject_dn", func(c *Client) string { return c.TLSClientAuthSubjectDN }, isDN, subjectIs},
	{"tls_client_auth_san_dns", func(c *Client) string { return c.TLSClientAuthSANDNS }, isVisible, func(value string, c *x509.Certificate) bool {
		return slices.ContainsFunc(c.DNSNames, func(name string) bool { return strings.EqualFold(name, value) })
	}},
	{"tls_client_auth_san_uri", func(c *Client) string { return c.TLSClientAuthSANURI }, isURI, func(value string, c *x509.Certificate) bool {
		return slices.ContainsFunc(c.URIs, func(uri *url.URL) bool { return uri.String() == value })
	}},
	{"tls_client_auth_san_ip", func(c *Client) string { return c.TLSClientAuthSANIP }, isIP, func(value string, c *x509.Certificate) bool {
		return slices.ContainsFunc(c.IPAddresses, net.ParseIP(value).Equal)
	}},
	{"tls_client_auth_san_email", func(c *Client) string { return c.TLSClientAuthSANEmail }, isVisible, func(value string, c *x509.Certificate) bool {
		return slices.Contains(c.EmailAddresses, value)
	}},
}

// isNamedIn reports whether the certificate has the one name that the client registered.
func (c *Client) isNamedIn(leaf *x509.Certificate) bool {
	registered, named := 0, false
	for _, name := range certificateNames {
		if value := name.value(c); value != "" {
			registered++
			named = name.valid(value) && name.isNameOf(value, leaf)
		}
	}
	return registered == 1 && named
}

func subjectIs(value string, c *x509.Certificate) bool {
	written, err := dn.Parse(value)
	if err != nil {
		return false
	}
	subject, err := dn.FromDER(c.RawSubject)
	return err == nil && subject.Matches(written)
}

func isDN(value string) bool {
	_, err := dn.Parse(value)
	return err == nil
}

func isURI(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.IsAbs() && u.String() == value
}

func isIP(value string) bool { return net.ParseIP(value) != nil }

func isVisible(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' })
}
