package oauth2_test

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const statementIssuer = "https://apps.example.com"

// withStatements believes the software statements of statementIssuer.
func withStatements(c *oauth2.RegistrationConfig) {
	c.SoftwareStatements = []oauth2.SoftwareStatementIssuer{
		{Issuer: statementIssuer, JWKS: jwksOf(publicJWK(keyOf("statement", jose.ES256), "one"))},
		{Issuer: "https://rsa.example.com", JWKS: jwksOf(publicJWK(keyOf("statement", jose.RS256), "rsa")), Algorithm: "RS256"},
	}
}

// statement signs what a software statement says, changed by changes; nil removes a claim.
func statement(t *testing.T, w *world, key crypto.Signer, headers map[jose.HeaderKey]any, changes members) string {
	claims := members{"iss": statementIssuer, "iat": w.clock.Now().Unix(), "software_id": "4NRB1", "client_name": "Approved app", "redirect_uris": []string{"https://approved.example.com/cb"}}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return signedJWT(t, key, jose.ES256, headers, claims)
}

func TestWhatASoftwareStatementSaysTakesPrecedence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(withStatements))
	signed := statement(t, w, keyOf("statement", jose.ES256), nil, nil)
	got := w.registered(members{"software_statement": signed, "client_name": "Mine", "software_version": "2"})
	require.Equal(t, "Approved app", got.str("client_name"))
	require.Equal(t, []any{"https://approved.example.com/cb"}, got.json["redirect_uris"])
	require.Equal(t, "4NRB1", got.str("software_id"))
	require.Equal(t, "2", got.str("software_version"), "which the statement does not say")
	require.Equal(t, signed, got.str("software_statement"))
	require.Equal(t, signed, w.manage(http.MethodGet, got, nil).str("software_statement"))

	change := replacement(got, members{"software_statement": signed})
	changed := w.manage(http.MethodPut, got, change)
	require.Equal(t, "Approved app", changed.str("client_name"))
	require.Equal(t, changed.json, w.manage(http.MethodPut, got, change).json, "the same change, sent again")
	without := w.manage(http.MethodPut, changed, replacement(got, nil))
	require.Equal(t, "Zoë's app", without.str("client_name"))
	require.Empty(t, without.str("software_statement"))
}

// A busyRegistry has its clients changed by somebody else, once.
type busyRegistry struct {
	*memory.Clients
	once sync.Once
}

func (b *busyRegistry) ReplaceClient(ctx context.Context, old, next *oauth2.Client) (err error) {
	if b.once.Do(func() { err = oauth2.ErrConflict }); err != nil {
		return err
	}
	return b.Clients.ReplaceClient(ctx, old, next)
}

func TestWhatASoftwareStatementSaysIsTheSameWhereAChangeIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(withStatements), func(cfg *oauth2.ServerConfig) {
		cfg.Clients = &busyRegistry{Clients: cfg.Clients.(*memory.Clients)}
	})
	got := w.registered(nil)
	signed := statement(t, w, keyOf("statement", jose.ES256), nil, members{"client_id": "another", "client_secret": "another"})
	changed := w.manage(http.MethodPut, got, replacement(got, members{"software_statement": signed}))
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	require.Equal(t, "Approved app", changed.str("client_name"))
	require.Equal(t, got.str("client_id"), changed.str("client_id"))
}

func TestASoftwareStatementThatCannotBeBelievedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(withStatements))
	key, now := keyOf("statement", jose.ES256), w.clock.Now()
	good := statement(t, w, key, nil, nil)
	for name, c := range map[string]struct{ text, code string }{
		"garbage":                 {"garbage", "invalid_software_statement"},
		"another key":             {statement(t, w, keyOf("stranger", jose.ES256), nil, nil), "invalid_software_statement"},
		"a key that it brings":    {statement(t, w, keyOf("stranger", jose.ES256), map[jose.HeaderKey]any{"jwk": publicJWK(keyOf("stranger", jose.ES256), "x")}, nil), "invalid_software_statement"},
		"a changed signature":     {changedAt(good, len(good)-10), "invalid_software_statement"},
		"not signed":              {"eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2FwcHMuZXhhbXBsZS5jb20ifQ.", "invalid_software_statement"},
		"HMAC":                    {signedJWT(t, []byte("0123456789abcdef0123456789abcdef"), jose.HS256, nil, members{"iss": statementIssuer}), "invalid_software_statement"},
		"an algorithm not of its": {signedJWT(t, keyOf("statement", jose.RS256), jose.PS256, nil, members{"iss": "https://rsa.example.com"}), "invalid_software_statement"},
		"typed as something else": {statement(t, w, key, map[jose.HeaderKey]any{"typ": "at+jwt"}, nil), "invalid_software_statement"},
		"expired":                 {statement(t, w, key, nil, members{"exp": now.Unix()}), "invalid_software_statement"},
		"of the future":           {statement(t, w, key, nil, members{"nbf": now.Add(time.Hour).Unix()}), "invalid_software_statement"},
		"for another server":      {statement(t, w, key, nil, members{"aud": "https://other.example.com"}), "invalid_software_statement"},
		"an unknown issuer":       {statement(t, w, key, nil, members{"iss": "https://unknown.example.com"}), "unapproved_software_statement"},
		"no issuer":               {statement(t, w, key, nil, members{"iss": nil}), "unapproved_software_statement"},
		"what cannot be":          {statement(t, w, key, nil, members{"redirect_uris": []string{"http://evil.example"}}), "invalid_redirect_uri"},
	} {
		got := w.register(appMetadata(members{"software_statement": c.text}))
		require.Equal(t, c.code, got.str("error"), "%s: %s", name, got.body)
		require.Equal(t, http.StatusBadRequest, got.status, name)
	}
	require.Equal(t, http.StatusCreated, w.register(appMetadata(members{"software_statement": statement(t, w, key, map[jose.HeaderKey]any{"typ": "JWT"}, members{"aud": w.url, "exp": now.Add(time.Hour).Unix()})})).status)
	rsa := signedJWT(t, keyOf("statement", jose.RS256), jose.RS256, nil, members{"iss": "https://rsa.example.com", "client_name": "RSA"})
	require.Equal(t, "RSA", w.registered(members{"software_statement": rsa}).str("client_name"))
}

