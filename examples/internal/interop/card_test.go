package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
)

// certify gives the site a certificate that vouches for itself, and another one to the client with a card.
func (s *site) certify(t *testing.T) {
	server, cert := newCard(t)
	s.tls, s.Certificates = launch.TLS{CertFile: server.Certificate, KeyFile: server.Key}, server.Certificate
	s.roots = x509.NewCertPool()
	s.roots.AddCert(cert)
	card, cert := newCard(t)
	s.Card, s.certificate = &card, cert
}

// A card is the files of a certificate and of its key.
type card struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// newCard makes a certificate for 127.0.0.1.
func newCard(t *testing.T) (card, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return card{write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8)}, cert
}
