package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/launch"
	"github.com/seed5f5fedc6/oauth2/internal/testlog"
)

// The clients. Each program uses those that suit its library.
const (
	web     = "web"     // confidential, with a secret: code and refresh
	public  = "public"  // public: code and refresh
	page    = "page"    // public, a page of another origin: code and refresh
	signer  = "signer"  // private_key_jwt: code and refresh
	strict  = "strict"  // as FAPI 2.0 Message Signing wants it: all it does is signed, pushed or bound
	carded  = "carded"  // self_signed_tls_client_auth, where there is TLS: code and refresh
	machine = "machine" // client credentials
	api     = "api"     // the resource server
)

// redirectURI is where the answers go. The person's browser stops there.
const redirectURI = "http://localhost:1/callback"

// A party is an authorization server and the API that it issues tokens for.
type party struct {
	Issuer   string `json:"issuer"`
	Resource string `json:"resource"`
}

// A site is what a client is told: two authorization servers over one store, which differ in the format
// of their access tokens, and the clients that both have.
type site struct {
	party
	// JWT is the server whose access tokens are JWTs.
	JWT         party  `json:"jwt"`
	RedirectURI string `json:"redirect_uri"`
	// Certificates is a file of the authorities to trust, "" for plain http.
	Certificates string `json:"certificates"`
	// Secrets and Keys are those of the clients, by ID. A key is a private JWK.
	Secrets map[string]string          `json:"secrets"`
	Keys    map[string]jose.JSONWebKey `json:"keys"`
	// Card is what the client shows that authenticates by a certificate, nil for plain http.
	Card *card `json:"card,omitempty"`
	// Algorithm is what the servers sign with.
	Algorithm oauth2.SignatureAlgorithm `json:"algorithm"`
	// Document is where the clients of the Model Context Protocol are described.
	Document string `json:"document,omitempty"`

	page        string            // where the client is that is a page
	certificate *x509.Certificate // of the Card
	roots       *x509.CertPool
	tls         launch.TLS
	log         *testlog.Buffer
}

// newSite starts a site until the test ends. No server of it may tell of a fault by then.
func newSite(t *testing.T, p place) *site {
	t.Helper()
	s := emptySite(t)
	if p.https {
		s.certify(t)
	}
	t.Cleanup(func() { require.NotContains(t, s.log.String(), "level=ERROR") })
	store := p.start(t)
	s.party, s.JWT = s.open(t, store, false), s.open(t, store, true)
	return s
}

// emptySite has clients and their page, and no servers yet.
func emptySite(t *testing.T) *site {
	t.Helper()
	s := &site{
		RedirectURI: redirectURI, Algorithm: oauth2.ES256, log: &testlog.Buffer{},
		Secrets: map[string]string{}, Keys: map[string]jose.JSONWebKey{},
	}
	for _, id := range []string{web, machine, api} {
		s.Secrets[id] = oauth2.NewSecret()
	}
	for _, id := range []string{signer, strict} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		s.Keys[id] = jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}
	}
	app := httptest.NewServer(http.HandlerFunc(servePage))
	t.Cleanup(app.Close)
	s.page = strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	return s
}

// open starts an authorization server, as the program does, and its API.
func (s *site) open(t *testing.T, store string, jwt bool) party {
	server, issuer := s.listen(t)
	guarded, resource := s.listen(t)
	clients, err := oauth2.ParseClients(s.registrations(t))
	require.NoError(t, err)
	app, err := authserver.New(t.Context(), authserver.Options{
		Issuer: issuer, Resource: resource, Store: store, JWT: jwt, Clients: clients, Log: s.logger(),
		TLSCert: s.tls.CertFile, TLSKey: s.tls.KeyFile,
		Users: map[string]string{user: oauth2.HashSecret(password)}, // quick to verify, unlike a person's
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, app.Close()) })
	s.serve(t, server, app)
	p := party{Issuer: issuer, Resource: resource}
	s.guard(t, guarded, p)
	return p
}

// guard starts the API of a party.
func (s *site) guard(t *testing.T, ln net.Listener, p party) {
	handler, err := contacts.New(contacts.Options{
		Issuer: p.Issuer, Resource: p.Resource, ClientID: api, ClientSecret: s.Secrets[api], HTTPClient: s.client(), Logger: s.logger(),
	})
	require.NoError(t, err)
	s.serve(t, ln, handler)
}

func (s *site) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.log, nil)) }

func (s *site) listen(t *testing.T) (ln net.Listener, address string) {
	ln, err := launch.Listen("127.0.0.1:0")
	require.NoError(t, err)
	scheme := "http://"
	if s.tls.CertFile != "" {
		scheme = "https://"
	}
	return ln, scheme + ln.Addr().String()
}

// serve answers until the test ends.
func (s *site) serve(t *testing.T, ln net.Listener, handler http.Handler) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- launch.Serve(ctx, ln, handler, s.tls) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
}

// registrations are the clients in the member names of RFC 7591, as a file has them.
func (s *site) registrations(t *testing.T) []byte {
	type members = map[string]any
	code := []string{"authorization_code", "refresh_token"}
	keys := func(id string) jose.JSONWebKeySet {
		key := s.Keys[id]
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}}
	}
	registered := []members{
		{"client_id": web, "grant_types": code},
		{"client_id": public, "grant_types": code},
		{"client_id": page, "grant_types": code, "redirect_uris": []string{s.page + "/callback"}, "scope": contacts.ScopeRead},
		{"client_id": signer, "grant_types": code, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys(signer)},
		{
			"client_id": strict, "grant_types": code, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys(strict),
			"require_pushed_authorization_requests": true, "require_signed_request_object": true,
			"dpop_bound_access_tokens": true, "authorization_signed_response_alg": "ES256",
		},
		{"client_id": machine, "grant_types": []string{"client_credentials"}, "scope": contacts.ScopeStats},
		{"client_id": api, "grant_types": []string{}, "resource_server": true},
	}
	if s.certificate != nil {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.certificate.PublicKey, Certificates: []*x509.Certificate{s.certificate}}}}
		registered = append(registered, members{
			"client_id": carded, "grant_types": code, "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": set,
		})
	}
	for _, c := range registered {
		id := c["client_id"].(string)
		if secret := s.Secrets[id]; secret != "" {
			c["client_secret"] = secret
		}
		if _, there := c["scope"]; !there && id != api {
			c["redirect_uris"], c["scope"] = []string{redirectURI}, contacts.ScopeRead+" "+contacts.ScopeStats
		}
	}
	data, err := json.Marshal(registered)
	require.NoError(t, err)
	return data
}

// client trusts the site's certificate.
func (s *site) client() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: transport, Timeout: patience}
}
