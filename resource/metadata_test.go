package resource_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

func newMetadata(t testing.TB, cfg resource.MetadataConfig) *resource.Metadata {
	t.Helper()
	m, err := resource.NewMetadata(cfg)
	require.NoError(t, err)
	return m
}

func TestTheMetadataTellsWhatIsConfiguredAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  resource.MetadataConfig
		want map[string]any
	}{
		{
			resource.MetadataConfig{Resource: audience},
			map[string]any{"resource": audience, "bearer_methods_supported": []any{"header"}},
		},
		{
			resource.MetadataConfig{
				Resource: audience, AuthorizationServers: []string{"https://id.example.com"}, Scopes: oauth2.Scope{"read", "write"}, Name: "Contacts",
				Documentation: "https://x.example.com/docs", Policy: "https://x.example.com/policy", TermsOfService: "https://x.example.com/tos",
				DPoPRequired: true, DPoPAlgorithms: []string{"ES256"}, CertificateBound: true, AuthorizationDetailsTypes: []string{"payment"},
			},
			map[string]any{
				"resource": audience, "authorization_servers": []any{"https://id.example.com"}, "scopes_supported": []any{"read", "write"},
				"bearer_methods_supported": []any{"header"}, "resource_name": "Contacts", "resource_documentation": "https://x.example.com/docs",
				"resource_policy_uri": "https://x.example.com/policy", "resource_tos_uri": "https://x.example.com/tos",
				"authorization_details_types_supported": []any{"payment"},
				"dpop_bound_access_tokens_required":     true, "dpop_signing_alg_values_supported": []any{"ES256"}, "tls_client_certificate_bound_access_tokens": true,
			},
		},
	} {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://evil.example.com/", nil)
		r.Header.Set("X-Forwarded-Host", "evil.example.com")
		newMetadata(t, c.cfg).ServeHTTP(rec, r)
		got := answer{rec.Code, rec.Header(), rec.Body.String()}
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, c.want, got.json(t))
		require.Equal(t, "application/json", got.header.Get("Content-Type"))
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
	}
}

func TestTheMetadataIsReadOnly(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	newMetadata(t, resource.MetadataConfig{Resource: audience}).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", nil))
	require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
	require.Equal(t, "GET, HEAD", rec.Header().Get("Allow"))
}

func TestTheMetadataIsFoundAtTheRootAndWithThePathInserted(t *testing.T) {
	t.Parallel()
	const root = "/.well-known/oauth-protected-resource"
	for uri, c := range map[string]struct {
		url   string
		paths []string
	}{
		"https://api.example.com":        {"https://api.example.com" + root, []string{root}},
		"https://api.example.com/":       {"https://api.example.com" + root, []string{root}},
		"https://api.example.com/a/b":    {"https://api.example.com" + root + "/a/b", []string{root, root + "/a/b"}},
		"http://127.0.0.1:8640/v1":       {"http://127.0.0.1:8640" + root + "/v1", []string{root, root + "/v1"}},
		"https://api.example.com/slash/": {"https://api.example.com" + root + "/slash", []string{root, root + "/slash/", root + "/slash"}},
	} {
		m := newMetadata(t, resource.MetadataConfig{Resource: uri})
		require.Equal(t, c.url, m.URL())
		require.Equal(t, c.paths, m.Paths())
	}
}

func TestEveryMisconfigurationOfMetadataIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := resource.NewMetadata(resource.MetadataConfig{
		Resource: "http://api.example.com", AuthorizationServers: []string{"ftp://x"}, Scopes: oauth2.Scope{"a b"}, Policy: "javascript:alert(1)", DPoPAlgorithms: []string{"none"}, AuthorizationDetailsTypes: []string{""},
	})
	for _, text := range []string{"Resource", "AuthorizationServers", "Scopes", "javascript", "none", "AuthorizationDetailsTypes"} {
		require.ErrorContains(t, err, text)
	}
	for _, uri := range []string{"", "urn:api", "https://api.example.com/?a=b", "https://api.example.com/#x", "https://u:p@api.example.com", "https://api.example.com/%2e", "https://api.example.com/\""} {
		_, err := resource.NewMetadata(resource.MetadataConfig{Resource: uri})
		require.Error(t, err, uri)
	}
	_, err = resource.NewGuard(resource.GuardConfig{
		Checker: resource.Formats{}, Audience: audience, Metadata: newMetadata(t, resource.MetadataConfig{Resource: otherAudience}),
	})
	require.ErrorContains(t, err, "Metadata is that of another resource")
}

func TestWithMetadataEveryChallengeSaysWhereItIsAndWhichScopeIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	m := newMetadata(t, resource.MetadataConfig{Resource: audience})
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: w.server, Audience: audience, Metadata: m})
	require.NoError(t, err)
	mux := http.NewServeMux()
	for _, path := range m.Paths() {
		mux.Handle(path, m)
	}
	mux.Handle("/", guard.Require("read", "write")(http.HandlerFunc(tellFacts)))
	listener := httptest.NewServer(mux)
	t.Cleanup(listener.Close)
	a := &api{t: t, url: listener.URL, client: direct}
	for name, c := range map[string]struct {
		got    answer
		status int
	}{
		"no token":  {a.call(), http.StatusUnauthorized},
		"malformed": {a.call("Bearer \""), http.StatusBadRequest},
		"unknown":   {a.call("Bearer x"), http.StatusUnauthorized},
		"narrow":    {a.call("Bearer " + w.token(audience, "read")), http.StatusForbidden},
	} {
		require.Equal(t, c.status, c.got.status, name)
		told := challengeIn(t, c.got)
		require.Equal(t, m.URL(), told["resource_metadata"], name)
		require.Equal(t, "read write", told["scope"], name)
	}
	found, err := direct.Get(listener.URL + strings.TrimPrefix(m.URL(), audience))
	require.NoError(t, err)
	require.NoError(t, found.Body.Close())
	require.Equal(t, http.StatusOK, found.StatusCode)
}
