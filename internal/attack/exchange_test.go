package attack

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var exchangeAttacks = []attack{
	{name: "a client that is not registered for it exchanges nothing", source: "RFC 8693 section 2.1; CVE-2026-56668", run: exchangeStrangers},
	{name: "an exchange leads to no more scope", source: "RFC 8693 section 5; CVE-2026-56668", run: exchangeScope},
	{name: "an exchange leads to no other resource", source: "RFC 8693 section 2.1, RFC 8707 section 2.2", run: exchangeResource},
	{name: "an exchange leads to no details of a type that is not the client's", source: "RFC 9396 section 10", run: exchangeDetails},
	{name: "an exchange leads to no longer life", source: "RFC 8693 section 5", run: exchangeLifetime},
	{name: "a code, a refresh token and a token of another's making are no subject tokens", source: "RFC 8693 section 2.2.2", run: exchangeSubjects},
	{name: "the token of a machine is no subject token", source: "RFC 9700 section 4.15", run: exchangeMachine},
	{name: "another client's token is no actor token", source: "RFC 8693 section 2.1", run: exchangeActors},
	{name: "who receives a token cannot be made to act under another name", source: "RFC 8693 section 4.1", run: exchangeActs},
	{name: "a bound token is exchanged with a proof of its key alone", source: "RFC 9449 section 7.1", run: exchangeBound},
	{name: "the end of the subject token ends what it was exchanged for, and all behind that", source: "RFC 8693 section 5", run: exchangeRevoked},
	{name: "an exchange that races a revocation leaves nothing behind", source: "RFC 7009 section 2.1", run: exchangeRaced},
	{name: "tokens are not exchanged without end", source: "RFC 8693 section 4.1", run: exchangeEndless},
	{name: "a user who is locked is not exchanged", source: "CVE-2023-22492", only: embedded, run: exchangeLocked},
}

// exchange exchanges an access token, with pairs changing the form.
func (s *site) exchange(client, subject string, pairs ...string) answer {
	s.t.Helper()
	return s.token(client, flat(change(values("grant_type", oauth2.GrantTokenExchange, "subject_token", subject, "subject_token_type", oauth2.TokenTypeAccessToken), pairs...))...)
}

// exchanged is the token that a subject token leads to.
func (s *site) exchanged(subject string, pairs ...string) string {
	s.t.Helper()
	got := s.exchange(relay, subject, pairs...)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	return got.str("access_token")
}

func exchangeStrangers(t *testing.T, s *site) {
	access, _ := s.tokens()
	for _, client := range []string{web, rival, spa, machine, api} {
		s.refused(s.exchange(client, access), http.StatusBadRequest, "unauthorized_client")
	}
	s.refused(s.callWith(s.tokenURL, relay, "wrong", "grant_type", oauth2.GrantTokenExchange, "subject_token", access, "subject_token_type", oauth2.TokenTypeAccessToken), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusUnauthorized, s.do(s.client, s.form(s.tokenURL, values("grant_type", oauth2.GrantTokenExchange, "client_id", relay, "subject_token", access, "subject_token_type", oauth2.TokenTypeAccessToken))).status)
}

