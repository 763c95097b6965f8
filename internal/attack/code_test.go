package attack

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var codeAttacks = []attack{
	{name: "of 16 parallel redemptions one wins, for each of several codes", source: "RFC 6749 section 4.1.2; go-oauth2, fosite (issue 778), zitadel/oidc, osin spent codes several times", run: codeParallel},
	{name: "of 16 parallel redemptions one wins although every read is late", source: "RFC 6749 section 4.1.2; the same servers, over a database", only: embedded, run: codeParallelLate},
	{name: "a replay revokes what was issued", source: "RFC 6749 section 4.1.2, RFC 9700 section 4.5", run: codeReplay},
	{name: "a stranger's replay of a used code revokes nothing", source: "RFC 9700 section 4.5; fosite v0.49.0 and authelia revoked the victim's tokens", run: codeStrangersReplay},
	{name: "another client's attempt burns nothing", source: "RFC 6749 section 10.5; CVE-2026-55672", run: codeOtherClient},
	{name: "a failed attempt burns nothing", source: "RFC 6749 section 4.1.3", run: codeFailedAttempts},
	{name: "the redirect URI of the request is required, exactly", source: "RFC 6749 section 4.1.3", run: codeRedirect},
	{name: "the scope is not widened at redemption", source: "RFC 6749 section 3.3", run: codeScope},
	{name: "the resource is not widened at redemption", source: "RFC 8707 section 2.2", only: embedded, run: codeResource},
	{name: "a code is no access token and no refresh token", source: "RFC 6749 section 1.3.1", run: codeConfusion},
	{name: "a code that is changed in any character is unknown", source: "RFC 6749 section 10.10", run: codeForged},
	{name: "a code dies after a minute", source: "RFC 6749 section 4.1.2", only: embedded, run: codeExpired},
	{name: "codes cannot be guessed from one another", source: "RFC 6749 section 10.10", run: codeEntropy},
	{name: "a store that fails burns no code", source: "RFC 6749 section 4.1.2", only: embedded, run: codeStoreDown},
}

func codeParallel(t *testing.T, s *site) {
	for range 4 {
		spendAtOnce(t, s, s.code())
	}
	spendAtOnce(t, s, s.code("client_id", spa))
}

func codeParallelLate(t *testing.T, s *site) {
	s, store := s.shake()
	store.late = 5 * time.Millisecond
	for range 4 {
		spendAtOnce(t, s, s.code())
	}
}

func spendAtOnce(t *testing.T, s *site, g grant) {
	t.Helper()
	answers := make([]answer, 16)
	together(len(answers), func(i int) { answers[i] = s.redeem(g) })
	var won []answer
	for _, got := range answers {
		if got.status == http.StatusOK {
			won = append(won, got)
			continue
		}
		s.refused(got, http.StatusBadRequest, "invalid_grant")
	}
	require.Len(t, won, 1)
	require.False(t, s.active(won[0].str("access_token")), "the others were replays")
}

