package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/logins"
	"github.com/seed5f5fedc6/oauth2/examples/internal/stores"
	"github.com/seed5f5fedc6/oauth2/mcp"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// options are what the command line says, and what tests need.
type options struct {
	store   string
	origins []string
	// documents fetches the documents of clients. nil means the guarded client of the library.
	documents *http.Client
}

// A site is the MCP server, and what its clients and their users need beside it.
type site struct {
	http.Handler
	stores *stores.Stores
}

// newSite has the MCP server at base + "/mcp". Who is done with it calls Close.
func newSite(ctx context.Context, base string, o options) (*site, error) {
	kept, err := stores.Open(ctx, o.store, "mcp")
	if err != nil {
		return nil, err
	}
	s := &site{stores: kept}
	if err := s.build(ctx, base, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	kept.StartSweeping(time.Now, func(err error) { slog.Error("sweep", "error", err) })
	return s, nil
}

// Close closes the stores. Requests must have ended.
func (s *site) Close() error { return s.stores.Close() }

func (s *site) build(ctx context.Context, base string, o options) error {
	sessions := logins.NewStore(s.stores.Tokens, base, time.Now)
	key, err := sessions.CookieKey(ctx)
	if err != nil {
		return err
	}
	people := newPeople(logins.New(logins.Config{Store: sessions, Key: key, Cookie: "xmail_mcp_session"}))
	server, err := mcp.New(mcp.Config{
		Issuer:      base,
		Resource:    base + "/mcp",
		Name:        "Xmail contacts",
		Scopes:      oauth2.Scope{contacts.ScopeRead, contacts.ScopeStats},
		BasicScopes: oauth2.Scope{contacts.ScopeRead},
		CallScopes:  func(c mcp.Call) oauth2.Scope { return toolScopes[c.Name] },
		Origins:     o.origins,
		Clients:     s.stores.Clients,
		Tokens:      s.stores.Tokens,
		Consent:     people.consent,
		// On this machine alone, a client's document may be on this machine too, and anyone may register.
		ClientIDMetadata: oauth2.ClientIDMetadataConfig{AllowLoopback: true, HTTPClient: o.documents},
		Server:           oauth2.ServerConfig{Registration: &oauth2.RegistrationConfig{Open: true}},
	})
	if err != nil {
		return err
	}
	people.server = server.Server // limits guessing at the login

	mux := http.NewServeMux()
	mux.Handle("/mcp", server.Protect(tellSDK(newTools()), contacts.ScopeRead))
	for _, path := range server.Paths() {
		mux.Handle(path, server)
	}
	mux.HandleFunc("GET /login", people.loginPage)
	mux.Handle("POST /login", http.NewCrossOriginProtection().Handler(http.HandlerFunc(people.login)))
	mux.HandleFunc("GET /healthz", people.healthz)
	s.Handler = mux
	return nil
}

// tellSDK tells the SDK whom a request is for, in its own terms. The token was checked by Protect.
func tellSDK(tools http.Handler) http.Handler {
	return auth.RequireBearerToken(func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		info, ok := resource.FromContext(ctx)
		if !ok {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{UserID: info.Subject, Scopes: info.Scope, Expiration: info.ExpiresAt}, nil
	}, nil)(tools)
}

// toolScopes are what the tools need beyond the scope of the endpoint.
var toolScopes = map[string]oauth2.Scope{"contact_stats": {contacts.ScopeStats}}

// newTools is the MCP server itself. It keeps no sessions, as the protocol has none any more.
func newTools() http.Handler {
	server := sdk.NewServer(&sdk.Implementation{Name: "xmail-contacts", Version: "1.0.0"}, nil)
	sdk.AddTool(server, &sdk.Tool{Name: "list_contacts", Description: "The contacts of the user."}, listContacts)
	sdk.AddTool(server, &sdk.Tool{Name: "contact_stats", Description: "How many users and contacts Xmail has."}, contactStats)
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}

type contactList struct {
	Contacts []contacts.Contact `json:"contacts"`
}

func listContacts(_ context.Context, req *sdk.CallToolRequest, _ struct{}) (*sdk.CallToolResult, contactList, error) {
	return nil, contactList{contacts.Of(req.Extra.TokenInfo.UserID)}, nil
}

func contactStats(context.Context, *sdk.CallToolRequest, struct{}) (*sdk.CallToolResult, contacts.Stats, error) {
	return nil, contacts.CountAll(), nil
}
