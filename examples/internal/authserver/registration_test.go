package authserver_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

// registration calls the registration endpoint; a token that is "" is not sent.
func (s *site) registration(method, target, token, metadata string) map[string]any {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(metadata))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.ca.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	got := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&got) // of a deletion there is no body
	got["status"] = res.StatusCode
	return got
}

const newcomer = `{"client_name":"Xmail <official>","redirect_uris":["https://newcomer.example/cb"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none","scope":"contacts.read contacts.stats"}`

func TestAClientThatRegisteredItselfIsShownAsSuchAndOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *authserver.Options) { o.Store = "sqlite:" + t.TempDir() + "/xmail.db" })
	client := s.registration(http.MethodPost, s.url+"/register", "", newcomer)
	require.Equal(t, http.StatusCreated, client["status"], client)
	require.Equal(t, "contacts.read", client["scope"])
	id, uri, token := client["client_id"].(string), client["registration_client_uri"].(string), client["registration_access_token"].(string)

	s.use(s.start())
	b := s.loggedIn("alice", "wonderland")
	target := request("client_id", id, "redirect_uri", "https://newcomer.example/cb")
	page := b.consentPage(target)
	require.Contains(t, page.body, `id="unknown"`)
	require.Contains(t, page.body, "registered itself")
	require.Contains(t, page.body, "Xmail &lt;official&gt;")
	require.Contains(t, page.body, "<strong>newcomer.example</strong>")
	location, err := url.Parse(b.submit(page, "decision", "yes").header.Get("Location"))
	require.NoError(t, err)
	tokens := s.call("/token", "", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {id}, "code": {location.Query().Get("code")}, "redirect_uri": {"https://newcomer.example/cb"}, "code_verifier": {verifier},
	})
	require.Equal(t, http.StatusOK, tokens["status"], tokens)
	require.Equal(t, true, s.introspect(tokens["access_token"])["active"])
	require.Contains(t, b.get("/connected-apps").body, "Xmail &lt;official&gt;")

	require.Equal(t, http.StatusNoContent, s.registration(http.MethodDelete, uri, token, "")["status"])
	require.Equal(t, false, s.introspect(tokens["access_token"])["active"])
	require.Equal(t, http.StatusBadRequest, b.get(target).status)
	require.Equal(t, http.StatusOK, b.get("/connected-apps").status)
	require.NotContains(t, b.consentPage(request()).body, `id="unknown"`)
}

func TestAClientThatRegisteredItselfActsForNobodyWithoutAUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, grantType := range []string{"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer", "password", "implicit"} {
		got := s.registration(http.MethodPost, s.url+"/register", "", `{"grant_types":["`+grantType+`"],"redirect_uris":["https://newcomer.example/cb"]}`)
		require.Equal(t, "invalid_client_metadata", got["error"], grantType)
	}
	got := s.registration(http.MethodPost, s.url+"/register", "", `{"grant_types":["urn:ietf:params:oauth:grant-type:device_code"],"token_endpoint_auth_method":"none"}`)
	require.Equal(t, http.StatusCreated, got["status"], got)
}

func TestWithARegistrationTokenNobodyRegistersWithoutIt(t *testing.T) {
	t.Parallel()
	const token = "a-registration-token-of-the-operator"
	s := newSite(t, func(o *authserver.Options) { o.RegistrationToken = token })
	require.Equal(t, http.StatusUnauthorized, s.registration(http.MethodPost, s.url+"/register", "", newcomer)["status"])
	require.Equal(t, http.StatusUnauthorized, s.registration(http.MethodPost, s.url+"/register", token+"x", newcomer)["status"])
	require.Equal(t, http.StatusCreated, s.registration(http.MethodPost, s.url+"/register", token, newcomer)["status"])

	var o authserver.Options
	fs := flag.NewFlagSet("authserver", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.Flags(fs)
	err := fs.Parse([]string{"-registration-token", "short"})
	require.ErrorContains(t, err, "16 characters or more")
}
