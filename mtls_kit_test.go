package oauth2_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A certifier is a certification authority of the tests.
type certifier struct {
	t    testing.TB
	now  func() time.Time
	cert *x509.Certificate
	key  crypto.Signer
}

func newCertifier(t testing.TB, name string, now func() time.Time) *certifier {
	c := &certifier{t: t, now: now, key: keyOf("ca "+name, jose.ES256)}
	template := c.template(pkix.Name{CommonName: name})
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	c.cert = c.sign(template, template, c.key.Public())
	return c
}

func (c *certifier) template(subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject, NotBefore: c.now().Add(-time.Hour), NotAfter: c.now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func (c *certifier) sign(template, parent *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, c.key)
	require.NoError(c.t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(c.t, err)
	return parsed
}

// issue makes the certificate of a client; change may be nil.
func (c *certifier) issue(subject pkix.Name, change func(*x509.Certificate)) tls.Certificate {
	template := c.template(subject)
	if change != nil {
		change(template)
	}
	key := keyOf("client", jose.ES256)
	leaf := c.sign(template, c.cert, key.Public())
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (c *certifier) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

func thumbprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const (
	certified  = "certified"   // tls_client_auth, by subject
	selfSigned = "self-signed" // self_signed_tls_client_auth
	bound      = "bound"       // a secret, and tokens that are bound to a certificate
	boundSPA   = "bound-spa"   // public, and tokens that are bound to a certificate
)

var certifiedName = pkix.Name{CommonName: "certified", Organization: []string{"Example, Inc."}, Country: []string{"NL"}}

// withMutualTLS serves every method; configure may be nil.
func withMutualTLS(configure func(*oauth2.MutualTLSConfig)) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		cfg.AuthMethods = []string{oauth2.AuthMethodTLS, oauth2.AuthMethodSelfSignedTLS, oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodBasic, oauth2.AuthMethodNone}
		cfg.MutualTLS = &oauth2.MutualTLSConfig{}
		if configure != nil {
			configure(cfg.MutualTLS)
		}
	}
}

// addCertified registers the clients of these tests. own is the certificate that selfSigned registers.
func (w *world) addCertified(own tls.Certificate) {
	for _, c := range []*oauth2.Client{
		{ID: certified, TokenEndpointAuthMethod: oauth2.AuthMethodTLS, TLSClientAuthSubjectDN: `CN=certified,O=Example\, Inc.,C=NL`},
		{ID: selfSigned, TokenEndpointAuthMethod: oauth2.AuthMethodSelfSignedTLS, JWKS: jwksOf(jose.JSONWebKey{
			Key: own.Leaf.PublicKey, KeyID: "1", Certificates: []*x509.Certificate{own.Leaf},
		})},
		{ID: bound, Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf(bound))}}, TLSClientCertificateBoundAccessTokens: true},
		{ID: boundSPA, RedirectURIs: []string{browserRedirect}, TLSClientCertificateBoundAccessTokens: true},
	} {
		c.GrantTypes, c.Scope = []string{"client_credentials", "authorization_code", "refresh_token"}, oauth2.Scope{"read"}
		require.NoError(w.t, w.clients.CreateClient(w.t.Context(), c))
	}
}

// A tlsEnd is the server behind TLS.
type tlsEnd struct {
	w    *world
	http *httptest.Server
}

// overTLS starts a listener that asks clients for certificates, and verifies those they show if there
// are roots.
func (w *world) overTLS(roots *x509.CertPool) *tlsEnd {
	end := &tlsEnd{w: w, http: httptest.NewUnstartedServer(w.server)}
	end.http.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	if roots != nil {
		end.http.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots, Time: w.clock.Now, MinVersion: tls.VersionTLS12}
	}
	end.http.StartTLS()
	w.t.Cleanup(end.http.Close)
	return end
}

// post calls an endpoint with a certificate, or with none.
func (end *tlsEnd) post(path, basicOf string, certificate *tls.Certificate, form url.Values) answer {
	transport := end.http.Client().Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	if certificate != nil {
		// GetClientCertificate shows it whatever authorities the server names.
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	r, err := http.NewRequest(http.MethodPost, end.http.URL+path, strings.NewReader(form.Encode()))
	require.NoError(end.w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basicOf != "" {
		r.SetBasicAuth(basicOf, secretOf(basicOf))
	}
	return end.w.do(&http.Client{Transport: transport}, r)
}

func machineFormOf(client string) url.Values {
	return values("grant_type", "client_credentials", "client_id", client)
}

// boundTo requires that a token is bound to a certificate, by what introspection tells.
func (w *world) boundTo(token string, certificate tls.Certificate) {
	w.t.Helper()
	got := w.post("/introspect", api, values("token", token))
	require.Equal(w.t, map[string]any{"x5t#S256": thumbprint(certificate)}, got.json["cnf"], got.body)
	require.Equal(w.t, "Bearer", got.str("token_type"))
}
