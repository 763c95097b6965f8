package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var metadataAttacks = []attack{
	{name: "the metadata names the exact issuer, and is complete without empty members", source: "RFC 8414 sections 2 and 3.3", run: metadataMembers},
	{name: "the metadata promises nothing that is unsafe", source: "RFC 9700 section 2.4, RFC 8725 section 3.2", run: metadataSafe},
	{name: "every advertised endpoint answers", source: "RFC 8414 section 2", run: metadataEndpoints},
	{name: "the advertised grants are those that are served", source: "RFC 8414 section 2; Hydra advertises what it refuses", run: metadataGrants},
	{name: "the metadata is the same for whoever asks, by whatever name", source: "RFC 8414 section 3.3", run: metadataHost},
	{name: "any page may read the metadata, without credentials, and nobody may change it", source: "RFC 8414 section 3.1", run: metadataMethods},
	{name: "an issuer with a path is served below it, and nowhere else", source: "RFC 8414 section 3.1", only: embedded, run: metadataPath},
}

func metadataMembers(t *testing.T, s *site) {
	got := s.get(metadataURL(t, s.issuer))
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Equal(t, s.issuer, got.str("issuer"))
	for _, member := range []string{"authorization_endpoint", "token_endpoint", "response_types_supported", "code_challenge_methods_supported", "grant_types_supported", "authorization_response_iss_parameter_supported"} {
		require.Contains(t, got.json, member)
	}
	for member, value := range got.json {
		require.NotNil(t, value, member)
		require.NotEmpty(t, value, member)
		if strings.HasSuffix(member, "_endpoint") {
			require.True(t, strings.HasPrefix(value.(string), s.base()+"/"), member)
		}
	}
	require.Equal(t, true, got.json["authorization_response_iss_parameter_supported"])
}

func metadataSafe(t *testing.T, s *site) {
	got := s.get(metadataURL(t, s.issuer))
	for member, value := range got.json {
		list, _ := value.([]any)
		for _, one := range list {
			switch {
			case strings.Contains(member, "alg_values"), strings.HasPrefix(member, "introspection"):
				require.NotEqual(t, "none", one, member)
			case member == "code_challenge_methods_supported":
				require.Equal(t, "S256", one)
			case member == "response_types_supported":
				require.Equal(t, "code", one)
			case member == "grant_types_supported":
				require.NotContains(t, []any{"password", "implicit"}, one)
			}
		}
	}
}

func metadataEndpoints(t *testing.T, s *site) {
	for _, endpoint := range []string{s.authorizeURL, s.tokenURL, s.introspectURL, s.revokeURL} {
		got := s.do(s.client, s.form(endpoint, nil))
		require.NotEqual(t, http.StatusNotFound, got.status, endpoint)
		require.Less(t, got.status, 500, endpoint)
		require.Equal(t, http.StatusNotFound, s.get(endpoint+"/").status, endpoint)
	}
}

func metadataGrants(t *testing.T, s *site) {
	grants, _ := s.get(metadataURL(t, s.issuer)).json["grant_types_supported"].([]any)
	for _, grantType := range []string{"authorization_code", "refresh_token", "client_credentials", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba"} {
		refusal := s.token(api, "grant_type", grantType).str("error")
		advertised := false
		for _, g := range grants {
			advertised = advertised || g == grantType
		}
		require.Equal(t, advertised, refusal != "unsupported_grant_type", grantType)
	}
	methods, _ := s.get(metadataURL(t, s.issuer)).json["token_endpoint_auth_methods_supported"].([]any)
	require.ElementsMatch(t, []any{"private_key_jwt", "self_signed_tls_client_auth", "client_secret_basic", "client_secret_post", "none"}, methods)
}

func metadataHost(t *testing.T, s *site) {
	want := s.get(metadataURL(t, s.issuer)).body
	for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Host", "Forwarded", "X-Original-Url", "Origin", "Referer"} {
		r, err := http.NewRequest(http.MethodGet, metadataURL(t, s.issuer), nil)
		require.NoError(t, err)
		r.Host = "evil.example"
		r.Header.Set(header, "https://evil.example")
		require.Equal(t, want, s.do(s.client, r).body, header)
	}
	require.Equal(t, want, s.get(metadataURL(t, s.issuer)+"?issuer=https://evil.example").body)
}

func metadataMethods(t *testing.T, s *site) {
	r, err := http.NewRequest(http.MethodGet, metadataURL(t, s.issuer), nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://any.example")
	got := s.do(s.client, r)
	require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		r.Method = method
		require.Equal(t, http.StatusMethodNotAllowed, s.do(s.client, r).status)
	}
}

func metadataPath(t *testing.T, s *site) {
	s = s.anew(func(cfg *oauth2.ServerConfig) { cfg.Issuer += "/tenant/one" })
	require.True(t, strings.HasSuffix(s.issuer, "/tenant/one"))
	require.Equal(t, s.issuer+"/token", s.tokenURL)
	access, refresh := s.tokens()
	require.True(t, s.active(access))
	require.Equal(t, http.StatusOK, s.contacts(access).status)
	require.Equal(t, http.StatusOK, s.refresh(web, refresh).status)
	for _, path := range []string{"/token", "/authorize", "/tenant/token", "/tenant/one", "/tenant/one/", "/TENANT/ONE/token", "/tenant/one/token/", "/tenant/one/../one/token", "/.well-known/oauth-authorization-server", "/tenant/one/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/tenant"} {
		require.Equal(t, http.StatusNotFound, s.get(s.base()+path).status, path)
	}
}
