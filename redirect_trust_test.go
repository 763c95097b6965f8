package oauth2_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// A client that registered itself cannot lead people from this server to a page of its own before they
// were asked (RFC 9700 section 4.11.2).
func TestAnErrorRedirectsNobodyToAnUnknownClientBeforeTheOwnerWasAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	id := w.registered(members{"token_endpoint_auth_method": "none"}).str("client_id")
	request := func(pairs ...string) url.Values {
		return codeRequest(append([]string{"client_id", id, "redirect_uri", "https://new.example.com/cb", "scope", "read"}, pairs...)...)
	}
	for _, pairs := range [][]string{
		{"scope", "unknown"}, {"response_type", "token"}, {"code_challenge", ""}, {"code_challenge_method", "plain"}, {"prompt", "none login"},
		{"max_age", "x"}, {"response_mode", "unknown"}, {"resource", "https://unknown.example"}, {"prompt", "none"},
	} {
		got := w.ask(request(pairs...))
		require.Equal(t, http.StatusBadRequest, got.status, "%v: %s", pairs, got.body)
		require.Empty(t, got.header.Get("Location"))
		require.NotContains(t, got.body, "new.example.com")
	}
	sent := w.decide(request(), formTokenIn(w.ask(request()).body), "no")
	require.Equal(t, http.StatusSeeOther, sent.status)
	require.Equal(t, "access_denied", sent.location(t).Get("error"))
}

func TestAnUnknownClientHearsErrorsOnTheUsersOwnMachineAndInAFrame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	native := w.registered(members{"token_endpoint_auth_method": "none", "redirect_uris": []string{"http://127.0.0.1/cb"}}).str("client_id")
	got := w.ask(codeRequest("client_id", native, "redirect_uri", "http://127.0.0.1:4711/cb", "scope", "unknown"))
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	require.Equal(t, "invalid_scope", got.location(t).Get("error"))

	page := w.registered(members{"token_endpoint_auth_method": "none"}).str("client_id")
	for destination, status := range map[string]int{"iframe": http.StatusSeeOther, "document": http.StatusBadRequest, "": http.StatusBadRequest} {
		r, err := http.NewRequest(http.MethodGet, w.url+"/authorize?"+codeRequest("client_id", page, "redirect_uri", "https://new.example.com/cb", "scope", "read", "prompt", "none").Encode(), nil)
		require.NoError(t, err)
		r.Header.Set("Sec-Fetch-Dest", destination)
		require.Equal(t, status, w.do(w.browser, r).status, destination)
	}
}

func TestTheApplicationMayDenyAnUnknownClientWithoutAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration())
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return nil, oauth2.ErrAccessDenied
	}
	id := w.registered(nil).str("client_id")
	got := w.ask(codeRequest("client_id", id, "redirect_uri", "https://new.example.com/cb", "scope", "read"))
	require.Equal(t, "access_denied", got.location(t).Get("error"))
}
