package attack

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

var resourceAttacks = []attack{
	{name: "without a token there is a challenge and no reason", source: "RFC 6750 section 3.1", run: resourceNoToken},
	{name: "whatever is no live access token is invalid_token", source: "RFC 6750 section 3.1", run: resourceForged},
	{name: "a token in the query or the body is refused", source: "RFC 9700 section 4.3.2, RFC 6750 section 5.3", run: resourceElsewhere},
	{name: "a malformed or doubled Authorization header is refused", source: "RFC 6750 section 2.1", run: resourceHeaders},
	{name: "a scope that is missing is named", source: "RFC 6750 section 3.1", run: resourceScope},
	{name: "a token of another audience is refused", source: "RFC 8707 section 2, RFC 9700 section 4.10.2", only: embedded, run: resourceAudience},
	{name: "a revocation is seen by the very next request", source: "RFC 7009 section 3", run: resourceRevoked},
}

func resourceNoToken(t *testing.T, s *site) {
	for _, header := range []string{"", basic(web, s.secrets[web]), "Digest x", "Token x"} {
		r, err := http.NewRequest(http.MethodGet, s.apiURL+"/contacts", nil)
		require.NoError(t, err)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		got := s.do(s.client, r)
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.True(t, strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer"))
		require.NotContains(t, got.header.Get("WWW-Authenticate"), "error")
	}
}

func resourceForged(t *testing.T, s *site) {
	pending := s.code()
	access, refresh := s.tokens()
	for _, token := range append([]string{pending.code, refresh, "at_" + pending.code[3:], "at_" + refresh[3:], "x", "eyJhbGciOiJub25lIn0.e30."}, forgeries(access)...) {
		if strings.ContainsAny(token, " \n=") || strings.HasSuffix(token, "=") {
			continue // no bearer token by its syntax
		}
		got := s.contacts(token)
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_token"`)
	}
	require.Equal(t, http.StatusOK, s.contacts(access).status)
}

func resourceElsewhere(t *testing.T, s *site) {
	access, _ := s.tokens()
	for _, r := range []*http.Request{
		s.form(s.apiURL+"/contacts?access_token="+access, nil), s.form(s.apiURL+"/contacts", values("access_token", access)), s.form(s.apiURL+"/contacts?x=1&access_token=", nil),
	} {
		got := s.do(s.client, r)
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_request"`)
		r.Header.Set("Authorization", "Bearer "+access)
		if r.GetBody != nil {
			var err error
			r.Body, err = r.GetBody()
			require.NoError(t, err)
		}
		require.Equal(t, http.StatusBadRequest, s.do(s.client, r).status, "beside a good header too")
	}
}

func resourceHeaders(t *testing.T, s *site) {
	access, _ := s.tokens()
	ask := func(headers ...string) answer {
		r, err := http.NewRequest(http.MethodGet, s.apiURL+"/contacts", nil)
		require.NoError(t, err)
		r.Header["Authorization"] = headers
		return s.do(s.client, r)
	}
	for _, headers := range [][]string{{"Bearer"}, {"Bearer "}, {"Bearer " + access + " x"}, {"Bearer " + access + ", Bearer x"}, {"Bearer " + access, "Bearer x"}, {"Bearer x", "Bearer " + access}, {"Bearer \"" + access + "\""}, {"Bearer\t" + access}, {"Bearer=" + access}, {access}, {"Bearer " + access + "é"}} {
		got := ask(headers...)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, got.status, headers[0][:6])
		require.NotEmpty(t, got.header.Get("WWW-Authenticate"))
	}
	for _, scheme := range []string{"bearer", "BEARER", "BeArEr"} {
		require.Equal(t, http.StatusOK, ask(scheme+" "+access).status)
	}
}

func resourceScope(t *testing.T, s *site) {
	access, _ := s.tokens()
	got := s.callAPI("/stats", access)
	require.Equal(t, http.StatusForbidden, got.status)
	require.Contains(t, got.header.Get("WWW-Authenticate"), `error="insufficient_scope"`)
	require.Contains(t, got.header.Get("WWW-Authenticate"), `scope="`+scopeStats+`"`)
}

func resourceAudience(t *testing.T, s *site) {
	other := "https://other.example/"
	own := s.apiURL
	s = s.anew(func(cfg *oauth2.ServerConfig) { cfg.Resources = append(cfg.Resources, oauth2.Resource{URI: other}) })
	require.NotEqual(t, own, s.apiURL)
	for _, pairs := range [][]string{{"resource", other}, nil} { // nil: with several resources, none is the default
		access, refresh := s.tokens(pairs...)
		require.True(t, s.active(access))
		got := s.contacts(access)
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_token"`)
		s.refused(s.refresh(web, refresh, "resource", s.apiURL), http.StatusBadRequest, "invalid_target")
	}
	access, _ := s.tokens("resource", s.apiURL)
	require.Equal(t, http.StatusOK, s.contacts(access).status)
	// In process, without introspection, the rule is the same.
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: introspectionOf(t, s), Audience: other})
	require.NoError(t, err)
	elsewhere := httptest.NewServer(guard.Require()(http.NotFoundHandler()))
	defer elsewhere.Close()
	r, err := http.NewRequest(http.MethodGet, elsewhere.URL, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+access)
	require.Equal(t, http.StatusUnauthorized, s.do(s.client, r).status)
}

func introspectionOf(t *testing.T, s *site) resource.Checker {
	checker, err := resource.NewIntrospector(resource.IntrospectorConfig{Issuer: s.issuer, ClientID: api, ClientSecret: s.secrets[api], HTTPClient: s.client, Now: s.now})
	require.NoError(t, err)
	return checker
}

func resourceRevoked(t *testing.T, s *site) {
	access, refresh := s.tokens()
	for range 3 {
		require.Equal(t, http.StatusOK, s.contacts(access).status)
	}
	require.Equal(t, http.StatusOK, s.revoke(web, refresh).status)
	require.Equal(t, http.StatusUnauthorized, s.contacts(access).status)
}
