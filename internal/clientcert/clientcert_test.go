package clientcert_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/clientcert"
)

func newCertificate(t testing.TB) *x509.Certificate {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return parsed
}

func TestACertificateIsReadInEachFormThatProxiesWrite(t *testing.T) {
	t.Parallel()
	want := newCertificate(t)
	b64 := base64.StdEncoding.EncodeToString(want.Raw)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: want.Raw}))
	for name, value := range map[string]string{
		"RFC 9440":                       ":" + b64 + ":",
		"PEM, everything encoded":        strings.ReplaceAll(url.QueryEscape(text), "+", "%20"),
		"PEM, as few as can be encoded":  strings.NewReplacer("\n", "%0A", " ", "%20").Replace(text),
		"DER in Base64":                  b64,
		"DER in Base64, percent-encoded": url.QueryEscape(b64),
	} {
		got, err := clientcert.ParseHeader(value)
		require.NoError(t, err, name)
		require.Equal(t, want.Raw, got.Raw, name)
	}
	sum := sha256.Sum256(want.Raw)
	require.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:]), clientcert.Thumbprint(want))
}

func TestAHeaderThatHoldsNoCertificateIsRefused(t *testing.T) {
	t.Parallel()
	certificate := newCertificate(t)
	b64 := base64.StdEncoding.EncodeToString(certificate.Raw)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	for name, value := range map[string]string{
		"nothing": "", "a colon": ":", "no end": ":" + b64, "no Base64": ":!:", "half": ":" + b64[:40] + ":", "two": ":" + b64 + ":,:" + b64 + ":",
		"two in PEM": url.PathEscape(text + text), "another PEM": url.PathEscape(strings.ReplaceAll(text, "CERTIFICATE", "PRIVATE KEY")),
		"broken PEM": "-----BEGIN CERTIFICATE-----", "a bad escape": "%zz", "too long": strings.Repeat("A", 17<<10), "more behind it": ":" + base64.StdEncoding.EncodeToString(append(certificate.Raw[:len(certificate.Raw):len(certificate.Raw)], 0)) + ":",
	} {
		_, err := clientcert.ParseHeader(value)
		require.ErrorIs(t, err, clientcert.ErrHeader, name)
	}
}

func FuzzParseHeader(f *testing.F) {
	b64 := base64.StdEncoding.EncodeToString(newCertificate(f).Raw)
	for _, value := range []string{":" + b64 + ":", b64, "-----BEGIN%20CERTIFICATE-----%0A" + url.QueryEscape(b64), "%"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := clientcert.ParseHeader(value)
		require.Equal(t, err == nil, got != nil)
	})
}
