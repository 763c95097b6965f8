package attack

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var refreshAttacks = []attack{
	{name: "a wrong secret, no secret or an unknown client is refused, and harms nothing", source: "RFC 6749 section 6; go-oauth2 v4.5.4 refreshed for all three", run: refreshUnauthenticated},
	{name: "another client is refused, whatever scope it asks for, and harms nothing", source: "RFC 6749 section 10.4; go-oauth2 v4.5.4; CVE-2026-55672", run: refreshOtherClient},
	{name: "of 16 parallel refreshes all get the one live token", source: "RFC 9700 section 4.14.2", run: refreshParallel},
	{name: "of 16 parallel refreshes under strict rotation at most one wins", source: "RFC 9700 section 4.14.2; go-oauth2, fosite, authelia, osin spent tokens several times", only: embedded, run: refreshParallelStrict},
	{name: "reuse after the grace ends the family with its access tokens", source: "RFC 9700 section 4.14.2", only: embedded, run: refreshReuse},
	{name: "reuse under strict rotation ends the family at once", source: "RFC 9700 section 4.14.2", only: embedded, run: refreshReuseStrict},
	{name: "another client's reuse of a replaced token ends nothing", source: "RFC 9700 section 4.14.2; fosite v0.49.0", only: embedded, run: refreshStrangersReuse},
	{name: "the scope is not widened", source: "RFC 6749 section 6", run: refreshWidened},
	{name: "narrowing is told, holds, and does not narrow later tokens", source: "RFC 6749 section 6", run: refreshNarrowed},
	{name: "a token that is changed in any character is unknown, and ends nothing", source: "RFC 6749 section 10.10; zitadel/oidc had malleable tokens; CVE-2026-27840", run: refreshForged},
	{name: "a refresh token is no access token and no code", source: "RFC 6749 section 1.5", run: refreshConfusion},
	{name: "a locked user stops refreshing at once", source: "CVE-2023-22492", only: embedded, run: refreshLockedUser},
	{name: "a client that is not registered for it gets and uses no refresh token", source: "RFC 6749 section 5.2; GHSA-7qjx-gp9h-65qj", run: refreshPolicy},
	{name: "a refresh token dies when it is not used", source: "RFC 9700 section 4.14.2", only: embedded, run: refreshExpired},
	{name: "a store that fails costs no token", source: "RFC 6749 section 5.2", only: embedded, run: refreshStoreDown},
}

