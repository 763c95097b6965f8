package attack

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var tokenAttacks = []attack{
	{name: "every method but POST is refused", source: "RFC 6749 section 3.2", run: tokenMethods},
	{name: "nothing is taken from the query", source: "RFC 6749 section 3.2, RFC 9700 section 4.3.2", run: tokenQuery},
	{name: "two ways of authenticating at once are refused", source: "RFC 6749 section 2.3", run: tokenTwoMethods},
	{name: "the client_id of the header and of the body must agree", source: "RFC 6749 section 2.3", run: tokenTwoClients},
	{name: "a public client that sends a secret is refused", source: "RFC 6749 section 2.1", run: tokenPublicSecret},
	{name: "Basic credentials are form-decoded", source: "RFC 6749 section 2.3.1 and appendix B", run: tokenBasicEncoding},
	{name: "malformed Basic credentials are a failed authentication", source: "RFC 7617 section 2", run: tokenMalformedBasic},
	{name: "every secret but the right one is refused", source: "RFC 6749 section 2.3.1", run: tokenNearMisses},
	{name: "an unknown client is answered as a wrong secret is", source: "RFC 6749 section 5.2; go-oauth2 v4.5.4 answered 500", run: tokenUnknownClient},
	{name: "an unknown client takes the same steps as a wrong secret", source: "RFC 9700 section 4.14.2: no oracle by time", only: embedded, run: tokenSameSteps},
	{name: "a client authenticates by its registered method only", source: "RFC 7591 section 2", run: tokenRegisteredMethod},
	{name: "each refusal has its own code", source: "RFC 6749 section 5.2; go-oauth2 v4.5.4 answered 401 and 500, osin 200", run: tokenErrors},
	{name: "every grant asks the client policy", source: "RFC 6749 section 5.2; GHSA-7qjx-gp9h-65qj", run: tokenPolicy},
	{name: "a repeated parameter is refused", source: "RFC 6749 section 3.2", run: tokenRepeated},
	{name: "tokens are JSON that nobody keeps", source: "RFC 6749 section 5.1", run: tokenAnswer},
	{name: "other sites read an answer only where the client's redirect is theirs, and never with credentials", source: "OAuth 2.1 section 3.2", run: tokenCORS},
	{name: "no refusal repeats what was sent", source: "RFC 6749 section 10.14", run: tokenEcho},
}

func tokenMethods(t *testing.T, s *site) {
	good := values("grant_type", "client_credentials", "client_id", machine, "client_secret", s.secrets[machine])
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, "post", "BREW"} {
		r := s.form(s.tokenURL+"?"+good.Encode(), good)
		r.Method = method
		r.Header.Set("X-Http-Method-Override", "POST")
		got := s.do(s.client, r)
		require.Equal(t, http.StatusMethodNotAllowed, got.status, method)
		require.Equal(t, "POST", got.header.Get("Allow"))
		require.NotContains(t, got.body, "access_token")
	}
}

func tokenQuery(_ *testing.T, s *site) {
	good := values("grant_type", "client_credentials", "client_id", machine, "client_secret", s.secrets[machine])
	s.refused(s.do(s.client, s.form(s.tokenURL+"?"+good.Encode(), nil)), http.StatusUnauthorized, "invalid_client")
	s.refused(s.do(s.client, s.form(s.tokenURL+"?"+good.Encode(), values("grant_type", "client_credentials"))), http.StatusUnauthorized, "invalid_client")
	s.refused(s.call(s.tokenURL+"?grant_type=client_credentials", machine, "scope", scopeStats), http.StatusBadRequest, "invalid_request")
	g := s.code()
	s.refused(s.call(s.tokenURL+"?code="+g.code, web, "grant_type", "authorization_code", "redirect_uri", g.redirect, "code_verifier", g.verifier), http.StatusBadRequest, "invalid_request")
	require.Equal(s.t, http.StatusOK, s.call(s.tokenURL+"?grant_type=password&scope=admin&code=x", machine, "grant_type", "client_credentials").status)
}

