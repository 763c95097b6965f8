package authserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/internal/secrecy"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/internal/testlog"
)

// An authority vouches for certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{t: t, key: key}
	template := certificateOf(name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage, template.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	a.cert = template
	a.cert = a.issue(template, key).Leaf
	return a
}

// certificateOf is good for an hour, for a server on this machine as well as for a client.
func certificateOf(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"Xmail"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
}

func (a *authority) issue(template *x509.Certificate, key *ecdsa.PrivateKey) *tls.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(a.t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// card is a new key with a certificate; change may be nil.
func (a *authority) card(name string, change func(*x509.Certificate)) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := certificateOf(name)
	if change != nil {
		change(template)
	}
	return a.issue(template, key)
}

// selfSigned is a certificate that vouches for itself.
func selfSigned(t *testing.T, name string) *tls.Certificate {
	a := newAuthority(t, name)
	return &tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key, Leaf: a.cert}
}

func pemFile(t *testing.T, name, kind string, der []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// A cardSite is the authorization server on TLS, as the program serves it, and the contacts API twice:
// on TLS, where clients can show their certificates, and without.
type cardSite struct {
	*site
	ca                *authority
	registered        *tls.Certificate // of the client carded
	overTLS, overHTTP string
}

func newCardSite(t *testing.T, jwts bool) *cardSite {
	t.Helper()
	c := &cardSite{ca: newAuthority(t, "Xmail clients"), registered: selfSigned(t, "carded")}
	c.site = &site{t: t, clock: testclock.At(time.Now()), log: &testlog.Buffer{}, seen: secrecy.New()}
	t.Cleanup(c.toldNothing)
	ln, err := launch.Listen("127.0.0.1:0")
	require.NoError(t, err)
	const api = "https://contacts.example.com"
	own := c.ca.card("Xmail", nil)
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	require.NoError(t, err)
	c.options = authserver.Options{
		Issuer: "https://" + ln.Addr().String(), Store: "memory", Users: testUsers(), Resource: api, JWT: jwts,
		ClientsFile: c.clientsFile(), ClientCA: pemFile(t, "ca.pem", "CERTIFICATE", c.ca.cert.Raw),
		TLSCert: pemFile(t, "cert.pem", "CERTIFICATE", own.Certificate[0]), TLSKey: pemFile(t, "key.pem", "PRIVATE KEY", key),
		Log: slog.New(slog.NewTextHandler(c.log, nil)), Now: c.clock.Now,
	}
	c.app, c.url = c.start(), c.options.Issuer
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() {
		stopped <- launch.Serve(ctx, ln, c.app, launch.TLS{CertFile: c.options.TLSCert, KeyFile: c.options.TLSKey})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-stopped)
	})
	c.site.ca = c.holding(nil)

	handler, err := contacts.New(contacts.Options{
		Issuer: c.url, Resource: api, ClientID: "xmail-contacts", ClientSecret: "xmail-contacts-demo-secret-0123456789",
		HTTPClient: c.site.ca, Logger: c.options.Log,
	})
	require.NoError(t, err)
	overTLS, overHTTP := httptest.NewUnstartedServer(handler), httptest.NewServer(handler)
	overTLS.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{*own}, MinVersion: tls.VersionTLS12}
	overTLS.StartTLS()
	t.Cleanup(overTLS.Close)
	t.Cleanup(overHTTP.Close)
	c.overTLS, c.overHTTP = overTLS.URL, overHTTP.URL
	return c
}

// clientsFile registers clients by what their certificates say, and the API.
func (c *cardSite) clientsFile() string {
	type members = map[string]any
	grants := []string{"client_credentials", "authorization_code", "refresh_token"}
	jwks := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: c.registered.Leaf.PublicKey, Certificates: []*x509.Certificate{c.registered.Leaf}}}}
	data, err := json.Marshal([]members{
		{"client_id": "named", "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=named, O=Xmail", "grant_types": grants, "scope": "contacts.read contacts.stats", "redirect_uris": []string{redirect}},
		{"client_id": "carded", "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": jwks, "grant_types": grants, "scope": "contacts.read contacts.stats", "redirect_uris": []string{redirect}},
		{"client_id": "xmail-contacts", "client_secret": "xmail-contacts-demo-secret-0123456789", "grant_types": []string{}, "resource_server": true},
	})
	require.NoError(c.t, err)
	path := filepath.Join(c.t.TempDir(), "clients.json")
	require.NoError(c.t, os.WriteFile(path, data, 0o600))
	return path
}

// holding is a client that shows a certificate; nil: it has none.
func (c *cardSite) holding(card *tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(c.ca.cert)
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if card != nil {
		// Whatever authorities the server names: a thief does not ask.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return card, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: c.seen.Through(transport)}
}

// post calls an endpoint over a connection with a certificate.
func (c *cardSite) post(path, client string, card *tls.Certificate, form url.Values) map[string]any {
	c.t.Helper()
	form.Set("client_id", client)
	res, err := c.holding(card).PostForm(c.url+path, form)
	require.NoError(c.t, err)
	defer func() { _ = res.Body.Close() }()
	got := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&got) // a revocation has no body
	got["status"] = res.StatusCode
	return got
}

// ask calls the contacts API, and returns the status and the challenge.
func (c *cardSite) ask(api, path string, card *tls.Certificate, token any) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, api+path, nil)
	require.NoError(c.t, err)
	r.Header.Set("Authorization", "Bearer "+token.(string))
	res, err := c.holding(card).Do(r)
	require.NoError(c.t, err)
	require.NoError(c.t, res.Body.Close())
	return res.StatusCode, res.Header.Get("WWW-Authenticate")
}

func thumbprint(card *tls.Certificate) string {
	sum := sha256.Sum256(card.Leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// onlyWith requires that the API takes a token over a connection with its certificate alone, and says why
// it refuses it over others.
func (c *cardSite) onlyWith(card *tls.Certificate, path string, token any) {
	c.t.Helper()
	status, _ := c.ask(c.overTLS, path, card, token)
	require.Equal(c.t, http.StatusOK, status)
	for _, other := range []struct {
		api  string
		card *tls.Certificate
	}{{c.overTLS, nil}, {c.overTLS, c.ca.card("named", nil)}, {c.overHTTP, card}} {
		status, challenge := c.ask(other.api, path, other.card, token)
		require.Equal(c.t, http.StatusUnauthorized, status)
		require.Contains(c.t, challenge, `error="invalid_token"`)
		require.Contains(c.t, challenge, "bound to a key that the request does not prove to hold")
	}
}
