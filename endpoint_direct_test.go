package oauth2_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestIntrospectionTellsWhatAnAccessTokenStandsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withResources("https://api.example.com"), func(cfg *oauth2.ServerConfig) {
		cfg.Claims = func(_ context.Context, a *oauth2.Authorization) (map[string]any, error) {
			return map[string]any{"tenant": 7, "active": false, "sub": "mallory", "plan": "gold"}, nil
		}
	})
	w.consent = func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		return &oauth2.Approval{Subject: "alice", AuthTime: w.clock.Now(), ACR: "gold", AMR: []string{"pwd"}, Claims: map[string]any{"tenant": 1, "locale": "nl", "scope": "admin"}}, nil
	}
	code := w.ask(codeRequest()).location(t).Get("code")
	access := w.post("/token", webApp, redemption(code)).str("access_token")
	got := w.post("/introspect", api, values("token", access))
	now := w.clock.Now().Unix()
	want, err := json.Marshal(map[string]any{
		"active": true, "iss": w.url, "client_id": webApp, "sub": "alice", "scope": "read write", "token_type": "Bearer",
		"aud": "https://api.example.com", "iat": now, "exp": now + 3600, "auth_time": now, "acr": "gold", "amr": []string{"pwd"},
		"tenant": 7, "locale": "nl", "plan": "gold",
	})
	require.NoError(t, err)
	require.JSONEq(t, string(want), got.body, "RFC 7662 section 2.2's own names cannot be replaced")
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
}

func TestIntrospectionOfAnythingElseIsInactiveAndNothingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	code := w.approve(codeRequest())
	for name, token := range map[string]string{
		"unknown": "at_" + strings.Repeat("A", 64), "nonsense": "x", "a code": code, "a refresh token": refresh, "truncated": access[:len(access)-1],
		"extended": access + "A", "in other case": strings.ToUpper(access), "flipped": access[:66] + string(access[66]^1),
	} {
		for _, hint := range []string{"", "access_token", "refresh_token", "nonsense"} {
			got := w.post("/introspect", api, values("token", token, "token_type_hint", hint))
			require.Equal(t, 200, got.status, name)
			require.Equal(t, `{"active":false}`, got.body, name)
		}
	}
	require.True(t, w.active(access))
	w.clock.Advance(time.Hour)
	require.False(t, w.active(access), "expired")
}

func TestOnlyAuthenticatedResourceServersIntrospect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, _ := w.tokens()
	require.Equal(t, 405, w.raw(http.MethodGet, "/introspect?token="+access, nil).status)
	refused(t, w.post("/introspect", "", values("token", access)), 401, "invalid_client")
	refused(t, w.post("/introspect", "", values("token", access, "client_id", browserApp)), 401, "invalid_client")
	refused(t, w.post("/introspect", "", values("token", access, "client_id", api, "client_secret", "wrong")), 401, "invalid_client")
	refused(t, w.post("/introspect", webApp, values("token", access)), 403, "unauthorized_client")
	refused(t, w.post("/introspect", api, values()), 400, "invalid_request")
}

func TestAResourceServerWithoutGrantsCanDoNothingButIntrospect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	for _, grant := range []string{"client_credentials", "authorization_code", "refresh_token"} {
		got := w.token(api, "grant_type", grant, "code", w.approve(codeRequest()), "refresh_token", refresh)
		refused(t, got, 400, "unauthorized_client")
	}
	query := codeRequest()
	query.Set("client_id", api)
	got := w.get(direct, "/authorize", query)
	require.Equal(t, 400, got.status, got.body)
	require.Empty(t, got.header.Get("Location"))
	refused(t, w.post("/revoke", api, values("token", access)), 400, "invalid_grant")
	require.True(t, w.active(access))
}

func TestRevokingARefreshTokenKillsTheAuthorization(t *testing.T) {
	t.Parallel()
	for _, superseded := range []bool{false, true} {
		w := newWorld(t)
		access, refresh := w.tokens()
		current := refresh
		if superseded {
			current = w.refresh(refresh).str("refresh_token")
			w.clock.Advance(time.Minute)
		}
		require.Equal(t, 200, w.post("/revoke", webApp, values("token", refresh, "token_type_hint", "access_token")).status)
		require.False(t, w.active(access))
		refused(t, w.refresh(current), 400, "invalid_grant")
		require.Contains(t, w.eventTypes(), oauth2.EventAuthorizationRevoked)
	}
}

func TestRevokingAnAccessTokenEndsItAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, refresh := w.tokens()
	second := w.refresh(refresh)
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", first)).status)
	require.False(t, w.active(first))
	require.True(t, w.active(second.str("access_token")))
	require.Equal(t, 200, w.refresh(second.str("refresh_token")).status)
	require.Equal(t, 200, w.post("/revoke", webApp, values("token", first)).status, "again is no error")
}

