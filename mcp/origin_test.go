package mcp_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/mcp"
)

func TestPagesOfConfiguredOriginsMayCallAndNoOthers(t *testing.T) {
	t.Parallel()
	const friend = "https://friend.example.com"
	for _, c := range []struct {
		origins []string
		sent    string // SELF: the origin of the MCP server
		allowed string // "": refused
	}{
		{nil, "SELF", "SELF"},
		{nil, friend, ""},
		{nil, "null", ""},
		{[]string{friend}, friend, friend},
		{[]string{friend}, "SELF", "SELF"},
		{[]string{friend}, "https://friend.example.com:8443", ""},
		{[]string{friend}, "https://FRIEND.example.com", ""},
		{[]string{friend}, "https://friend.example.com.evil.example", ""},
		{[]string{friend}, "http://friend.example.com", ""},
		{[]string{"*"}, "https://any.example", "*"},
		{[]string{"*"}, "null", "*"},
	} {
		w := newWorld(t, func(cfg *mcp.Config) { cfg.Origins = c.origins })
		if c.sent == "SELF" {
			c.sent, c.allowed = w.url, w.url
		}
		token := w.token(read)
		w.seesFrom(c.sent, c.allowed, w.call(token, "{}", "Origin", c.sent), http.StatusOK)
		w.seesFrom(c.sent, c.allowed, w.call("", "{}", "Origin", c.sent), http.StatusUnauthorized)
		preflight := w.do(http.MethodOptions, w.url+"/mcp", "", "Origin", c.sent,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,mcp-param-x")
		w.seesFrom(c.sent, c.allowed, preflight, http.StatusNoContent)
		if c.allowed != "" {
			require.Equal(t, "authorization,mcp-param-x", preflight.header.Get("Access-Control-Allow-Headers"))
			require.Contains(t, preflight.header.Get("Access-Control-Allow-Methods"), "POST")
		}
	}
}

// Browsers leave out the port that a scheme has anyway.
func TestThePagesOfAResourceWithItsDefaultPortMayCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.Resource = "https://mcp.example.com:443/mcp" })
	w.seesFrom("https://mcp.example.com", "https://mcp.example.com", w.call("", "{}", "Origin", "https://mcp.example.com"), http.StatusUnauthorized)
	w.seesFrom("https://mcp.example.com:443", "", w.call("", "{}", "Origin", "https://mcp.example.com:443"), http.StatusForbidden)
}

// seesFrom checks what a page of an origin sees of an answer.
func (w *world) seesFrom(sent, allowed string, got answer, status int) {
	w.t.Helper()
	if allowed == "" {
		status = http.StatusForbidden
	}
	require.Equal(w.t, status, got.status, sent)
	require.Equal(w.t, allowed, got.header.Get("Access-Control-Allow-Origin"), sent)
	require.Empty(w.t, got.header.Get("Access-Control-Allow-Credentials"), sent)
	require.Contains(w.t, got.header.Values("Vary"), "Origin", sent)
	switch status {
	case http.StatusForbidden:
		require.Contains(w.t, got.json(w.t), "error")
	case http.StatusOK, http.StatusUnauthorized:
		require.Contains(w.t, got.header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate", sent)
	}
}

func TestTwoOriginsAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, http.StatusForbidden, w.call(w.token(read), "{}", "Origin", w.url, "Origin", "https://evil.example").status)
}

func TestAPreflightToTheMCPServerNeedsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, http.StatusUnauthorized, w.do(http.MethodOptions, w.url+"/mcp", "", "Origin", w.url).status, "no preflight")
	require.Equal(t, http.StatusUnauthorized, w.do(http.MethodOptions, w.url+"/mcp", "", "Access-Control-Request-Method", "POST").status, "no page")
}
