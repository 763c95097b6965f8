package oauth2_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
)

// fapiConfig is a configuration of the preset, with what the preset leaves to the application.
func fapiConfig() oauth2.ServerConfig {
	cfg := minimal()
	cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com"}}
	return cfg
}

// fapiClient is one that the profile has nothing against.
func fapiClient() *oauth2.Client {
	return &oauth2.Client{
		ID: "bank", TokenEndpointAuthMethod: oauth2.AuthMethodPrivateKeyJWT, JWKS: jwksOf(publicJWK(keyOf("bank", jose.ES256), "")),
		RedirectURIs: []string{webRedirect}, GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken}, Scope: oauth2.Scope{"read"},
	}
}

func TestThePresetAndItsClientsAreConformant(t *testing.T) {
	t.Parallel()
	cfg := oauth2.FAPI2Security(fapiConfig())
	require.Empty(t, oauth2.Lint(oauth2.ProfileFAPI2, cfg, fapiClient()))
	_, err := oauth2.New(cfg)
	require.NoError(t, err)
	require.NotEmpty(t, oauth2.Lint(oauth2.ProfileFAPI2, fapiConfig(), fapiClient()), "without the preset")

	cfg = fapiConfig()
	cfg.MutualTLS = &oauth2.MutualTLSConfig{}
	cfg = oauth2.FAPI2Security(cfg)
	require.Nil(t, cfg.DPoP)
	shows := fapiClient()
	shows.TokenEndpointAuthMethod = oauth2.AuthMethodSelfSignedTLS
	require.Empty(t, oauth2.Lint(oauth2.ProfileFAPI2, cfg, shows))
	_, err = oauth2.New(cfg)
	require.NoError(t, err)

	cfg = fapiConfig()
	cfg.Grants = []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}}
	cfg = oauth2.FAPI2Security(cfg)
	_, err = oauth2.New(cfg)
	require.NoError(t, err, "for machines alone")
}

func TestWhatContradictsTheProfileIsAMisconfiguration(t *testing.T) {
	t.Parallel()
	for section, change := range map[string]func(*oauth2.ServerConfig){
		"5.2.1": func(cfg *oauth2.ServerConfig) { cfg.Issuer = "http://127.0.0.1:1" },
		"5.3.2.1 item 2": func(cfg *oauth2.ServerConfig) {
			cfg.Grants = append(cfg.Grants, namedGrant{oauth2.CodeGrant{}, "password"})
		},
		"5.3.2.1 item 6":  func(cfg *oauth2.ServerConfig) { cfg.AuthMethods = append(cfg.AuthMethods, oauth2.AuthMethodBasic) },
		"5.3.2.1 item 9":  func(cfg *oauth2.ServerConfig) { cfg.Grants[1] = oauth2.RefreshGrant{} },
		"5.3.2.1 item 11": func(cfg *oauth2.ServerConfig) { cfg.CodeLifetime = 61 * time.Second },
		"5.3.2.2 item 2":  func(cfg *oauth2.ServerConfig) { cfg.Endpoints.PushedAuthorization = "" },
		"5.3.2.2 item 3":  func(cfg *oauth2.ServerConfig) { cfg.RequirePushedAuthorizationRequests = false },
		"5.3.2.2 item 12": func(cfg *oauth2.ServerConfig) { cfg.PushedRequestLifetime = 10 * time.Minute },
		"5.4.1 item 1": func(cfg *oauth2.ServerConfig) {
			cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{make([]byte, 32)}, Algorithm: oauth2.RS256}
		},
		"set WithoutRS256": func(cfg *oauth2.ServerConfig) { cfg.DPoP = &oauth2.DPoPConfig{} },
		"software statements may": func(cfg *oauth2.ServerConfig) {
			statements := []oauth2.SoftwareStatementIssuer{{Issuer: "x", JWKSURI: "https://x.example", Algorithm: "RS256"}}
			cfg.Registration = &oauth2.RegistrationConfig{Open: true, SoftwareStatements: statements}
		},
		"RequireSenderCon": func(cfg *oauth2.ServerConfig) { cfg.DPoP = nil },
		"bound to no sender": func(cfg *oauth2.ServerConfig) {
			cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, tokenResponse{}}
		},
		"is unknown": func(cfg *oauth2.ServerConfig) { cfg.Profile = "FAPI 1" },
	} {
		cfg := oauth2.FAPI2Security(fapiConfig())
		change(&cfg)
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, section)
	}
}

func TestClientsThatContradictTheProfileAreFound(t *testing.T) {
	t.Parallel()
	cfg := oauth2.FAPI2Security(fapiConfig())
	for section, change := range map[string]func(*oauth2.Client){
		"5.3.2.1 item 3":  func(c *oauth2.Client) { c.TokenEndpointAuthMethod = oauth2.AuthMethodNone },
		"5.3.2.1 item 6":  func(c *oauth2.Client) { c.TokenEndpointAuthMethod = oauth2.AuthMethodBasic },
		"5.3.2.1 item 11": func(c *oauth2.Client) { c.CodeLifetime = 2 * time.Minute },
		"5.3.2.1 item 14": func(c *oauth2.Client) { c.Scope = nil },
		"5.3.2.2 item 5":  func(c *oauth2.Client) { c.PKCEOptional = true },
		"5.3.2.2 item 8":  func(c *oauth2.Client) { c.RedirectURIs = []string{"http://app.example.com/cb"} },
		"5.4.1 item 1":    func(c *oauth2.Client) { c.TokenEndpointAuthSigningAlg = "RS256" },
	} {
		client := fapiClient()
		change(client)
		findings := oauth2.Lint(oauth2.ProfileFAPI2, cfg, client)
		require.Len(t, findings, 1, section)
		require.Equal(t, "FAPI 2.0 section "+section, findings[0].Section)
	}
}

