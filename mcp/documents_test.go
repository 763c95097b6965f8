package mcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
)

// startDocument serves a good document, changed by changes, over TLS; nil removes a member.
func startDocument(t *testing.T, changes map[string]any) (id string, asked *atomic.Int32, trusting *http.Client) {
	asked = &atomic.Int32{}
	var host *httptest.Server
	host = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		members := map[string]any{
			"client_id": host.URL + "/client.json", "client_name": "An MCP client", "redirect_uris": []string{callback, "http://127.0.0.1/back", "com.example.app:/back"},
			"grant_types": []string{"authorization_code", "refresh_token"},
		}
		for name, value := range changes {
			if members[name] = value; value == nil {
				delete(members, name)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(members)
	}))
	t.Cleanup(host.Close)
	return host.URL + "/client.json", asked, host.Client()
}

// refusedOnPage requires that an authorization request leads to a page and nowhere else.
func (w *world) refusedOnPage(client, redirectURI string) answer {
	w.t.Helper()
	got := w.get(w.url + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirectURI},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(xoauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
	}.Encode())
	require.Equal(w.t, http.StatusBadRequest, got.status, got.body)
	require.Empty(w.t, got.header.Get("Location"))
	return got
}

func TestAClientOfADocumentCallsTheServer(t *testing.T) {
	t.Parallel()
	id, asked, trusting := startDocument(t, nil)
	w := newWorld(t, func(c *mcp.Config) { c.ClientIDMetadata.HTTPClient = trusting })
	told, verifier := w.authorize(id, "scope", read+" "+mcp.ScopeOfflineAccess, "resource", w.url+"/mcp/")
	require.Equal(t, w.url, told.Get("iss"))
	got := w.redeem(id, told, verifier, "resource", w.url+"/mcp/")
	require.Equal(t, http.StatusOK, got.status, got.body)
	token := got.json(t)
	require.Equal(t, http.StatusOK, w.call(token["access_token"].(string), "hello").status)
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token["refresh_token"].(string)}, "client_id": {id}}
	require.Equal(t, http.StatusOK, w.do(http.MethodPost, w.url+"/token", refresh.Encode(), "Content-Type", "application/x-www-form-urlencoded").status)
	require.EqualValues(t, 1, asked.Load())
	w.refusedOnPage(id, "com.example.app:/back") // neither https nor this machine
	w.refusedOnPage(id, "https://app.example.com/other")
}

func TestADocumentHasTheMembersThatTheRevisionRequires(t *testing.T) {
	t.Parallel()
	for _, member := range []string{"client_id", "client_name", "redirect_uris"} {
		id, _, trusting := startDocument(t, map[string]any{member: nil})
		w := newWorld(t, func(c *mcp.Config) { c.ClientIDMetadata.HTTPClient = trusting })
		w.refusedOnPage(id, callback)
	}
	id, _, trusting := startDocument(t, nil)
	w := newWorld(t, func(c *mcp.Config) {
		c.ClientIDMetadata.HTTPClient = trusting
		c.ClientIDMetadata.Accept = func(_ context.Context, c *oauth2.Client) (bool, error) { return c.Name == "Another", nil }
	})
	require.Contains(t, w.refusedOnPage(id, callback).body, "not accepted", "the application has its say too")
}

// What fetches the keys of registered clients may reach further than what fetches a stranger's document.
func TestADocumentIsNotFetchedByWhatFetchesRegisteredKeys(t *testing.T) {
	t.Parallel()
	id, asked, trusting := startDocument(t, nil)
	w := newWorld(t, func(c *mcp.Config) { c.Server.HTTPClient = trusting })
	w.refusedOnPage(id, callback)
	require.Zero(t, asked.Load())
}
