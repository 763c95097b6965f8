package attack

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	grants "github.com/seed5f5fedc6/oauth2/legacy"
)

var passwordAttacks = []attack{
	{name: "no password is taken at the token endpoint unless that was configured", source: "RFC 9700 section 2.4", run: passwordOff},
	{name: "only a confidential client that is registered for it may bring a password", source: "RFC 6749 section 4.3.2", only: embedded, run: passwordClients},
	{name: "every password but the right one is refused in the same words, whether there is such a user or not", source: "RFC 6749 section 4.3.2", only: embedded, run: passwordSameWords},
	{name: "guessing is answered 429 well within 60 guesses, from 16 connections too, and the owner is let in", source: "RFC 6749 section 4.3.2", only: embedded, run: passwordGuessed},
	{name: "one password is not tried in the names of all, beyond the budget of an address", source: "RFC 6749 section 10.10", only: embedded, run: passwordSprayed},
	{name: "a scope is not widened, nor later", source: "RFC 6749 section 10.7", only: embedded, run: passwordScope},
	{name: "nothing is taken from the query", source: "RFC 6749 section 3.2", only: embedded, run: passwordQuery},
	{name: "a password is neither a code nor a token, nor a client's secret", source: "RFC 6749 section 10.7", only: embedded, run: passwordElsewhere},
	{name: "a locked user gets no tokens by a password", source: "CVE-2023-22492", only: embedded, run: passwordLocked},
}

// servePassword is the site with the password grant.
func (s *site) servePassword(change ...func(*oauth2.ServerConfig)) *site {
	s.t.Helper()
	return s.anew(append(change, func(cfg *oauth2.ServerConfig) {
		//nolint:staticcheck // it is what is attacked
		cfg.Grants = append(cfg.Grants, grants.PasswordGrant{Lookup: s.hashOf})
	})...)
}

// hashOf finds the hash of a user's password, one that is quick to verify.
func (s *site) hashOf(_ context.Context, user string) (subject, hash string, err error) {
	password, ok := s.passwords[user]
	if !ok {
		return "", "", nil
	}
	return user, oauth2.HashSecret(password), nil
}

func (s *site) byPassword(client, user, password string, pairs ...string) answer {
	s.t.Helper()
	return s.token(client, append([]string{"grant_type", "password", "username", user, "password", password}, pairs...)...)
}

func passwordOff(_ *testing.T, s *site) {
	for _, client := range []string{oldApp, web, machine, spa} {
		s.refused(s.byPassword(client, "alice", s.passwords["alice"]), http.StatusBadRequest, "unsupported_grant_type")
	}
}

func passwordClients(t *testing.T, s *site) {
	s = s.servePassword()
	for _, client := range []string{web, rival, legacy, spa, native, machine, api} {
		s.refused(s.byPassword(client, "alice", s.passwords["alice"]), http.StatusBadRequest, "unauthorized_client")
	}
	good := []string{"grant_type", "password", "username", "alice", "password", s.passwords["alice"]}
	s.refused(s.do(s.client, s.form(s.tokenURL, values(append(good, "client_id", oldApp)...))), http.StatusUnauthorized, "invalid_client")
	s.refused(s.callWith(s.tokenURL, oldApp, s.secrets[oldApp]+"x", good...), http.StatusUnauthorized, "invalid_client")
	s.refused(s.callWith(s.tokenURL, "nobody", s.secrets[oldApp], good...), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.token(oldApp, good...).status)
}

func passwordSameWords(t *testing.T, s *site) {
	right := s.passwords["alice"]
	var words string
	for _, try := range [][2]string{
		{"alice", right + "x"}, {"alice", right[:len(right)-1]}, {"alice", strings.ToUpper(right)}, {"alice", " " + right}, {"alice", s.passwords["bob"]},
		{"Alice", right}, {"alice ", right}, {"nobody-at-all", right}, {"*", right}, {"' or 1=1 --", right},
	} {
		got := s.servePassword().byPassword(oldApp, try[0], try[1]) // each within a budget of its own
		s.refused(got, http.StatusBadRequest, "invalid_grant")
		if words == "" {
			words = got.body
		}
		require.Equal(t, words, got.body, try[0])
	}
	for _, try := range [][2]string{{"", right}, {"alice", ""}, {"", ""}} {
		s.refused(s.servePassword().byPassword(oldApp, try[0], try[1]), http.StatusBadRequest, "invalid_request")
	}
}

