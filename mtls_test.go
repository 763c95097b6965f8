package oauth2_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestAClientAuthenticatesByACertificateThatAnAuthorityVouchesFor(t *testing.T) {
	t.Parallel()
	for name, rootsHere := range map[string]bool{"verified by the connection": false, "verified by Roots": true} {
		t.Run(name, func(t *testing.T) {
			var ca *certifier
			w := newWorld(t, func(cfg *oauth2.ServerConfig) {
				ca = newCertifier(t, "ca", cfg.Now)
				withMutualTLS(func(m *oauth2.MutualTLSConfig) {
					if rootsHere {
						m.Roots = ca.pool()
					}
				})(cfg)
			})
			good := ca.issue(certifiedName, nil)
			w.addCertified(good)
			end := w.overTLS(map[bool]*x509.CertPool{false: ca.pool()}[rootsHere])
			got := end.post("/token", "", &good, machineFormOf(certified))
			require.Equal(t, http.StatusOK, got.status, got.body)
			w.boundTo(got.str("access_token"), good)

			stranger := newCertifier(t, "stranger", w.clock.Now).issue(certifiedName, nil)
			other := ca.issue(pkix.Name{CommonName: "certified", Country: []string{"NL"}}, nil)
			refused(t, end.post("/token", "", nil, machineFormOf(certified)), 401, "invalid_client")
			refused(t, end.post("/token", "", &other, machineFormOf(certified)), 401, "invalid_client")
			if rootsHere { // otherwise the connection itself is refused
				refused(t, end.post("/token", "", &stranger, machineFormOf(certified)), 401, "invalid_client")
				server := ca.issue(certifiedName, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
				refused(t, end.post("/token", "", &server, machineFormOf(certified)), 401, "invalid_client")
				w.clock.Advance(25 * time.Hour)
				refused(t, end.post("/token", "", &good, machineFormOf(certified)), 401, "invalid_client")
			}
		})
	}
}

func TestWhatTheConnectionDidNotVerifyIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMutualTLS(nil))
	forged := newCertifier(t, "anyone", w.clock.Now).issue(certifiedName, nil)
	w.addCertified(forged)
	refused(t, w.overTLS(nil).post("/token", "", &forged, machineFormOf(certified)), 401, "invalid_client")
}

func TestACertificateIsComparedWithTheOneNameThatWasRegistered(t *testing.T) {
	t.Parallel()
	var ca *certifier
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		ca = newCertifier(t, "ca", cfg.Now)
		withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.Roots = ca.pool() })(cfg)
	})
	end := w.overTLS(nil)
	uri, err := url.Parse("spiffe://example.com/client")
	require.NoError(t, err)
	full := ca.issue(pkix.Name{CommonName: "x"}, func(c *x509.Certificate) {
		c.DNSNames, c.URIs = []string{"other.example.com", "client.example.com"}, []*url.URL{uri}
		c.IPAddresses, c.EmailAddresses = []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}, []string{"client@example.com"}
	})
	for name, c := range map[string]struct {
		client oauth2.Client
		right  bool
	}{
		"dns":                   {oauth2.Client{TLSClientAuthSANDNS: "client.example.com"}, true},
		"dns, case":             {oauth2.Client{TLSClientAuthSANDNS: "CLIENT.example.com"}, true},
		"dns, suffix":           {oauth2.Client{TLSClientAuthSANDNS: "example.com"}, false},
		"dns, the CN":           {oauth2.Client{TLSClientAuthSANDNS: "x"}, false},
		"uri":                   {oauth2.Client{TLSClientAuthSANURI: "spiffe://example.com/client"}, true},
		"uri, prefix":           {oauth2.Client{TLSClientAuthSANURI: "spiffe://example.com/"}, false},
		"ip":                    {oauth2.Client{TLSClientAuthSANIP: "192.0.2.1"}, true},
		"ip, written otherwise": {oauth2.Client{TLSClientAuthSANIP: "2001:0DB8:0::1"}, true},
		"ip, another":           {oauth2.Client{TLSClientAuthSANIP: "192.0.2.2"}, false},
		"email":                 {oauth2.Client{TLSClientAuthSANEmail: "client@example.com"}, true},
		"email, case":           {oauth2.Client{TLSClientAuthSANEmail: "Client@example.com"}, false},
		"dn":                    {oauth2.Client{TLSClientAuthSubjectDN: "CN=x"}, true},
		"dn, of a SAN":          {oauth2.Client{TLSClientAuthSubjectDN: "CN=client.example.com"}, false},
	} {
		client := c.client
		client.ID, client.TokenEndpointAuthMethod = name, oauth2.AuthMethodTLS
		client.GrantTypes, client.Scope = []string{"client_credentials"}, oauth2.Scope{"read"}
		require.NoError(t, w.clients.CreateClient(t.Context(), &client))
		got := end.post("/token", "", &full, machineFormOf(name))
		require.Equal(t, c.right, got.status == http.StatusOK, "%s: %s", name, got.body)
	}
}

