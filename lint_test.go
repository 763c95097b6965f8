package oauth2_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A namedGrant is a grant of an application's own.
type namedGrant struct {
	oauth2.GrantHandler
	name string
}

func (g namedGrant) GrantType() string { return g.name }

// chosen is the hash of a secret that a person chose. It takes a while to make.
var chosen = sync.OnceValue(func() string { return oauth2.HashPassword("tiger") })

// badConfig is wrong in every way that a rule looks for.
func badConfig() (oauth2.ServerConfig, []*oauth2.Client) {
	cfg := oauth2.ServerConfig{
		Issuer:          "http://localhost:8620",
		Grants:          []oauth2.GrantHandler{oauth2.CodeGrant{}, namedGrant{oauth2.RefreshGrant{}, "refresh_token"}, namedGrant{oauth2.CodeGrant{}, "implicit"}, namedGrant{oauth2.CodeGrant{}, "password"}, nil},
		ResponseTypes:   []oauth2.ResponseTypeHandler{nil, oauth2.CodeResponse{}, tokenResponse{}},
		CodeLifetime:    5 * time.Minute,
		AccessLifetime:  2 * time.Hour,
		RefreshLifetime: 2 * 365 * 24 * time.Hour,
		RefreshGrace:    5 * time.Minute,
	}
	codeAndRefresh := []string{"authorization_code", "refresh_token"}
	return cfg, []*oauth2.Client{
		{ID: "web", Secrets: []oauth2.ClientSecret{{Hash: "in clear"}}, RedirectURIs: []string{"http://app.example.com/cb", "https://app.example.com/*", "http://[::1]/cb"}, PKCEOptional: true, Scope: oauth2.Scope{"read"}, CodeLifetime: 2 * time.Minute},
		{ID: "old", Secrets: []oauth2.ClientSecret{{Hash: chosen()}}, GrantTypes: []string{"password", "implicit"}, Scope: oauth2.Scope{"read"}, AccessLifetime: 24 * time.Hour},
		{ID: "spa", RedirectURIs: []string{"http://localhost/cb", "com.example.app:/cb"}, GrantTypes: codeAndRefresh, RefreshLifetime: 2 * 365 * 24 * time.Hour},
		nil,
	}
}

// said are the findings, each as section, level and subject.
func said(findings []oauth2.Finding) (lines []string) {
	for _, f := range findings {
		lines = append(lines, strings.Join([]string{f.Section, string(f.Level), f.Subject}, " | "))
	}
	return lines
}

func TestASecureConfigurationFallsShortOnlyOfWhatIsNotServed(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	require.Equal(t, []string{
		"RFC 9700 section 2.2.1 | should | server",
		"RFC 9700 section 2.3 | should | Resources",
		"RFC 9700 section 2.5 | should | server",
		"RFC 9700 section 4.14.2 | note | SubjectActive",
		" | note | OnEvent",
		" | note | Pepper",
	}, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg)), "the defaults")

	cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com"}}
	cfg.SubjectActive = func(context.Context, string) (bool, error) { return true, nil }
	cfg.OnEvent = func(context.Context, oauth2.Event) {}
	cfg.Pepper = []byte("pepper")
	client := &oauth2.Client{ID: "web", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(oauth2.NewSecret())}}, RedirectURIs: []string{"https://app.example.com/cb"}, Scope: oauth2.Scope{"read"}}
	native := &oauth2.Client{ID: "cli", RedirectURIs: []string{"http://127.0.0.1/cb"}, GrantTypes: []string{"authorization_code", "refresh_token"}, Scope: oauth2.Scope{"read"}}
	api := &oauth2.Client{ID: "api", Secrets: client.Secrets, GrantTypes: []string{}, ResourceServer: true}
	require.Equal(t, []string{
		"RFC 9700 section 2.2.1 | should | server",
		"RFC 9700 section 2.5 | should | server",
	}, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg, client, native, api)), "with all that can be configured")
	require.Equal(t, []string{
		"FAPI 2.0 section 5.3.2.1 item 4 | must | server",
		"FAPI 2.0 section 5.3.2.1 item 6 | must | server",
		"FAPI 2.0 section 5.3.2.1 item 9 | must | Grants",
		"FAPI 2.0 section 5.3.2.2 item 2 | must | server",
		"FAPI 2.0 section 5.3.2.2 item 3 | must | server",
	}, said(oauth2.Lint(oauth2.ProfileFAPI2, cfg, client, api)))
}

