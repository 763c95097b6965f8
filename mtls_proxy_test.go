package oauth2_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// headerForms are the forms in which proxies write a certificate.
func headerForms(c tls.Certificate) map[string]string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf.Raw})
	return map[string]string{
		"RFC 9440":                ":" + base64.StdEncoding.EncodeToString(c.Leaf.Raw) + ":",
		"PEM, everything encoded": strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20"),
		"DER in Base64":           base64.StdEncoding.EncodeToString(c.Leaf.Raw),
	}
}

// behindProxy is a world whose certificates come in a header, from a proxy in these networks.
func behindProxy(t *testing.T, proxies ...string) (*world, tls.Certificate) {
	var ca *certifier
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		ca = newCertifier(t, "ca", cfg.Now)
		withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.Header, m.Roots = "Client-Cert", ca.pool() })(cfg)
		cfg.TrustedProxies = networks(proxies...)
	})
	good := ca.issue(certifiedName, nil)
	w.addCertified(good)
	return w, good
}

func (w *world) forwarded(client string, headers ...string) answer {
	return w.raw(http.MethodPost, "/token", strings.NewReader(machineFormOf(client).Encode()), headers...)
}

func TestACertificateInTheHeaderOfAProxyIsBelieved(t *testing.T) {
	t.Parallel()
	w, good := behindProxy(t, "127.0.0.0/8", "::1/128")
	for name, value := range headerForms(good) {
		for _, client := range []string{certified, selfSigned} {
			got := w.forwarded(client, "Client-Cert", value)
			require.Equal(t, http.StatusOK, got.status, "%s: %s", name, got.body)
			w.boundTo(got.str("access_token"), good)
		}
	}
	stranger := newCertifier(t, "stranger", w.clock.Now).issue(certifiedName, nil)
	for name, headers := range map[string][]string{
		"none":              nil,
		"empty":             {"Client-Cert", ""},
		"another header":    {"X-Client-Cert", headerForms(good)["RFC 9440"]},
		"a stranger's":      {"Client-Cert", headerForms(stranger)["RFC 9440"]},
		"no certificate":    {"Client-Cert", ":eA==:"},
		"half of one":       {"Client-Cert", headerForms(good)["RFC 9440"][:100]},
		"two in one header": {"Client-Cert", headerForms(good)["RFC 9440"] + "," + headerForms(good)["RFC 9440"]},
	} {
		got := w.forwarded(certified, headers...)
		require.Equal(t, http.StatusUnauthorized, got.status, name)
		require.Equal(t, "invalid_client", got.str("error"), name)
	}
	r, err := http.NewRequest(http.MethodPost, w.url+"/token", strings.NewReader(machineFormOf(certified).Encode()))
	require.NoError(t, err)
	r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	r.Header["Client-Cert"] = []string{headerForms(good)["RFC 9440"], headerForms(good)["RFC 9440"]}
	refused(t, w.do(direct, r), 401, "invalid_client")
}

func TestACertificateInTheHeaderOfAnybodyElseIsNot(t *testing.T) {
	t.Parallel()
	w, good := behindProxy(t, "192.0.2.0/24")
	for _, value := range headerForms(good) {
		for _, client := range []string{certified, selfSigned} {
			refused(t, w.forwarded(client, "Client-Cert", value, "X-Forwarded-For", "192.0.2.1"), 401, "invalid_client")
		}
		got := w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", basic(bound, secretOf(bound)), "Client-Cert", value)
		refused(t, got, 400, "invalid_request")
	}

	// The proxy's own certificate is not its client's.
	refused(t, w.overTLS(nil).post("/token", "", &good, machineFormOf(selfSigned)), 401, "invalid_client")
}

func TestAHeaderThatWasNotConfiguredIsNotLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMutualTLS(nil), func(cfg *oauth2.ServerConfig) { cfg.TrustedProxies = networks("127.0.0.0/8", "::1/128") })
	own := newCertifier(t, "self", w.clock.Now).issue(certifiedName, nil)
	w.addCertified(own)
	for _, name := range []string{"Client-Cert", "X-Client-Cert", "X-SSL-Cert", "Ssl-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Amzn-Mtls-Clientcert"} {
		refused(t, w.forwarded(selfSigned, name, headerForms(own)["RFC 9440"]), 401, "invalid_client")
	}
}

// Whatever changed the address of a request, a connection is a proxy's by its address or by its socket.
func TestACertificateInAHeaderIsBelievedOnAUnixSocketAndFromNoAddressThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w, good := behindProxy(t, "192.0.2.0/24")
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	socket := &http.Server{Handler: w.server}
	go func() { _ = socket.Serve(listener) }()
	t.Cleanup(func() { require.NoError(t, socket.Close()) })
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	request := func() *http.Request {
		r, err := http.NewRequest(http.MethodPost, w.url+"/token", strings.NewReader(machineFormOf(certified).Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Client-Cert", headerForms(good)["RFC 9440"])
		return r
	}
	got := w.do(client, request())
	require.Equal(t, http.StatusOK, got.status, got.body)

	for _, addr := range []string{"", "@", "unknown", "192.0.2.1, 192.0.2.1", "192.0.2.1:x"} {
		r, rec := request(), httptest.NewRecorder()
		r.RemoteAddr = addr
		w.server.ServeHTTP(rec, r)
		require.Equal(t, http.StatusUnauthorized, rec.Code, "%q: %s", addr, rec.Body)
	}
}