func TestAClientAuthenticatesByACertificateThatItSignedItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMutualTLS(nil))
	own := newCertifier(t, "self", w.clock.Now).issue(pkix.Name{CommonName: "self"}, nil)
	w.addCertified(own)
	end := w.overTLS(nil)
	got := end.post("/token", "", &own, machineFormOf(selfSigned))
	require.Equal(t, http.StatusOK, got.status, got.body)
	w.boundTo(got.str("access_token"), own)

	renewed := newCertifier(t, "self", w.clock.Now).issue(pkix.Name{CommonName: "self"}, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(2) })
	refused(t, end.post("/token", "", &renewed, machineFormOf(selfSigned)), 401, "invalid_client")
	refused(t, end.post("/token", "", nil, machineFormOf(selfSigned)), 401, "invalid_client")
	refused(t, end.post("/token", bound, &own, values("grant_type", "client_credentials", "client_id", selfSigned)), 400, "invalid_request")
	w.clock.Advance(25 * time.Hour)
	refused(t, end.post("/token", "", &own, machineFormOf(selfSigned)), 401, "invalid_client")
}

func TestTokensAreBoundToTheCertificateOfAClientThatRegisteredForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMutualTLS(nil))
	own := newCertifier(t, "self", w.clock.Now).issue(pkix.Name{CommonName: "self"}, nil)
	w.addCertified(own)
	end := w.overTLS(nil)
	got := end.post("/token", bound, &own, values("grant_type", "client_credentials"))
	require.Equal(t, http.StatusOK, got.status, got.body)
	w.boundTo(got.str("access_token"), own)
	refused(t, end.post("/token", bound, nil, values("grant_type", "client_credentials")), 400, "invalid_request")
	unbound := end.post("/token", machine, &own, values("grant_type", "client_credentials"))
	require.Nil(t, w.post("/introspect", api, values("token", unbound.str("access_token"))).json["cnf"], "the others' are bearer tokens")
}

func TestRefreshTokensOfAPublicClientAreBoundToItsCertificateOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store), withMutualTLS(nil))
		ca := newCertifier(t, "self", w.clock.Now)
		own := ca.issue(pkix.Name{CommonName: "self"}, nil)
		thief := ca.issue(pkix.Name{CommonName: "thief"}, nil)
		w.addCertified(own)
		end := w.overTLS(nil)
		code := w.approve(codeRequest("client_id", boundSPA, "redirect_uri", browserRedirect, "scope", "read"))
		form := redemption(code, "redirect_uri", browserRedirect, "client_id", boundSPA)
		refused(t, end.post("/token", "", nil, form), 400, "invalid_request")
		got := end.post("/token", "", &own, form)
		require.Equal(t, http.StatusOK, got.status, got.body)
		w.boundTo(got.str("access_token"), own)

		form = values("grant_type", "refresh_token", "refresh_token", got.str("refresh_token"), "client_id", boundSPA)
		refused(t, end.post("/token", "", &thief, form), 400, "invalid_grant")
		refused(t, end.post("/token", "", nil, form), 400, "invalid_request")
		again := end.post("/token", "", &own, form)
		require.Equal(t, http.StatusOK, again.status, "what was refused has changed nothing: %s", again.body)
		w.boundTo(again.str("access_token"), own)
	})
}