func TestUnknownTokenIsRevokedWith200AndAStrangersIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	for _, token := range []string{"x", "at_" + strings.Repeat("A", 64), access[:66] + string(access[66]^1)} {
		got := w.post("/revoke", webApp, values("token", token))
		require.Equal(t, 200, got.status)
		require.Empty(t, got.body)
	}
	for _, token := range []string{access, refresh} {
		refused(t, w.post("/revoke", otherApp, values("token", token)), 400, "invalid_grant")
		refused(t, w.post("/revoke", "", values("token", token, "client_id", browserApp)), 400, "invalid_grant")
		refused(t, w.post("/revoke", "", values("token", token)), 401, "invalid_client")
	}
	refused(t, w.post("/revoke", webApp, values()), 400, "invalid_request")
	require.Equal(t, 405, w.raw(http.MethodGet, "/revoke?token="+access, nil).status)
	require.True(t, w.active(access))
}

func TestGoCallsExpireAnyKindOfToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access, refresh := w.tokens()
	code := w.approve(codeRequest())
	require.NoError(t, w.server.ExpireToken(t.Context(), access))
	require.False(t, w.active(access))
	require.Equal(t, 200, w.refresh(refresh).status, "an access token goes alone")
	require.NoError(t, w.server.ExpireToken(t.Context(), code))
	refused(t, w.post("/token", webApp, redemption(code)), 400, "invalid_grant")
	require.NoError(t, w.server.ExpireToken(t.Context(), refresh))
	refused(t, w.refresh(refresh), 400, "invalid_grant")
	require.NoError(t, w.server.ExpireToken(t.Context(), "unknown"))

	machineToken := w.token(machine, "grant_type", "client_credentials").str("access_token")
	info, err := w.server.Check(t.Context(), machineToken)
	require.NoError(t, err)
	require.NoError(t, w.server.ExpireAuthorization(t.Context(), info.AuthorizationID))
	require.NoError(t, w.server.ExpireAuthorization(t.Context(), info.AuthorizationID))
	_, err = w.server.Check(t.Context(), machineToken)
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
}

func TestGoCallsExpireAllOfAUserAndAllOfAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var users []string
	for range 5 {
		access, _ := w.tokens()
		users = append(users, access)
	}
	machineToken := w.token(machine, "grant_type", "client_credentials").str("access_token")
	n, err := w.server.ExpireSubject(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, 5, n)
	for _, token := range users {
		require.False(t, w.active(token))
	}
	require.True(t, w.active(machineToken))
	n, err = w.server.ExpireClient(t.Context(), machine)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.False(t, w.active(machineToken))
	n, err = w.server.ExpireSubject(t.Context(), "")
	require.NoError(t, err)
	require.Zero(t, n, "no subject is not everybody")
}

func TestMetadataIsRFC8414s(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) { cfg.Scopes = oauth2.Scope{"read", "write", "stats"} })
	for _, header := range [][]string{nil, {"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https"}} {
		got := w.raw(http.MethodGet, "/.well-known/oauth-authorization-server", nil, header...)
		require.Equal(t, 200, got.status)
		require.JSONEq(t, strings.ReplaceAll(`{
			"issuer": "ISS",
			"authorization_endpoint": "ISS/authorize",
			"token_endpoint": "ISS/token",
			"token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
			"introspection_endpoint": "ISS/introspect",
			"introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
			"revocation_endpoint": "ISS/revoke",
			"revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
			"scopes_supported": ["read", "write", "stats"],
			"response_types_supported": ["code"],
			"response_modes_supported": ["query", "form_post"],
			"grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
			"code_challenge_methods_supported": ["S256"],
			"authorization_response_iss_parameter_supported": true
		}`, "ISS", w.url), got.body)
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
	}
	require.Equal(t, 405, w.raw(http.MethodPost, "/.well-known/oauth-authorization-server", nil).status)
}

func TestMetadataHasNoEmptyMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Grants = []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}}
		cfg.Consent = nil
	})
	got := w.get(w.browser, "/.well-known/oauth-authorization-server", nil)
	for name, value := range got.json {
		require.NotEmpty(t, value, name)
	}
	require.NotContains(t, got.json, "authorization_endpoint")
	require.Equal(t, 404, w.ask(codeRequest()).status, "what is not advertised does not answer")
}

func TestIssuerWithAPathIsServedBelowItAndItsMetadataBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.Issuer += "/tenants/one"
		cfg.Endpoints = oauth2.Endpoints{Authorization: "/ask", Token: "/oauth/token"}
	})
	require.ElementsMatch(t, []string{
		"/tenants/one/ask", "/tenants/one/oauth/token", "/tenants/one/introspect", "/tenants/one/revoke",
		"/.well-known/oauth-authorization-server/tenants/one",
	}, w.server.Paths())
	issuer := w.url
	w.url = w.http.URL
	got := w.get(w.browser, "/.well-known/oauth-authorization-server/tenants/one", nil)
	require.Equal(t, issuer, got.str("issuer"))
	require.Equal(t, issuer+"/ask", got.str("authorization_endpoint"))
	require.Equal(t, issuer+"/oauth/token", got.str("token_endpoint"))
	require.Equal(t, 200, w.post("/tenants/one/oauth/token", machine, values("grant_type", "client_credentials")).status)
	require.Equal(t, 200, w.get(w.browser, "/tenants/one/ask", codeRequest()).status)
	require.Equal(t, 404, w.token(machine).status)
}
