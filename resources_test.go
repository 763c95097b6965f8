package oauth2_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// The resources of these tests: of one everything may be asked for, of the others some.
const (
	openAPI  = "https://open.example.com"
	readAPI  = "https://read.example.com"
	writeAPI = "https://write.example.com"
)

func severalResources(cfg *oauth2.ServerConfig) {
	cfg.Resources = []oauth2.Resource{
		{URI: openAPI},
		{URI: readAPI, Scopes: oauth2.Scope{"read", "stats"}, AccessLifetime: 10 * time.Minute},
		{URI: writeAPI, Scopes: oauth2.Scope{"write"}, AccessLifetime: 5 * time.Minute},
	}
}

func TestEveryMisconfigurationOfAResourceIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := oauth2.New(oauth2.ServerConfig{
		Scopes: oauth2.Scope{"read"}, ACRValues: []string{"gold", "", "a b"},
		Resources: []oauth2.Resource{
			{URI: readAPI}, {URI: readAPI}, {URI: "relative"}, {URI: openAPI, Scopes: oauth2.Scope{"read", "write", "a b"}, AccessLifetime: time.Millisecond, Format: "paseto"},
		},
	})
	for _, text := range []string{
		`"` + readAPI + `" occurs twice`, `"relative" is not an absolute URI`, `the scope "write" is not among Scopes`, `the scope "a b" is malformed`,
		"AccessLifetime 1ms is shorter than a second", `the Format "paseto" is unknown`, `ACRValues: ""`, `ACRValues: "a b"`,
	} {
		require.ErrorContains(t, err, text)
	}
	require.NotContains(t, err.Error(), `"gold"`)
}

func TestATokenIsCutToTheScopeThatItsResourcesTakeAndTheClientIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, severalResources)
	for name, c := range map[string]struct {
		resources []string
		scope     string
		want      string
		lifetime  float64
	}{
		"everything":           {[]string{openAPI}, "read stats", "read stats", 3600},
		"what it takes":        {[]string{readAPI}, "read", "read", 600},
		"the default":          {[]string{readAPI}, "", "stats read", 600},
		"one takes everything": {[]string{openAPI, writeAPI}, "read", "read", 300},
		"what either takes":    {[]string{readAPI, writeAPI}, "stats read", "stats read", 300},
		"no resource":          {nil, "read", "read", 3600},
	} {
		params := []string{"grant_type", "client_credentials"}
		if c.scope != "" {
			params = append(params, "scope", c.scope)
		}
		for _, uri := range c.resources {
			params = append(params, "resource", uri)
		}
		got := w.token(machine, params...)
		require.Equal(t, 200, got.status, "%s: %s", name, got.body)
		require.Equal(t, c.want, got.str("scope"), name)
		require.Equal(t, c.lifetime, got.json["expires_in"], "%s: the shortest lifetime counts", name)
		require.Equal(t, c.want, w.post("/introspect", api, values("token", got.str("access_token"))).str("scope"), name)
	}
	refused(t, w.token(machine, "grant_type", "client_credentials", "resource", writeAPI), 400, "invalid_scope")
	refused(t, w.token(machine, "grant_type", "client_credentials", "resource", writeAPI, "scope", "read"), 400, "invalid_scope")
}

func TestTheShortestOfTheLifetimesCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, severalResources, func(cfg *oauth2.ServerConfig) { cfg.AccessLifetime = 2 * time.Minute })
	require.Equal(t, 120.0, w.token(machine, "grant_type", "client_credentials", "resource", readAPI).json["expires_in"])
}

func TestTheGrantKeepsItsScopeAndEachTokenHasWhatItsResourceTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, severalResources)
	var asked []oauth2.Scope
	consent := w.consent
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		asked = append(asked, req.Scope)
		return consent(rw, r, req)
	}
	query := codeRequest("resource", readAPI)
	query.Add("resource", writeAPI)
	got := w.post("/token", webApp, redemption(w.approve(query)))
	require.Equal(t, 200, got.status, got.body)
	refresh := got.str("refresh_token")
	require.Equal(t, oauth2.Scope{"read", "write"}, asked[0])
	for uri, want := range map[string]string{readAPI: "read", writeAPI: "write"} {
		got := w.refresh(refresh, "resource", uri)
		require.Equal(t, 200, got.status, got.body)
		require.Equal(t, want, got.str("scope"))
		refresh = got.str("refresh_token")
	}
	refused(t, w.refresh(refresh, "resource", writeAPI, "scope", "read"), 400, "invalid_scope")
	require.Equal(t, "read write", w.refresh(refresh).str("scope"), "what was refused spent nothing")
}

func TestConsentIsAskedForWhatTheResourceTakesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, severalResources)
	var asked oauth2.Scope
	consent := w.consent
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		asked = req.Scope
		return consent(rw, r, req)
	}
	w.tokens("resource", writeAPI, "scope", "read write")
	require.Equal(t, oauth2.Scope{"write"}, asked)
}
