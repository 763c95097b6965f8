package oauth2_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// Whatever response type, mode and state are asked for, a token is answered where one was asked for
// alone, to the client's own URI, and never in a query; a code comes with PKCE alone.
func FuzzResponseType(f *testing.F) {
	for _, seed := range [][3]string{
		{"token", "", "xyz"}, {"token", "query", "xyz"}, {"code", "fragment", "xyz"}, {"code token", "", ""}, {"token code", "form_post", "a=b&c#d"},
		{"code", "", "access_token=x"}, {"token token", "fragment", "é"}, {"token ", "jwt", "\r\n"}, {"id_token", "query.jwt", "\x00"}, {"", "fragment.jwt", "#"},
	} {
		f.Add(seed[0], seed[1], seed[2], true)
		f.Add(seed[0], seed[1], seed[2], false)
	}
	w := newResponseWorld(f, []oauth2.ResponseTypeHandler{tokenResponse{}, codeToken}, func(cfg *oauth2.ServerConfig) {
		cfg.OnEvent = nil
		cfg.Consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "alice"}, nil
		}
	})
	f.Fuzz(func(t *testing.T, responseType, mode, state string, proven bool) {
		query := pageRequest(responseType, "response_mode", mode, "state", state)
		if !proven {
			query.Del("code_challenge")
		}
		got := call(w.server.Authorize, http.MethodGet, query.Encode(), "", http.Header{})
		require.Less(t, got.status, 500)
		names := strings.Split(responseType, " ")
		slices.Sort(names)
		wanted := strings.Join(names, " ")
		sent, fragment := sentIn(t, got)
		require.NotContains(t, sent, "refresh_token")
		if sent.Has("iss") {
			require.Equal(t, []string{w.url}, sent["iss"])
			require.Equal(t, state, sent.Get("state"))
		}
		if sent.Has("access_token") {
			require.Contains(t, []string{"token", "code token"}, wanted)
			require.True(t, fragment || mode == "form_post")
			info, err := w.server.Check(t.Context(), sent.Get("access_token"))
			require.NoError(t, err)
			require.Equal(t, pageApp, info.ClientID)
			require.NoError(t, w.server.ExpireAuthorization(t.Context(), info.AuthorizationID))
		}
		if sent.Has("code") {
			require.Contains(t, []string{"code", "code token"}, wanted)
			require.True(t, proven)
			require.NoError(t, w.server.ExpireToken(t.Context(), sent.Get("code")))
		}
	})
}

// sentIn are the parameters of an answer, and whether they were in a fragment. A posted form, whose
// page HTML has its own ideas of, is told by its token alone.
func sentIn(t *testing.T, got answer) (url.Values, bool) {
	location := got.header.Get("Location")
	if got.status != http.StatusSeeOther {
		require.Empty(t, location)
		sent := url.Values{}
		for _, field := range strings.Split(got.body, `name="`)[1:] {
			name, rest, _ := strings.Cut(field, `" value="`)
			value, _, _ := strings.Cut(rest, `"`)
			if name == "access_token" || name == "code" {
				sent.Add(name, value)
			}
		}
		return sent, false
	}
	redirect, text, fragment := strings.Cut(location, "#")
	if !fragment {
		redirect, text, _ = strings.Cut(location, "?")
	}
	require.Equal(t, pageRedirect, redirect)
	sent, err := url.ParseQuery(text)
	require.NoError(t, err)
	for name, values := range sent {
		require.Len(t, values, 1, name)
	}
	return sent, fragment
}