func tokenTwoMethods(t *testing.T, s *site) {
	secret := s.secrets[machine]
	for _, pairs := range [][]string{
		{"client_secret", secret}, {"client_id", machine, "client_secret", secret}, {"client_id", machine, "client_secret", "x"},
		{"client_assertion", "x.y.z", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, {"client_assertion_type", "x"},
	} {
		s.refused(s.callWith(s.tokenURL, machine, secret, append(pairs, "grant_type", "client_credentials")...), http.StatusBadRequest, "invalid_request")
	}
	r := s.form(s.tokenURL, values("grant_type", "client_credentials"))
	r.SetBasicAuth(machine, secret)
	r.Header.Add("Authorization", r.Header.Get("Authorization"))
	s.refused(s.do(s.client, r), http.StatusBadRequest, "invalid_request")
	// An assertion alone is a method that nobody is registered for.
	got := s.do(s.client, s.form(s.tokenURL, values("grant_type", "client_credentials", "client_id", machine, "client_assertion", "x.y.z", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")))
	s.refused(got, http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.callWith(s.tokenURL, machine, secret, "grant_type", "client_credentials", "client_id", machine).status)
}

func tokenTwoClients(_ *testing.T, s *site) {
	for _, other := range []string{web, "nobody", "MACHINE", machine + " "} {
		s.refused(s.callWith(s.tokenURL, machine, s.secrets[machine], "grant_type", "client_credentials", "client_id", other), http.StatusBadRequest, "invalid_request")
	}
}

func tokenPublicSecret(t *testing.T, s *site) {
	g := s.code("client_id", spa)
	form := []string{"grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect, "code_verifier", g.verifier}
	s.refused(s.callWith(s.tokenURL, spa, "", form...), http.StatusUnauthorized, "invalid_client")
	s.refused(s.callWith(s.tokenURL, spa, oauth2.NewSecret(), form...), http.StatusUnauthorized, "invalid_client")
	s.refused(s.token(spa, append(form, "client_secret", oauth2.NewSecret())...), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.redeem(g).status)
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func tokenBasicEncoding(t *testing.T, s *site) {
	r := func(authorization string) answer {
		r := s.form(s.tokenURL, values("grant_type", "client_credentials"))
		r.Header.Set("Authorization", authorization)
		return s.do(s.client, r)
	}
	id, secret := url.QueryEscape(odd), url.QueryEscape(s.secrets[odd])
	require.Equal(t, http.StatusOK, r(basic(id, secret)).status)
	require.Equal(t, http.StatusOK, r("basic "+strings.TrimPrefix(basic(id, secret), "Basic ")).status, "the scheme has no case")
	require.Equal(t, http.StatusOK, r(basic(url.PathEscape(odd)[:3]+"%3A"+strings.ReplaceAll(url.PathEscape(odd[4:]), ":", "%3A"), secret)).status, "%20 is a blank as + is")
	s.refused(r(basic(odd, s.secrets[odd])), http.StatusUnauthorized, "invalid_client")
	s.refused(r(basic(url.QueryEscape(id), url.QueryEscape(secret))), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.do(s.client, s.form(s.tokenURL, values("grant_type", "client_credentials", "client_id", odd, "client_secret", s.secrets[odd]))).status)
}

func tokenMalformedBasic(t *testing.T, s *site) {
	for _, header := range []string{"", "Basic", "Basic ", "Basic !!!", "Basic " + base64.StdEncoding.EncodeToString([]byte("nocolon")), basic("%zz", "x"), basic("x", "%"), basic("x", "\x00"), basic("\xff", "x"), "Bearer x", "Digest x", "x"} {
		r := s.form(s.tokenURL, values("grant_type", "client_credentials", "client_id", machine, "client_secret", s.secrets[machine]))
		r.Header["Authorization"] = []string{header}
		got := s.do(s.client, r)
		s.refused(got, http.StatusUnauthorized, "invalid_client")
		require.True(t, strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic "), header)
	}
}

func tokenNearMisses(t *testing.T, s *site) {
	secret := s.secrets[machine]
	for _, wrong := range []string{
		"", secret[:42], secret[1:], secret + "x", secret + " ", " " + secret, secret + "\n", secret + "=", strings.ToLower(secret), strings.ToUpper(secret), flip(secret, 0), flip(secret, 42),
		secret + secret, s.secrets[web], machine, strings.Repeat("x", 10_000),
	} {
		got := s.callWith(s.tokenURL, machine, wrong, "grant_type", "client_credentials")
		s.refused(got, http.StatusUnauthorized, "invalid_client")
		require.True(t, strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic "))
	}
	require.Equal(t, http.StatusOK, s.token(machine, "grant_type", "client_credentials").status)
}

func tokenUnknownClient(t *testing.T, s *site) {
	known := s.callWith(s.tokenURL, machine, oauth2.NewSecret(), "grant_type", "client_credentials")
	for _, id := range []string{"nobody", "MACHINE", "machine ", "*", "' or 1=1 --", "../machine", strings.Repeat("x", 10_000)} {
		unknown := s.callWith(s.tokenURL, id, oauth2.NewSecret(), "grant_type", "client_credentials")
		require.Equal(t, known.status, unknown.status)
		require.Equal(t, known.body, unknown.body)
		require.Equal(t, withoutDate(known.header), withoutDate(unknown.header))
	}
	s.refused(known, http.StatusUnauthorized, "invalid_client")
}

func withoutDate(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Date")
	return h
}

func tokenSameSteps(t *testing.T, s *site) {
	var calls atomic.Int64
	s, store := s.shake()
	tokens := store
	s = s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.Clients, cfg.Tokens = countingClients{cfg.Clients, &calls}, tokens
	})
	steps := func(id, secret string) [2]int64 {
		calls.Store(0)
		tokens.calls.Store(0)
		s.refused(s.callWith(s.tokenURL, id, secret, "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
		return [2]int64{calls.Load(), tokens.calls.Load()}
	}
	want := steps(machine, oauth2.NewSecret())
	require.Equal(t, [2]int64{1, 0}, want)
	for _, try := range [][2]string{{"nobody", oauth2.NewSecret()}, {machine, s.secrets[machine][:42]}, {web, s.secrets[machine]}, {machine, flip(s.secrets[machine], 42)}, {machine, flip(s.secrets[machine], 0)}} {
		require.Equal(t, want, steps(try[0], try[1]))
	}
}

func tokenRegisteredMethod(t *testing.T, s *site) {
	g := s.code("client_id", postOnly)
	s.refused(s.callWith(s.tokenURL, postOnly, s.secrets[postOnly], "grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect, "code_verifier", g.verifier), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, s.redeem(g).status)
	s.refused(s.do(s.client, s.form(s.tokenURL, values("grant_type", "client_credentials", "client_id", machine))), http.StatusUnauthorized, "invalid_client")
}

func tokenErrors(_ *testing.T, s *site) {
	for _, refusal := range []struct {
		status       int
		code, client string
		pairs        []string
	}{
		{400, "invalid_request", machine, nil},
		{400, "invalid_request", machine, []string{"grant_type", ""}},
		{400, "unsupported_grant_type", machine, []string{"grant_type", "password", "username", "alice", "password", s.passwords["alice"]}},
		{400, "unsupported_grant_type", machine, []string{"grant_type", "implicit"}},
		{400, "unsupported_grant_type", machine, []string{"grant_type", "Client_Credentials"}},
		{400, "unsupported_grant_type", machine, []string{"grant_type", "client_credentials "}},
		{400, "unsupported_grant_type", machine, []string{"grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer", "assertion", "x.y.z"}},
		{400, "unauthorized_client", machine, []string{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", "x"}},
		{400, "unauthorized_client", machine, []string{"grant_type", "authorization_code", "code", "x"}},
		{400, "unauthorized_client", web, []string{"grant_type", "client_credentials"}},
		{400, "invalid_scope", machine, []string{"grant_type", "client_credentials", "scope", scopeRead}},
		{400, "invalid_scope", machine, []string{"grant_type", "client_credentials", "scope", "\x01"}},
		{400, "invalid_target", machine, []string{"grant_type", "client_credentials", "resource", "https://evil.example/"}},
		{400, "invalid_request", web, []string{"grant_type", "authorization_code"}},
		{400, "invalid_grant", web, []string{"grant_type", "authorization_code", "code", "x"}},
		{400, "invalid_grant", web, []string{"grant_type", "authorization_code", "code", "ac_" + strings.Repeat("A", 64)}},
		{400, "invalid_request", web, []string{"grant_type", "refresh_token"}},
		{400, "invalid_grant", web, []string{"grant_type", "refresh_token", "refresh_token", "x"}},
		{400, "invalid_grant", web, []string{"grant_type", "refresh_token", "refresh_token", "rt_" + strings.Repeat("A", 64)}},
		{400, "invalid_grant", web, []string{"grant_type", "refresh_token", "refresh_token", strings.Repeat("A", 30_000)}},
	} {
		got := s.token(refusal.client, refusal.pairs...)
		s.refused(got, refusal.status, refusal.code)
		require.Regexp(s.t, `^[\x20-\x21\x23-\x5b\x5d-\x7e]+$`, got.str("error_description"))
	}
}

func tokenPolicy(_ *testing.T, s *site) {
	may := map[string][]string{
		"authorization_code": {web, rival, reader, legacy, postOnly, odd, spa, native},
		"refresh_token":      {web, rival, legacy, postOnly, noCode, odd, spa},
		"client_credentials": {machine, odd, spa},
	}
	for _, client := range []string{web, rival, reader, legacy, postOnly, noCode, odd, spa, native, machine, api} {
		for grantType, clients := range may {
			if strings.Contains(" "+strings.Join(clients, " ")+" ", " "+client+" ") {
				continue
			}
			s.refused(s.token(client, "grant_type", grantType, "code", "x", "refresh_token", "x"), http.StatusBadRequest, "unauthorized_client")
		}
	}
}

func tokenRepeated(_ *testing.T, s *site) {
	g := s.code()
	good := values("grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect, "code_verifier", g.verifier, "client_id", web, "client_secret", s.secrets[web], "scope", scopeRead, "x", "y")
	for name := range good {
		for _, second := range []string{good.Get(name), "", "other"} {
			twice := clone(good)
			twice.Add(name, second)
			s.refused(s.do(s.client, s.form(s.tokenURL, twice)), http.StatusBadRequest, "invalid_request")
		}
	}
	good["resource"] = []string{s.apiURL, s.apiURL}
	require.Equal(s.t, http.StatusOK, s.do(s.client, s.form(s.tokenURL, good)).status, "resource may repeat, and nothing was burnt")
}

func tokenAnswer(t *testing.T, s *site) {
	for _, got := range []answer{s.token(machine, "grant_type", "client_credentials"), s.redeem(s.code())} {
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, "application/json", got.header.Get("Content-Type"))
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Empty(t, got.header.Values("Set-Cookie"))
		require.Equal(t, "Bearer", got.str("token_type"))
		require.Positive(t, got.json["expires_in"])
		for member := range got.json {
			require.Contains(t, []string{"access_token", "token_type", "expires_in", "refresh_token", "scope"}, member)
		}
	}
}

func tokenCORS(t *testing.T, s *site) {
	for _, endpoint := range []string{s.tokenURL, s.revokeURL, s.introspectURL} {
		for _, origin := range []string{"https://spa.example", "https://evil.example", "https://spa.example.evil.example", "http://spa.example", "https://SPA.example", "null", "https://app.example"} {
			r := s.form(endpoint, values("client_id", spa, "grant_type", "refresh_token", "refresh_token", "x", "token", "x"))
			r.Header.Set("Origin", origin)
			got := s.do(s.client, r)
			require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
			allowed := got.header.Get("Access-Control-Allow-Origin")
			if origin == "https://spa.example" && endpoint != s.introspectURL {
				require.Equal(t, origin, allowed)
			} else {
				require.Empty(t, allowed, "%s %s", endpoint, origin)
			}
			r, err := http.NewRequest(http.MethodOptions, endpoint, nil)
			require.NoError(t, err)
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "authorization")
			preflight := s.do(s.client, r)
			require.Empty(t, preflight.header.Get("Access-Control-Allow-Credentials"))
			require.NotContains(t, strings.ToLower(preflight.header.Get("Access-Control-Allow-Headers")), "authorization")
		}
	}
}

func tokenEcho(t *testing.T, s *site) {
	for _, name := range []string{"grant_type", "scope", "code", "refresh_token", "redirect_uri", "client_id", "resource", "evil"} {
		got := s.token(web, name, "<b>evil-marker</b>")
		require.NotContains(t, got.body, "evil-marker", name)
		twice := values(name, "<b>evil-marker</b>")
		twice.Add(name, "evil-marker")
		require.NotContains(t, s.do(s.client, s.form(s.tokenURL, twice)).body, "evil", name)
	}
}