func TestMutualTLSIsNeitherServedNorAdvertisedUnlessItIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := newCertifier(t, "self", w.clock.Now).issue(certifiedName, nil)
	w.addCertified(own)
	end := w.overTLS(nil)
	refused(t, end.post("/token", "", &own, machineFormOf(selfSigned)), 401, "invalid_client")
	refused(t, end.post("/token", bound, &own, values("grant_type", "client_credentials")), 400, "invalid_request")
	require.NotContains(t, w.metadata(), "tls_client_certificate_bound_access_tokens")
	require.NotContains(t, w.metadata(), "mtls_endpoint_aliases")
}

func TestMetadataNamesTheEndpointsForClientsWithCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Issuer += "/tenant" }, withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.AliasOrigin = "https://mtls.example.com" }))
	answer := w.do(direct, mustGet(t, w.http.URL+"/.well-known/oauth-authorization-server/tenant"))
	require.Equal(t, true, answer.json["tls_client_certificate_bound_access_tokens"])
	require.Equal(t, map[string]any{
		"token_endpoint": "https://mtls.example.com/tenant/token", "introspection_endpoint": "https://mtls.example.com/tenant/introspect",
		"revocation_endpoint": "https://mtls.example.com/tenant/revoke",
	}, answer.json["mtls_endpoint_aliases"])
	require.Subset(t, listOf(t, answer.json, "token_endpoint_auth_methods_supported"), []string{"tls_client_auth", "self_signed_tls_client_auth"})
}

func mustGet(t testing.TB, target string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, target, nil)
	require.NoError(t, err)
	return r
}

func TestNewRefusesMethodsThatCannotBeServed(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*oauth2.ServerConfig){
		"AuthMethods is empty":         func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = []string{} },
		`"client_secret_jwt"`:          func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = []string{"client_secret_jwt"} },
		"twice":                        func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = []string{"none", "none"} },
		"mutual TLS needs MutualTLS":   func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = []string{"tls_client_auth"} },
		"TrustedProxies":               withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.Header, m.Roots = "Client-Cert", x509.NewCertPool() }),
		"Roots is required":            withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.Header = "Client-Cert" }),
		`"http://mtls.example.com"`:    withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.AliasOrigin = "http://mtls.example.com" }),
		`"https://mtls.example.com/x"`: withMutualTLS(func(m *oauth2.MutualTLSConfig) { m.AliasOrigin = "https://mtls.example.com/x" }),
	} {
		cfg := minimal()
		change(&cfg)
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestAClientThatIsNotNamedIsRefusedWhateverItShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMutualTLS(nil))
	own := newCertifier(t, "self", w.clock.Now).issue(certifiedName, nil)
	w.addCertified(own)
	refused(t, w.overTLS(nil).post("/token", "", &own, values("grant_type", "client_credentials")), 401, "invalid_client")
}

func TestAJWTIsBoundToTheCertificateLikeAnyOtherToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMutualTLS(nil), func(cfg *oauth2.ServerConfig) {
		cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{[]byte(strings.Repeat("k", 32))}}
		cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com", Format: oauth2.FormatJWT}}
	})
	own := newCertifier(t, "self", w.clock.Now).issue(certifiedName, nil)
	w.addCertified(own)
	got := w.overTLS(nil).post("/token", "", &own, machineFormOf(selfSigned))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, 2, strings.Count(got.str("access_token"), "."), "it is a JWT")
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, &oauth2.Confirmation{X5T: thumbprint(own)}, info.Confirmation)
}
