package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var pkceAttacks = []attack{
	{name: "a request without a challenge is refused, by every client but one that is exempt", source: "RFC 9700 section 2.1.1, RFC 7636 section 4.4.1", run: pkceRequired},
	{name: "plain and anything else than S256 is refused", source: "RFC 7636 section 7.2", run: pkcePlain},
	{name: "a malformed challenge is refused", source: "RFC 7636 section 4.2", run: pkceChallengeSyntax},
	{name: "a missing verifier is refused, also after a wrong one", source: "RFC 9700 section 4.8.2; fosite v0.49.0 let PKCE be stripped", run: pkceStrip},
	{name: "every verifier but the right one is refused, and the code stays good", source: "RFC 7636 sections 4.1 and 4.6", run: pkceVerifiers},
	{name: "a verifier without a challenge is refused", source: "RFC 9700 section 2.1.1", run: pkceDowngrade},
	{name: "a code that is injected into another session is refused", source: "RFC 9700 section 4.5", run: pkceInjection},
}

func pkceRequired(t *testing.T, s *site) {
	for _, client := range []string{web, spa, native, reader} {
		got := s.alice().open(s.request("client_id", client, "code_challenge", "", "code_challenge_method", ""))
		s.refusedAt(redirects[client], got, "invalid_request")
		got = s.alice().open(s.request("client_id", client, "code_challenge", ""))
		s.refusedAt(redirects[client], got, "invalid_request")
	}
	exempt := s.code("client_id", legacy, "code_challenge", "", "code_challenge_method", "")
	require.Equal(t, http.StatusOK, s.redeem(exempt).status)
	got := s.alice().open(s.request("client_id", legacy, "code_challenge", ""))
	s.refusedAt(redirects[legacy], got, "invalid_request")
}

func pkcePlain(_ *testing.T, s *site) {
	for _, method := range []string{"", "plain", "s256", "S256 ", "S512", "none"} {
		for _, client := range []string{web, spa, legacy} {
			got := s.alice().open(s.request("client_id", client, "code_challenge_method", method))
			s.refusedAt(redirects[client], got, "invalid_request")
		}
	}
	s.refusedAt(redirects[web], s.alice().open(s.request("code_challenge_method", "plain", "code_challenge", oauth2.NewSecret())), "invalid_request")
}

func pkceChallengeSyntax(_ *testing.T, s *site) {
	good := challengeOf(oauth2.NewSecret())
	for _, challenge := range []string{
		"x", good[:42], good + "A", good + "=", "+" + good[1:], "/" + good[1:], " " + good[1:], good[:42] + "*", good[:42] + "B", strings.Repeat("A", 128), strings.Repeat("é", 43),
	} {
		s.refusedAt(redirects[web], s.alice().open(s.request("code_challenge", challenge)), "invalid_request")
	}
}

func pkceStrip(t *testing.T, s *site) {
	for _, client := range []string{web, spa} {
		g := s.code("client_id", client)
		s.refused(s.redeem(g, "code_verifier", oauth2.NewSecret()), http.StatusBadRequest, "invalid_grant")
		s.refused(s.redeem(g, "code_verifier", ""), http.StatusBadRequest, "invalid_request")
		empty := s.form(s.tokenURL+"?code_verifier="+g.verifier, change(values("client_id", client, "client_secret", s.secrets[client],
			"grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect)))
		s.refused(s.do(s.client, empty), http.StatusBadRequest, "invalid_request")
		require.Equal(t, http.StatusOK, s.redeem(g).status)
	}
}

func pkceVerifiers(t *testing.T, s *site) {
	g := s.code()
	v := g.verifier
	for _, verifier := range []string{
		challengeOf(v), challengeOf(challengeOf(v)), v[:42], v + "A", v[1:] + v[:1], strings.ToUpper(v), strings.ToLower(v), v + "=", " " + v, v + " ", v + "\n",
		flip(v, 0), flip(v, 42), v + v, strings.Repeat("A", 43), strings.Repeat("A", 129), "*", "S256",
	} {
		s.refused(s.redeem(g, "code_verifier", verifier), http.StatusBadRequest, "invalid_grant")
	}
	require.Equal(t, http.StatusOK, s.redeem(g).status)
	long := strings.Repeat("~._-aZ09", 16)
	g = s.code("code_challenge", challengeOf(long))
	require.Equal(t, http.StatusOK, s.redeem(g, "code_verifier", long).status, "128 characters of each kind are allowed")
}

func pkceDowngrade(t *testing.T, s *site) {
	g := s.code("client_id", legacy, "code_challenge", "", "code_challenge_method", "")
	s.refused(s.redeem(g, "code_verifier", oauth2.NewSecret()), http.StatusBadRequest, "invalid_request")
	require.Equal(t, http.StatusOK, s.redeem(g).status)
	// The other way about: a challenge of an exempt client binds too.
	g = s.code("client_id", legacy)
	s.refused(s.redeem(g, "code_verifier", ""), http.StatusBadRequest, "invalid_request")
	require.Equal(t, http.StatusOK, s.redeem(g).status)
}

func pkceInjection(t *testing.T, s *site) {
	own, stolen := s.browser("bob").approve(s.request()), s.code()
	s.refused(s.redeem(own, "code", stolen.code), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.redeem(stolen).status)
	require.Equal(t, http.StatusOK, s.redeem(own).status)
}
