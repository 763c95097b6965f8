package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// startDocument serves a document that describes a client, on this machine, and returns its URL.
func startDocument(t *testing.T, name, redirectURI string) string {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"client_id": server.URL + r.URL.Path, "client_name": name, "redirect_uris": []string{redirectURI}, "grant_types": []string{"authorization_code", "refresh_token"},
		})
	}))
	t.Cleanup(server.Close)
	return server.URL + "/client.json"
}

// requestOf is the authorization request of a client.
func requestOf(id, redirectURI string) string {
	target, query, _ := strings.Cut(request(), "?")
	values, _ := url.ParseQuery(query)
	values.Set("client_id", id)
	values.Set("redirect_uri", redirectURI)
	return target + "?" + values.Encode()
}

func TestConsentShowsWhoDescribesAClientThatNobodyRegistered(t *testing.T) {
	t.Parallel()
	const callback = "https://app.example.com/back"
	id := startDocument(t, "spam4<i>All</i>", callback)
	s := newSite(t)
	b := s.loggedIn("alice", "wonderland")
	page := b.consentPage(requestOf(id, callback))
	u, err := url.Parse(id)
	require.NoError(t, err)
	require.Contains(t, page.body, `id="document"`)
	require.Contains(t, page.body, "<strong>"+u.Host+"</strong>")
	require.Contains(t, page.body, "<strong>app.example.com</strong>")
	require.Contains(t, page.body, "spam4&lt;i&gt;All")
	require.NotContains(t, page.body, `id="local"`)
	answer := b.submit(page, "decision", "yes")
	location, err := url.Parse(answer.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "app.example.com", location.Host)
	tokens := s.call("/token", "", url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}, "client_id": {id},
	})
	require.Equal(t, 200, tokens["status"], tokens)
	require.Equal(t, "contacts.read", tokens["scope"])
	require.Contains(t, b.get("/connected-apps").body, id, "a name that is anybody's choice is not shown where its host is not")
}

func TestConsentWarnsOfAnswersToAProgramThatNobodyKnows(t *testing.T) {
	t.Parallel()
	const callback = "http://127.0.0.1/back"
	b := newSite(t).loggedIn("alice", "wonderland")
	page := b.consentPage(requestOf(startDocument(t, "A program", callback), "http://127.0.0.1:12345/back"))
	require.Contains(t, page.body, `id="local"`)
	require.Contains(t, page.body, "<strong>127.0.0.1:12345</strong>")
	b.language = "nl"
	require.Contains(t, b.consentPage(requestOf(startDocument(t, "Een programma", callback), callback)).body, "op deze computer")
	registered := b.consentPage(request())
	require.NotContains(t, registered.body, `id="local"`)
	require.NotContains(t, registered.body, `id="document"`)
}

func TestDocumentsAreForTheLoopbackIssuerAlone(t *testing.T) {
	t.Parallel()
	const member = "client_id_metadata_document_supported"
	told := func(s *site) string { return s.browser().get("/.well-known/oauth-authorization-server").body }
	require.Contains(t, told(newSite(t)), member)
	elsewhere := newSite(t, func(o *authserver.Options) {
		o.Issuer, o.ClientsFile, o.Users = "https://id.example.com", write(t, `[]`), testUsers()
	})
	answer := httptest.NewRecorder()
	elsewhere.app.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "https://id.example.com/.well-known/oauth-authorization-server", nil))
	require.Contains(t, answer.Body.String(), "https://id.example.com/token")
	require.NotContains(t, answer.Body.String(), member)
}
