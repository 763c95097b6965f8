package attack

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
	"github.com/seed5f5fedc6/oauth2/resource"
)

var mcpAttacks = []attack{
	{name: "a token for an API beside the MCP server does not open it", source: "MCP 2026-07-28, authorization section 9.2; RFC 8707 section 2", only: embedded, run: mcpAudience},
	{name: "a token of another issuer over the same records does not open the MCP server", source: "MCP 2026-07-28, authorization section 9.2", only: embedded, run: mcpIssuer},
	{name: "a token that the MCP server passes on opens no other API", source: "MCP 2026-07-28, security considerations section 9, token passthrough", only: embedded, run: mcpPassthrough},
	{name: "a request that names no resource gets a token for the only one, and for none where there are several", source: "RFC 8707 section 2", only: embedded, run: mcpMissing},
	{name: "no spelling of another resource means the MCP server", source: "MCP 2026-07-28, authorization section 8.1; RFC 3986 section 6.2", only: embedded, run: mcpSpelling},
	{name: "the metadata is equal byte for byte under every alias, and no header of a request gets into it", source: "RFC 8414 sections 3.1 and 5", only: embedded, run: mcpAliases},
	{name: "a challenge leads to the configured metadata, whatever the Host", source: "RFC 9728 section 7.3", only: embedded, run: mcpChallenge},
	{name: "a call cannot be hidden in a message that another parser reads differently", source: "RFC 8259 section 4", only: embedded, run: mcpHiddenCall},
	{name: "a resource that may not be read cannot be listened to, nor its values completed", source: "MCP 2026-07-28, subscriptions, opening a stream", only: embedded, run: mcpListening},
	{name: "a message of a million calls is refused", source: "CWE-770", only: embedded, run: mcpMillion},
	{name: "a page of another origin is refused, with a good token too", source: "MCP 2026-07-28, streamable HTTP section 1", only: embedded, run: mcpOrigin},
	{name: "a token in the query or the body does not open the MCP server", source: "MCP 2026-07-28, authorization section 9.1", only: embedded, run: mcpElsewhere},
	{name: "offline_access opens nothing, and no resource asks for it", source: "MCP 2026-07-28, authorization section 10", only: embedded, run: mcpOffline},
}

// The scope of a tool. The MCP server itself needs scopeRead.
const mcpStatsCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"stats"}}`

// otherAPI is an API beside the MCP server.
const otherAPI = "https://other.example/api"

// withMCP is an MCP server with an authorization server of its own, over the same records.
func (s *site) withMCP(change ...func(*mcp.Config)) *site {
	s.t.Helper()
	var own oauth2.ServerConfig
	s = s.anew(func(cfg *oauth2.ServerConfig) { own = *cfg })
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	s.t.Cleanup(listener.Close)
	cfg := mcp.Config{
		Issuer: listener.URL, Resource: listener.URL + "/mcp", Scopes: oauth2.Scope{scopeRead, scopeStats},
		Clients: own.Clients, Tokens: own.Tokens, Consent: own.Consent,
		CallScopes: func(c mcp.Call) oauth2.Scope { return map[string]oauth2.Scope{"stats": {scopeStats}}[c.Name] },
		Server:     oauth2.ServerConfig{OnEvent: own.OnEvent, Now: own.Now},
	}
	for _, c := range change {
		c(&cfg)
	}
	server, err := mcp.New(cfg)
	require.NoError(s.t, err)
	for _, path := range server.Paths() {
		mux.Handle(path, server)
	}
	mux.Handle("/mcp", server.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), scopeRead))
	m := *s
	m.issuer, m.apiURL, m.user = cfg.Issuer, cfg.Resource, nil
	m.connect()
	return &m
}

// message sends a message to the MCP server, with headers in pairs.
func (s *site) message(token, message string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.apiURL, strings.NewReader(message))
	require.NoError(s.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.do(s.client, r)
}

func withOtherAPI(cfg *mcp.Config) { cfg.Server.Resources = []oauth2.Resource{{URI: otherAPI}} }

func mcpAudience(t *testing.T, s *site) {
	s = s.withMCP(withOtherAPI)
	access, refresh := s.tokens("resource", otherAPI)
	require.Equal(t, http.StatusUnauthorized, s.message(access, "{}").status)
	s.refused(s.refresh(web, refresh, "resource", s.apiURL), http.StatusBadRequest, "invalid_target")
	access, _ = s.tokens("resource", s.apiURL)
	require.Equal(t, http.StatusOK, s.message(access, "{}").status)
}

func mcpIssuer(t *testing.T, s *site) {
	m := s.withMCP()
	foreign, _ := s.anew(func(cfg *oauth2.ServerConfig) { cfg.Resources = []oauth2.Resource{{URI: m.apiURL}} }).tokens("resource", m.apiURL)
	got := m.message(foreign, "{}")
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_token"`)
}

