package resource_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

func TestABoundTokenWithoutItsProofIsRefusedUnderEveryScheme(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]*oauth2.Confirmation{
		"a key":          {JKT: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
		"a certificate":  {X5T: "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
		"both":           {JKT: "x", X5T: "y"},
		"an unknown key": {},
	} {
		a := newAPI(t, telling(oauth2.TokenInfo{Confirmation: bound}))
		for _, scheme := range []string{"Bearer", "DPoP", "bearer", "dpop"} {
			got := a.call(scheme + " token")
			require.Equal(t, http.StatusUnauthorized, got.status, name)
			require.Equal(t, "invalid_token", got.json(t)["error"], name)
		}
	}
}

func TestATokenThatIsBoundToNoKeyIsNoDPoPToken(t *testing.T) {
	t.Parallel()
	got := newAPI(t, telling(oauth2.TokenInfo{})).call("DPoP token")
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Equal(t, "invalid_token", got.json(t)["error"])
}

func TestWhereMetadataRequireDPoPABearerTokenIsRefused(t *testing.T) {
	t.Parallel()
	m := newMetadata(t, resource.MetadataConfig{Resource: audience, DPoPRequired: true})
	cfg := resource.GuardConfig{Checker: telling(oauth2.TokenInfo{}), Audience: audience, Metadata: m}
	_, err := resource.NewGuard(cfg)
	require.ErrorContains(t, err, "DPoP, which is not configured")
	cfg.DPoP = &resource.DPoPConfig{URL: audience}
	guard, err := resource.NewGuard(cfg)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer token")
	rec := httptest.NewRecorder()
	guard.Require()(http.HandlerFunc(tellFacts)).ServeHTTP(rec, r)
	require.Equal(t, http.StatusUnauthorized, rec.Code)
	require.Contains(t, rec.Body.String(), "invalid_token")
}

func TestTheConfirmationIsReadFromJWTsAndFromIntrospection(t *testing.T) {
	t.Parallel()
	key := testKeys()[jose.ES256]
	i := newIssuer(t, published(key, jose.ES256, "k"))
	for _, c := range []struct {
		cnf  string
		want *oauth2.Confirmation
	}{
		{`{"jkt":"a"}`, &oauth2.Confirmation{JKT: "a"}},
		{`{"x5t#S256":"b"}`, &oauth2.Confirmation{X5T: "b"}},
		{`{"x5t#S256":"b","jkt":"a"}`, &oauth2.Confirmation{JKT: "a", X5T: "b"}},
		{`{}`, &oauth2.Confirmation{}},
		{`null`, &oauth2.Confirmation{}},
		{`{"kid":"c"}`, &oauth2.Confirmation{}},
		{`{"jkt":"a","kid":"c"}`, &oauth2.Confirmation{}},
		{`{"JKT":"a"}`, &oauth2.Confirmation{}},
	} {
		introspector, _ := saying(t, http.StatusOK, "application/json", `{"active":true,"cnf":`+c.cnf+`}`)
		info, err := introspector.Check(t.Context(), "token")
		require.NoError(t, err, c.cnf)
		require.Equal(t, c.want, info.Confirmation, c.cnf)

		claims := i.claims(map[string]any{"cnf": rawJSON(c.cnf)})
		info, err = i.verifier().Check(t.Context(), signed(t, jose.ES256, key, "k", claims, nil))
		require.NoError(t, err, c.cnf)
		require.Equal(t, c.want, info.Confirmation, c.cnf)
	}
}

// rawJSON is written as it is.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestACachedAnswerKeepsItsConfirmation(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"active":true,"cnf":{"jkt":"a"}}`))
	}))
	t.Cleanup(server.Close)
	i, err := resource.NewIntrospector(resource.IntrospectorConfig{Endpoint: server.URL, ClientID: "x", ClientSecret: "y", CacheFor: 1 << 40})
	require.NoError(t, err)
	for range 3 {
		info, err := i.Check(t.Context(), "token")
		require.NoError(t, err)
		require.Equal(t, &oauth2.Confirmation{JKT: "a"}, info.Confirmation)
		info.Confirmation.JKT = ""
	}
}
