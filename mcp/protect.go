package mcp

import (
	"net/http"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// Protect is the middleware of the MCP server: it lets a request through if it comes from no foreign page
// and its access token is good, was issued for Config.Resource, and carries all of scopes and what
// Config.CallScopes asks for. The handler finds the token's facts with [resource.FromContext].
//
// Refusals are those of [resource.Guard.Require], and every challenge names the metadata of the resource
// and the scope: 401 for a missing or invalid token, with all of scopes; 403 insufficient_scope, with all
// that this request needs, so that a client asks once. offline_access is never needed: it is taken out of
// scopes. Besides, 403 refuses a page of another origin than Config.Origins has, and where CallScopes is
// set, 400 a message that cannot be read in one way alone, and 413 one that is too large or has more than
// a thousand calls.
//
// Browsers are told that pages of these origins may call and may read the answers, the challenge
// included, without cookies. The authorization server tells them so itself: the metadata for any page,
// the token endpoint for those of the client's own redirect URIs. Nothing else may add CORS headers.
//
// A token says nothing to other APIs: the handler does not pass it on.
func (s *Server) Protect(next http.Handler, scopes ...string) http.Handler {
	route := withoutOffline(scopes)
	guarded := s.guard.Require(route...)(s.judgeCalls(next, route))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.origins.admit(w, r) {
			guarded.ServeHTTP(w, r)
		}
	})
}

// judgeCalls asks for what the calls of a message need besides.
func (s *Server) judgeCalls(next http.Handler, route oauth2.Scope) http.Handler {
	if s.calls == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls, err := readCalls(w, r, s.maxBytes)
		if err != nil {
			refuseMessage(w, err.status, err.code, err.text)
			return
		}
		needed := slices.Clone(route)
		for _, call := range calls {
			for _, token := range withoutOffline(s.calls(call)) {
				if !needed.Has(token) {
					needed = append(needed, token)
				}
			}
		}
		if s.guard.Permits(w, r, needed...) {
			next.ServeHTTP(w, r)
		}
	})
}
