package oauth2

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/clientcert"
)

// MutualTLSConfig tells how the certificates of clients reach the server (RFC 8705). With the zero
// value they come from the TLS connection itself: set ClientAuth of the [tls.Config] to
// [tls.VerifyClientCertIfGiven], with ClientCAs; or to [tls.RequestClientCert] where clients
// authenticate with certificates that they signed themselves, and then Roots here.
type MutualTLSConfig struct {
	// Roots are the certification authorities of tls_client_auth: what they vouch for is believed. nil
	// means those that the TLS connection was verified with; what it did not verify does not count.
	Roots *x509.CertPool
	// Header is the name of the request header in which a proxy that ends TLS passes the certificate on:
	// as Client-Cert (RFC 9440), as PEM that is percent-encoded, or as DER in Base64. It is believed from
	// the addresses in ServerConfig.TrustedProxies alone, which have to replace whatever a client
	// sends under this name, and on a Unix socket. From any other address there is no certificate. Empty
	// means that certificates come from the TLS connection, and no header is looked at.
	Header string
	// AliasOrigin is the origin, such as "https://mtls.id.example.com", at which this server is reached by
	// clients with certificates, where another one keeps browsers from being asked for theirs. It is
	// advertised in mtls_endpoint_aliases (section 5). Empty means that there is none.
	AliasOrigin string
}

var (
	errCertificateMissing = errors.New("oauth2: the client shows no certificate")
	errCertificateChain   = errors.New("oauth2: no configured authority vouches for the certificate")
	errCertificateName    = errors.New("oauth2: the certificate has another name than the client registered")
	errCertificateUnknown = errors.New("oauth2: the certificate is not among the client's keys")
	errCertificateTime    = errors.New("oauth2: the certificate has expired or is not valid yet")
)

// A shown certificate is what a client proved to hold the key of.
type shown struct {
	leaf          *x509.Certificate
	intermediates []*x509.Certificate
	verified      bool // by the TLS connection
}

// certificate finds the client's certificate. nil: it shows none.
func (s *Server) certificate(r *http.Request) (*shown, error) {
	switch config := s.cfg.MutualTLS; {
	case config == nil:
		return nil, nil
	case config.Header != "":
		return s.forwardedCertificate(r, config.Header)
	case r.TLS == nil || len(r.TLS.PeerCertificates) == 0:
		return nil, nil
	}
	chain := r.TLS.PeerCertificates
	return &shown{leaf: chain[0], intermediates: chain[1:], verified: len(r.TLS.VerifiedChains) > 0}, nil
}

// forwardedCertificate believes the proxy that the connection comes from, and nobody else.
func (s *Server) forwardedCertificate(r *http.Request, header string) (*shown, error) {
	if !s.fromProxy(r) {
		return nil, nil
	}
	values := r.Header.Values(header)
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return nil, nil
	case len(values) > 1:
		return nil, clientcert.ErrHeader // one of them may be the client's own
	}
	leaf, err := clientcert.ParseHeader(values[0])
	if err != nil {
		return nil, err
	}
	return &shown{leaf: leaf}, nil
}

