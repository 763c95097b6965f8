package oauth2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A ResponseTypeHandler serves one response type at the authorization endpoint (RFC 6749 section
// 3.1.1). It says what is asked of a request and what its answer holds; the Server asks the resource
// owner, issues, keeps and sends. Implementations are safe for concurrent use.
type ResponseTypeHandler interface {
	// ResponseType is the value of response_type: names separated by single blanks. A request may have
	// them in any order (RFC 6749 section 3.1.1).
	ResponseType() string
	// Rules are what the response type is about. They never change.
	Rules() ResponseRules
	// Respond completes the answer to a request that was approved, for instance with an ID token that
	// covers the code. It runs before anything is stored, and again for a page that is answered twice;
	// it may do I/O. A refusal is an *Error, which the client is told; any other error is a fault and
	// answers 500. Then nothing is stored.
	Respond(ctx context.Context, res *AuthorizationResponse) error
}

// ResponseRules are what a response type is about. The zero value, but for GrantTypes, is one whose
// answer holds state and iss alone, as that of none.
type ResponseRules struct {
	// GrantTypes are what the client must be registered for, all of them (RFC 7591 section 2.1). The
	// first is the GrantType of the Authorization. It is required.
	GrantTypes []string
	// Code issues a code, for CodeGrant. PKCE is required then.
	Code bool
	// AccessToken issues an access token from the authorization endpoint (RFC 6749 section 4.2.2). A
	// client whose tokens have to be bound to a key gets none: the browser proves none.
	AccessToken bool
	// AccessLifetime is the longest that the access token is good for. 0 means no limit of its own:
	// that of the client, of the resources and of the server.
	AccessLifetime time.Duration
	// Fragment says that the answer holds what no server log may have, such as an ID token. The answer
	// goes into the fragment by default then, and never into the query (OAuth 2.0 Multiple Response
	// Types section 5). AccessToken implies it.
	Fragment bool
	// Checks are held against the request before the resource owner is asked, in this order.
	Checks []ResponseCheck
}

// fragment reports whether the answers must not be in a query.
func (r *ResponseRules) fragment() bool { return r.Fragment || r.AccessToken }

// A ResponseCheck is one thing that a response type asks of its requests.
type ResponseCheck struct {
	// Rule is what holds, Source the section that asks for it.
	Rule, Source string
	// Verify returns an *Error, which the client is told, where it does not hold. Any other error is a
	// fault and answers 500.
	Verify func(ctx context.Context, req *AuthorizationRequest) error
}

// An AuthorizationResponse is the answer to a request that was approved.
type AuthorizationResponse struct {
	Request *AuthorizationRequest
	// Authorization is the record that the answer is issued from. It must not be modified.
	Authorization *Authorization
	// Code and AccessToken are what is issued, each empty where the rules ask for none. Both are secret.
	Code, AccessToken string
	// Extra are further parameters, in the order of their names. They replace none.
	Extra map[string]string
}

// CodeResponse is the response type code (RFC 6749 section 4.1). It leads to the code that CodeGrant
// redeems. The zero value is ready to use.
type CodeResponse struct{}

// ResponseType returns "code".
func (CodeResponse) ResponseType() string { return "code" }

// Rules ask for the grant authorization_code.
func (CodeResponse) Rules() ResponseRules {
	return ResponseRules{GrantTypes: []string{GrantAuthorizationCode}, Code: true}
}

// Respond adds nothing.
func (CodeResponse) Respond(context.Context, *AuthorizationResponse) error { return nil }

// A responseType is one that is served.
type responseType struct {
	ResponseTypeHandler
	rules ResponseRules
}

// newResponseTypes finds the response types by their names, in the order of the alphabet.
func newResponseTypes(handlers []ResponseTypeHandler) map[string]*responseType {
	types := make(map[string]*responseType, len(handlers))
	for _, h := range handlers {
		types[sortedNames(h.ResponseType())] = &responseType{h, h.Rules()}
	}
	return types
}

// sortedNames makes one text of the orders in which the names of a response type may stand.
func sortedNames(text string) string {
	if !strings.Contains(text, " ") {
		return text
	}
	names := strings.Split(text, " ")
	slices.Sort(names)
	return strings.Join(names, " ")
}

// servesAuthorization reports whether there is an authorization endpoint.
func (cfg *ServerConfig) servesAuthorization() bool { return len(cfg.ResponseTypes) > 0 }

// responds reports whether a response type is served of which this holds.
func (cfg *ServerConfig) responds(holds func(*ResponseRules) bool) bool {
	return slices.ContainsFunc(cfg.ResponseTypes, func(h ResponseTypeHandler) bool {
		if h == nil {
			return false
		}
		rules := h.Rules()
		return holds(&rules)
	})
}

func issuesCode(r *ResponseRules) bool { return r.Code }

// grantTypes are those of the token endpoint, and those of the authorization endpoint alone.
func (cfg *ServerConfig) grantTypes() (all []string) {
	for _, g := range cfg.Grants {
		all = append(all, g.GrantType())
	}
	for _, h := range cfg.ResponseTypes {
		for _, grantType := range h.Rules().GrantTypes {
			if !slices.Contains(all, grantType) {
				all = append(all, grantType)
			}
		}
	}
	return all
}

func (cfg *ServerConfig) responseTypes() (names []string) {
	for _, h := range cfg.ResponseTypes {
		names = append(names, h.ResponseType())
	}
	return names
}

func (cfg *ServerConfig) validateResponseTypes(report func(wrong bool, format string, args ...any)) {
	seen := map[string]bool{}
	for i, h := range cfg.ResponseTypes {
		if h == nil || h.ResponseType() == "" {
			report(true, "ResponseTypes[%d] is nil or has no response type", i)
			continue
		}
		name, rules := h.ResponseType(), h.Rules()
		malformed := slices.ContainsFunc(strings.Split(name, " "), func(part string) bool { return !validScopeToken(part) })
		report(malformed, "ResponseTypes: %q is malformed", name)
		report(seen[sortedNames(name)], "ResponseTypes has %q twice", name)
		seen[sortedNames(name)] = true
		report(len(rules.GrantTypes) == 0 || slices.Contains(rules.GrantTypes, ""), "ResponseTypes: %q names no grant type", name)
		report(rules.Code && !cfg.serves(GrantAuthorizationCode), "ResponseTypes: %q issues codes, which needs the authorization code grant", name)
		report(rules.AccessLifetime != 0 && rules.AccessLifetime < time.Second, "ResponseTypes: %q: AccessLifetime %v is shorter than a second", name, rules.AccessLifetime)
		for _, check := range rules.Checks {
			report(check.Verify == nil, "ResponseTypes: %q: the check %q verifies nothing", name, check.Rule)
		}
	}
	report(cfg.serves(GrantAuthorizationCode) && !cfg.responds(issuesCode), "ResponseTypes: none leads to the authorization code grant")
}

// chooseResponse finds the response type. It refuses nothing; but from here on answers go where those
// of this response type do, refusals too.
func chooseResponse(_ context.Context, s *Server, req *AuthorizationRequest) error {
	if req.form.repeats("response_type") {
		return nil
	}
	if req.response = s.responses[sortedNames(req.form.get("response_type"))]; req.response == nil {
		return nil
	}
	req.ResponseType = req.response.ResponseType()
	if req.response.rules.fragment() {
		req.ResponseMode = responseModeFragment
	}
	return nil
}

func checkResponseType(_ context.Context, s *Server, req *AuthorizationRequest) error {
	switch {
	case req.response != nil:
		return nil
	case req.form.get("response_type") == "":
		return ErrInvalidRequest.With("response_type is missing.")
	case len(s.responses) == 1:
		return ErrUnsupportedResponseType.With("The only response_type served is " + s.cfg.ResponseTypes[0].ResponseType() + ".")
	}
	return ErrUnsupportedResponseType.With("This response_type is not served.")
}

func checkResponseGrants(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	for _, grantType := range req.response.rules.GrantTypes {
		if !req.Client.MayUse(grantType) {
			return ErrUnauthorizedClient.With(fmt.Sprintf("The client is not registered for %s.", grantType))
		}
	}
	return nil
}

// checkUnboundTokens: a token that a browser carries is bound to no key.
func checkUnboundTokens(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if req.response.rules.AccessToken && req.Client.bindsTokens() {
		return ErrUnauthorizedClient.With("The client's access tokens have to be bound to a key, which this response_type cannot do.")
	}
	return nil
}

func checkResponseRules(ctx context.Context, _ *Server, req *AuthorizationRequest) error {
	for _, check := range req.response.rules.Checks {
		if err := check.Verify(ctx, req); err != nil {
			return err
		}
	}
	return nil
}
