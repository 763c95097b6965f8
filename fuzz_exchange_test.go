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

// A granted is what a fuzzed body can name: a code that is pending, and a refresh token that is
// current, both of webApp.
type granted struct{ code, refresh string }

// grant makes what body names by $CODE and $REFRESH, and returns the body with it.
func (w *world) grant(t *testing.T, body string) (granted, string) {
	var g granted
	code := func() string {
		sent := call(w.server.Authorize, http.MethodGet, codeRequest().Encode(), "", http.Header{})
		return sent.location(t).Get("code")
	}
	if strings.Contains(body, "$CODE") {
		g.code = code()
	}
	if strings.Contains(body, "$REFRESH") {
		form := redemption(code())
		got := call(w.server.Token, http.MethodPost, "", form.Encode(), http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {basic(webApp, secretOf(webApp))},
		})
		g.refresh = got.str("refresh_token")
	}
	return g, strings.NewReplacer("$CODE", g.code, "$REFRESH", g.refresh).Replace(body)
}

// A request of any form gets one of the specification's answers, and tokens only for the credentials
// of the client and a grant of its own (RFC 6749 sections 5.1 and 5.2).
func FuzzTokenRequest(f *testing.F) {
	web, other, mach := basic(webApp, secretOf(webApp)), basic(otherApp, secretOf(otherApp)), basic(machine, secretOf(machine))
	redeem := strings.Replace(redemption("CODE").Encode(), "code=CODE", "code=$CODE", 1)
	for _, seed := range [][2]string{
		{web, redeem}, {other, redeem}, {"", redeem}, {web, redeem + "&code=x"}, {web, strings.Replace(redeem, verifier, verifier+"x", 1)},
		{web, strings.Replace(redeem, "code_verifier", "verifier", 1)}, {"", redeem + "&client_id=web-app&client_secret=web-app" + secretSuffix},
		{web, redeem + "&client_secret=web-app" + secretSuffix}, {web, redeem + "&client_id=other-app"}, {"", redeem + "&client_id=browser-app"},
		{web, "grant_type=refresh_token&refresh_token=$REFRESH"}, {other, "grant_type=refresh_token&refresh_token=$REFRESH"},
		{web, "grant_type=refresh_token&refresh_token=$REFRESH&scope=read"}, {web, "grant_type=refresh_token&refresh_token=$REFRESH&scope=admin"},
		{mach, "grant_type=client_credentials&scope=stats"}, {mach, "grant_type=client_credentials&scope=stats++read"}, {"", "grant_type=client_credentials&client_id=machine"},
		{mach, "grant_type=client_credentials&resource=x"}, {web, "grant_type=client_credentials"}, {mach, "grant_type=password&username=a&password=b"},
		{"Basic !", "grant_type=client_credentials"}, {"", ""}, {mach, "grant_type=%00"}, {mach, "grant_type=\xff"}, {"Bearer x", "a=b"}, {web, redeem + "&x=%22%5C&x=1"},
	} {
		f.Add(seed[0], seed[1], "application/x-www-form-urlencoded")
	}
	f.Add(mach, `{"grant_type":"client_credentials"}`, "application/json")
	w := quietWorld(f)
	f.Fuzz(func(t *testing.T, authorization, body, contentType string) {
		g, body := w.grant(t, body)
		header := http.Header{"Content-Type": {contentType}}
		if authorization != "" {
			header.Set("Authorization", authorization)
		}
		got := call(w.server.Token, http.MethodPost, "grant_type=client_credentials&client_id=machine&client_secret=machine"+secretSuffix, body, header)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Equal(t, "application/json", got.header.Get("Content-Type"))
		require.NotNil(t, got.json, got.body)
		if got.status == http.StatusOK {
			requireDeserved(t, w, authorization, parsed(t, body), g, got)
			return
		}
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge}, got.status)
		require.Equal(t, got.status == http.StatusUnauthorized, got.str("error") == "invalid_client", got.body)
		require.Equal(t, got.status == http.StatusUnauthorized, got.header.Get("WWW-Authenticate") != "")
		require.Contains(t, []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target"}, got.str("error"))
		require.Regexp(t, describable, got.str("error_description"))
		for name := range got.json {
			require.Contains(t, []string{"error", "error_description"}, name)
		}
	})
}

