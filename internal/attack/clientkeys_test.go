package attack

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var clientKeyAttacks = []attack{
	{name: "an assertion that is wrong in anything is refused", source: "RFC 7523 section 3, FAPI 2.0 section 5.3.2.1", run: assertionFaults},
	{name: "a forged assertion is refused", source: "RFC 8725 sections 3.1 and 3.10", run: assertionForged},
	{name: "of 16 parallel uses of one assertion one wins", source: "RFC 7523 section 3", run: assertionParallel},
	{name: "an assertion stands beside no other method, and for no other client", source: "RFC 6749 section 2.3", run: assertionAlone},
	{name: "a jwks_uri does not lead into the server's own network", source: "RFC 6890; server-side request forgery", run: assertionInward},
	{name: "a client of certificates is nobody without one", source: "RFC 8705 section 2", run: certificateMissing},
	{name: "a certificate in a header authenticates nobody where no header was configured", source: "RFC 8705 section 6.5", run: certificateSpoofed},
	{name: "a certificate in a header is believed from the configured proxies alone", source: "RFC 8705 section 6.5", only: embedded, run: certificateForwarded},
	{name: "over TLS the registered certificate authenticates, and no other", source: "RFC 8705 section 2.2", only: overTLS, run: certificateOverTLS},
}

// clientsWithKeys are the registrations of these attacks.
func (tg *target) clientsWithKeys(t testing.TB) []map[string]any {
	member := func(id, method string, more map[string]any) map[string]any {
		more["client_id"], more["token_endpoint_auth_method"] = id, method
		more["grant_types"], more["scope"] = []string{"client_credentials"}, scopeRead
		return more
	}
	card := jose.JSONWebKey{Key: tg.card.Leaf.PublicKey, Certificates: []*x509.Certificate{tg.card.Leaf}}
	return []map[string]any{
		member(keyed, "private_key_jwt", map[string]any{"jwks": tg.signerSet}),
		member(inward, "private_key_jwt", map[string]any{"jwks_uri": startTrap(t).url}),
		member(carded, "self_signed_tls_client_auth", map[string]any{"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{card}}}),
	}
}

// The clients that authenticate by keys.
const (
	keyed  = "keyed"  // by assertions
	inward = "inward" // by assertions, with keys at an address of the server's own machine
	carded = "carded" // by the certificate that it registered
)

// A trap is a listener that nobody must connect to.
type trap struct {
	url       string
	connected atomic.Int32
}

// startTrap listens as long as the tests run: every target has the same one.
func startTrap(t testing.TB) *trap {
	made, err := theTrap()
	require.NoError(t, err)
	return made
}

var theTrap = sync.OnceValues(func() (*trap, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	made := &trap{url: "https://" + ln.Addr().String() + "/jwks"}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			made.connected.Add(1)
			_ = conn.Close()
		}
	}()
	return made, nil
})

// newPair is a certificate that its holder signed, with its key.
func newPair(t *testing.T) tls.Certificate {
	pair, err := tls.X509KeyPair(newCertificate(t))
	require.NoError(t, err)
	return pair
}

// assertion signs the claims of a good assertion of keyed, changed by changes; nil removes one.
func (s *site) assertion(changes map[string]any) string {
	return s.signed(s.signerKey, jose.ES256, nil, keyed, changes)
}

func (s *site) signed(key any, alg jose.SignatureAlgorithm, headers map[jose.HeaderKey]any, client string, changes map[string]any) string {
	now := s.now().Unix()
	claims := map[string]any{"iss": client, "sub": client, "aud": s.issuer, "iat": now, "exp": now + 60, "jti": oauth2.NewSecret()}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	text, err := json.Marshal(claims)
	require.NoError(s.t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: headers})
	require.NoError(s.t, err)
	made, err := signer.Sign(text)
	require.NoError(s.t, err)
	compact, err := made.CompactSerialize()
	require.NoError(s.t, err)
	return compact
}

// asserts asks for a token with an assertion, and pairs beside it.
func (s *site) asserts(assertion string, pairs ...string) answer {
	s.t.Helper()
	body := change(values("grant_type", "client_credentials", "client_assertion_type", assertionType, "client_assertion", assertion), pairs...)
	return s.do(s.client, s.form(s.tokenURL, body))
}

