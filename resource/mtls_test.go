package resource_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

func newClientCertificate(t testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// boundTo is a Checker whose every token is bound to a certificate.
type boundTo struct{ certificate tls.Certificate }

func (b boundTo) Check(context.Context, string) (*oauth2.TokenInfo, error) {
	sum := sha256.Sum256(b.certificate.Certificate[0])
	return &oauth2.TokenInfo{Audience: []string{audience}, Confirmation: &oauth2.Confirmation{X5T: base64.RawURLEncoding.EncodeToString(sum[:])}}, nil
}

// certifiedAPI is an API on TLS that asks for certificates. It returns how to call it.
func certifiedAPI(t *testing.T, certificate tls.Certificate, find func(*http.Request) (*x509.Certificate, error)) func(shown *tls.Certificate, headers ...string) int {
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: boundTo{certificate}, Audience: audience, ClientCertificate: find})
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(guard.Require()(http.HandlerFunc(tellFacts)))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return func(shown *tls.Certificate, headers ...string) int {
		transport := server.Client().Transport.(*http.Transport).Clone()
		transport.DisableKeepAlives = true
		if shown != nil {
			transport.TLSClientConfig.Certificates = []tls.Certificate{*shown}
		}
		r, err := http.NewRequest(http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer at_x")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
		res, err := (&http.Client{Transport: transport}).Do(r)
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}
}

func TestATokenThatIsBoundToACertificateComesWithIt(t *testing.T) {
	t.Parallel()
	own, other := newClientCertificate(t), newClientCertificate(t)
	call := certifiedAPI(t, own, nil)
	require.Equal(t, http.StatusOK, call(&own))
	require.Equal(t, http.StatusUnauthorized, call(&other), "a stolen token over another's connection")
	require.Equal(t, http.StatusUnauthorized, call(nil), "it is no bearer token")
	forwarded := ":" + base64.StdEncoding.EncodeToString(own.Certificate[0]) + ":"
	require.Equal(t, http.StatusUnauthorized, call(nil, "Client-Cert", forwarded), "no header is believed that was not configured")
}

func TestACertificateInAHeaderIsBelievedFromProxiesAlone(t *testing.T) {
	t.Parallel()
	own, other := newClientCertificate(t), newClientCertificate(t)
	value := func(c tls.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Certificate[0]) + ":" }
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	call := certifiedAPI(t, own, resource.CertificateHeader("Client-Cert", loopback...))
	require.Equal(t, http.StatusOK, call(nil, "Client-Cert", value(own)))
	for name, headers := range map[string][]string{
		"none": nil, "empty": {"Client-Cert", ""}, "another's": {"Client-Cert", value(other)}, "garbage": {"Client-Cert", "x"},
		"two": {"Client-Cert", value(own), "Client-Cert", value(own)}, "another header": {"X-Client-Cert", value(own)},
	} {
		require.Equal(t, http.StatusUnauthorized, call(nil, headers...), name)
	}
	require.Equal(t, http.StatusUnauthorized, call(&own), "the proxy's own certificate is not its client's")

	for _, proxies := range [][]netip.Prefix{nil, {netip.MustParsePrefix("192.0.2.0/24")}} {
		call := certifiedAPI(t, own, resource.CertificateHeader("Client-Cert", proxies...))
		require.Equal(t, http.StatusUnauthorized, call(nil, "Client-Cert", value(own), "X-Forwarded-For", "192.0.2.1"))
	}
}
