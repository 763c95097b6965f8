package attack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// A site is an authorization server on a real listener, and an API that asks it about tokens.
type site struct {
	*target
	t      *testing.T
	kind   kind
	issuer string
	// The endpoints, as the metadata names them.
	authorizeURL, tokenURL, introspectURL, revokeURL string
	// apiURL is the API: /contacts needs contacts.read, /stats needs contacts.stats.
	apiURL string
	// jwts tells that the access tokens of the API are JWTs.
	jwts bool
	// client keeps no cookies and follows no redirects.
	client *http.Client
	roots  *x509.CertPool
	app    *app                // nil unless embedded
	server *testserver.Process // nil unless example
	user   *browser            // of alice, see alice()
}

// in is the site for one test.
func (s *site) in(t *testing.T) *site {
	c := *s
	c.t, c.user = t, nil
	return &c
}

// alice is a browser of alice.
func (s *site) alice() *browser {
	if s.user == nil {
		s.user = s.browser("alice")
	}
	return s.user
}

// connect finds the endpoints, and starts the API's own lookups.
func (s *site) connect() {
	s.client = &http.Client{
		Transport:     s.seen.Through(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	metadata := s.get(metadataURL(s.t, s.issuer))
	require.Equal(s.t, http.StatusOK, metadata.status)
	s.authorizeURL, s.tokenURL = metadata.str("authorization_endpoint"), metadata.str("token_endpoint")
	s.introspectURL, s.revokeURL = metadata.str("introspection_endpoint"), metadata.str("revocation_endpoint")
}

// metadataURL is where RFC 8414 section 3.1 puts the metadata.
func metadataURL(t *testing.T, issuer string) string {
	u, err := url.Parse(issuer)
	require.NoError(t, err)
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
}

// startAPI starts a protected resource whose authorization server is not known yet.
func startAPI(t *testing.T) (apiURL string, protect func(s *site)) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func(s *site) {
		introspector, err := resource.NewIntrospector(resource.IntrospectorConfig{
			Issuer: s.issuer, ClientID: api, ClientSecret: s.secrets[api], HTTPClient: s.client, Now: s.now,
		})
		require.NoError(t, err)
		guard, err := resource.NewGuard(resource.GuardConfig{
			Checker: introspector, Audience: server.URL, DPoP: &resource.DPoPConfig{URL: server.URL}, Now: s.now,
		})
		require.NoError(t, err)
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			info, _ := resource.FromContext(r.Context())
			_ = json.NewEncoder(w).Encode(map[string]string{"sub": info.Subject, "client_id": info.ClientID})
		})
		mux.Handle("/contacts", guard.Require(scopeRead)(answer))
		mux.Handle("/stats", guard.Require(scopeStats)(answer))
	}
}

func (s *site) now() time.Time {
	if s.app != nil {
		return s.app.clock.Now()
	}
	return time.Now()
}

// buildExample builds the program examples/authserver.
func buildExample(t *testing.T) string {
	program := filepath.Join(t.TempDir(), "authserver")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/seed5f5fedc6/oauth2/examples/authserver")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	return program
}

// startExample runs the program with clients and users of its own.
func startExample(t *testing.T, tg *target, program string, https, jwts bool) *site {
	s := &site{target: tg, t: t, kind: example, jwts: jwts}
	address := testserver.Address(t)
	s.issuer = "http://" + address
	var protect func(*site)
	s.apiURL, protect = startAPI(t)
	folder := t.TempDir()
	hashes := map[string]string{}
	for name, password := range tg.passwords {
		hashes[name] = oauth2.HashSecret(password) // quick to verify, as the passwords are random
	}
	users, err := json.Marshal(hashes)
	require.NoError(t, err)
	args := []string{
		"-addr", address, "-store", tg.place.flag, "-resource", s.apiURL,
		"-clients", writeFile(t, folder, "clients.json", tg.registrations(t)),
		"-users", writeFile(t, folder, "users.json", users),
	}
	if https {
		s.issuer = "https://" + address
		certificate, key := newCertificate(t)
		s.roots = x509.NewCertPool()
		require.True(t, s.roots.AppendCertsFromPEM(certificate))
		args = append(args, "-tls-cert", writeFile(t, folder, "cert.pem", certificate), "-tls-key", writeFile(t, folder, "key.pem", key))
	}
	if jwts {
		args = append(args, "-jwt")
	}
	command := func() *exec.Cmd { return exec.Command(program, args...) }
	s.server = testserver.Program(t, command, func() error { return s.healthy() })
	s.connect()
	protect(s)
	return s
}

func (s *site) healthy() error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	res, err := client.Get(s.issuer + "/healthz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("/healthz answers %d", res.StatusCode), err)
	}
	return nil
}

// told is everything that the server wrote about what happened. The example is stopped for it.
func (s *site) told() string {
	if s.server != nil {
		s.server.Stop()
		return s.server.Output()
	}
	return s.app.log.String()
}

// dial opens a connection for those who do not speak through net/http.
func (s *site) dial() net.Conn {
	u, err := url.Parse(s.issuer)
	require.NoError(s.t, err)
	var conn net.Conn
	if u.Scheme == "https" {
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}}
		conn, err = dialer.DialContext(context.Background(), "tcp", u.Host)
	} else {
		conn, err = net.Dial("tcp", u.Host)
	}
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

func writeFile(t *testing.T, folder, name string, data []byte) string {
	path := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// newCertificate is a certificate for 127.0.0.1 that vouches for itself, and its key.
func newCertificate(t *testing.T) (certificate, key []byte) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(signer)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
