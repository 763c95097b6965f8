package legacy_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/legacy"
)

// implicit replaces the implicit grant.
func implicit(i legacy.Implicit) func(*oauth2.ServerConfig) {
	return func(cfg *oauth2.ServerConfig) { cfg.ResponseTypes[1] = i }
}

func TestTheImplicitGrantHandsATokenToTheBrowserInTheFragment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.approve(request("scope", "read"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	sent := w.fragment(got, pageRedirect)
	token := sent.Get("access_token")
	require.Equal(t, url.Values{
		"access_token": {token}, "token_type": {"Bearer"}, "expires_in": {"600"}, "scope": {"read"}, "state": {"xyz"}, "iss": {w.url},
	}, sent, "and no refresh token, though the client may use one")
	info, err := w.server.Check(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, "ALICE", info.Subject)
	require.Equal(t, page, info.ClientID)
	w.clock.Advance(10 * time.Minute)
	_, err = w.server.Check(t.Context(), token)
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestTheLifetimeOfAnImplicitTokenIsTheShortestOfAll(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*oauth2.ServerConfig){
		"120":  implicit(legacy.Implicit{AccessLifetime: 2 * time.Minute}),
		"3600": implicit(legacy.Implicit{AccessLifetime: 24 * time.Hour}), // the server's
		"60":   func(cfg *oauth2.ServerConfig) { cfg.AccessLifetime = time.Minute },
	} {
		w := newWorld(t, change)
		require.Equal(t, want, w.fragment(w.approve(request()), pageRedirect).Get("expires_in"))
	}
}

func TestTheImplicitGrantIsForPublicClientsThatAreRegisteredForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, client := range []string{web, spa} {
		sent := w.fragment(w.ask(request("client_id", client)), pageRedirect)
		require.Equal(t, "unauthorized_client", sent.Get("error"), client)
	}
	code := request("response_type", "code", "code_challenge", challenge, "code_challenge_method", "S256")
	location, err := url.Parse(w.ask(code).header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "unauthorized_client", location.Query().Get("error"), "nor does it open the code grant")
}

func TestAnImplicitTokenGoesToTheRegisteredURIToTheLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NotEmpty(t, w.fragment(w.approve(request("client_id", native, "redirect_uri", nativeRedirect)), nativeRedirect).Get("access_token"))
	const otherPort = "http://127.0.0.1:7001/callback" // RFC 8252 section 7.3, which is about codes
	sent := w.fragment(w.ask(request("client_id", native, "redirect_uri", otherPort)), otherPort)
	require.Equal(t, "invalid_request", sent.Get("error"))
	for _, uri := range []string{pageRedirect + "/", pageRedirect + "#x", "https://evil.example/", "", "javascript:alert(1)"} {
		got := w.ask(request("redirect_uri", uri))
		require.Equal(t, http.StatusBadRequest, got.status, uri)
		require.Empty(t, got.header.Get("Location"), uri)
	}
}

func TestAnImplicitTokenNeverGoesIntoAQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := w.fragment(w.ask(request("response_mode", "query")), pageRedirect)
	require.Equal(t, "invalid_request", sent.Get("error"))
}

func TestWhoSaysNoIsToldInTheFragment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shown := formToken.FindStringSubmatch(w.ask(request()).body)
	got := w.do(w.form("/authorize?"+request().Encode(), values("form_token", shown[1], "decision", "no")))
	require.Equal(t, "access_denied", w.fragment(got, pageRedirect).Get("error"))
}

func TestWhatIsLegacyIsServedAndAdvertisedWhereItIsConfiguredAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := http.NewRequest(http.MethodGet, w.url+"/.well-known/oauth-authorization-server", nil)
	require.NoError(t, err)
	metadata := w.do(r).json
	require.Equal(t, []any{"code", "token"}, metadata["response_types_supported"])
	require.Equal(t, []any{"authorization_code", "refresh_token", "password", "implicit"}, metadata["grant_types_supported"])

	plain := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Grants, cfg.ResponseTypes = nil, nil })
	r.URL, err = url.Parse(plain.url + "/.well-known/oauth-authorization-server")
	require.NoError(t, err)
	metadata = plain.do(r).json
	require.Equal(t, []any{"code"}, metadata["response_types_supported"])
	require.NotContains(t, metadata["grant_types_supported"], "password")
	location, err := url.Parse(plain.ask(request()).header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "unsupported_response_type", location.Query().Get("error"))
	refused(t, plain.login(desktop, "alice", passwords["alice"]), 400, "unsupported_grant_type")
}

func TestLintFindsBothGrants(t *testing.T) {
	t.Parallel()
	cfg := oauth2.ServerConfig{
		Grants:        []oauth2.GrantHandler{oauth2.CodeGrant{}, legacy.PasswordGrant{Lookup: lookup}},
		ResponseTypes: []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, legacy.Implicit{}},
	}
	for _, profile := range []oauth2.Profile{oauth2.ProfileOAuth21, oauth2.ProfileFAPI2} {
		found := map[string]bool{}
		for _, f := range oauth2.Lint(profile, cfg, testClients()...) {
			if f.Level == oauth2.LevelMust {
				found[f.Section+" "+f.Subject] = true
			}
		}
		want := map[oauth2.Profile][]string{
			oauth2.ProfileOAuth21: {"OAuth 2.1 section 10.1 ResponseTypes", "OAuth 2.1 section 10.1 client page", "RFC 9700 section 2.4 Grants", "RFC 9700 section 2.4 client desktop"},
			oauth2.ProfileFAPI2:   {"FAPI 2.0 section 5.3.2.1 item 4 ResponseTypes", "FAPI 2.0 section 5.3.2.1 item 4 client page", "FAPI 2.0 section 5.3.2.1 item 2 Grants", "FAPI 2.0 section 5.3.2.1 item 2 client desktop"},
		}[profile]
		for _, line := range want {
			require.True(t, found[line], line)
		}
	}
}
