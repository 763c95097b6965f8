package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func minimal() oauth2.ServerConfig {
	clients, _ := memory.NewClients()
	return oauth2.ServerConfig{
		Issuer:  "https://id.example.com",
		Clients: clients,
		Tokens:  memory.New(),
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return nil, oauth2.ErrAccessDenied
		},
	}
}

func TestNewReportsEveryMisconfigurationAtOnce(t *testing.T) {
	t.Parallel()
	_, err := oauth2.New(oauth2.ServerConfig{
		Grants:                []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.CodeGrant{}, nil},
		Endpoints:             oauth2.Endpoints{Token: "token", Revocation: "/same", Introspection: "/same", Authorization: "/a?b"},
		Resources:             []oauth2.Resource{{URI: "api"}, {URI: "https://x#y"}},
		Scopes:                oauth2.Scope{"a b"},
		CodeLifetime:          time.Hour,
		AccessLifetime:        -1,
		RefreshLifetime:       -1,
		AuthorizationLifetime: -1,
		RefreshGrace:          time.Hour,
		SubjectActiveOnCheck:  true,
		Prefixes:              oauth2.TokenPrefixes{Access: "a_", Refresh: "a_b_"},
	})
	require.Error(t, err)
	for _, want := range []string{
		"Issuer is required", "Clients is required", "Tokens is required", "Consent is required", "twice", "Grants[2]",
		`"token" is not a plain path`, `"/a?b" is not a plain path`, `"/same" occurs twice`, `"api"`, `"https://x#y"`, `"a b" is malformed`,
		"CodeLifetime", "AccessLifetime", "RefreshLifetime", "AuthorizationLifetime", "RefreshGrace", "SubjectActiveOnCheck", "Prefixes",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestIssuerIsHTTPSButForThisMachine(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{
		"https://id.example.com":        true,
		"https://id.example.com/":       true,
		"https://id.example.com/tenant": true,
		"https://id.example.com:8443":   true,
		"http://localhost:8620":         true,
		"http://127.0.0.1:8620":         true,
		"http://[::1]:8620":             true,
		"http://id.example.com":         false,
		"http://127.0.0.1.example.com":  false,
		"http://192.168.1.1":            false,
		"https://id.example.com?x":      false,
		"https://id.example.com#x":      false,
		"https://user@id.example.com":   false,
		"https://id.example.com/%41":    false,
		"https://":                      false,
		"id.example.com":                false,
		"ftp://id.example.com":          false,
		"":                              false,
	} {
		cfg := minimal()
		cfg.Issuer = issuer
		_, err := oauth2.New(cfg)
		require.Equal(t, ok, err == nil, "%q: %v", issuer, err)
	}
}

func TestPrefixesTellTheKindsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Prefixes = oauth2.TokenPrefixes{Code: "xmail-code-", Access: "xmail-at-", Refresh: "xmail-rt-"}
	})
	access, refresh := w.tokens()
	require.True(t, strings.HasPrefix(access, "xmail-at-"))
	require.True(t, strings.HasPrefix(refresh, "xmail-rt-"))
	require.True(t, w.active(access))
	require.Equal(t, 200, w.refresh(refresh).status)
}

func TestServersOfSeveralIssuersShareOneStoreAndKnowNothingOfEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	other := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Tokens = w.store })
	require.False(t, other.active(access))
	refused(t, other.refresh(refresh), 400, "invalid_grant")
	require.Equal(t, 200, other.post("/revoke", webApp, values("token", refresh)).status)
	require.True(t, w.active(access), "another issuer's revocation has no effect")
	n, err := other.server.ExpireSubject(t.Context(), "alice")
	require.NoError(t, err)
	require.Zero(t, n)
	require.True(t, w.active(access))
}

// plainStore is a store that can do nothing but the four methods.
type plainStore struct{ oauth2.TokenStore }

// A decorator is a store in front of another.
type decorator struct{ oauth2.TokenStore }

func (d decorator) Unwrap() oauth2.TokenStore { return d.TokenStore }

func TestCapabilitiesOfAStoreAreFoundBehindDecorators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Tokens = decorator{decorator{memory.New()}} })
	_, err := w.server.ExpireSubject(t.Context(), "alice")
	require.NoError(t, err)

	w = newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Tokens = decorator{plainStore{memory.New()}} })
	_, err = w.server.ExpireSubject(t.Context(), "alice")
	require.ErrorIs(t, err, oauth2.ErrCannotList)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestCoreImportsTheStandardLibraryXAndGoJOSEAlone(t *testing.T) {
	t.Parallel()
	const module = "github.com/seed5f5fedc6/oauth2"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module, module+"/resource").CombinedOutput()
	require.NoError(t, err, string(out))
	for path := range strings.FieldsSeq(string(out)) {
		allowed := path == module || path == module+"/resource" || strings.HasPrefix(path, module+"/internal/") ||
			strings.HasPrefix(path, "golang.org/x/") || strings.HasPrefix(path, "github.com/go-jose/go-jose/")
		require.True(t, allowed, path)
	}
}