func mcpPassthrough(t *testing.T, s *site) {
	s = s.withMCP(withOtherAPI)
	introspector, err := resource.NewIntrospector(resource.IntrospectorConfig{Issuer: s.issuer, ClientID: api, ClientSecret: s.secrets[api], HTTPClient: s.client, Now: s.now})
	require.NoError(t, err)
	guard, err := resource.NewGuard(resource.GuardConfig{Checker: introspector, Audience: otherAPI, Now: s.now})
	require.NoError(t, err)
	upstream := httptest.NewServer(guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer upstream.Close()
	u := *s
	u.apiURL = upstream.URL
	access, _ := s.tokens("resource", s.apiURL)
	require.Equal(t, http.StatusOK, s.message(access, "{}").status)
	require.Equal(t, http.StatusUnauthorized, u.message(access, "{}").status)
	own, _ := s.tokens("resource", otherAPI)
	require.Equal(t, http.StatusOK, u.message(own, "{}").status)
}

func mcpMissing(t *testing.T, s *site) {
	only := s.withMCP()
	access, _ := only.tokens()
	require.Equal(t, http.StatusOK, only.message(access, "{}").status)
	several := s.withMCP(withOtherAPI)
	access, _ = several.tokens()
	require.Equal(t, http.StatusUnauthorized, several.message(access, "{}").status)
}

func mcpSpelling(t *testing.T, s *site) {
	s = s.withMCP()
	root := strings.TrimSuffix(s.apiURL, "/mcp")
	for _, other := range []string{
		root, root + "/", root + "/MCP", root + "/mcp//", root + "/mcp/x", root + "/mcp;x", root + "/mcp?x", root + "/mcp/../mcp", root + "/%6Dcp", root + "/mcp%2F",
		root + ".evil.example/mcp", root + "@evil.example/mcp", "https" + strings.TrimPrefix(s.apiURL, "http"), s.apiURL + "#x", " " + s.apiURL, s.apiURL + "\t", "/mcp", "mcp",
	} {
		s.refusedAt(redirects[web], s.alice().open(s.request("resource", other)), "invalid_target")
		s.refused(s.redeem(s.code(), "resource", other), http.StatusBadRequest, "invalid_target")
	}
	for _, same := range []string{s.apiURL, s.apiURL + "/", strings.Replace(s.apiURL, "http:", "HTTP:", 1)} {
		access, refresh := s.tokens("resource", same)
		require.Equal(t, http.StatusOK, s.message(access, "{}").status)
		require.Equal(t, http.StatusOK, s.refresh(web, refresh, "resource", same).status)
	}
}

func mcpAliases(t *testing.T, s *site) {
	s = s.withMCP(func(cfg *mcp.Config) { cfg.Issuer += "/tenant" })
	for _, aliases := range [][]string{
		{"/.well-known/oauth-authorization-server/tenant", "/.well-known/openid-configuration/tenant", "/tenant/.well-known/openid-configuration"},
		{"/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"},
	} {
		want := s.get(s.base() + aliases[0])
		require.Equal(t, http.StatusOK, want.status)
		require.Contains(t, want.body, s.issuer)
		for _, alias := range aliases {
			for _, header := range []string{"Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "Forwarded", "Origin"} {
				r, err := http.NewRequest(http.MethodGet, s.base()+alias+"?issuer=https://evil.example", nil)
				require.NoError(t, err)
				r.Host = "evil.example"
				r.Header.Set(header, "https://evil.example")
				require.Equal(t, want.body, s.do(s.client, r).body, alias)
			}
		}
	}
}

func mcpChallenge(t *testing.T, s *site) {
	s = s.withMCP()
	for _, header := range []string{"Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
		got := s.message("", "{}", header, "evil.example")
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Contains(t, got.header.Get("WWW-Authenticate"), `resource_metadata="`+s.issuer+`/.well-known/oauth-protected-resource/mcp"`)
		require.NotContains(t, got.header.Get("WWW-Authenticate"), "evil")
	}
}

func mcpHiddenCall(t *testing.T, s *site) {
	s = s.withMCP()
	access, _ := s.tokens()
	require.Equal(t, http.StatusForbidden, s.message(access, mcpStatsCall).status)
	for _, hidden := range []string{
		`{"method":"ping","method":"tools/call","params":{"name":"stats"}}`,
		`{"method":"tools/call","METHOD":"ping","params":{"name":"stats"}}`,
		`{"method":"tools/call","params":{"name":"x","name":"stats"}}`,
		`{"method":"tools/call","params":{"name":"x"},"Params":{"name":"stats"}}`,
		`[{"method":"ping"},{"method":"tools/call","params":{"name":"stats"}}]`,
		`{"method":"\u0074ools/call","params":{"na\u006de":"stats"}}`,
		mcpStatsCall + mcpStatsCall, "\xef\xbb\xbf" + mcpStatsCall,
		`{"method":"ping"}` + "\n" + mcpStatsCall,
	} {
		require.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden}, s.message(access, hidden).status, hidden)
	}
	// Nobody believes the headers that repeat the body.
	require.Equal(t, http.StatusForbidden, s.message(access, mcpStatsCall, "Mcp-Method", "ping", "Mcp-Name", "x").status)
	access, _ = s.tokens("scope", scopeRead+" "+scopeStats)
	require.Equal(t, http.StatusOK, s.message(access, mcpStatsCall).status)
}

