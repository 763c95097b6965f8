package resource_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// guardOf is a guard over checkerOf's bearerToken, whose scope is read.
func guardOf(t *testing.T, change func(*resource.GuardConfig)) *resource.Guard {
	t.Helper()
	cfg := resource.GuardConfig{Checker: checkerOf{}, Audience: audience}
	change(&cfg)
	guard, err := resource.NewGuard(cfg)
	require.NoError(t, err)
	return guard
}

func call(handler http.Handler, token string) answer {
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	handler.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

func TestWhatARequestTurnsOutToNeedIsAskedForAllAtOnce(t *testing.T) {
	t.Parallel()
	m := newMetadata(t, resource.MetadataConfig{Resource: audience})
	guard := guardOf(t, func(cfg *resource.GuardConfig) { cfg.Metadata = m })
	needing := func(scopes ...string) http.Handler {
		return guard.Require("read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if guard.Permits(w, r, scopes...) {
				w.WriteHeader(http.StatusNoContent)
			}
		}))
	}
	require.Equal(t, http.StatusNoContent, call(needing(), bearerToken).status)
	require.Equal(t, http.StatusNoContent, call(needing("read"), bearerToken).status)
	got := call(needing("read", "write", "stats"), bearerToken)
	require.Equal(t, http.StatusForbidden, got.status)
	told := challengeIn(t, got)
	require.Equal(t, "insufficient_scope", told["error"])
	require.Equal(t, "read write stats", told["scope"])
	require.Equal(t, m.URL(), told["resource_metadata"])
	require.Equal(t, http.StatusForbidden, call(needing("not one"), bearerToken).status, "what is no scope is in no token")
}

func TestPermitsRefusesARequestThatNobodyLetIn(t *testing.T) {
	t.Parallel()
	var told error
	guard := guardOf(t, func(cfg *resource.GuardConfig) { cfg.OnFault = func(_ *http.Request, err error) { told = err } })
	permitted := true
	got := call(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { permitted = guard.Permits(w, r) }), bearerToken)
	require.False(t, permitted)
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.ErrorContains(t, told, "Require")
}

func TestABroaderScopeHasWhatItImplies(t *testing.T) {
	t.Parallel()
	implied := map[string]oauth2.Scope{"read": {"list", "peek"}, "list": {"read"}}
	guard := guardOf(t, func(cfg *resource.GuardConfig) { cfg.Implied = implied })
	implied["read"][0] = "write" // too late
	implied["read"] = oauth2.Scope{"write"}
	for _, c := range []struct {
		needed []string
		status int
	}{
		{[]string{"read"}, http.StatusOK},
		{[]string{"list", "peek"}, http.StatusOK},
		{[]string{"read", "list"}, http.StatusOK},
		{[]string{"write"}, http.StatusForbidden},
		{[]string{"list", "write"}, http.StatusForbidden},
	} {
		got := call(guard.Require(c.needed...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), bearerToken)
		require.Equal(t, c.status, got.status, c.needed)
	}
}

func TestEveryChallengeOfAnAnswerNamesTheMetadataAndTheScope(t *testing.T) {
	t.Parallel()
	m := newMetadata(t, resource.MetadataConfig{Resource: audience})
	for name, with := range map[string]*resource.Metadata{"with metadata": m, "without": nil} {
		guard := guardOf(t, func(cfg *resource.GuardConfig) {
			cfg.Metadata, cfg.DPoP = with, &resource.DPoPConfig{URL: audience}
		})
		got := call(guard.Require("read", "write")(http.NotFoundHandler()), "unknown")
		require.Equal(t, http.StatusUnauthorized, got.status)
		challenges := got.header.Values("WWW-Authenticate")
		require.Len(t, challenges, 2)
		require.Regexp(t, `^Bearer realm="`, challenges[0])
		require.Regexp(t, `^DPoP realm="[^"]+", (scope="read write", resource_metadata="[^"]+", )?algs="[A-Za-z0-9 ]+"$`, challenges[1])
		for _, challenge := range challenges {
			if with == nil {
				require.NotContains(t, challenge, "scope=", name)
				require.NotContains(t, challenge, "resource_metadata=", name)
				continue
			}
			require.Contains(t, challenge, `scope="read write"`, name)
			require.Contains(t, challenge, `resource_metadata="`+m.URL()+`"`, name)
		}
	}
}

func TestAPageMayAskForTheMetadataWithHeadersOfItsOwn(t *testing.T) {
	t.Parallel()
	m := newMetadata(t, resource.MetadataConfig{Resource: audience})
	ask := func(headers ...string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodOptions, "/", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		m.ServeHTTP(rec, r)
		return rec
	}
	got := ask("Origin", "https://any.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version")
	require.Equal(t, http.StatusNoContent, got.Code)
	require.Empty(t, got.Body.String())
	for name, value := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Credentials": "",
	} {
		require.Equal(t, value, got.Header().Get(name), name)
	}
	require.Equal(t, http.StatusMethodNotAllowed, ask().Code, "no question of a browser")
}