// A custom grant that misbehaves is held to the client's policy.
type customGrant struct {
	exchange func(context.Context, *oauth2.TokenRequest) (*oauth2.Issuance, error)
}

func (customGrant) GrantType() string { return "urn:example:custom" }
func (g customGrant) Exchange(ctx context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
	return g.exchange(ctx, req)
}

func withCustomGrant(exchange func(context.Context, *oauth2.TokenRequest) (*oauth2.Issuance, error)) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, customGrant{exchange}}
	}
}

func (w *world) custom(client string, pairs ...string) answer {
	return w.token(client, append([]string{"grant_type", "urn:example:custom"}, pairs...)...)
}

func addCustomClient(t *testing.T, w *world) {
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: "custom", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secretOf("custom"))}},
		GrantTypes: []string{"urn:example:custom", "refresh_token"}, Scope: oauth2.Scope{"read"},
	}))
}

func TestCustomGrantIsHeldToTheClientPolicy(t *testing.T) {
	t.Parallel()
	var stolen string
	attempts := map[string]func(context.Context, *oauth2.TokenRequest) (*oauth2.Issuance, error){
		"invalid_scope": func(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
			a, err := req.Begin("alice")
			if err == nil {
				a.Scope = oauth2.Scope{"read", "admin"}
			}
			return &oauth2.Issuance{Authorization: a}, err
		},
		"invalid_grant": func(ctx context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
			a, err := req.Load(ctx, stolen)
			return &oauth2.Issuance{Authorization: a}, err
		},
		"server_error": func(context.Context, *oauth2.TokenRequest) (*oauth2.Issuance, error) { return nil, nil },
	}
	for want, exchange := range attempts {
		w := newWorld(t, withCustomGrant(exchange))
		addCustomClient(t, w)
		stolen, _ = w.tokens()
		got := w.custom("custom")
		require.Equal(t, want, got.str("error"), got.body)
		refused(t, w.custom(webApp), 400, "unauthorized_client")
	}
}

func TestAGrantOfOnesOwnLoadsNoExchangedTokenWhoseSubjectTokenHasEnded(t *testing.T) {
	t.Parallel()
	w := newExchangeWorld(t, oauth2.TokenExchangeGrant{Policy: allow(oauth2.Impersonate)}, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = append(cfg.Grants, customGrant{func(ctx context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
			a, err := req.Load(ctx, req.Param("token"))
			return &oauth2.Issuance{Authorization: a}, err
		}})
	})
	w.changeClient(service, func(c *oauth2.Client) { c.GrantTypes = append(c.GrantTypes, "urn:example:custom") })
	access := w.userToken()
	exchanged := w.exchange(service, access).str("access_token")
	require.Equal(t, http.StatusOK, w.custom(service, "token", exchanged).status)
	w.post("/revoke", webApp, values("token", access))
	refused(t, w.custom(service, "token", exchanged), 400, "invalid_grant")
}

func TestTokenThatIsNarrowedToNothingCarriesNothingOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store), withResources("https://api.example.com"), withCustomGrant(func(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
			a, err := req.Begin("alice")
			return &oauth2.Issuance{Authorization: a, Scope: oauth2.Scope{}, Audience: []string{}}, err
		}))
		addCustomClient(t, w)
		info, err := w.server.Check(t.Context(), w.custom("custom").str("access_token"))
		require.NoError(t, err)
		require.Empty(t, info.Scope)
		require.Empty(t, info.Audience)
	})
}

func TestCustomGrantIssuesRefreshableTokensAndExtraMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withCustomGrant(func(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
		a, err := req.Begin("alice")
		return &oauth2.Issuance{Authorization: a, RefreshToken: true, Extra: map[string]any{"issued_token_type": "x", "access_token": "forged"}}, err
	}))
	addCustomClient(t, w)
	got := w.custom("custom")
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, "x", got.str("issued_token_type"))
	require.True(t, w.active(got.str("access_token")))
	refreshed := w.token("custom", "grant_type", "refresh_token", "refresh_token", got.str("refresh_token"))
	require.Equal(t, 200, refreshed.status, refreshed.body)
}