func assertionFaults(t *testing.T, s *site) {
	now := s.now().Unix()
	for name, fault := range map[string]map[string]any{
		"no iss": {"iss": nil}, "another iss": {"iss": machine}, "no sub": {"sub": nil}, "another sub": {"sub": machine},
		"no aud": {"aud": nil}, "another aud": {"aud": "https://other.example"}, "aud is a list": {"aud": []string{s.issuer, "https://other.example"}}, "aud is an endpoint": {"aud": s.tokenURL},
		"no exp": {"exp": nil}, "exp is over": {"exp": now - 10}, "exp is in a year": {"exp": now + 365*86400},
		"nbf is ahead": {"nbf": now + 90}, "iat is ahead": {"iat": now + 90}, "no jti": {"jti": nil},
	} {
		got := s.asserts(s.assertion(fault), "client_id", keyed)
		require.Equal(t, http.StatusUnauthorized, got.status, "%s: %s", name, got.body)
	}
	got := s.asserts(s.assertion(nil))
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func assertionForged(t *testing.T, s *site) {
	stranger, _ := signingKey()
	public, err := json.Marshal(s.signerSet.Keys[0])
	require.NoError(t, err)
	good, again := strings.Split(s.assertion(nil), "."), strings.Split(s.assertion(nil), ".")
	for name, forged := range map[string]string{
		"none":                base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + good[1] + ".",
		"HMAC":                s.signed(public, jose.HS256, nil, keyed, nil),
		"another key":         s.signed(stranger, jose.ES256, nil, keyed, nil),
		"jwk":                 s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: stranger.Public()}}, keyed, nil),
		"jku":                 s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"jku": startTrap(t).url}, keyed, nil),
		"x5u":                 s.signed(stranger, jose.ES256, map[jose.HeaderKey]any{"x5u": startTrap(t).url}, keyed, nil),
		"a proof of DPoP":     s.signed(s.signerKey, jose.ES256, map[jose.HeaderKey]any{"typ": "dpop+jwt"}, keyed, nil),
		"another's signature": good[0] + "." + good[1] + "." + again[2],
		"an unknown client":   s.signed(s.signerKey, jose.ES256, nil, "nobody", nil),
		"another client":      s.signed(s.signerKey, jose.ES256, nil, machine, nil),
	} {
		got := s.asserts(forged)
		require.Equal(t, http.StatusUnauthorized, got.status, "%s: %s", name, got.body)
	}
	require.Zero(t, startTrap(t).connected.Load())
}

func assertionParallel(t *testing.T, s *site) {
	for range 4 {
		assertion, won := s.assertion(nil), atomic.Int32{}
		together(16, func(int) {
			if s.asserts(assertion).status == http.StatusOK {
				won.Add(1)
			}
		})
		require.EqualValues(t, 1, won.Load())
	}
}

func assertionAlone(t *testing.T, s *site) {
	require.Equal(t, http.StatusBadRequest, s.asserts(s.assertion(nil), "client_secret", "x").status)
	require.Equal(t, http.StatusUnauthorized, s.asserts(s.assertion(nil), "client_id", machine).status)
	r := s.form(s.tokenURL, values("grant_type", "client_credentials", "client_assertion_type", assertionType, "client_assertion", s.assertion(nil)))
	r.SetBasicAuth(machine, s.secrets[machine])
	require.Equal(t, http.StatusBadRequest, s.do(s.client, r).status)
	require.Equal(t, http.StatusUnauthorized, s.asserts(s.assertion(nil), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer").status)
}

func assertionInward(t *testing.T, s *site) {
	got := s.asserts(s.signed(s.signerKey, jose.ES256, nil, inward, nil))
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Zero(t, startTrap(t).connected.Load())
}

func certificateMissing(t *testing.T, s *site) {
	for _, pairs := range [][]string{nil, {"client_secret", "x"}, {"client_assertion", s.assertion(nil), "client_assertion_type", assertionType}} {
		got := s.do(s.client, s.form(s.tokenURL, change(values("grant_type", "client_credentials", "client_id", carded), pairs...)))
		require.Equal(t, http.StatusUnauthorized, got.status, got.body)
	}
}

// withCertificateHeader asks as carded, with its certificate in a header.
func (s *site) withCertificateHeader(name string) answer {
	r := s.form(s.tokenURL, values("grant_type", "client_credentials", "client_id", carded))
	r.Header.Set(name, ":"+base64.StdEncoding.EncodeToString(s.card.Leaf.Raw)+":")
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	return s.do(s.client, r)
}

func certificateSpoofed(t *testing.T, s *site) {
	for _, name := range []string{"Client-Cert", "X-Client-Cert", "X-Ssl-Cert", "Ssl-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Amzn-Mtls-Clientcert"} {
		require.Equal(t, http.StatusUnauthorized, s.withCertificateHeader(name).status, name)
	}
}

func certificateForwarded(t *testing.T, s *site) {
	from := func(network string) *site {
		return s.anew(func(cfg *oauth2.ServerConfig) {
			cfg.MutualTLS = &oauth2.MutualTLSConfig{Header: "Client-Cert"}
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(network)}
		})
	}
	require.Equal(t, http.StatusUnauthorized, from("192.0.2.0/24").withCertificateHeader("Client-Cert").status)
	behind := from("127.0.0.0/8")
	got := behind.withCertificateHeader("Client-Cert")
	require.Equal(t, http.StatusOK, got.status, got.body)

	stolen := got.str("access_token")
	r, err := http.NewRequest(http.MethodGet, behind.apiURL+"/contacts", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+stolen)
	require.Equal(t, http.StatusUnauthorized, behind.do(behind.client, r).status, "it is no bearer token")
}

func certificateOverTLS(t *testing.T, s *site) {
	shows := func(certificate tls.Certificate) answer {
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: s.roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
		return s.do(&http.Client{Transport: s.seen.Through(transport)}, s.form(s.tokenURL, values("grant_type", "client_credentials", "client_id", carded)))
	}
	got := shows(s.card)
	require.Equal(t, http.StatusOK, got.status, got.body)
	told := s.call(s.introspectURL, api, "token", got.str("access_token"))
	require.NotEmpty(t, told.json["cnf"], told.body)
	require.Equal(t, http.StatusUnauthorized, shows(newPair(t)).status)
}
