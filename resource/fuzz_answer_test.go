package resource

import (
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// An answer is good only if it says so itself, by the very names of RFC 7662 section 2.2.
func FuzzIntrospectionMembers(f *testing.F) {
	for _, seed := range []string{
		`{"active":true}`, `{"active":false}`, `{"Active":true}`, `{"active":"true"}`, `{"active":true,"active":false}`, `{"active":true,"exp":1}`, `null`, `[]`,
		`{"active":true,"iss":"https://id.example.com","sub":"alice","aud":"a","exp":1e99}`, `{"active":true,"aud":["a","b"],"scope":"a  b"}`, `{"active":true,"cnf":{}}`, `{"active":true,"cnf":null}`, `{"active":true,"cnf":{"jkt":"x"},"token_type":"dpop"}`, `{"active":true,"cnf":{"jkt":"x","kid":"y"}}`,
		`{"active":true,"token_type":"DPoP"}`, `{"active":true,"iss":"https://other.example.com"}`, `{"active":true,"exp":2000000000.5,"auth_time":-1}`, `{"active":true,"tenant":{"a":[null]}}`,
	} {
		f.Add([]byte(seed))
	}
	now := time.Unix(1_700_000_000, 0)
	i := &Introspector{issuer: "https://id.example.com", now: func() time.Time { return now }}
	f.Fuzz(func(t *testing.T, body []byte) {
		info, err := i.read(body)
		if err != nil {
			require.NotEqual(t, errors.Is(err, oauth2.ErrInvalidToken), errors.Is(err, oauth2.ErrTemporarilyUnavailable), err.Error())
			return
		}
		var members map[string]any
		require.NoError(t, json.Unmarshal(body, &members))
		require.Equal(t, true, members["active"])
		_, bound := members["cnf"]
		require.Equal(t, bound, info.Confirmation != nil, "a bound token is never told as a bearer token")
		require.Equal(t, "https://id.example.com", info.Issuer)
		require.True(t, info.ExpiresAt.IsZero() || info.ExpiresAt.After(now))
		if kind, ok := members["token_type"].(string); ok {
			require.True(t, strings.EqualFold(kind, "Bearer") || strings.EqualFold(kind, "DPoP") && info.Confirmation.JKT != "")
		}
		if audience, ok := members["aud"].(string); ok {
			require.Equal(t, []string{audience}, info.Audience)
		}
		for name, value := range info.Claims {
			require.Equal(t, members[name], value)
			require.NotContains(t, []string{"active", "iss", "sub", "client_id", "scope", "aud", "exp", "iat"}, name)
		}
	})
}

// Tokens and credentials are sent where the issuer's own metadata says, and nowhere in clear but on
// this machine (RFC 8414 section 3.3).
func FuzzMetadata(f *testing.F) {
	const issuer = "https://id.example.com"
	for _, endpoint := range []string{
		issuer + "/introspect", "http://id.example.com/introspect", "http://127.0.0.1:1/x", "http://localhost/", "https://u:p@a/", "https://a/#", "//a/", "", "http://127.0.0.1.evil/",
	} {
		document, _ := json.Marshal(map[string]string{"issuer": issuer, "introspection_endpoint": endpoint})
		f.Add(document)
	}
	f.Add([]byte(`{"issuer":"https://id.example.com/","introspection_endpoint":"https://id.example.com/introspect"}`))
	f.Add([]byte(`{"Issuer":"https://id.example.com"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		endpoint, err := urlIn(body, issuer, "introspection_endpoint")
		if err != nil {
			require.Empty(t, endpoint)
			return
		}
		u, err := url.Parse(endpoint)
		require.NoError(t, err)
		require.Nil(t, u.User)
		require.NotEmpty(t, u.Host)
		ip, err := netip.ParseAddr(u.Hostname())
		require.True(t, u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback()), endpoint)
		var told map[string]any
		require.NoError(t, json.Unmarshal(body, &told))
		require.Equal(t, issuer, told["issuer"])
	})
}
