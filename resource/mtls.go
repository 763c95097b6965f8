package resource

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"github.com/seed5f5fedc6/oauth2/internal/clientcert"
)

// CertificateHeader returns a GuardConfig.ClientCertificate for an API behind a proxy that ends TLS and
// passes the client's certificate on in a request header: as Client-Cert (RFC 9440), as PEM that is
// percent-encoded, or as DER in Base64. The header is believed from the addresses of proxies alone,
// which have to replace whatever a client sends under this name; from any other address there is no
// certificate, and none where the connection has no address, as on a Unix socket. Without proxies there
// never is one.
func CertificateHeader(name string, proxies ...netip.Prefix) func(r *http.Request) (*x509.Certificate, error) {
	return func(r *http.Request) (*x509.Certificate, error) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return nil, nil //nolint:nilerr // who has no address is no proxy
		}
		addr := from.Addr().Unmap().WithZone("")
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return nil, nil
		}
		switch values := r.Header.Values(name); {
		case len(values) == 0 || len(values) == 1 && values[0] == "":
			return nil, nil
		case len(values) > 1:
			return nil, errTwoCertificates
		default:
			return clientcert.ParseHeader(values[0])
		}
	}
}

var errTwoCertificates = errors.New("resource: the request has two certificate headers")

// connectionCertificate is the certificate whose key the client proved to hold when it connected.
func connectionCertificate(r *http.Request) (*x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	return r.TLS.PeerCertificates[0], nil
}

// proveCertificate is the thumbprint of the client's certificate (RFC 8705 section 3). A certificate
// that cannot be read proves nothing.
func proveCertificate(g *Guard, r *http.Request, _ credential) (string, error) {
	find := g.cfg.ClientCertificate
	if find == nil {
		find = connectionCertificate
	}
	certificate, err := find(r)
	if err != nil || certificate == nil {
		return "", nil //nolint:nilerr // the answer is that of no certificate
	}
	return clientcert.Thumbprint(certificate), nil
}