func TestABadConfigurationIsFoundInEveryRule(t *testing.T) {
	t.Parallel()
	cfg, clients := badConfig()
	require.Equal(t, []string{
		"OAuth 2.1 section 1.5 | must | Issuer",
		"OAuth 2.1 section 2.4 | must | client web",
		"OAuth 2.1 section 7.1.3.5 | should | AccessLifetime",
		"OAuth 2.1 section 7.1.3.5 | should | client old",
		"OAuth 2.1 section 7.7 | should | client old",
		"OAuth 2.1 section 8.4.1 | note | client spa, redirect URI com.example.app:/cb",
		"OAuth 2.1 section 10.1 | must | ResponseTypes",
		"OAuth 2.1 section 10.1 | must | Grants",
		"OAuth 2.1 section 10.1 | must | client old",
		"RFC 8252 section 8.3 | should | client spa, redirect URI http://localhost/cb",
		"RFC 9700 section 2.1 | must | client web, redirect URI https://app.example.com/*",
		"RFC 9700 section 2.1.1 | must | client web",
		"RFC 9700 section 2.2.1 | should | server",
		"RFC 9700 section 2.2.2 | must | client spa",
		"RFC 9700 section 2.3 | should | Resources",
		"RFC 9700 section 2.3 | should | client spa",
		"RFC 9700 section 2.4 | must | Grants",
		"RFC 9700 section 2.4 | must | client old",
		"RFC 9700 section 2.5 | should | server",
		"RFC 9700 section 2.6 | must | client web, redirect URI http://app.example.com/cb",
		"RFC 9700 section 2.6 | must | client web, redirect URI http://[::1]/cb",
		"RFC 9700 section 4.14.2 | should | RefreshGrace",
		"RFC 9700 section 4.14.2 | should | RefreshLifetime",
		"RFC 9700 section 4.14.2 | should | client spa",
		"RFC 9700 section 4.14.2 | note | SubjectActive",
		" | note | OnEvent",
		" | note | Pepper",
	}, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg, clients...)))
	require.Equal(t, []string{
		"FAPI 2.0 section 5.2.1 | must | Issuer",
		"FAPI 2.0 section 5.3.2.1 item 2 | must | Grants",
		"FAPI 2.0 section 5.3.2.1 item 2 | must | client old",
		"FAPI 2.0 section 5.3.2.1 item 3 | must | client spa",
		"FAPI 2.0 section 5.3.2.1 item 4 | must | server",
		"FAPI 2.0 section 5.3.2.1 item 4 | must | ResponseTypes",
		"FAPI 2.0 section 5.3.2.1 item 4 | must | Grants",
		"FAPI 2.0 section 5.3.2.1 item 4 | must | client old",
		"FAPI 2.0 section 5.3.2.1 item 6 | must | server",
		"FAPI 2.0 section 5.3.2.1 item 9 | must | Grants",
		"FAPI 2.0 section 5.3.2.1 item 11 | must | CodeLifetime",
		"FAPI 2.0 section 5.3.2.1 item 11 | must | client web",
		"FAPI 2.0 section 5.3.2.1 item 14 | should | Resources",
		"FAPI 2.0 section 5.3.2.1 item 14 | should | client spa",
		"FAPI 2.0 section 5.3.2.2 item 2 | must | server",
		"FAPI 2.0 section 5.3.2.2 item 3 | must | server",
		"FAPI 2.0 section 5.3.2.2 item 5 | must | client web",
		"FAPI 2.0 section 5.3.2.2 item 8 | must | client web, redirect URI http://app.example.com/cb",
		"FAPI 2.0 section 5.3.2.2 item 8 | must | client web, redirect URI http://[::1]/cb",
		"FAPI 2.0 section 5.4.1 item 4 | must | client old",
	}, said(oauth2.Lint(oauth2.ProfileFAPI2, cfg, clients...)))
}

