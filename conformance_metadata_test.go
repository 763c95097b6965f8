package oauth2_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

const metadataURI = "/.well-known/oauth-authorization-server"

func TestMetadataIsAJSONObjectThatIsFetchedByGET(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.get(w.browser, metadataURI, nil)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.NotEmpty(t, got.json)
	for name, value := range got.json {
		require.NotNil(t, value, name)
		if several, ok := value.([]any); ok {
			require.NotEmpty(t, several, name)
		}
		require.Equal(t, strings.HasSuffix(name, "_supported") && name != "authorization_response_iss_parameter_supported", isList(value), name)
	}
	require.Equal(t, http.StatusNotFound, w.get(w.browser, metadataURI+"/", nil).status)
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// issuedBy starts a server of an issuer in this process.
func issuedBy(t *testing.T, issuer string) *oauth2.Server {
	t.Helper()
	cfg := minimal()
	cfg.Issuer, cfg.Tokens = issuer, memory.New()
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	return server
}

func TestTheMetadataOfEachIssuerStandsWhereRFC8414PutsIt(t *testing.T) {
	t.Parallel()
	for issuer, path := range map[string]string{
		"https://id.example.com":           metadataURI,
		"https://id.example.com/":          metadataURI,
		"https://id.example.com/one":       metadataURI + "/one",
		"https://id.example.com/one/":      metadataURI + "/one",
		"https://id.example.com/one/two":   metadataURI + "/one/two",
		"https://id.example.com:8443/a/b/": metadataURI + "/a/b",
	} {
		server := issuedBy(t, issuer)
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusOK, rec.Code, issuer)
		var document map[string]any
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &document))
		require.Equal(t, issuer, document["issuer"], "as it was configured, to the last slash")
		for name, value := range document {
			if strings.HasSuffix(name, "_endpoint") {
				u, err := url.Parse(value.(string))
				require.NoError(t, err)
				require.Equal(t, "https", u.Scheme, name)
				require.Empty(t, u.Fragment)
				require.Empty(t, u.RawQuery)
				require.NotContains(t, u.Path, "//")
				require.Contains(t, server.Paths(), u.Path)
			}
		}
	}
}

func TestIssIsTheIssuerOfTheMetadataToTheLastCharacter(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "/tenants/one", "/tenants/one/"} {
		w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Issuer += path })
		w.url = w.http.URL
		below := strings.TrimSuffix(path, "/")
		metadata := w.get(w.browser, metadataURI+below, nil)
		require.Equal(t, w.http.URL+path, metadata.str("issuer"))
		require.Equal(t, true, metadata.json["authorization_response_iss_parameter_supported"])
		w.url = w.http.URL + below
		require.Equal(t, metadata.str("issuer"), w.ask(codeRequest("scope", "admin")).location(t).Get("iss"), "in an error")
		query := codeRequest()
		sent := w.decide(query, formTokenIn(w.ask(query).body), "yes").location(t)
		require.NotEmpty(t, sent.Get("code"))
		require.Equal(t, []string{metadata.str("issuer")}, sent["iss"], "once, in a success")
	}
}
