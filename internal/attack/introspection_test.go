package attack

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var introspectionAttacks = []attack{
	{name: "who is no authenticated resource server is told nothing", source: "RFC 7662 section 2.1", run: introspectionCallers},
	{name: "whatever is no live access token is exactly inactive", source: "RFC 7662 section 2.2", run: introspectionInactive},
	{name: "a resource server is told nothing of the tokens for others", source: "RFC 7662 sections 2.2 and 4", run: introspectionOfOthers},
	{name: "a hint never matters", source: "RFC 7662 section 2.1", run: introspectionHints},
	{name: "an expired token is inactive", source: "RFC 7662 section 2.2", only: embedded, run: introspectionExpired},
	{name: "a token of another issuer over the same records is inactive", source: "RFC 7662 section 4; RFC 9700 section 4.4", only: embedded, run: introspectionOtherIssuer},
	{name: "a store that fails is 503, and no token is called inactive", source: "RFC 9110 section 15.6.4", only: embedded, run: introspectionStoreDown},
}

func introspectionCallers(t *testing.T, s *site) {
	access, _ := s.tokens()
	s.refused(s.do(s.client, s.form(s.introspectURL, values("token", access))), http.StatusUnauthorized, "invalid_client")
	s.refused(s.callWith(s.introspectURL, api, oauth2.NewSecret(), "token", access), http.StatusUnauthorized, "invalid_client")
	s.refused(s.callWith(s.introspectURL, api, "", "token", access), http.StatusUnauthorized, "invalid_client")
	s.refused(s.do(s.client, s.form(s.introspectURL, values("token", access, "client_id", api))), http.StatusUnauthorized, "invalid_client")
	for _, client := range []string{spa, native} {
		s.refused(s.call(s.introspectURL, client, "token", access), http.StatusUnauthorized, "invalid_client")
	}
	for _, client := range []string{web, rival, machine} {
		got := s.call(s.introspectURL, client, "token", access)
		require.Contains(t, []int{http.StatusForbidden, http.StatusUnauthorized, http.StatusBadRequest}, got.status)
		require.NotContains(t, got.body, "alice")
	}
	r, err := http.NewRequest(http.MethodGet, s.introspectURL+"?token="+access, nil)
	require.NoError(t, err)
	r.SetBasicAuth(api, s.secrets[api])
	require.Equal(t, http.StatusMethodNotAllowed, s.do(s.client, r).status)
	s.refused(s.call(s.introspectURL+"?token="+access, api), http.StatusBadRequest, "invalid_request")
	r = s.form(s.introspectURL, values("token", access))
	r.Header.Set("Authorization", "Bearer "+access)
	s.refused(s.do(s.client, r), http.StatusUnauthorized, "invalid_client")
}

func introspectionInactive(t *testing.T, s *site) {
	pending := s.code()
	access, refresh := s.tokens()
	tokens := append(forgeries(access), pending.code, refresh, "x", "at_", strings.Repeat("A", 67), strings.Repeat("A", 30_000), "' or 1=1 --", "at_"+pending.code[3:], "at_"+refresh[3:], "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")
	for _, token := range tokens {
		require.False(t, s.active(token)) // which requires the exact answer
	}
	require.True(t, s.active(access))
	info := s.call(s.introspectURL, api, "token", access)
	require.Equal(t, "no-store", info.header.Get("Cache-Control"))
	require.Equal(t, "alice", info.str("sub"))
	require.NotContains(t, info.body, refresh)
}

func introspectionOfOthers(t *testing.T, s *site) {
	access, _ := s.tokens()
	for _, token := range []string{access, s.token(machine, "grant_type", "client_credentials").str("access_token")} {
		require.Equal(t, `{"active":false}`, s.call(s.introspectURL, farAPI, "token", token).body)
		require.True(t, s.active(token))
	}
}

func introspectionHints(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, hint := range []string{"access_token", "refresh_token", "code", "x"} {
		require.Equal(t, true, s.call(s.introspectURL, api, "token", access, "token_type_hint", hint).json["active"], hint)
		require.Equal(t, `{"active":false}`, s.call(s.introspectURL, api, "token", refresh, "token_type_hint", hint).body, hint)
	}
}

func introspectionExpired(t *testing.T, s *site) {
	s = s.anew()
	access, _ := s.tokens()
	s.app.clock.Advance(59 * time.Minute)
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.contacts(access).status)
	s.app.clock.Advance(2 * time.Minute)
	require.False(t, s.active(access))
	require.Equal(t, http.StatusUnauthorized, s.contacts(access).status)
}

func introspectionOtherIssuer(t *testing.T, s *site) {
	other := s.anew()
	access, refresh := other.tokens()
	pending := other.code()
	require.False(t, s.active(access))
	s.refused(s.refresh(web, refresh), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeem(pending), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.call(s.revokeURL, web, "token", refresh).status)
	require.True(t, other.active(access), "nor is it revoked there")
	require.Equal(t, http.StatusOK, other.redeem(pending).status)
}

func introspectionStoreDown(t *testing.T, s *site) {
	s, store := s.shake()
	access, _ := s.tokens()
	store.all(true)
	s.unavailable(s.call(s.introspectURL, api, "token", access))
	got := s.contacts(access)
	require.Equal(t, http.StatusServiceUnavailable, got.status, "and the API does not say that the token is invalid")
	require.Empty(t, got.header.Get("WWW-Authenticate"))
	store.all(false)
	require.True(t, s.active(access))
}