func mcpListening(t *testing.T, s *site) {
	s = s.withMCP()
	narrow, _ := s.tokens()
	wide, _ := s.tokens("scope", scopeRead+" "+scopeStats)
	for _, message := range []string{
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["x","stats"]}}}`,
		`{"method":"resources/subscribe","params":{"uri":"stats"}}`,
		`{"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"stats"}}}`,
	} {
		require.Equal(t, http.StatusForbidden, s.message(narrow, message).status, message)
		require.Equal(t, http.StatusOK, s.message(wide, message).status, message)
	}
}

func mcpMillion(t *testing.T, s *site) {
	s = s.withMCP()
	access, _ := s.tokens()
	for _, message := range []string{
		"[" + strings.Repeat(`{},`, 1_000_000) + `{}]`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":[` + strings.Repeat(`"",`, 1_000_000) + `""]}}}`,
	} {
		require.Equal(t, http.StatusRequestEntityTooLarge, s.message(access, message).status)
	}
	require.Equal(t, http.StatusOK, s.message(access, `{"method":"ping"}`).status)
}

func mcpOrigin(t *testing.T, s *site) {
	s = s.withMCP()
	access, _ := s.tokens()
	for _, origin := range []string{"https://evil.example", "null", "", strings.ToUpper(s.base()), s.base() + ".evil.example", s.base() + " https://evil.example"} {
		got := s.message(access, "{}", "Origin", origin)
		require.Equal(t, http.StatusForbidden, got.status, origin)
		require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
	}
	// Rebinding: the name of another host, and a page of it.
	require.Equal(t, http.StatusForbidden, s.message(access, "{}", "Host", "evil.example", "Origin", "http://evil.example").status)
	require.Equal(t, http.StatusOK, s.message(access, "{}", "Origin", s.base()).status)
}

func mcpElsewhere(t *testing.T, s *site) {
	s = s.withMCP()
	access, _ := s.tokens()
	require.Equal(t, http.StatusBadRequest, s.do(s.client, s.form(s.apiURL+"?access_token="+access, nil)).status)
	require.Equal(t, http.StatusBadRequest, s.do(s.client, s.form(s.apiURL, values("access_token", access))).status)
}

func mcpOffline(t *testing.T, s *site) {
	s = s.withMCP()
	access, refresh := s.tokens("scope", mcp.ScopeOfflineAccess)
	require.NotEmpty(t, refresh)
	got := s.message(access, "{}")
	require.Equal(t, http.StatusForbidden, got.status)
	require.NotContains(t, got.header.Get("WWW-Authenticate"), mcp.ScopeOfflineAccess)
	require.NotContains(t, s.get(s.base()+"/.well-known/oauth-protected-resource").body, mcp.ScopeOfflineAccess)
	require.Contains(t, s.get(metadataURL(t, s.issuer)).body, mcp.ScopeOfflineAccess)
	// A client that is not registered for refresh tokens gets none by asking.
	code := s.code("client_id", reader, "scope", scopeRead+" "+mcp.ScopeOfflineAccess)
	got = s.redeem(code)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Empty(t, got.str("refresh_token"))
	require.Equal(t, scopeRead, got.str("scope"))
}