func TestASoftwareStatementIsIgnoredWhereNoneIsBelievedAndRequiredWhereThatIsSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	got := w.registered(members{"software_statement": statement(t, w, keyOf("statement", jose.ES256), nil, nil)})
	require.Equal(t, "Zoë's app", got.str("client_name"))
	require.NotContains(t, got.json, "software_statement")

	w = newWorld(t, withRegistration(withStatements, func(c *oauth2.RegistrationConfig) { c.RequireSoftwareStatement = true }))
	refused(t, w.register(appMetadata(nil)), http.StatusBadRequest, "invalid_software_statement")
	w.registered(members{"software_statement": statement(t, w, keyOf("statement", jose.ES256), nil, nil)})
}

func TestAClientRegistersTheKeysThatItAuthenticatesWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(func(c *oauth2.RegistrationConfig) { c.Policy.GrantTypes = []string{oauth2.GrantClientCredentials} }), func(cfg *oauth2.ServerConfig) {
		cfg.AuthMethods = []string{oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodBasic}
	})
	key := keyOf("registered", jose.ES256)
	metadata := members{"grant_types": []string{"client_credentials"}, "token_endpoint_auth_method": "private_key_jwt"}
	refused(t, w.register(metadata), http.StatusBadRequest, "invalid_client_metadata")
	metadata["jwks"] = jwksOf(publicJWK(key, "one"))
	got := w.register(metadata)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.NotContains(t, got.json, "client_secret")
	require.NotEmpty(t, got.json["jwks"])
	id, now := got.str("client_id"), w.clock.Now().Unix()
	assertion := signedJWT(t, key, jose.ES256, nil, members{"iss": id, "sub": id, "aud": w.url, "jti": oauth2.NewSecret(), "iat": now, "exp": now + 60})
	token := w.post("/token", "", values("grant_type", "client_credentials", "client_assertion_type", assertionType, "client_assertion", assertion))
	require.Equal(t, http.StatusOK, token.status, token.body)
}

func TestLintFindsWhatARegistrationLeavesOpen(t *testing.T) {
	t.Parallel()
	about := func(profile oauth2.Profile, registration oauth2.RegistrationConfig) (found []string) {
		cfg := minimal()
		cfg.Registration = &registration
		for _, f := range oauth2.Lint(profile, cfg) {
			if f.Subject == "Registration" {
				found = append(found, string(f.Level)+" | "+f.Section)
			}
		}
		return found
	}
	machines := oauth2.RegistrationPolicy{GrantTypes: []string{"client_credentials"}}
	keys := oauth2.RegistrationPolicy{AuthMethods: []string{oauth2.AuthMethodPrivateKeyJWT}}
	require.Empty(t, about(oauth2.ProfileOAuth21, oauth2.RegistrationConfig{Policy: machines}))
	require.Equal(t, []string{"note | RFC 7591 section 5"}, about(oauth2.ProfileOAuth21, oauth2.RegistrationConfig{Open: true}))
	require.Equal(t, []string{"note | RFC 7591 section 5", "should | RFC 7591 section 5"}, about(oauth2.ProfileOAuth21, oauth2.RegistrationConfig{Open: true, Policy: machines}))
	require.Equal(t, []string{"must | FAPI 2.0 section 5.3.2.1 item 6"}, about(oauth2.ProfileFAPI2, oauth2.RegistrationConfig{}))
	require.Empty(t, about(oauth2.ProfileFAPI2, oauth2.RegistrationConfig{Policy: keys}))
}

// fixedClients can be looked up, and nothing else.
type fixedClients struct{ oauth2.ClientStore }

