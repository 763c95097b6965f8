package oauth2_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

func TestPushedRequestsCanBeRequired(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*world{
		"of everyone": newWorld(t, pushing, func(cfg *oauth2.ServerConfig) { cfg.RequirePushedAuthorizationRequests = true }),
		"of a client": newWorld(t, pushing, func(cfg *oauth2.ServerConfig) {
			client, err := cfg.Clients.Client(t.Context(), webApp)
			require.NoError(t, err)
			strict := client.Clone()
			strict.RequirePushedAuthorizationRequests = true
			cfg.Clients, err = memory.NewClients(strict)
			require.NoError(t, err)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := w.ask(codeRequest())
			require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
			require.Equal(t, "invalid_request", sent.location(t).Get("error"))
			require.NotEmpty(t, w.approve(w.pushed()))
		})
	}
}

func TestPushedRequestsAreAdvertisedWhereTheyAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pushing, func(cfg *oauth2.ServerConfig) { cfg.RequirePushedAuthorizationRequests = true })
	m := w.get(direct, "/.well-known/oauth-authorization-server", nil)
	require.Equal(t, w.url+"/par", m.str("pushed_authorization_request_endpoint"))
	require.Equal(t, true, m.json["require_pushed_authorization_requests"])
	require.Contains(t, w.server.Paths(), "/par")

	off := newWorld(t)
	m = off.get(direct, "/.well-known/oauth-authorization-server", nil)
	require.NotContains(t, m.body, "pushed")
	require.Equal(t, http.StatusNotFound, off.push(webApp).status)
	rec := httptest.NewRecorder()
	off.server.PushAuthorizationRequest(rec, httptest.NewRequest(http.MethodPost, "/par", nil))
	require.Equal(t, http.StatusNotFound, rec.Code)
}

func TestWhatARequestCannotBeSignedOrFetchedByIsNotRegistered(t *testing.T) {
	t.Parallel()
	require.NoError(t, (&oauth2.Client{ID: "x", RequestURIs: []string{"https://app.example.com/r"}, RequestObjectSigningAlg: "PS256", AuthorizationSignedResponseAlg: "ES256"}).Validate())
	for name, client := range map[string]oauth2.Client{
		"request_uri":                       {RequestURIs: []string{"http://app.example.com/r"}},
		"fragment":                          {RequestURIs: []string{"https://app.example.com/r#x"}},
		"request_object_signing_alg":        {RequestObjectSigningAlg: "none"},
		"authorization_signed_response_alg": {AuthorizationSignedResponseAlg: "HS256"},
	} {
		client.ID = "x"
		require.ErrorContains(t, client.Validate(), name)
	}
}

func TestTheLinterTellsWhatAClientDemandsInVain(t *testing.T) {
	t.Parallel()
	client := &oauth2.Client{ID: "strict", RequirePushedAuthorizationRequests: true, RequireSignedRequestObject: true}
	sections := func(cfg oauth2.ServerConfig) (all []string) {
		for _, finding := range oauth2.Lint(oauth2.ProfileOAuth21, cfg, client) {
			all = append(all, finding.Section)
		}
		return all
	}
	off := sections(oauth2.ServerConfig{})
	require.Contains(t, off, "RFC 9126 section 6")
	require.Contains(t, off, "RFC 9101 section 10.5")
	on := sections(oauth2.ServerConfig{RequestObjects: true, Endpoints: oauth2.Endpoints{PushedAuthorization: "/par"}})
	require.NotContains(t, on, "RFC 9126 section 6")
	require.NotContains(t, on, "RFC 9101 section 10.5")
}

func TestTheLinterNamesTheClientsThatNeedNotPush(t *testing.T) {
	t.Parallel()
	strict := &oauth2.Client{ID: "strict", RequirePushedAuthorizationRequests: true}
	lax, reader := &oauth2.Client{ID: "lax"}, &oauth2.Client{ID: "reader", GrantTypes: []string{}}
	subjects := func(required bool, clients ...*oauth2.Client) (all []string) {
		cfg := oauth2.ServerConfig{Endpoints: oauth2.Endpoints{PushedAuthorization: "/par"}, RequirePushedAuthorizationRequests: required}
		for _, finding := range oauth2.Lint(oauth2.ProfileFAPI2, cfg, clients...) {
			if finding.Section == "FAPI 2.0 section 5.3.2.2 item 3" {
				all = append(all, finding.Subject)
			}
		}
		return all
	}
	require.Equal(t, []string{"server"}, subjects(false))
	require.Equal(t, []string{"server"}, subjects(false, lax, reader))
	require.Equal(t, []string{"client lax"}, subjects(false, strict, lax, reader))
	require.Empty(t, subjects(false, strict, reader))
	require.Empty(t, subjects(true, lax))
}