func exchangeScope(t *testing.T, s *site) {
	access, _ := s.tokens("scope", scopeRead)
	for _, scope := range []string{scopeStats, scopeRead + " " + scopeStats, "admin", "openid", "*"} {
		s.refused(s.exchange(relay, access, "scope", scope), http.StatusBadRequest, "invalid_scope")
	}
	token := s.exchanged(access)
	require.Equal(t, http.StatusOK, s.contacts(token).status)
	require.Equal(t, http.StatusForbidden, s.callAPI("/stats", token).status)
	s.refused(s.exchange(relay, token, "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
	wide, _ := s.tokens("scope", scopeRead+" "+scopeStats)
	s.refused(s.exchange(relay, s.exchanged(wide, "scope", scopeRead), "scope", scopeStats), http.StatusBadRequest, "invalid_scope")
}

func exchangeResource(_ *testing.T, s *site) {
	access, _ := s.tokens()
	for _, name := range []string{"resource", "audience"} {
		for _, target := range []string{"https://other.example", s.apiURL + "/contacts", s.issuer, "*", "urn:x"} {
			s.refused(s.exchange(relay, access, name, target), http.StatusBadRequest, "invalid_target")
		}
		s.exchanged(access, name, s.apiURL)
	}
	s.refused(s.exchange(relay, access, "resource", s.apiURL, "audience", "https://other.example"), http.StatusBadRequest, "invalid_target")
}

func exchangeDetails(t *testing.T, s *site) {
	subject := s.redeem(s.code("authorization_details", names(10)))
	require.JSONEq(t, names(10), granted(t, subject))
	access := subject.str("access_token")
	s.refused(s.exchange(relay, access, "authorization_details", names(1)), http.StatusBadRequest, invalidDetails)
	got := s.exchange(relay, access)
	require.Empty(t, granted(t, got))
	require.NotContains(t, s.call(s.introspectURL, api, "token", got.str("access_token")).json, "authorization_details")
}

func exchangeLifetime(t *testing.T, s *site) {
	access, _ := s.tokens()
	end := func(token string) any { return s.call(s.introspectURL, api, "token", token).json["exp"] }
	if s.app != nil {
		s = s.anew()
		access, _ = s.tokens()
		s.app.clock.Advance(30 * time.Minute)
	}
	got := s.exchange(relay, access, "expires_in", "99999999", "requested_lifetime", "99999999")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.LessOrEqual(t, end(got.str("access_token")), end(access))
	require.NotContains(t, got.json, "refresh_token")
	s.refused(s.refresh(relay, got.str("access_token")), http.StatusBadRequest, "unauthorized_client")
}

func exchangeSubjects(t *testing.T, s *site) {
	access, refresh := s.tokens()
	g := s.code()
	elsewhere := startApp(t, newTarget(t, inMemory))
	foreign, _ := elsewhere.in(t).tokens()
	gone, _ := s.tokens()
	require.Equal(t, http.StatusOK, s.revoke(web, gone).status)
	for name, subject := range map[string]string{
		"a code": g.code, "a refresh token": refresh, "another server's": foreign, "revoked": gone, "garbage": "x", "a JWT of nobody": "e30.e30.e30",
		"alg none": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhbGljZSJ9.", "truncated": access[:len(access)-1], "a code as access token": "at_" + g.code[3:],
		"a refresh token as access token": "at_" + refresh[3:],
	} {
		for _, kind := range []string{oauth2.TokenTypeAccessToken, oauth2.TokenTypeJWT} {
			got := s.exchange(relay, subject, "subject_token_type", kind)
			require.Equal(t, "invalid_request", got.str("error"), name)
		}
	}
	for _, kind := range []string{"urn:ietf:params:oauth:token-type:refresh_token", oauth2.TokenTypeIDToken, "urn:ietf:params:oauth:token-type:saml2", oauth2.TokenTypeIDJAG, "x"} {
		s.refused(s.exchange(relay, refresh, "subject_token_type", kind), http.StatusBadRequest, "invalid_request")
		s.refused(s.exchange(relay, access, "requested_token_type", kind), http.StatusBadRequest, "invalid_request")
	}
	require.Equal(t, http.StatusOK, s.redeem(g).status, "nothing was used up")
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
}

func exchangeMachine(t *testing.T, s *site) {
	token := s.token(relay, "grant_type", "client_credentials").str("access_token")
	require.True(t, s.active(token))
	s.refused(s.exchange(relay, token), http.StatusBadRequest, "invalid_request")
	s.refused(s.exchange(relay, s.token(machine, "grant_type", "client_credentials").str("access_token")), http.StatusBadRequest, "invalid_request")
}

func exchangeActors(_ *testing.T, s *site) {
	access, refresh := s.tokens()
	for _, actor := range []string{access, refresh, "x", s.token(machine, "grant_type", "client_credentials").str("access_token")} {
		s.refused(s.exchange(relay, access, "actor_token", actor, "actor_token_type", oauth2.TokenTypeAccessToken), http.StatusBadRequest, "invalid_request")
	}
	s.refused(s.exchange(relay, access, "actor_token", "x"), http.StatusBadRequest, "invalid_request")
	s.refused(s.exchange(relay, access, "actor_token_type", oauth2.TokenTypeAccessToken), http.StatusBadRequest, "invalid_request")
}

func exchangeActs(t *testing.T, s *site) {
	access, _ := s.tokens()
	actor := s.token(relay, "grant_type", "client_credentials").str("access_token")
	token := s.exchanged(access, "actor_token", actor, "actor_token_type", oauth2.TokenTypeAccessToken, "act", `{"sub":"bob"}`, "sub", "bob", "requested_subject", "bob", "client", web)
	told := s.call(s.introspectURL, api, "token", token).json
	require.Equal(t, []any{"alice", relay}, []any{told["sub"], told["client_id"]})
	require.Equal(t, map[string]any{"sub": relay, "client_id": relay}, told["act"])
	told = s.call(s.introspectURL, api, "token", s.exchanged(token)).json
	require.Equal(t, map[string]any{"sub": relay, "client_id": relay}, told["act"], "an actor is not shaken off")
}

func exchangeBound(t *testing.T, s *site) {
	key := s.dpopKey()
	access, _ := s.boundTokens(spa, key)
	s.refused(s.exchange(relay, access), http.StatusBadRequest, "invalid_request")
	form := []string{"grant_type", oauth2.GrantTokenExchange, "subject_token", access, "subject_token_type", oauth2.TokenTypeAccessToken}
	s.refused(s.proven(relay, s.with(s.dpopKey()), form...), http.StatusBadRequest, "invalid_request")
	got := s.proven(relay, s.with(key), form...)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "DPoP", got.str("token_type"))
	require.Equal(t, http.StatusUnauthorized, s.contacts(got.str("access_token")).status, "it is no bearer token")
}

func exchangeRevoked(t *testing.T, s *site) {
	for _, whole := range []bool{false, true} {
		access, refresh := s.tokens()
		first := s.exchanged(access)
		second := s.exchanged(first)
		require.Equal(t, http.StatusOK, s.contacts(second).status)
		ended := access
		if whole {
			ended = refresh
		}
		require.Equal(t, http.StatusOK, s.revoke(web, ended).status)
		for _, token := range []string{first, second} {
			require.False(t, s.active(token))
			s.refused(s.exchange(relay, token), http.StatusBadRequest, "invalid_request")
		}
	}
}

func exchangeRaced(t *testing.T, s *site) {
	for range 4 {
		access, refresh := s.tokens()
		var mu sync.Mutex
		var issued []string
		together(9, func(i int) {
			if i == 4 {
				s.revoke(web, refresh)
				return
			}
			if got := s.exchange(relay, access); got.status == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				issued = append(issued, got.str("access_token"))
			}
		})
		for _, token := range issued {
			require.False(t, s.active(token))
		}
	}
}

func exchangeEndless(t *testing.T, s *site) {
	token, _ := s.tokens()
	var times atomic.Int32
	for range 20 {
		got := s.exchange(relay, token)
		if got.status != http.StatusOK {
			s.refused(got, http.StatusBadRequest, "invalid_request")
			break
		}
		token = got.str("access_token")
		times.Add(1)
	}
	require.Less(t, times.Load(), int32(10))
}

func exchangeLocked(_ *testing.T, s *site) {
	s = s.anew()
	access, _ := s.tokens()
	s.app.lock("alice", true)
	s.refused(s.exchange(relay, access), http.StatusBadRequest, "invalid_request")
	s.app.lock("alice", false)
	s.exchanged(access)
}