func codeReplay(t *testing.T, s *site) {
	for _, client := range []string{web, spa} {
		g := s.code("client_id", client)
		first := s.redeem(g)
		require.Equal(t, http.StatusOK, first.status, first.body)
		s.refused(s.redeem(g), http.StatusBadRequest, "invalid_grant")
		require.False(t, s.active(first.str("access_token")))
		s.refused(s.refresh(client, first.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
		s.refused(s.redeem(g), http.StatusBadRequest, "invalid_grant")
	}
}

func codeStrangersReplay(t *testing.T, s *site) {
	g := s.code()
	first := s.redeem(g)
	require.Equal(t, http.StatusOK, first.status, first.body)
	for _, client := range []string{rival, spa, native} {
		s.refused(s.redeemAs(client, g), http.StatusBadRequest, "invalid_grant")
	}
	s.refused(s.callWith(s.tokenURL, web, oauth2.NewSecret(), "grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect, "code_verifier", g.verifier), http.StatusUnauthorized, "invalid_client")
	s.refused(s.redeem(g, "code_verifier", oauth2.NewSecret()), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeem(g, "code_verifier", ""), http.StatusBadRequest, "invalid_request")
	s.refused(s.redeem(g, "redirect_uri", redirects[rival]), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeem(g, "code", flip(g.code, 60)), http.StatusBadRequest, "invalid_grant")
	require.True(t, s.active(first.str("access_token")))
	require.Equal(t, http.StatusOK, s.refresh(web, first.str("refresh_token")).status)
}

func codeOtherClient(t *testing.T, s *site) {
	for _, owner := range []string{web, spa} {
		g := s.code("client_id", owner)
		for _, client := range []string{rival, native, reader} {
			s.refused(s.redeemAs(client, g), http.StatusBadRequest, "invalid_grant")
			s.refused(s.redeemAs(client, g, "redirect_uri", redirects[client]), http.StatusBadRequest, "invalid_grant")
		}
		s.refused(s.redeemAs(machine, g), http.StatusBadRequest, "unauthorized_client")
		require.Equal(t, http.StatusOK, s.redeem(g).status)
	}
}

func codeFailedAttempts(t *testing.T, s *site) {
	g := s.code()
	s.refused(s.redeem(g, "code_verifier", oauth2.NewSecret()), http.StatusBadRequest, "invalid_grant")
	s.refused(s.redeem(g, "redirect_uri", ""), http.StatusBadRequest, "invalid_request")
	s.refused(s.redeem(g, "scope", "admin"), http.StatusBadRequest, "invalid_scope")
	s.refused(s.redeem(g, "resource", "https://evil.example"), http.StatusBadRequest, "invalid_target")
	s.refused(s.redeem(g, "grant_type", "refresh_token"), http.StatusBadRequest, "invalid_request")
	s.refused(s.callWith(s.tokenURL, web, oauth2.NewSecret(), "grant_type", "authorization_code", "code", g.code), http.StatusUnauthorized, "invalid_client")
	s.refused(s.do(s.client, s.form(s.tokenURL, values("grant_type", "authorization_code", "code", g.code, "client_id", web, "redirect_uri", g.redirect, "code_verifier", g.verifier))), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.redeem(g).status)
}

func codeRedirect(t *testing.T, s *site) {
	g := s.code()
	s.refused(s.redeem(g, "redirect_uri", ""), http.StatusBadRequest, "invalid_request")
	for _, uri := range []string{g.redirect + "/", strings.ToUpper(g.redirect), g.redirect + "?x=1", redirects[rival], "https://app.example/Callback", " " + g.redirect, "x"} {
		s.refused(s.redeem(g, "redirect_uri", uri), http.StatusBadRequest, "invalid_grant")
	}
	require.Equal(t, http.StatusOK, s.redeem(g).status)
	g = s.code("client_id", native, "redirect_uri", "http://127.0.0.1:51004/callback")
	s.refused(s.redeem(g, "redirect_uri", "http://127.0.0.1:51005/callback"), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.redeem(g).status)
}

func codeScope(t *testing.T, s *site) {
	g := s.code()
	s.refused(s.redeem(g, "scope", scopeRead+" "+scopeStats), http.StatusBadRequest, "invalid_scope")
	s.refused(s.redeem(g, "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
	got := s.redeem(g)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, scopeRead, got.str("scope"))
	require.Equal(t, http.StatusForbidden, s.callAPI("/stats", got.str("access_token")).status)
}

func codeResource(t *testing.T, s *site) {
	one, other := "https://one.example/", "https://other.example/"
	s = s.anew(func(cfg *oauth2.ServerConfig) { cfg.Resources = []oauth2.Resource{{URI: one}, {URI: other}} })
	g := s.code("resource", one)
	s.refused(s.redeem(g, "resource", other), http.StatusBadRequest, "invalid_target")
	got := s.redeem(g)
	require.Equal(t, http.StatusOK, got.status)
	s.refused(s.refresh(web, got.str("refresh_token"), "resource", other), http.StatusBadRequest, "invalid_target")
	require.Equal(t, one, s.call(s.introspectURL, api, "token", got.str("access_token")).str("aud"))
}

func codeConfusion(t *testing.T, s *site) {
	g := s.code()
	for _, token := range []string{g.code, "at_" + g.code[3:]} {
		require.False(t, s.active(token))
		require.Equal(t, http.StatusUnauthorized, s.contacts(token).status)
	}
	for _, token := range []string{g.code, "rt_" + g.code[3:]} {
		s.refused(s.refresh(web, token), http.StatusBadRequest, "invalid_grant")
	}
	got := s.redeem(g)
	require.Equal(t, http.StatusOK, got.status)
	for _, token := range []string{got.str("access_token"), got.str("refresh_token"), "ac_" + got.str("access_token")[3:], "ac_" + got.str("refresh_token")[3:]} {
		s.refused(s.redeem(g, "code", token), http.StatusBadRequest, "invalid_grant")
	}
	require.True(t, s.active(got.str("access_token")), "nothing was replayed")
}

func codeForged(t *testing.T, s *site) {
	g := s.code()
	for _, forged := range forgeries(g.code) {
		s.refused(s.redeem(g, "code", forged), http.StatusBadRequest, "invalid_grant")
	}
	require.Equal(t, http.StatusOK, s.redeem(g).status)
}

func codeExpired(t *testing.T, s *site) {
	s = s.anew()
	old, young := s.code(), s.code()
	s.app.clock.Advance(59 * time.Second)
	require.Equal(t, http.StatusOK, s.redeem(young).status)
	s.app.clock.Advance(2 * time.Second)
	s.refused(s.redeem(old), http.StatusBadRequest, "invalid_grant")
}

func codeEntropy(t *testing.T, s *site) {
	seen := map[string]bool{}
	for range 20 {
		code := s.code().code
		require.Len(t, code, 3+64) // of which 32 characters are secret: 192 bits
		for _, part := range []string{code[3:23], code[23:39], code[39:55], code[55:]} {
			require.False(t, seen[part])
			seen[part] = true
		}
	}
}

func codeStoreDown(t *testing.T, s *site) {
	s, store := s.shake()
	g := s.code()
	for _, broken := range []func(bool){store.noGet.Store, store.noUpdate.Store} {
		broken(true)
		s.unavailable(s.redeem(g))
		broken(false)
	}
	got := s.redeem(g)
	require.Equal(t, http.StatusOK, got.status)
	store.noDelete.Store(true)
	s.unavailable(s.redeem(g)) // a replay whose consequence cannot be stored
	store.noDelete.Store(false)
	s.refused(s.redeem(g), http.StatusBadRequest, "invalid_grant")
	require.False(t, s.active(got.str("access_token")))
}
