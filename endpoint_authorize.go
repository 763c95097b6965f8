package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Authorize is the authorization endpoint (RFC 6749 section 3.1): a client sends the resource owner's
// browser here, the application asks, and the browser goes back with a code or an error.
//
// Until the client and its redirect URI are proven, a refusal is a page; after that it is a redirect
// (section 4.1.2.1).
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request) {
	pageHeaders(w.Header())
	req, err := s.readAuthorizationRequest(w, r)
	if err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	if req == nil {
		return // sent on from a POST to the same request by GET
	}
	for _, check := range provingChecks {
		if err := check.verify(s.addressed(r), s, req); err != nil {
			s.errorPage(w, r, req, err)
			return
		}
	}
	w.Header().Set("Content-Security-Policy", contentSecurityPolicy(req.RedirectURI))
	for _, check := range requestChecks {
		if err := check.verify(r.Context(), s, req); err != nil {
			s.sendError(w, r, req, asError(err))
			return
		}
	}
	if err := s.bindForm(w, r, req); err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	s.decide(w, r, req)
}

// An AuthorizationRequest is an authorization request (RFC 6749 section 4.1.1) that has passed every
// check. It is the application's to read.
type AuthorizationRequest struct {
	Client      *Client
	RedirectURI string
	// Scope is what was asked for, or the client's default. Each token is registered for the client.
	Scope Scope
	// Resource is what was asked for, or the only configured one (RFC 8707).
	Resource []string
	// Details are the authorization details that were asked for (RFC 9396), a JSON array of objects that their
	// types have let pass; [DetailsType] reads them. The page has to show them as well as the scope (section 3.1). nil:
	// none were.
	Details json.RawMessage
	State   string
	// ResponseType is that of the handler that serves the request, "code" by default, and ResponseMode
	// is "query", "fragment" or "form_post", or one of these with ".jwt" behind it.
	ResponseType, ResponseMode string

	// Prompt, MaxAge, ACRValues, LoginHint and UILocales are the wishes of OpenID Connect Core
	// section 3.1.2.1; it is the application that fulfils them. MaxAge is nil when there is none.
	Prompt    []string
	MaxAge    *time.Duration
	ACRValues []string
	LoginHint string
	UILocales []string

	// UserCode is what the user's device shows, in the request of a device, and empty in every other; the
	// page has to show it (RFC 8628 section 5.4). Such a request has no RedirectURI, no State and no wishes.
	UserCode string

	// FormToken is the value of the page's hidden field [FormTokenField].
	FormToken string
	// Answered is true when the request is a POST whose form token was verified.
	Answered bool

	form form
	// sent is what the browser brought where form is a pushed request or a request object.
	sent          form
	codeChallenge string
	dpopKey       string
	entropy       entropy
	// pushing: the request comes to the endpoint for pushed requests. pushed is the record of one that did.
	pushing bool
	pushed  *Authorization
	// object is what a request object says about itself.
	object requestObject
	// spent is the form token that was answered, formKey the key of the browser that answered it.
	spent   string
	formKey []byte
	// response serves the response type; nil as long as none is known.
	response *responseType
	server   *Server
}

// Param returns a parameter of the request as it was sent, for extensions. It is unverified.
func (req *AuthorizationRequest) Param(name string) string { return req.form.get(name) }

// HasPrompt reports whether value is among the prompt values.
func (req *AuthorizationRequest) HasPrompt(value string) bool {
	return slices.Contains(req.Prompt, value)
}

// An Approval is the resource owner's yes.
type Approval struct {
	// Subject identifies the resource owner at this issuer: UTF-8 text without NUL. It is required,
	// never reused for another, and stays the same when the owner's name changes.
	Subject string
	// Scope is what was granted: no more than was asked for. nil means all of it.
	Scope Scope
	// Details are the authorization details that were granted: for each object one that was asked for and is no
	// wider, as its type has it (see [AuthorizationDetailsType]). nil means all that was asked for, the empty array none.
	Details json.RawMessage
	// AuthTime, ACR, AMR and SessionID tell how and in which session the owner was authenticated.
	AuthTime  time.Time
	ACR       string
	AMR       []string
	SessionID string
	// Claims are the application's own facts about the approval; resource servers are told them.
	Claims map[string]any
}

type authorizeCheck struct {
	rule, source string
	verify       func(context.Context, *Server, *AuthorizationRequest) error
}

// provingChecks prove to whom an answer may be sent. Nothing is redirected before they hold.
var provingChecks = []authorizeCheck{
	{"client_id, request and request_uri do not repeat", "RFC 6749 section 3.1", checkNamedOnce},
	{"client_id names a registered client", "RFC 6749 section 4.1.1", checkClient},
	{"request_uri is that of a pushed request of the client, not expired and not used", "RFC 9126 section 4", openPushedRequest},
	{"request or request_uri is the client's own, signed", "RFC 9101 section 6", openRequestObject},
	{"redirect_uri is there once", "RFC 6749 section 3.1", checkRedirectURIOnce},
	{"redirect_uri is registered, as an exact string", "RFC 9700 section 2.1", checkRedirectURI},
}

