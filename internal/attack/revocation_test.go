package attack

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var revocationAttacks = []attack{
	{name: "a token is revoked by its own authenticated client only", source: "RFC 7009 section 2.1", run: revocationCallers},
	{name: "an unknown or a changed token answers 200 and ends nothing", source: "RFC 7009 section 2.2", run: revocationUnknown},
	{name: "revoking a refresh token kills its access tokens at once", source: "RFC 7009 section 2.1", run: revocationRefresh},
	{name: "revoking a replaced refresh token ends the family", source: "RFC 7009 section 2.1", run: revocationReplaced},
	{name: "revoking an access token leaves the refresh token", source: "RFC 7009 section 2.1", run: revocationAccess},
	{name: "revoking a pending code keeps it from being redeemed", source: "RFC 7009 section 2.1", run: revocationCode},
	{name: "a hint never matters", source: "RFC 7009 section 2.1", run: revocationHints},
	{name: "nothing is issued after a revocation, however many refresh at that moment", source: "RFC 7009 section 2.1", run: revocationRace},
	{name: "a store that fails is 503 and never 200", source: "RFC 7009 section 2.2.1; CVE-2020-15223, osin", only: embedded, run: revocationStoreDown},
}

func (s *site) revoke(client, token string, pairs ...string) answer {
	s.t.Helper()
	return s.call(s.revokeURL, client, append([]string{"token", token}, pairs...)...)
}

func revocationCallers(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, token := range []string{access, refresh} {
		for _, client := range []string{rival, spa, machine, api} {
			s.refused(s.revoke(client, token), http.StatusBadRequest, "invalid_grant")
		}
		s.refused(s.callWith(s.revokeURL, web, oauth2.NewSecret(), "token", token), http.StatusUnauthorized, "invalid_client")
		s.refused(s.do(s.client, s.form(s.revokeURL, values("token", token))), http.StatusUnauthorized, "invalid_client")
		s.refused(s.do(s.client, s.form(s.revokeURL, values("token", token, "client_id", web))), http.StatusUnauthorized, "invalid_client")
		s.refused(s.call(s.revokeURL+"?token="+token, web), http.StatusBadRequest, "invalid_request")
		require.Equal(t, http.StatusMethodNotAllowed, s.get(s.revokeURL+"?token="+token).status)
	}
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func revocationUnknown(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, token := range append(append(forgeries(access), forgeries(refresh)...), "x", "rt_"+access[3:], "at_"+refresh[3:]) {
		require.Equal(t, http.StatusOK, s.revoke(web, token).status)
	}
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func revocationRefresh(t *testing.T, s *site) {
	for _, client := range []string{web, spa} {
		access, first := s.tokens("client_id", client)
		second := s.refresh(client, first)
		require.Equal(t, http.StatusOK, s.revoke(client, second.str("refresh_token")).status)
		require.Equal(t, http.StatusOK, s.revoke(client, second.str("refresh_token")).status, "twice is no error")
		for _, token := range []string{access, second.str("access_token")} {
			require.False(t, s.active(token))
			require.Equal(t, http.StatusUnauthorized, s.contacts(token).status)
		}
		for _, token := range []string{first, second.str("refresh_token")} {
			s.refused(s.refresh(client, token), http.StatusBadRequest, "invalid_grant")
		}
	}
}

func revocationReplaced(t *testing.T, s *site) {
	_, first := s.tokens()
	second := s.refresh(web, first)
	s.refused(s.revoke(rival, first), http.StatusBadRequest, "invalid_grant")
	require.True(t, s.active(second.str("access_token")))
	require.Equal(t, http.StatusOK, s.revoke(web, first).status)
	require.False(t, s.active(second.str("access_token")))
	s.refused(s.refresh(web, second.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func revocationAccess(t *testing.T, s *site) {
	access, refresh := s.tokens()
	require.Equal(t, http.StatusOK, s.revoke(web, access).status)
	require.False(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
	own := s.token(machine, "grant_type", "client_credentials").str("access_token")
	if s.jwts { // no record knows it
		s.refused(s.revoke(machine, own), http.StatusBadRequest, "unsupported_token_type")
		return
	}
	s.refused(s.revoke(web, own), http.StatusBadRequest, "invalid_grant")
	require.True(t, s.active(own))
	require.Equal(t, http.StatusOK, s.revoke(machine, own).status)
	require.False(t, s.active(own))
}

func revocationCode(t *testing.T, s *site) {
	g := s.code()
	s.refused(s.revoke(rival, g.code), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.revoke(web, flip(g.code, 30)).status)
	require.Equal(t, http.StatusOK, s.redeem(g).status)
	g = s.code()
	require.Equal(t, http.StatusOK, s.revoke(web, g.code).status)
	s.refused(s.redeem(g), http.StatusBadRequest, "invalid_grant")
}

func revocationHints(t *testing.T, s *site) {
	for _, hint := range []string{"access_token", "refresh_token", "x"} {
		access, refresh := s.tokens()
		require.Equal(t, http.StatusOK, s.revoke(web, access, "token_type_hint", hint).status)
		require.False(t, s.active(access), hint)
		require.Equal(t, http.StatusOK, s.revoke(web, refresh, "token_type_hint", hint).status)
		s.refused(s.refresh(web, refresh), http.StatusBadRequest, "invalid_grant")
	}
}

func revocationRace(t *testing.T, s *site) {
	for range 4 {
		access, refresh := s.tokens()
		answers := make([]answer, 16)
		together(len(answers), func(i int) {
			if i == 8 {
				answers[i] = s.revoke(web, refresh)
			} else {
				answers[i] = s.refresh(web, refresh)
			}
		})
		require.Equal(t, http.StatusOK, answers[8].status)
		require.False(t, s.active(access))
		for i, got := range answers {
			if i != 8 && got.status == http.StatusOK {
				require.False(t, s.active(got.str("access_token")))
				s.refused(s.refresh(web, got.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
			}
		}
	}
}

func revocationStoreDown(t *testing.T, s *site) {
	s, store := s.shake()
	access, refresh := s.tokens()
	for _, try := range []struct {
		broken func(bool)
		token  string
	}{{store.noGet.Store, refresh}, {store.noDelete.Store, refresh}, {store.noUpdate.Store, access}, {store.all, access}, {store.all, refresh}} {
		try.broken(true)
		s.unavailable(s.revoke(web, try.token))
		try.broken(false)
		require.True(t, s.active(access))
	}
	require.Equal(t, http.StatusOK, s.revoke(web, refresh).status)
	require.False(t, s.active(access))
}