// Each mend removes what it is for, in both profiles, and nothing else.
func TestEachFindingGoesWhenItIsMended(t *testing.T) {
	t.Parallel()
	random := []oauth2.ClientSecret{{Hash: oauth2.HashSecret(oauth2.NewSecret())}}
	const web, old, spa = 0, 1, 2
	for name, c := range map[string]struct {
		mend func(*oauth2.ServerConfig, []*oauth2.Client)
		gone []string
	}{
		"issuer": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Issuer = "https://id.example.com" },
			[]string{"OAuth 2.1 section 1.5 | must | Issuer", "FAPI 2.0 section 5.2.1 | must | Issuer"}},
		"secret in clear": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[web].Secrets = random },
			[]string{"OAuth 2.1 section 2.4 | must | client web"}},
		"access lifetime": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.AccessLifetime = 0 },
			[]string{"OAuth 2.1 section 7.1.3.5 | should | AccessLifetime"}},
		"client's access lifetime": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[old].AccessLifetime = time.Hour },
			[]string{"OAuth 2.1 section 7.1.3.5 | should | client old"}},
		"chosen secret": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[old].Secrets = random },
			[]string{"OAuth 2.1 section 7.7 | should | client old", "FAPI 2.0 section 5.4.1 item 4 | must | client old"}},
		"private-use scheme": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) {
			c[spa].RedirectURIs[1] = "https://app.example.com/cb"
		},
			[]string{"OAuth 2.1 section 8.4.1 | note | client spa, redirect URI com.example.app:/cb"}},
		"localhost": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[spa].RedirectURIs[0] = "http://127.0.0.1/cb" },
			[]string{"RFC 8252 section 8.3 | should | client spa, redirect URI http://localhost/cb"}},
		"wildcard": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) {
			c[web].RedirectURIs[1] = "https://app.example.com/cb"
		},
			[]string{"RFC 9700 section 2.1 | must | client web, redirect URI https://app.example.com/*"}},
		"PKCE": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[web].PKCEOptional = false },
			[]string{"RFC 9700 section 2.1.1 | must | client web", "FAPI 2.0 section 5.3.2.2 item 5 | must | client web"}},
		"implicit grant": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Grants = slices.Delete(cfg.Grants, 2, 3) },
			[]string{"OAuth 2.1 section 10.1 | must | Grants", "FAPI 2.0 section 5.3.2.1 item 4 | must | Grants"}},
		"implicit response": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.ResponseTypes = nil },
			[]string{"OAuth 2.1 section 10.1 | must | ResponseTypes", "FAPI 2.0 section 5.3.2.1 item 4 | must | ResponseTypes"}},
		"client's implicit grant": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[old].GrantTypes = []string{"password"} },
			[]string{"OAuth 2.1 section 10.1 | must | client old", "FAPI 2.0 section 5.3.2.1 item 4 | must | client old"}},
		"password grant": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Grants = slices.Delete(cfg.Grants, 3, 4) },
			[]string{"RFC 9700 section 2.4 | must | Grants", "FAPI 2.0 section 5.3.2.1 item 2 | must | Grants"}},
		"client's password grant": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[old].GrantTypes = []string{"implicit"} },
			[]string{"RFC 9700 section 2.4 | must | client old", "FAPI 2.0 section 5.3.2.1 item 2 | must | client old"}},
		"refresh grant": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Grants[1] = oauth2.RefreshGrant{} },
			[]string{"RFC 9700 section 2.2.2 | must | client spa"}},
		"no refresh grant": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Grants[1] = nil },
			[]string{"RFC 9700 section 2.2.2 | must | client spa", "RFC 9700 section 4.14.2 | note | SubjectActive", " | note | Pepper", "FAPI 2.0 section 5.3.2.1 item 9 | must | Grants"}},
		"no code grant": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Grants[0] = nil },
			[]string{"FAPI 2.0 section 5.3.2.2 item 2 | must | server", "FAPI 2.0 section 5.3.2.2 item 3 | must | server"}},
		"audience": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) {
			cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com"}}
		}, []string{"RFC 9700 section 2.3 | should | Resources", "FAPI 2.0 section 5.3.2.1 item 14 | should | Resources"}},
		"scope": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[spa].Scope = oauth2.Scope{"read"} },
			[]string{"RFC 9700 section 2.3 | should | client spa", "FAPI 2.0 section 5.3.2.1 item 14 | should | client spa"}},
		"http redirect": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) {
			c[web].RedirectURIs[0] = "https://app.example.com/cb"
		},
			[]string{"RFC 9700 section 2.6 | must | client web, redirect URI http://app.example.com/cb", "FAPI 2.0 section 5.3.2.2 item 8 | must | client web, redirect URI http://app.example.com/cb"}},
		"loopback redirect of a native client": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[web].ApplicationType = "native" },
			[]string{"RFC 9700 section 2.6 | must | client web, redirect URI http://[::1]/cb", "FAPI 2.0 section 5.3.2.2 item 8 | must | client web, redirect URI http://[::1]/cb"}},
		"grace": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.RefreshGrace = 0 },
			[]string{"RFC 9700 section 4.14.2 | should | RefreshGrace"}},
		"strict rotation": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.RefreshGrace = -1 },
			[]string{"RFC 9700 section 4.14.2 | should | RefreshGrace", " | note | Pepper"}},
		"refresh lifetime": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.RefreshLifetime = 0 },
			[]string{"RFC 9700 section 4.14.2 | should | RefreshLifetime"}},
		"client's refresh lifetime": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[spa].RefreshLifetime = 0 },
			[]string{"RFC 9700 section 4.14.2 | should | client spa"}},
		"locked users": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) {
			cfg.SubjectActive = func(context.Context, string) (bool, error) { return true, nil }
		}, []string{"RFC 9700 section 4.14.2 | note | SubjectActive"}},
		"events": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) {
			cfg.OnEvent = func(context.Context, oauth2.Event) {}
		},
			[]string{" | note | OnEvent"}},
		"pepper": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.Pepper = []byte("pepper") },
			[]string{" | note | Pepper"}},
		"code lifetime": {func(cfg *oauth2.ServerConfig, _ []*oauth2.Client) { cfg.CodeLifetime = time.Minute },
			[]string{"FAPI 2.0 section 5.3.2.1 item 11 | must | CodeLifetime"}},
		"client's code lifetime": {func(_ *oauth2.ServerConfig, c []*oauth2.Client) { c[web].CodeLifetime = 0 },
			[]string{"FAPI 2.0 section 5.3.2.1 item 11 | must | client web"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, clients := badConfig()
			before := said(append(oauth2.Lint(oauth2.ProfileOAuth21, cfg, clients...), oauth2.Lint(oauth2.ProfileFAPI2, cfg, clients...)...))
			c.mend(&cfg, clients)
			after := said(append(oauth2.Lint(oauth2.ProfileOAuth21, cfg, clients...), oauth2.Lint(oauth2.ProfileFAPI2, cfg, clients...)...))
			require.Equal(t, slices.DeleteFunc(before, func(line string) bool { return slices.Contains(c.gone, line) }), after)
			for _, line := range c.gone {
				require.NotContains(t, after, line)
			}
		})
	}
}

