package mcp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/mcp"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A client that knows nothing but the URL of the MCP server finds out how to get a token.
func Example() {
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	defer listener.Close()
	clients, err := memory.NewClients() // none is registered: their IDs lead to documents about them
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := mcp.New(mcp.Config{
		Issuer:      listener.URL,
		Resource:    listener.URL + "/mcp",
		Scopes:      oauth2.Scope{"notes.read", "notes.write"},
		BasicScopes: oauth2.Scope{"notes.read"},
		Clients:     clients,
		Tokens:      memory.New(),
		Consent:     askTheUser,
		CallScopes: func(c mcp.Call) oauth2.Scope {
			return map[string]oauth2.Scope{"write_note": {"notes.write"}}[c.Name]
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.Handle("/mcp", server.Protect(http.HandlerFunc(serveMCP), "notes.read"))
	for _, path := range server.Paths() {
		mux.Handle(path, server)
	}

	show := func(text string) { fmt.Println(strings.ReplaceAll(text, listener.URL, "https://example.com")) }
	refused, err := http.Post(listener.URL+"/mcp", "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer refused.Body.Close()
	show(fmt.Sprint(refused.StatusCode, " ", refused.Header.Get("WWW-Authenticate")))
	told := members(listener.URL + "/.well-known/oauth-protected-resource/mcp")
	show(fmt.Sprint(told["authorization_servers"], told["scopes_supported"]))
	told = members(listener.URL + "/.well-known/openid-configuration")
	show(fmt.Sprint(told["authorization_endpoint"], " ", told["code_challenge_methods_supported"], told["scopes_supported"]))
	fmt.Println("clients without registration:", told["client_id_metadata_document_supported"])
	// Output:
	// 401 Bearer realm="https://example.com/mcp", scope="notes.read", resource_metadata="https://example.com/.well-known/oauth-protected-resource/mcp"
	// [https://example.com] [notes.read]
	// https://example.com/authorize [S256] [notes.read notes.write offline_access]
	// clients without registration: true
}

// askTheUser is the application's page; see oauth2.ServerConfig.Consent.
func askTheUser(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	return nil, oauth2.ErrAccessDenied
}

// serveMCP is the MCP server, of whatever library.
func serveMCP(http.ResponseWriter, *http.Request) {}

// members reads a document.
func members(from string) map[string]any {
	res, err := http.Get(from)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	var document map[string]any
	if err := json.NewDecoder(res.Body).Decode(&document); err != nil {
		return nil
	}
	return document
}
