package attack

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

var clientCredentialsAttacks = []attack{
	{name: "a public client is refused", source: "RFC 6749 section 4.4", run: machinePublic},
	{name: "a scope that is not registered is refused", source: "RFC 6749 section 3.3; go-oauth2 v4.5.4 granted any", run: machineScope},
	{name: "no refresh token is issued", source: "RFC 6749 section 4.4.3", run: machineNoRefresh},
	{name: "the token cannot pass for a user's", source: "RFC 9700 section 4.15", run: machineSubject},
}

func machinePublic(_ *testing.T, s *site) {
	// It is registered for the grant, which makes no difference.
	s.refused(s.token(spa, "grant_type", "client_credentials"), http.StatusBadRequest, "unauthorized_client")
	s.refused(s.callWith(s.tokenURL, spa, "", "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
}

func machineScope(t *testing.T, s *site) {
	for _, scope := range []string{scopeRead, scopeStats + " " + scopeRead, "admin", "*", "openid", "offline_access", "Contacts.Stats", " " + scopeStats, scopeStats + " "} {
		s.refused(s.token(machine, "grant_type", "client_credentials", "scope", scope), http.StatusBadRequest, "invalid_scope")
	}
	got := s.token(machine, "grant_type", "client_credentials")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, scopeStats, got.str("scope"))
	require.Equal(t, http.StatusForbidden, s.contacts(got.str("access_token")).status)
}

func machineNoRefresh(t *testing.T, s *site) {
	// odd is registered for refresh tokens too.
	got := s.token(odd, "grant_type", "client_credentials")
	require.Equal(t, http.StatusOK, got.status)
	require.NotContains(t, got.json, "refresh_token")
	s.refused(s.refresh(odd, got.str("access_token")), http.StatusBadRequest, "invalid_grant")
	s.refused(s.refresh(odd, "rt_"+got.str("access_token")[3:]), http.StatusBadRequest, "invalid_grant")
	require.True(t, s.active(got.str("access_token")))
}

func machineSubject(t *testing.T, s *site) {
	got := s.token(odd, "grant_type", "client_credentials", "sub", "alice", "subject", "alice", "username", "alice", "user_id", "alice", "requested_subject", "alice", "act_as", "alice")
	require.Equal(t, http.StatusOK, got.status)
	info := s.call(s.introspectURL, api, "token", got.str("access_token"))
	require.NotContains(t, info.json, "sub")
	require.NotContains(t, info.json, "username")
	require.Equal(t, odd, info.str("client_id"))
	require.Empty(t, s.contacts(got.str("access_token")).str("sub"))
}
