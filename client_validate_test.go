package oauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestKeysAndNamesOfAClientAreValidated(t *testing.T) {
	t.Parallel()
	ec := jwksOf(publicJWK(keyOf(signer, jose.ES256), "es"))
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		client oauth2.Client
		broken string // "" where the client is good
	}{
		"private_key_jwt with jwks":            {oauth2.Client{TokenEndpointAuthMethod: "private_key_jwt", JWKS: ec}, ""},
		"private_key_jwt with jwks_uri":        {oauth2.Client{TokenEndpointAuthMethod: "private_key_jwt", JWKSURI: "https://c.example/jwks"}, ""},
		"keys of a client with a secret":       {oauth2.Client{JWKS: ec}, ""},
		"both":                                 {oauth2.Client{JWKS: ec, JWKSURI: "https://c.example/jwks"}, "jwks and jwks_uri"},
		"private_key_jwt without keys":         {oauth2.Client{TokenEndpointAuthMethod: "private_key_jwt"}, "none that can be used"},
		"private_key_jwt without a usable key": {oauth2.Client{TokenEndpointAuthMethod: "private_key_jwt", JWKS: jwksOf(jose.JSONWebKey{Key: p384.Public()})}, "none that can be used"},
		"a weak RSA key":                       {oauth2.Client{TokenEndpointAuthMethod: "private_key_jwt", JWKS: jwksOf(jose.JSONWebKey{Key: weak.Public()})}, "none that can be used"},
		"a key of another alg":                 {oauth2.Client{TokenEndpointAuthMethod: "private_key_jwt", JWKS: ec, TokenEndpointAuthSigningAlg: "EdDSA"}, "none that can be used"},
		"an alg that is not served":            {oauth2.Client{TokenEndpointAuthSigningAlg: "HS256"}, "token_endpoint_auth_signing_alg"},
		"none":                                 {oauth2.Client{TokenEndpointAuthSigningAlg: "none"}, "token_endpoint_auth_signing_alg"},
		"a private key":                        {oauth2.Client{JWKS: jwksOf(jose.JSONWebKey{Key: p384})}, "JWK Set of public keys"},
		"no JWK Set":                           {oauth2.Client{JWKS: json.RawMessage(`[]`)}, "JWK Set of public keys"},
		"jwks_uri that is http":                {oauth2.Client{JWKSURI: "http://c.example/jwks"}, "https URL"},
		"jwks_uri with a user":                 {oauth2.Client{JWKSURI: "https://u@c.example/jwks"}, "https URL"},
		"jwks_uri with a fragment":             {oauth2.Client{JWKSURI: "https://c.example/jwks#x"}, "https URL"},
		"self-signed without a certificate":    {oauth2.Client{TokenEndpointAuthMethod: "self_signed_tls_client_auth", JWKS: ec}, "none that can be used"},
		"tls_client_auth with a name":          {oauth2.Client{TokenEndpointAuthMethod: "tls_client_auth", TLSClientAuthSubjectDN: "CN=a"}, ""},
		"tls_client_auth without a name":       {oauth2.Client{TokenEndpointAuthMethod: "tls_client_auth"}, "exactly one name"},
		"tls_client_auth with two":             {oauth2.Client{TokenEndpointAuthMethod: "tls_client_auth", TLSClientAuthSubjectDN: "CN=a", TLSClientAuthSANDNS: "a"}, "exactly one name"},
		"a name that is none":                  {oauth2.Client{TokenEndpointAuthMethod: "tls_client_auth", TLSClientAuthSubjectDN: "a"}, "exactly one name"},
		"an address that is none":              {oauth2.Client{TokenEndpointAuthMethod: "tls_client_auth", TLSClientAuthSANIP: "a"}, "exactly one name"},
		"a relative URI":                       {oauth2.Client{TokenEndpointAuthMethod: "tls_client_auth", TLSClientAuthSANURI: "/a"}, "exactly one name"},
	} {
		client := c.client
		client.ID = "c"
		err := client.Validate()
		if c.broken == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.broken, name)
	}
}

func TestAClientThatSignsOrShowsACertificateIsConfidential(t *testing.T) {
	t.Parallel()
	for _, method := range []string{oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodTLS, oauth2.AuthMethodSelfSignedTLS} {
		require.False(t, (&oauth2.Client{TokenEndpointAuthMethod: method}).Public(), method)
	}
	require.True(t, (&oauth2.Client{JWKSURI: "https://c.example/jwks"}).Public(), "keys alone authenticate nobody")
}

func TestMembersAboutKeysHaveTheNamesOfTheirSpecifications(t *testing.T) {
	t.Parallel()
	clients, err := oauth2.ParseClients([]byte(`[
		{"client_id": "a", "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example.com", "tls_client_certificate_bound_access_tokens": true},
		{"client_id": "b", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256", "jwks_uri": "https://b.example.com/jwks"}
	]`))
	require.NoError(t, err)
	require.Equal(t, "a.example.com", clients[0].TLSClientAuthSANDNS)
	require.True(t, clients[0].TLSClientCertificateBoundAccessTokens)
	require.Equal(t, "PS256", clients[1].TokenEndpointAuthSigningAlg)
	require.Equal(t, "https://b.example.com/jwks", clients[1].JWKSURI)
}

func TestLintSeesClientsThatAuthenticateByKeys(t *testing.T) {
	t.Parallel()
	const server, byKey = "FAPI 2.0 section 5.3.2.1 item 6 | must | server", "RFC 9700 section 2.5 | should | server"
	client := func(c oauth2.Client) string { return "FAPI 2.0 section 5.3.2.1 item 6 | must | client " + c.ID }
	cfg := minimal()
	require.Contains(t, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg)), byKey)
	require.Contains(t, said(oauth2.Lint(oauth2.ProfileFAPI2, cfg)), server)
	for _, method := range []string{oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodTLS, oauth2.AuthMethodSelfSignedTLS} {
		cfg.AuthMethods, cfg.MutualTLS = []string{method, oauth2.AuthMethodBasic}, &oauth2.MutualTLSConfig{}
		keyed := oauth2.Client{ID: "keyed", TokenEndpointAuthMethod: method}
		secret := oauth2.Client{ID: "secret", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(oauth2.NewSecret())}}}
		require.NotContains(t, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg)), byKey)
		found := said(oauth2.Lint(oauth2.ProfileFAPI2, cfg, &keyed, &secret))
		require.NotContains(t, found, server)
		require.NotContains(t, found, client(keyed))
		require.Contains(t, found, client(secret))
	}
}