func TestAResourceServerIsToldAboutItsOwnTokensAlone(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	cfg.Resources = []oauth2.Resource{{URI: "https://api.example.com"}, {URI: "https://mail.example.com"}}
	api := &oauth2.Client{ID: "api", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret("x")}}, GrantTypes: []string{}, ResourceServer: true}
	const finding = "RFC 9700 section 2.3 | should | client api"
	require.Contains(t, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg, api)), finding)
	api.Resources = []string{"https://api.example.com"}
	require.NotContains(t, said(oauth2.Lint(oauth2.ProfileOAuth21, cfg, api)), finding)
}

func TestLintTakesAnyConfigurationAndChangesNothing(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, oauth2.Lint(oauth2.ProfileOAuth21, oauth2.ServerConfig{}))
	require.NotEmpty(t, oauth2.Lint(oauth2.ProfileFAPI2, oauth2.ServerConfig{Issuer: "::"}, &oauth2.Client{RedirectURIs: []string{"::", "http://%zz"}}))
	require.Empty(t, oauth2.Lint("another", oauth2.ServerConfig{}))
	cfg, clients := badConfig()
	_, same := badConfig()
	oauth2.Lint(oauth2.ProfileOAuth21, cfg, clients...)
	require.Equal(t, same, clients)
	for _, f := range oauth2.Lint(oauth2.ProfileOAuth21, cfg, clients...) {
		require.NotContains(t, f.String(), "in clear")
		require.NotContains(t, f.String(), "$argon2id$")
	}
}