func refreshUnauthenticated(t *testing.T, s *site) {
	access, refresh := s.tokens()
	ask := []string{"grant_type", "refresh_token", "refresh_token", refresh}
	for _, secret := range []string{oauth2.NewSecret(), s.secrets[rival], ""} {
		s.refused(s.callWith(s.tokenURL, web, secret, ask...), http.StatusUnauthorized, "invalid_client")
	}
	s.refused(s.callWith(s.tokenURL, "nobody", s.secrets[web], ask...), http.StatusUnauthorized, "invalid_client")
	s.refused(s.do(s.client, s.form(s.tokenURL, values(append(ask, "client_id", web)...))), http.StatusUnauthorized, "invalid_client")
	s.refused(s.do(s.client, s.form(s.tokenURL, values(ask...))), http.StatusUnauthorized, "invalid_client")
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func refreshOtherClient(t *testing.T, s *site) {
	for _, owner := range []string{web, spa} {
		access, refresh := s.tokens("client_id", owner)
		s.refused(s.refresh(rival, refresh), http.StatusBadRequest, "invalid_grant")
		s.refused(s.refresh(rival, refresh, "scope", scopeRead+" "+scopeStats), http.StatusBadRequest, "invalid_grant")
		s.refused(s.refresh(rival, refresh, "client_id", owner), http.StatusBadRequest, "invalid_request")
		require.True(t, s.active(access))
		require.Equal(t, http.StatusOK, s.refresh(owner, refresh).status)
	}
}

func refreshParallel(t *testing.T, s *site) {
	for range 4 {
		_, refresh := s.tokens()
		answers := make([]answer, 16)
		together(len(answers), func(i int) { answers[i] = s.refresh(web, refresh) })
		live := map[string]bool{}
		for _, got := range answers {
			require.Equal(t, http.StatusOK, got.status, got.body)
			live[got.str("refresh_token")] = true
		}
		require.Len(t, live, 1)
		require.False(t, live[refresh])
	}
}

func strict(cfg *oauth2.ServerConfig) { cfg.RefreshGrace = -1 }

func refreshParallelStrict(t *testing.T, s *site) {
	store := &shaky{TokenStore: s.app.tokens, late: 5 * time.Millisecond}
	for _, tokens := range []oauth2.TokenStore{s.app.tokens, store} {
		strictly := s.anew(strict, func(cfg *oauth2.ServerConfig) { cfg.Tokens = tokens })
		for range 4 {
			access, refresh := strictly.tokens()
			answers := make([]answer, 16)
			together(len(answers), func(i int) { answers[i] = strictly.refresh(web, refresh) })
			won := 0
			for _, got := range answers {
				if got.status == http.StatusOK {
					won++
					require.False(t, strictly.active(got.str("access_token")), "the others were reuse")
					continue
				}
				strictly.refused(got, http.StatusBadRequest, "invalid_grant")
			}
			require.Equal(t, 1, won)
			require.False(t, strictly.active(access))
		}
	}
}

func refreshReuse(t *testing.T, s *site) {
	s = s.anew()
	access, first := s.tokens()
	second := s.refresh(web, first)
	require.Equal(t, http.StatusOK, second.status)
	s.app.clock.Advance(time.Minute)
	s.refused(s.refresh(web, first), http.StatusBadRequest, "invalid_grant")
	require.False(t, s.active(access))
	require.False(t, s.active(second.str("access_token")))
	s.refused(s.refresh(web, second.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func refreshReuseStrict(t *testing.T, s *site) {
	s = s.anew(strict)
	access, first := s.tokens()
	second := s.refresh(web, first)
	require.Equal(t, http.StatusOK, second.status)
	s.refused(s.refresh(web, first), http.StatusBadRequest, "invalid_grant")
	require.False(t, s.active(access))
	require.False(t, s.active(second.str("access_token")))
	s.refused(s.refresh(web, second.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func refreshStrangersReuse(t *testing.T, s *site) {
	s = s.anew(strict)
	_, first := s.tokens()
	second := s.refresh(web, first)
	require.Equal(t, http.StatusOK, second.status)
	s.refused(s.refresh(rival, first), http.StatusBadRequest, "invalid_grant")
	s.refused(s.callWith(s.tokenURL, web, oauth2.NewSecret(), "grant_type", "refresh_token", "refresh_token", first), http.StatusUnauthorized, "invalid_client")
	s.refused(s.refresh(web, first, "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
	for _, forged := range forgeries(first) {
		s.refused(s.refresh(web, forged), http.StatusBadRequest, "invalid_grant")
	}
	require.True(t, s.active(second.str("access_token")))
	require.Equal(t, http.StatusOK, s.refresh(web, second.str("refresh_token")).status)
}

func refreshWidened(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, scope := range []string{scopeRead + " " + scopeStats, scopeStats, "admin", scopeRead + " admin"} {
		s.refused(s.refresh(web, refresh, "scope", scope), http.StatusBadRequest, "invalid_scope")
	}
	s.refused(s.refresh(web, refresh, "resource", "https://evil.example/"), http.StatusBadRequest, "invalid_target")
	require.True(t, s.active(access))
	got := s.refresh(web, refresh)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, scopeRead, got.str("scope"))
}

func refreshNarrowed(t *testing.T, s *site) {
	_, refresh := s.tokens("scope", scopeRead+" "+scopeStats)
	narrow := s.refresh(web, refresh, "scope", scopeStats)
	require.Equal(t, http.StatusOK, narrow.status, narrow.body)
	require.Equal(t, scopeStats, narrow.str("scope"))
	require.Equal(t, http.StatusOK, s.callAPI("/stats", narrow.str("access_token")).status)
	require.Equal(t, http.StatusForbidden, s.contacts(narrow.str("access_token")).status)
	wide := s.refresh(web, narrow.str("refresh_token"))
	require.Equal(t, scopeRead+" "+scopeStats, wide.str("scope"))
	require.Equal(t, http.StatusForbidden, s.contacts(narrow.str("access_token")).status)
}

func refreshForged(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, forged := range forgeries(refresh) {
		s.refused(s.refresh(web, forged), http.StatusBadRequest, "invalid_grant")
	}
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func refreshConfusion(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, token := range []string{refresh, "at_" + refresh[3:]} {
		require.False(t, s.active(token))
		require.Equal(t, http.StatusUnauthorized, s.contacts(token).status)
	}
	for _, token := range []string{access, "rt_" + access[3:]} {
		s.refused(s.refresh(web, token), http.StatusBadRequest, "invalid_grant")
	}
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func refreshLockedUser(t *testing.T, s *site) {
	s = s.anew()
	_, refresh := s.tokens()
	pending := s.code()
	s.app.lock("alice", true)
	s.refused(s.refresh(web, refresh), http.StatusBadRequest, "invalid_grant")
	s.app.lock("alice", false)
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status, "to lock is not to revoke")
	require.Equal(t, http.StatusOK, s.redeem(pending).status)
	checked := s.anew(func(cfg *oauth2.ServerConfig) { cfg.SubjectActiveOnCheck = true })
	access, _ := checked.tokens()
	require.True(t, checked.active(access))
	checked.app.lock("alice", true)
	require.False(t, checked.active(access))
	require.Equal(t, http.StatusUnauthorized, checked.contacts(access).status)
}

func refreshPolicy(t *testing.T, s *site) {
	for _, client := range []string{reader, native} {
		got := s.redeem(s.code("client_id", client))
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Empty(t, got.str("refresh_token"))
		s.refused(s.refresh(client, got.str("access_token")), http.StatusBadRequest, "unauthorized_client")
	}
	_, refresh := s.tokens()
	s.refused(s.refresh(machine, refresh), http.StatusBadRequest, "unauthorized_client")
	s.refused(s.refresh(api, refresh), http.StatusBadRequest, "unauthorized_client")
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func refreshExpired(t *testing.T, s *site) {
	s = s.anew()
	_, refresh := s.tokens()
	s.app.clock.Advance(29 * 24 * time.Hour)
	got := s.refresh(web, refresh)
	require.Equal(t, http.StatusOK, got.status)
	s.app.clock.Advance(31 * 24 * time.Hour)
	s.refused(s.refresh(web, got.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func refreshStoreDown(t *testing.T, s *site) {
	s, store := s.shake()
	access, refresh := s.tokens()
	for _, broken := range []func(bool){store.noGet.Store, store.noUpdate.Store, store.all} {
		broken(true)
		s.unavailable(s.refresh(web, refresh))
		broken(false)
	}
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}