// fromProxy reports whether the connection is that of a configured proxy, by its address or because it is
// over a Unix socket. An address that cannot be read, as middleware may leave one, is nobody's.
func (s *Server) fromProxy(r *http.Request) bool {
	if addr, known := parseAddr(r.RemoteAddr); known {
		return s.trusts(addr)
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

// proveCertificateName authenticates a client by tls_client_auth: an authority vouches for the
// certificate, and it has the name that the client registered.
func proveCertificateName(s *Server, r *http.Request, client *Client, _ credentials) error {
	found, err := s.certificate(r)
	switch {
	case err != nil:
	case found == nil:
		err = errCertificateMissing
	case !s.vouchedFor(found):
		err = errCertificateChain
	case !client.isNamedIn(found.leaf):
		err = errCertificateName
	}
	return certificateRefusal(err)
}

// proveCertificateKey authenticates a client by self_signed_tls_client_auth: the certificate is one
// that the client registered.
func proveCertificateKey(s *Server, r *http.Request, client *Client, _ credentials) error {
	found, err := s.certificate(r)
	switch {
	case err != nil:
		return certificateRefusal(err)
	case found == nil:
		return certificateRefusal(errCertificateMissing)
	case s.now().Before(found.leaf.NotBefore) || s.now().After(found.leaf.NotAfter):
		return certificateRefusal(errCertificateTime)
	}
	known, err := s.knowsCertificate(r, client, found.leaf)
	if err == nil && !known {
		return certificateRefusal(errCertificateUnknown)
	}
	return err
}

func certificateRefusal(err error) error {
	if err == nil {
		return nil
	}
	return errClientAuthentication.Because(err)
}

// vouchedFor reports whether the chain leads to a configured authority.
func (s *Server) vouchedFor(found *shown) bool {
	roots := s.cfg.MutualTLS.Roots
	if roots == nil {
		return found.verified
	}
	intermediates := x509.NewCertPool()
	for _, c := range found.intermediates {
		intermediates.AddCert(c)
	}
	_, err := found.leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: s.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

// knowsCertificate reports whether a certificate is in the client's keys, as x5c or by its x5t#S256. One
// that the jwks_uri did not have lately is asked for again.
func (s *Server) knowsCertificate(r *http.Request, client *Client, leaf *x509.Certificate) (bool, error) {
	set, err := s.clientKeys(r.Context(), client)
	if err == nil && client.JWKSURI != "" && !holdsCertificate(set, leaf) {
		set, err = s.keySetsOf(client).get(r.Context(), client.JWKSURI, s.now, true)
	}
	return err == nil && holdsCertificate(set, leaf), err
}

func holdsCertificate(set *jose.JSONWebKeySet, leaf *x509.Certificate) bool {
	thumbprint := sha256.Sum256(leaf.Raw)
	return slices.ContainsFunc(set.Keys, func(key jose.JSONWebKey) bool {
		return len(key.Certificates) > 0 && key.Certificates[0].Equal(leaf) || bytes.Equal(key.CertificateThumbprintSHA256, thumbprint[:])
	})
}

// proveSenderCertificate binds tokens to the certificate of a client that registered for it, or that
// authenticates by one (RFC 8705 section 3).
func proveSenderCertificate(s *Server, r *http.Request, req *TokenRequest) (*Confirmation, error) {
	if !req.Client.TLSClientCertificateBoundAccessTokens && !req.Client.showsCertificate() {
		return nil, nil
	}
	found, err := s.certificate(r)
	switch {
	case err != nil:
		return nil, ErrInvalidRequest.With("The client certificate cannot be read.").Because(err)
	case found == nil:
		return nil, ErrInvalidRequest.With("The client's tokens are bound to its certificate, and it shows none.").Because(errCertificateMissing)
	}
	return &Confirmation{X5T: clientcert.Thumbprint(found.leaf)}, nil
}

// showsCertificate reports whether the client authenticates by its certificate.
func (c *Client) showsCertificate() bool {
	return c.TokenEndpointAuthMethod == AuthMethodTLS || c.TokenEndpointAuthMethod == AuthMethodSelfSignedTLS
}

// bindsTokens reports whether the client's access tokens must be bound to a key, whatever the grant.
func (c *Client) bindsTokens() bool {
	return c.DPoPBoundAccessTokens || c.TLSClientCertificateBoundAccessTokens || c.showsCertificate()
}

// validateMutualTLS checks MutualTLS, and that whatever needs it has it.
func (cfg *ServerConfig) validateMutualTLS(report func(wrong bool, format string, args ...any)) {
	byName := cfg.authenticatesBy(AuthMethodTLS)
	m := cfg.MutualTLS
	if m == nil {
		report(byName || cfg.authenticatesBy(AuthMethodSelfSignedTLS), "AuthMethods: mutual TLS needs MutualTLS")
		return
	}
	report(m.Header != "" && len(cfg.TrustedProxies) == 0, "MutualTLS: Header is believed from TrustedProxies alone, and there are none")
	report(m.Header != "" && byName && m.Roots == nil, "MutualTLS: Roots is required, because nobody can tell whether the proxy verified the certificate in Header")
	if m.AliasOrigin != "" {
		u, err := url.Parse(m.AliasOrigin)
		report(err != nil || u.Scheme != "https" || !plainHost(u.Host) || webOrigin(u) != m.AliasOrigin, "MutualTLS: AliasOrigin %q is not an https origin", m.AliasOrigin)
	}
}