// requireDeserved: who got tokens proved who it is in exactly one way, and had a right to them.
func requireDeserved(t *testing.T, w *world, authorization string, body url.Values, g granted, got answer) {
	client := body.Get("client_id")
	if authorization != "" {
		r := http.Request{Header: http.Header{"Authorization": {"Basic " + strings.TrimLeft(authorization[len("Basic "):], " ")}}}
		id, secret, ok := r.BasicAuth()
		require.True(t, ok)
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		require.True(t, client == "" || client == id)
		require.Equal(t, secretOf(id), secret)
		require.Empty(t, body.Get("client_secret"))
		client = id
	} else if client != browserApp && client != nativeApp {
		require.Equal(t, secretOf(client), body.Get("client_secret"))
	}
	may := oauth2.Scope{"read", "write"}
	switch body.Get("grant_type") {
	case "authorization_code":
		require.Equal(t, webApp, client)
		require.Equal(t, g.code, body.Get("code"))
		require.Equal(t, webRedirect, body.Get("redirect_uri"))
		require.Equal(t, verifier, body.Get("code_verifier"))
	case "refresh_token":
		require.Equal(t, webApp, client)
		require.Equal(t, g.refresh, body.Get("refresh_token"))
	case "client_credentials":
		require.Equal(t, machine, client)
		require.Empty(t, got.str("refresh_token"))
		may = oauth2.Scope{"stats", "read"}
	default:
		require.Fail(t, "no such grant", body.Get("grant_type"))
	}
	scope, err := oauth2.ParseScope(got.str("scope"))
	require.NoError(t, err)
	require.True(t, may.Includes(scope))
	if asked := body.Get("scope"); asked != "" {
		require.ElementsMatch(t, slices.Compact(slices.Sorted(slices.Values(strings.Fields(asked)))), scope)
	}
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, client, info.ClientID)
	require.NoError(t, w.store.Delete(t.Context(), info.AuthorizationID))
}

// Whatever is asked at the introspection and the revocation endpoint, only the API learns of a token,
// and only its own client ends it.
func FuzzIntrospectionAndRevocationRequest(f *testing.F) {
	web, asker := basic(webApp, secretOf(webApp)), basic(api, secretOf(api))
	for _, seed := range [][2]string{
		{asker, "token=$REFRESH"}, {asker, "token=$CODE&token_type_hint=access_token"}, {web, "token=$REFRESH"}, {web, "token=$CODE"}, {"", "token=$REFRESH"},
		{asker, "token="}, {asker, "token=a&token=b"}, {basic(otherApp, secretOf(otherApp)), "token=$REFRESH"}, {"", "token=$REFRESH&client_id=browser-app"},
		{asker, "token=at_" + strings.Repeat("A", 64)}, {asker, "token=%00"}, {asker, ""},
	} {
		f.Add(seed[0], seed[1])
	}
	w := quietWorld(f)
	f.Fuzz(func(t *testing.T, authorization, body string) {
		g, body := w.grant(t, body)
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {authorization}}
		asked := call(w.server.Introspect, http.MethodPost, "", body, header.Clone())
		if asked.status == http.StatusOK {
			require.JSONEq(t, `{"active":false}`, asked.body, "neither a code nor a refresh token is an access token")
			id, _, _ := (&http.Request{Header: http.Header{"Authorization": {"Basic " + strings.TrimLeft(authorization[len("Basic "):], " ")}}}).BasicAuth()
			require.Equal(t, api, id)
		} else {
			require.Contains(t, []int{400, 401, 403, 413}, asked.status)
		}
		ended := call(w.server.Revoke, http.MethodPost, "", body, header.Clone())
		require.Contains(t, []int{200, 400, 401, 413}, ended.status)
		for _, token := range []string{g.code, g.refresh} {
			if token == "" {
				continue
			}
			_, err := w.store.Get(t.Context(), token[3:23])
			if err != nil {
				require.Equal(t, http.StatusOK, ended.status)
				require.True(t, strings.HasPrefix(strings.ToLower(authorization), "basic "))
				require.Equal(t, token, parsed(t, body).Get("token"))
			}
			require.NoError(t, w.store.Delete(t.Context(), token[3:23]))
		}
	})
}
