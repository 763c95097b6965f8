package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/authserver"
)

const oldPage = "https://page.example.com/callback"

// legacyClients are registered for what no built-in client may use.
func legacyClients(o *authserver.Options) {
	o.Clients = []*oauth2.Client{
		{ID: "old-page", RedirectURIs: []string{oldPage}, GrantTypes: []string{"implicit"}, Scope: oauth2.Scope{"contacts.read"}},
		{
			ID: "old-app", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret("old-app-demo-secret-0123456789")}},
			GrantTypes: []string{"password", "refresh_token"}, Scope: oauth2.Scope{"contacts.read"},
		},
	}
}

func (s *site) metadata() (members map[string]any) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal([]byte(s.browser().get("/.well-known/oauth-authorization-server").body), &members))
	return members
}

func TestTheGrantsOfOAuth20AreOffUnlessTheirFlagsAreSet(t *testing.T) {
	t.Parallel()
	s := newSite(t, legacyClients)
	metadata := s.metadata()
	require.Equal(t, []any{"code"}, metadata["response_types_supported"])
	require.NotContains(t, metadata["grant_types_supported"], "implicit")
	require.NotContains(t, metadata["grant_types_supported"], "password")
	require.NotContains(t, s.app.Banner(), "warning")
	got := s.call("/token", "old-app", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"wonderland"}})
	require.Equal(t, "unsupported_grant_type", got["error"])
}

func TestTheGrantsOfOAuth20AreServedWithAWarningWhereTheirFlagsAreSet(t *testing.T) {
	t.Parallel()
	flags, err := parse(t, "-legacy-implicit", "-legacy-password")
	require.NoError(t, err)
	s := newSite(t, legacyClients, func(o *authserver.Options) {
		o.LegacyImplicit, o.LegacyPassword = flags.LegacyImplicit, flags.LegacyPassword
	})
	metadata := s.metadata()
	require.Equal(t, []any{"code", "token"}, metadata["response_types_supported"])
	require.Subset(t, metadata["grant_types_supported"], []any{"implicit", "password"})
	require.Contains(t, s.app.Banner(), "warning -legacy-implicit")
	require.Contains(t, s.app.Banner(), "warning -legacy-password")

	login := url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"wonderland"}}
	got := s.call("/token", "old-app", login)
	require.Equal(t, 200, got["status"], got)
	require.NotEmpty(t, got["refresh_token"])
	login.Set("password", "looking-glass")
	wrong := s.call("/token", "old-app", login)
	require.Equal(t, "invalid_grant", wrong["error"])
	login.Set("username", "nobody")
	require.Equal(t, wrong, s.call("/token", "old-app", login))

	request := url.Values{"response_type": {"token"}, "client_id": {"old-page"}, "redirect_uri": {oldPage}, "state": {"xyz"}}
	b := s.loggedIn("alice", "wonderland")
	sent := b.submit(b.consentPage("/request-access?"+request.Encode()), "decision", "yes")
	require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
	require.Regexp(t, `^https://page\.example\.com/callback#access_token=at_[\w-]{64}&token_type=Bearer&expires_in=600&scope=contacts\.read&state=xyz&iss=`, sent.header.Get("Location"))
}

func TestTheGrantsOfOAuth20AreForThisMachineAlone(t *testing.T) {
	t.Parallel()
	for _, set := range []func(*authserver.Options){
		func(o *authserver.Options) { o.LegacyImplicit = true },
		func(o *authserver.Options) { o.LegacyPassword = true },
	} {
		o := authserver.Options{Issuer: "https://id.example.com", Store: "memory", Users: testUsers()}
		legacyClients(&o)
		set(&o)
		_, err := authserver.New(t.Context(), o)
		require.ErrorContains(t, err, "for an issuer on this machine alone")
	}
}