// onLoopback is the preset on plain http, which the profile itself refuses.
func onLoopback(cfg *oauth2.ServerConfig) {
	preset := oauth2.FAPI2Security(*cfg)
	preset.Profile = ""
	preset.AuthMethods = nil // the clients of these tests have secrets
	*cfg = preset
}

func TestUnderThePresetNoBearerTokenIsIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onLoopback)
	refused(t, w.token(machine, "grant_type", "client_credentials"), 400, "invalid_dpop_proof")
	code := w.approve(w.pushed())
	refused(t, w.post("/token", webApp, redemption(code)), 400, "invalid_dpop_proof")
	got := w.tokenProven(webApp, redemption(code), w.dpopKey())
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "DPoP", got.str("token_type"))
	refused(t, w.refresh(got.str("refresh_token")), 400, "invalid_dpop_proof")

	byCertificate := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.MutualTLS = &oauth2.MutualTLSConfig{}
		onLoopback(cfg)
	})
	refused(t, byCertificate.token(machine, "grant_type", "client_credentials"), 400, "invalid_request")
}

func TestUnderThePresetTheRefreshTokenOfAConfidentialClientIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onLoopback)
	key := w.dpopKey()
	refresh := w.tokenProven(webApp, redemption(w.approve(w.pushed())), key).str("refresh_token")
	seen := map[string]bool{}
	for range 3 {
		w.clock.Advance(time.Hour)
		got := w.tokenProven(webApp, refreshment(refresh), key)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, refresh, got.str("refresh_token"))
		require.False(t, seen[got.str("access_token")])
		seen[got.str("access_token")] = true
	}
	w.clock.Advance(29 * 24 * time.Hour)
	require.Equal(t, http.StatusOK, w.tokenProven(webApp, refreshment(refresh), key).status, "each use prolongs it")
	w.clock.Advance(31 * 24 * time.Hour)
	refused(t, w.tokenProven(webApp, refreshment(refresh), key), 400, "invalid_grant")

	form := w.browserCodePushed()
	public := w.tokenProven(browserApp, form, key).str("refresh_token")
	replaced := w.tokenProven(browserApp, refreshment(public), key).str("refresh_token")
	require.NotEqual(t, public, replaced)
}

func TestAKeptRefreshTokenSurvivesParallelUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{KeepConfidential: true}}
	})
	_, refresh := w.tokens()
	answers := make(chan answer, 16)
	for range cap(answers) {
		go func() { answers <- w.refresh(refresh) }()
	}
	access := map[string]bool{}
	for range cap(answers) {
		got := <-answers
		require.Equal(t, http.StatusOK, got.status, got.body)
		access[got.str("access_token")] = true
	}
	require.Len(t, access, cap(answers))
	for token := range access {
		_, err := w.server.Check(context.Background(), token)
		require.NoError(t, err)
	}
}

// The switch may be turned while tokens are out: the one that rotated last is the one that is kept, and those
// it replaced long ago still end all.
func TestTheSwitchToKeptRefreshTokensForgivesNoReuse(t *testing.T) {
	t.Parallel()
	rotating := newWorld(t)
	_, first := rotating.tokens()
	second := rotating.refresh(first).str("refresh_token")
	keeping := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Tokens, cfg.Issuer, cfg.Now = rotating.store, rotating.url, rotating.clock.Now
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{KeepConfidential: true}}
	})
	keeping.url = keeping.http.URL
	require.Equal(t, second, keeping.refresh(second).str("refresh_token"))
	rotating.clock.Advance(time.Hour)
	refused(t, keeping.refresh(first), 400, "invalid_grant")
	refused(t, keeping.refresh(second), 400, "invalid_grant")
}

func TestUnderThePresetAProofIsNotSignedWithRS256(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onLoopback)
	form := values("grant_type", "client_credentials")
	refused(t, w.tokenProven(machine, form, dpoptest.New(jose.RS256, w.clock.Now)), 400, "invalid_dpop_proof")
	require.Equal(t, http.StatusOK, w.tokenProven(machine, form, dpoptest.New(jose.PS256, w.clock.Now)).status)
	require.Equal(t, []any{"ES256", "EdDSA", "Ed25519", "PS256"}, w.get(direct, "/.well-known/oauth-authorization-server", nil).json["dpop_signing_alg_values_supported"])
}

// browserCodePushed is a code of the public client for a request that it pushed.
func (w *world) browserCodePushed() (form map[string][]string) {
	pushed := w.post("/par", "", codeRequest("client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read"))
	require.Equal(w.t, http.StatusCreated, pushed.status, pushed.body)
	code := w.approve(values("client_id", browserApp, "request_uri", pushed.str("request_uri")))
	return redemption(code, "redirect_uri", browserRedirect)
}
