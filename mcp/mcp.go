// Package mcp makes a Model Context Protocol server safe: the authorization server that its clients find
// by themselves, and the middleware in front of it, as revision 2026-07-28 of the protocol asks for. It
// is a layer on packages [oauth2] and [resource], for the MCP server and the authorization server in one
// process.
//
//	server, err := mcp.New(mcp.Config{
//		Issuer:   "https://example.com",
//		Resource: "https://example.com/mcp",
//		Scopes:   oauth2.Scope{"notes.read", "notes.write"},
//		Clients:  clients,
//		Tokens:   tokens,
//		Consent:  askTheUser,
//	})
//	...
//	mux.Handle("/mcp", server.Protect(mcpServer, "notes.read"))
//	for _, path := range server.Paths() {
//		mux.Handle(path, server)
//	}
//
// A client that knows nothing but the URL of the MCP server is refused with a challenge that leads it to
// the metadata of the resource, from there to that of the authorization server, and back with a token.
package mcp

import (
	"net/http"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/resource"
)

// A Config configures a Server. Issuer, Resource, Clients, Tokens and Consent are required.
type Config struct {
	// Issuer, Clients, Tokens and Consent are those of [oauth2.ServerConfig]. Consent is told of
	// [ScopeOfflineAccess] among the scopes where the client asked for it and can use it. Redirect URIs of
	// Clients that are neither https nor http on the user's own machine are as if they were not there.
	Issuer  string
	Clients oauth2.ClientStore
	Tokens  oauth2.TokenStore
	Consent func(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error)

	// Resource is the canonical URI of the MCP server, which is the URL of its endpoint: https, without a
	// query, the scheme and the host in small letters, better without a slash at its end. http is allowed
	// on loopback addresses and localhost only. It is the audience of the tokens. Clients may write it
	// with a slash more or less, and the scheme and the host in capitals.
	Resource string
	// Scopes are all that the MCP server tells apart. nil means none: every token for it will do.
	Scopes oauth2.Scope
	// BasicScopes are those of Scopes that a client needs to begin with, and asks for where no challenge
	// names any. Others are asked for when they are needed. nil means all of Scopes.
	BasicScopes oauth2.Scope
	// ImpliedScopes are the scope tokens that a broader one has in it: see [resource.GuardConfig]. nil:
	// none implies another.
	ImpliedScopes map[string]oauth2.Scope
	// CallScopes, if set, tells what a call needs beyond the scopes of [Server.Protect], such as those of
	// the tool that is called. It is asked about every message of a POST whose token is good. nil: nothing
	// more, and messages are not looked at.
	CallScopes func(Call) oauth2.Scope
	// MaxMessageBytes is how large a POST may be where CallScopes is set. 0 means 4 MiB.
	MaxMessageBytes int64
	// Origins are the web origins, such as "https://app.example.com", whose pages may call the MCP server;
	// "*" means any. A request from a page elsewhere is refused with 403, whatever its token. That is what
	// keeps a page from reaching a local server by DNS rebinding. nil means the pages of its own origin.
	// What has no Origin header comes from no page.
	Origins []string
	// RefreshWhenAsked issues a refresh token only where the client asked for offline_access and it was
	// granted. false means that every client that is registered for the refresh token grant gets one, as
	// those expect that were written before offline_access was told.
	RefreshWhenAsked bool
	// Name names the MCP server to people, in its metadata.
	Name string
	// OnFault, if set, is told why a request was answered with 503: see [resource.GuardConfig].
	OnFault func(r *http.Request, err error)

	// ClientIDMetadata configures how clients are known by the documents that their IDs lead to, which is
	// on: see [oauth2.ClientIDMetadata]. The zero value lets every public host name clients, and gives them
	// Scopes; its limiter, clock and events are those of Server. A document without a client_name is refused.
	// Where Clients has such a decorator already, that one counts.
	ClientIDMetadata oauth2.ClientIDMetadataConfig

	// Server is whatever else the authorization server is to do: grants, keys, lifetimes, DPoP, limits,
	// events. The fields that Config has itself stay empty, and so does Scopes. Resources are further
	// ones: with any, a client has to name the one it means. AuthMethods that are nil mean none,
	// private_key_jwt, client_secret_basic and client_secret_post. Registration, which is off, lets
	// clients register that have no document.
	Server oauth2.ServerConfig
}

// A Server is an [oauth2.Server] that also answers wherever clients of the Model Context Protocol look for
// metadata, and protects the MCP server. It is immutable and safe for concurrent use.
type Server struct {
	*oauth2.Server
	guard    *resource.Guard
	origins  origins
	calls    func(Call) oauth2.Scope
	maxBytes int64
	routes   map[string]http.Handler
	paths    []string
}

// New builds a Server. Every misconfiguration is an error here, all of them joined.
func New(cfg Config) (*Server, error) {
	server, metadata, err := cfg.build()
	if err != nil {
		return nil, err
	}
	guard, err := resource.NewGuard(cfg.guardConfig(server, metadata))
	if err != nil {
		return nil, err
	}
	s := &Server{
		Server: server, guard: guard, origins: cfg.origins(), calls: cfg.CallScopes, maxBytes: cfg.maxMessageBytes(),
		routes: map[string]http.Handler{},
	}
	for _, path := range server.Paths() {
		s.mount(path, server)
	}
	for _, path := range discoveryPaths(cfg.Issuer) {
		s.mount(path, discovery(server.Metadata))
	}
	for _, path := range metadata.Paths() {
		s.mount(path, metadata)
	}
	return s, nil
}

// mount serves a path. The last handler of a path counts.
func (s *Server) mount(path string, handler http.Handler) {
	if _, taken := s.routes[path]; !taken {
		s.paths = append(s.paths, path)
	}
	s.routes[path] = handler
}

// ServeHTTP answers every path that [Server.Paths] names, and 404 elsewhere. The path of the MCP server is
// not among them: mount it with [Server.Protect].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := s.routes[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	handler.ServeHTTP(w, r)
}

// Paths lists every path that ServeHTTP answers, for a router that wants them one by one: the endpoints,
// and the metadata of the authorization server and of the resource. Where the two have hosts of their
// own, each host serves all of them.
func (s *Server) Paths() []string { return slices.Clone(s.paths) }