// seenClients is a decorator.
type seenClients struct{ oauth2.ClientStore }

func (s seenClients) Unwrap() oauth2.ClientStore { return s.ClientStore }

func TestARegistrationThatCannotWorkIsAMisconfiguration(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		registration oauth2.RegistrationConfig
		change       func(*oauth2.ServerConfig)
	}{
		"neither Open nor InitialAccessToken": {},
		"needs a ClientStore":                 {oauth2.RegistrationConfig{Open: true}, func(cfg *oauth2.ServerConfig) { cfg.Clients = fixedClients{cfg.Clients} }},
		"needs a TokenStore":                  {oauth2.RegistrationConfig{Open: true}, func(cfg *oauth2.ServerConfig) { cfg.Tokens = plainStore{cfg.Tokens} }},
		`grant type "password" is not served`: {oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{GrantTypes: []string{"password"}}}, nil},
		`method "tls_client_auth" is not`:     {oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{AuthMethods: []string{"tls_client_auth"}}}, nil},
		`scope "stats" is malformed or not`:   {oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{Scope: oauth2.Scope{"stats"}}}, func(cfg *oauth2.ServerConfig) { cfg.Scopes = oauth2.Scope{"read"} }},
		"DefaultScope is more":                {oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{Scope: oauth2.Scope{"read"}, DefaultScope: oauth2.Scope{"write"}}}, nil},
		"SecretLifetime 1s":                   {oauth2.RegistrationConfig{Open: true, Policy: oauth2.RegistrationPolicy{SecretLifetime: time.Second}}, nil},
		"RequireSoftwareStatement needs":      {oauth2.RegistrationConfig{Open: true, RequireSoftwareStatement: true}, nil},
		"SoftwareStatements[0] has no Issuer": {oauth2.RegistrationConfig{Open: true, SoftwareStatements: []oauth2.SoftwareStatementIssuer{{}}}, nil},
		"exactly one of JWKS and JWKSURI":     {oauth2.RegistrationConfig{Open: true, SoftwareStatements: []oauth2.SoftwareStatementIssuer{{Issuer: "x"}}}, nil},
		"a JWKS that is no JWK Set":           {oauth2.RegistrationConfig{Open: true, SoftwareStatements: []oauth2.SoftwareStatementIssuer{{Issuer: "x", JWKS: []byte(`{}`)}}}, nil},
		"a JWKSURI that is no https URL":      {oauth2.RegistrationConfig{Open: true, SoftwareStatements: []oauth2.SoftwareStatementIssuer{{Issuer: "x", JWKSURI: "http://x.example"}}}, nil},
		"an Algorithm that is not served":     {oauth2.RegistrationConfig{Open: true, SoftwareStatements: []oauth2.SoftwareStatementIssuer{{Issuer: "x", JWKSURI: "https://x.example", Algorithm: "none"}}}, nil},
		`Endpoints: "/token" occurs twice`:    {oauth2.RegistrationConfig{Open: true}, func(cfg *oauth2.ServerConfig) { cfg.Endpoints.Registration = "/token" }},
		`"register" is not a plain path`:      {oauth2.RegistrationConfig{Open: true}, func(cfg *oauth2.ServerConfig) { cfg.Endpoints.Registration = "register" }},
	} {
		cfg := minimal()
		cfg.Registration = &c.registration
		if c.change != nil {
			c.change(&cfg)
		}
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, text)
	}
}

func TestTheRegistryIsFoundBehindDecorators(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	cfg.Registration = &oauth2.RegistrationConfig{Open: true}
	cfg.Clients = seenClients{seenClients{cfg.Clients}}
	_, err := oauth2.New(cfg)
	require.NoError(t, err)
}

func TestClientsAreComparedInEveryMember(t *testing.T) {
	t.Parallel()
	clients := testClients(t)
	one, err := clients.Client(t.Context(), webApp)
	require.NoError(t, err)
	other := one.Clone()
	require.True(t, one.Equal(other))
	other.Name, other.Dynamic = "Other", true
	require.False(t, one.Equal(other))
	changed, err := one.Difference(other)
	require.NoError(t, err)
	require.Equal(t, []string{"client_name", "dynamic"}, changed)
	changed, err = other.Difference(one)
	require.NoError(t, err)
	require.Equal(t, []string{"client_name", "dynamic"}, changed)

	other.JWKS = []byte("{")
	require.False(t, one.Equal(other))
	require.False(t, other.Equal(other), "which JSON cannot tell")
	_, err = one.Difference(other)
	require.Error(t, err)
}

func TestARandomSourceThatFailsRegistersNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration(), func(cfg *oauth2.ServerConfig) { cfg.Rand = failingReader{} })
	refused(t, w.register(appMetadata(nil)), http.StatusServiceUnavailable, "temporarily_unavailable")
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

var _ oauth2.ClientRegistry = (*memory.Clients)(nil)