func passwordGuessed(t *testing.T, s *site) {
	s = s.servePassword()
	answers := make([]answer, 60)
	together(16, func(i int) {
		for at := i; at < len(answers); at += 16 {
			if at > i && answers[at-16].status == http.StatusTooManyRequests {
				return
			}
			answers[at] = s.byPassword(oldApp, "carol", oauth2.NewSecret())
		}
	})
	limited := 0
	for _, got := range answers {
		switch got.status {
		case 0: // it had been told to wait
		case http.StatusTooManyRequests:
			limited++
			require.NotEmpty(t, got.header.Get("Retry-After"))
		default:
			s.refused(got, http.StatusBadRequest, "invalid_grant")
		}
	}
	require.Positive(t, limited)
	require.Equal(t, http.StatusOK, s.byPassword(oldApp, "carol", s.passwords["carol"]).status)
}

func passwordSprayed(t *testing.T, s *site) {
	s = s.servePassword(func(cfg *oauth2.ServerConfig) {
		cfg.FailureLimiter = oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: cfg.Now, Budgets: map[oauth2.AttemptKind]oauth2.FailureBudgets{
			oauth2.AttemptPassword: {PerAddress: oauth2.FailureBudget{Burst: 10, Every: time.Minute}},
		}})
	})
	for i := range 12 {
		got := s.byPassword(oldApp, "user-"+oauth2.NewSecret(), "the same password for all")
		require.Equal(t, i >= 10, got.status == http.StatusTooManyRequests, got.body)
	}
	require.Equal(t, http.StatusOK, s.byPassword(oldApp, "alice", s.passwords["alice"]).status, "and nobody is locked out")
}

func passwordScope(t *testing.T, s *site) {
	s = s.servePassword()
	for _, scope := range []string{scopeStats, scopeRead + " " + scopeStats, "admin", "*"} {
		s.refused(s.byPassword(oldApp, "alice", s.passwords["alice"], "scope", scope), http.StatusBadRequest, "invalid_scope")
	}
	got := s.byPassword(oldApp, "alice", s.passwords["alice"])
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, scopeRead, got.str("scope"))
	s.refused(s.refresh(oldApp, got.str("refresh_token"), "scope", scopeRead+" "+scopeStats), http.StatusBadRequest, "invalid_scope")
	require.Equal(t, http.StatusForbidden, s.callAPI("/stats", got.str("access_token")).status)
	s.refused(s.refresh(web, got.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func passwordQuery(_ *testing.T, s *site) {
	s = s.servePassword()
	query := values("username", "alice", "password", s.passwords["alice"])
	s.refused(s.call(s.tokenURL+"?"+query.Encode(), oldApp, "grant_type", "password"), http.StatusBadRequest, "invalid_request")
	s.refused(s.byPassword(oldApp, "alice", "wrong", "password", ""), http.StatusBadRequest, "invalid_request")
}

func passwordElsewhere(_ *testing.T, s *site) {
	s = s.servePassword()
	got := s.byPassword(oldApp, "alice", s.passwords["alice"])
	for _, token := range []string{got.str("access_token"), got.str("refresh_token"), s.secrets[oldApp]} {
		s.refused(s.byPassword(oldApp, "alice", token), http.StatusBadRequest, "invalid_grant")
	}
	s.refused(s.callWith(s.tokenURL, oldApp, s.passwords["alice"], "grant_type", "password", "username", "alice", "password", s.passwords["alice"]), http.StatusUnauthorized, "invalid_client")
	s.refused(s.refresh(oldApp, s.passwords["alice"]), http.StatusBadRequest, "invalid_grant")
}

func passwordLocked(_ *testing.T, s *site) {
	s = s.servePassword()
	s.app.lock("alice", true)
	s.refused(s.byPassword(oldApp, "alice", s.passwords["alice"]), http.StatusBadRequest, "invalid_grant")
}
