package mcp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
)

// callScopes are what calls need in these tests.
func callScopes(c mcp.Call) oauth2.Scope {
	return map[mcp.Call]oauth2.Scope{
		{Method: "tools/call", Name: "write_note"}:        {write},
		{Method: "tools/call", Name: "purge"}:             {write, admin, mcp.ScopeOfflineAccess},
		{Method: "prompts/get", Name: "rewrite"}:          {write},
		{Method: "resources/read", Name: "notes://admin"}: {admin},
		{Method: "logging/setLevel"}:                      {admin},

		{Method: "completion/complete", Name: "rewrite"}:        {write},
		{Method: "completion/complete", Name: "notes://admin"}:  {admin},
		{Method: "subscriptions/listen"}:                        {write},
		{Method: "subscriptions/listen", Name: "notes://admin"}: {admin},
	}[c]
}

func TestACallNeedsTheScopesOfWhatItCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.CallScopes = callScopes })
	token := w.token(read)
	for message, needed := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`:                                                                               "",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_notes","arguments":{"name":"purge"}}}`:                   "",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note"}}`:                                                read + " " + write,
		` {"params":{"_meta":{},"name":"purge"},"method":"tools\/call","id":1}`:                                                        read + " " + write + " " + admin,
		`{"method":"tools/call","params":{"name":"\u0070urge"}}`:                                                                       read + " " + write + " " + admin,
		`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"rewrite"}}`:                                                  read + " " + write,
		`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"write_note","uri":"notes://admin"}}`:                         "",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"notes://admin"}}`:                                          read + " " + admin,
		`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}`:                                              read + " " + admin,
		`[{"method":"ping"},{"method":"tools/call","params":{"name":"write_note"}},{"method":"logging/setLevel"}]`:                     read + " " + write + " " + admin,
		`{"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"rewrite"},"argument":{"name":"x","value":"y"}}}`: read + " " + write,
		`{"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"notes://admin"}}}`:                              read + " " + admin,
		`{"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"x"},"name":"rewrite"}}`:                          "",
		`{"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true}}}`:                                       read + " " + write,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["notes://x","notes:\/\/admin"]}}}`:       read + " " + write + " " + admin,
		`{"jsonrpc":"2.0","id":1,"result":{"method":"tools/call","params":{"name":"purge"}}}`:                                          "",
	} {
		got := w.call(token, message)
		if needed == "" {
			require.Equal(t, http.StatusOK, got.status, message)
			require.Equal(t, message, got.json(t)["message"], "the handler reads the message whole")
			continue
		}
		require.Equal(t, http.StatusForbidden, got.status, message)
		challenge := got.challenge(t, "bearer")
		require.Equal(t, "insufficient_scope", challenge["error"], message)
		require.Equal(t, needed, challenge["scope"], message)
		require.Equal(t, w.url+resourcePath+"/mcp", challenge["resource_metadata"], message)
		require.Equal(t, http.StatusOK, w.call(w.token(needed), message).status, message)
	}
}

func TestAMessageThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.CallScopes = callScopes })
	token := w.token(read)
	for _, message := range []string{
		``, `x`, `{`, `null`, `1`, `"tools/call"`, `[1]`, `[[{"method":"ping"}]]`, `{} {}`, `{}x`, `{"method":1}`, `{"method":null}`,
		`{"method":"ping","method":"tools/call","params":{"name":"purge"}}`,
		`{"method":"ping","Method":"tools/call","params":{"name":"purge"}}`,
		`{"METHOD":"tools/call","params":{"name":"purge"}}`,
		`{"method":"tools/call","params":{"name":"x","name":"purge"}}`,
		`{"method":"tools/call","params":{"name":"x","Name":"purge"}}`,
		`{"method":"tools/call","params":{"name":"x"},"param` + "\u017f" + `":{"name":"purge"}}`,
		`{"method":"tools/call","params":{"name":"x"},"params":{"name":"purge"}}`,
		`{"method":"tools/call","params":["purge"]}`, `{"method":"tools/call","params":"purge"}`, `{"method":"tools/call","params":{"name":["purge"]}}`,
		`{"method":"tools/call"}`, `{"method":"tools/call","params":null}`,
		`{"method":"completion/complete"}`, `{"method":"completion/complete","params":{}}`, `{"method":"completion/complete","params":{"ref":"rewrite"}}`,
		`{"method":"completion/complete","params":{"ref":{"name":"x"},"Ref":{"name":"rewrite"}}}`,
		`{"method":"completion/complete","params":{"ref":{"name":"x","name":"rewrite"}}}`,
		`{"method":"subscriptions/listen"}`, `{"method":"subscriptions/listen","params":{}}`, `{"method":"subscriptions/listen","params":{"notifications":[]}}`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":"notes://admin"}}}`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":null}}}`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":[["notes://admin"]]}}}`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":[],"ResourceSubscriptions":["notes://admin"]}}}`,
		`{"method":"subscriptions/listen","params":{"notifications":{},"notifications":{"resourceSubscriptions":["notes://admin"]}}}`,
	} {
		got := w.call(token, message)
		require.Equal(t, http.StatusBadRequest, got.status, message)
		require.Contains(t, got.json(t), "error", message)
	}
	gzipped := w.call(token, "\x1f\x8b\x08\x00", "Content-Encoding", "gzip")
	require.Equal(t, http.StatusBadRequest, gzipped.status)
}

func TestAMessageThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.CallScopes, cfg.MaxMessageBytes = callScopes, 100 })
	token := w.token(read)
	require.Equal(t, http.StatusOK, w.call(token, `{"id":"`+strings.Repeat("x", 80)+`"}`).status)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.call(token, `{"id":"`+strings.Repeat("x", 100)+`"}`).status)
}

// A body of 4 MiB has room for a million messages, which would keep a processor for seconds.
func TestAMessageOfTooManyCallsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) {
		cfg.CallScopes = func(mcp.Call) oauth2.Scope { return nil }
	})
	token := w.token(read)
	list := func(item string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	listen := func(n int) string {
		return `{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":` + list(`"notes://x"`, n) + `}}}`
	}
	for _, message := range []string{list(`{"method":"ping"}`, 1000), listen(999), list(listen(499), 2)} {
		require.Equal(t, http.StatusOK, w.call(token, message).status)
	}
	for _, message := range []string{list(`{}`, 1001), list(`{}`, 1_000_000), listen(1000), list(listen(500), 2)} {
		got := w.call(token, message)
		require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
		require.Contains(t, got.json(t), "error")
	}
}

func TestNoMessageOfAStrangerIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) {
		cfg.CallScopes = func(mcp.Call) oauth2.Scope {
			t.Error("a message was read whose token is not good")
			return nil
		}
	})
	require.Equal(t, http.StatusUnauthorized, w.call("at_unknown", `{"method":"ping"}`).status)
}

func TestARequestWithoutAMessageNeedsNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *mcp.Config) { cfg.CallScopes = callScopes })
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		require.Equal(t, http.StatusOK, w.do(method, w.url+"/mcp", "", "Authorization", "Bearer "+w.token(read)).status)
	}
}

// What is let through means the same to a parser that folds the case of members and takes the last of
// several, as encoding/json does.
func FuzzCall(f *testing.F) {
	for _, seed := range []string{
		`{"method":"tools/call","params":{"name":"purge"}}`, `[{"method":"ping"},{"method":"resources/read","params":{"uri":"x"}}]`,
		`{"method":"ping","Method":"tools/call"}`, `{"method":"tools/call","params":{"name":"x","NAME":"y"}}`, `{"method":"\ud800"}`, ` [] `, `{"a":{"a":[{}]}}`,
		`{"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"x"}}}`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["x","y"]}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		calls, ok := mcp.ReadCalls(message)
		if !ok {
			return
		}
		type read struct {
			Method string
			Params json.RawMessage
		}
		var all []read
		if strings.HasPrefix(strings.TrimLeft(message, " \t\r\n"), "[") {
			require.NoError(t, json.Unmarshal([]byte(message), &all))
		} else {
			all = make([]read, 1)
			require.NoError(t, json.Unmarshal([]byte(message), &all[0]))
		}
		var again []mcp.Call
		for _, m := range all {
			again = append(again, readAgain(t, m.Method, m.Params)...)
		}
		require.Equal(t, again, calls)
	})
}

// readAgain reads a message as encoding/json does.
func readAgain(t *testing.T, method string, params json.RawMessage) []mcp.Call {
	name := ""
	switch method {
	case "tools/call", "prompts/get":
		var own struct{ Name string }
		require.NoError(t, json.Unmarshal(params, &own))
		name = own.Name
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		var own struct{ URI string }
		require.NoError(t, json.Unmarshal(params, &own))
		name = own.URI
	case "completion/complete":
		var p struct{ Ref struct{ Name, URI string } }
		require.NoError(t, json.Unmarshal(params, &p))
		if p.Ref.Name != "" && p.Ref.URI != "" {
			return []mcp.Call{{Method: method, Name: p.Ref.Name}, {Method: method, Name: p.Ref.URI}}
		}
		name = p.Ref.Name + p.Ref.URI
	case "subscriptions/listen":
		var p struct {
			Notifications struct{ ResourceSubscriptions []string }
		}
		require.NoError(t, json.Unmarshal(params, &p))
		calls := []mcp.Call{{Method: method}}
		for _, uri := range p.Notifications.ResourceSubscriptions {
			calls = append(calls, mcp.Call{Method: method, Name: uri})
		}
		return calls
	}
	return []mcp.Call{{Method: method, Name: name}}
}