// requestChecks prove the rest. Their refusals go to the redirect URI.
var requestChecks = []authorizeCheck{
	{"the response type says where answers go", "OAuth 2.0 Multiple Response Types section 5", chooseResponse},
	{"no parameter repeats", "RFC 6749 section 3.1", checkNoneRepeats},
	{"the request was pushed where that is required", "RFC 9126 section 5", checkPushedWhereRequired},
	{"the request is signed where that is required", "RFC 9101 section 10.5", checkSignedWhereRequired},
	{"response_mode is served", "OAuth 2.0 Multiple Response Types section 2.1", checkResponseMode},
	{"no request object is passed that is not served", "OpenID Connect Core section 3.1.2.6", checkNoRequestObject},
	{"response_type is served", "RFC 6749 section 3.1.1", checkResponseType},
	{"the client is registered for the grants of the response type", "RFC 6749 section 4.1.2.1", checkResponseGrants},
	{"a token from here need not be bound to a key", "RFC 9449 section 5.2", checkUnboundTokens},
	{"what the response type itself asks for holds", "RFC 6749 section 8.4", checkResponseRules},
	{"for a code, code_challenge is there, and is S256", "RFC 7636 section 4.4.1", checkCodeChallenge},
	{"scope is well-formed and registered for the client", "RFC 6749 section 3.3", checkScope},
	{"resource is one of those served", "RFC 8707 section 2.1", checkResource},
	{"scope is cut to what the resources take", "RFC 8707 section 2.2", cutScope},
	{"authorization_details are of types that are served and the client's", "RFC 9396 section 5", checkDetails},
	{"dpop_jkt is a thumbprint", "RFC 9449 section 10", checkDPoPKey},
	{"prompt is consistent", "OpenID Connect Core section 3.1.2.1", checkPrompt},
	{"max_age is a number", "OpenID Connect Core section 3.1.2.1", checkMaxAge},
}

func checkNamedOnce(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	for _, name := range []string{"client_id", "request", "request_uri"} {
		if req.form.repeats(name) {
			return repeatedParameter(name)
		}
	}
	return present(req, "client_id")
}

func checkRedirectURIOnce(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if req.form.repeats("redirect_uri") {
		return repeatedParameter("redirect_uri")
	}
	return present(req, "redirect_uri")
}

func present(req *AuthorizationRequest, name string) error {
	if req.form.get(name) == "" {
		return ErrInvalidRequest.With(name + " is missing.")
	}
	return nil
}

func checkClient(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	client, err := s.lookUp(ctx, req.form.get("client_id"))
	switch {
	case errors.Is(err, ErrNotFound):
		return unknownTo(err)
	case err != nil:
		return err
	}
	req.Client = client
	return nil
}

func checkRedirectURI(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	uri := req.form.get("redirect_uri")
	if !req.Client.matchRedirectURI(uri) {
		return ErrInvalidRequest.With("The redirect_uri is not registered for the client.")
	}
	req.RedirectURI = uri
	// Every answer from here on carries the state, unless it is ambiguous.
	if !req.form.repeats("state") {
		req.State = req.form.get("state")
	}
	return nil
}

func checkNoneRepeats(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if name, ok := req.form.repeated(); ok {
		return repeatedParameter(name)
	}
	return nil
}

func checkNoRequestObject(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	switch {
	case req.form.get("request") != "":
		return ErrRequestNotSupported.With("Request objects are not served.")
	case req.form.get("request_uri") != "":
		return ErrRequestURINotSupported.With("Request objects are not served.")
	}
	return nil
}

func checkCodeChallenge(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	challenge, method := req.form.get("code_challenge"), req.form.get("code_challenge_method")
	switch {
	case !req.response.rules.Code:
		return nil
	case challenge == "" && method == "" && req.Client.PKCEOptional && !req.Client.Public():
		return nil
	case challenge == "":
		return ErrInvalidRequest.With("code_challenge is missing.")
	case method != challengeS256:
		return ErrInvalidRequest.With("The only code_challenge_method served is S256.")
	case !validCodeChallenge(challenge):
		return ErrInvalidRequest.With("code_challenge is not a SHA-256 in base64url.")
	}
	req.codeChallenge = challenge
	return nil
}

func checkScope(_ context.Context, s *Server, req *AuthorizationRequest) (err error) {
	if req.Scope, err = s.requestedScope(req.Client, req.form.get("scope")); req.Scope == nil {
		req.Scope = s.defaultScope(req.Client)
	}
	return err
}

func checkResource(_ context.Context, s *Server, req *AuthorizationRequest) (err error) {
	if req.Resource, err = s.requestedResource(req.form); req.Resource == nil {
		req.Resource = s.defaultResource()
	}
	return err
}

func cutScope(_ context.Context, s *Server, req *AuthorizationRequest) (err error) {
	req.Scope, err = s.cfg.scopeFor(req.Resource, req.Scope)
	return err
}

func checkPrompt(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	req.Prompt = strings.Fields(req.form.get("prompt"))
	if len(req.Prompt) > 1 && req.HasPrompt("none") {
		return ErrInvalidRequest.With("prompt has none and another value.")
	}
	return nil
}

func checkMaxAge(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	req.ACRValues = strings.Fields(req.form.get("acr_values"))
	req.LoginHint = req.form.get("login_hint")
	req.UILocales = strings.Fields(req.form.get("ui_locales"))
	text := req.form.get("max_age")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return ErrInvalidRequest.With("max_age is not a number of seconds.")
	}
	age := time.Duration(seconds) * time.Second
	req.MaxAge = &age
	return nil
}
