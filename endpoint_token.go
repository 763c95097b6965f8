package oauth2

import (
	"context"
	"errors"
	"net/http"
	"slices"
)

// Token is the token endpoint (RFC 6749 section 3.2): a client proves who it is and exchanges a grant
// for tokens. The answer is JSON (sections 5.1 and 5.2).
func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	f, client, ok := s.receive(w, r, tokenEndpoint)
	if !ok {
		return
	}
	s.offerNonce(w, r)
	req := &TokenRequest{Client: client, Now: s.now(), form: f, server: s, http: r}
	for _, check := range tokenChecks {
		if err := check.verify(s, req); err != nil {
			s.refuse(w, r, tokenEndpoint, req, err)
			return
		}
	}
	if err := s.proveSender(r, req); err != nil {
		s.refuse(w, r, tokenEndpoint, req, err)
		return
	}
	out, err := s.exchange(r.Context(), req)
	if err != nil {
		s.refuse(w, r, tokenEndpoint, req, err)
		return
	}
	if err := writeTokens(w, out); err != nil {
		s.refuse(w, r, tokenEndpoint, req, err)
	}
}

// exchange lets the grant decide, and carries the decision out.
func (s *Server) exchange(ctx context.Context, req *TokenRequest) (*minted, error) {
	issuance, err := s.grants[req.GrantType].Exchange(ctx, req)
	switch {
	case err != nil:
		return nil, err
	case issuance == nil || issuance.Authorization == nil && issuance.answer == nil:
		return nil, ErrServerError.Because(errGrantNothing)
	}
	if err := s.spendProof(ctx, req.proof); err != nil {
		return nil, err
	}
	if issuance.answer != nil {
		return issuance.answer(ctx)
	}
	req.exchange = exchange{server: s, req: req, issuance: issuance}
	return req.exchange.run(ctx)
}

var errGrantNothing = errors.New("oauth2: the grant returned neither an Authorization nor an error")

// tokenChecks is the client policy, in front of every grant, custom ones included.
var tokenChecks = []struct {
	rule, source string
	verify       func(*Server, *TokenRequest) error
}{
	{"grant_type is present", "RFC 6749 section 5.2", checkGrantTypePresent},
	{"grant_type is served", "RFC 6749 section 5.2", checkGrantTypeServed},
	{"the client is registered for the grant", "RFC 6749 section 5.2", checkClientMayUseGrant},
	{"scope is well-formed and registered for the client", "RFC 6749 section 3.3", checkTokenScope},
	{"resource is one of those served", "RFC 8707 section 2.2", checkTokenResource},
	{"authorization_details are of types that are served and the client's", "RFC 9396 section 8", checkTokenDetails},
}

func checkGrantTypePresent(_ *Server, req *TokenRequest) error {
	if req.GrantType = req.Param("grant_type"); req.GrantType == "" {
		return ErrInvalidRequest.With("grant_type is missing.")
	}
	return nil
}

func checkGrantTypeServed(s *Server, req *TokenRequest) error {
	if s.grants[req.GrantType] == nil {
		req.GrantType = "" // a stranger's text, and no matter for an event
		return ErrUnsupportedGrantType.With("This grant_type is not served.")
	}
	return nil
}

func checkClientMayUseGrant(_ *Server, req *TokenRequest) error {
	if !req.Client.MayUse(req.GrantType) {
		return ErrUnauthorizedClient.With("The client is not registered for this grant_type.")
	}
	return nil
}

func checkTokenScope(s *Server, req *TokenRequest) (err error) {
	if s.targetsElsewhere(req) {
		return nil
	}
	req.Scope, err = s.requestedScope(req.Client, req.Param("scope"))
	return err
}

func checkTokenResource(s *Server, req *TokenRequest) (err error) {
	if s.targetsElsewhere(req) {
		return nil
	}
	req.Resource, err = s.requestedResource(req.form)
	return err
}

// requestedScope reads a scope parameter that a client may use; nil when there is none.
func (s *Server) requestedScope(client *Client, parameter string) (Scope, error) {
	scope, err := ParseScope(parameter)
	switch {
	case err != nil:
		return nil, ErrInvalidScope.With("The scope is malformed.")
	case !client.Scope.Includes(scope):
		return nil, ErrInvalidScope.With("The scope is not registered for the client.")
	case s.cfg.Scopes != nil && !s.cfg.Scopes.Includes(scope):
		return nil, ErrInvalidScope.With("The scope is not served.")
	}
	return scope, nil
}

// defaultScope is what a client is given when it names no scope (RFC 6749 section 3.3).
func (s *Server) defaultScope(client *Client) Scope {
	if s.cfg.Scopes == nil {
		return slices.Clone(client.Scope)
	}
	return slices.DeleteFunc(slices.Clone(client.Scope), func(token string) bool { return !s.cfg.Scopes.Has(token) })
}

// requestedResource reads the resource parameters (RFC 8707 section 2); nil when there are none.
func (s *Server) requestedResource(f form) ([]string, error) {
	resources := f.all("resource")
	for i, uri := range resources {
		r := s.cfg.requestedAs(uri)
		if r == nil {
			return nil, ErrInvalidTarget.With("The resource is unknown.")
		}
		resources[i] = r.URI
	}
	slices.Sort(resources)
	return slices.Compact(resources), nil
}

// defaultResource is what tokens are issued for when a request names no resource: the only one.
func (s *Server) defaultResource() []string {
	if len(s.cfg.Resources) != 1 {
		return nil
	}
	return []string{s.cfg.Resources[0].URI}
}
