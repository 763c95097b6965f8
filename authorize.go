package oauth2

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// authorizationParameters are what the specifications name in an authorization request. A POST to the
// authorization endpoint carries these over to the query.
var authorizationParameters = []string{
	"response_type", "client_id", "redirect_uri", "scope", "state", "response_mode",
	"code_challenge", "code_challenge_method", "resource", "audience", "authorization_details",
	"nonce", "display", "prompt", "max_age", "ui_locales", "claims_locales", "id_token_hint",
	"login_hint", "acr_values", "claims", "request", "request_uri", "dpop_jkt",
}

// tokenParameters are what they name in requests to the other endpoints. Most are secret, and none
// may get into a URL.
var tokenParameters = []string{
	"grant_type", "code", "code_verifier", "refresh_token", "client_secret", "token", "token_type_hint",
	"client_assertion", "client_assertion_type",
}

// isRequestParameter reports whether a specification names the parameter. Error texts name no others.
func isRequestParameter(name string) bool {
	return slices.Contains(authorizationParameters, name) || slices.Contains(tokenParameters, name)
}

// readAuthorizationRequest reads the parameters from the query. A POST with a form token is the
// resource owner's answer: its body is the page's, and the request is in the URL. A POST without one
// is an authorization request by POST (RFC 6749 section 3.1): it is sent on to the same request by
// GET, and the request returned is nil.
func (s *Server) readAuthorizationRequest(w http.ResponseWriter, r *http.Request) (*AuthorizationRequest, error) {
	req := &AuthorizationRequest{ResponseMode: responseModeQuery}
	if len(r.URL.RawQuery) > maxQueryBytes {
		return req, malformed(errFormTooLarge)
	}
	query, err := parseForm(r.URL.RawQuery)
	if err != nil {
		return req, malformed(err)
	}
	req.form = query
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return req, nil
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return req, &Error{Code: ErrInvalidRequest.Code, Status: http.StatusMethodNotAllowed, Description: "The method is neither GET nor POST."}
	}
	body, err := readForm(r)
	if err != nil {
		return req, malformed(err)
	}
	if token := body.get(FormTokenField); token != "" {
		req.spent = token
		r.PostForm, r.Form = body.values(), nil
		return req, nil
	}
	body = slices.DeleteFunc(body, func(p parameter) bool { return !slices.Contains(authorizationParameters, p.name) })
	w.Header().Set("Location", appendQuery(s.authorizePath, body))
	w.WriteHeader(http.StatusSeeOther)
	return nil, nil
}

// bindForm verifies the form token that was answered, and makes the next one.
func (s *Server) bindForm(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest) error {
	if req.spent != "" {
		if err := s.crossOrigin.Check(r); err != nil {
			return errFormForeign.Because(err)
		}
		if err := s.verifyFormToken(r, req); err != nil {
			return err
		}
		req.Answered = true
	}
	return s.newFormToken(w, r, req)
}

var (
	errConsentNothing = errors.New("oauth2: Consent returned neither an Approval nor an error")
	errConsentSubject = errors.New("oauth2: Consent returned an Approval without a Subject")
	errConsentScope   = errors.New("oauth2: Consent granted a scope that was not asked for")
	errNotText        = errors.New("oauth2: a subject, session ID, ACR or AMR is not UTF-8 text without NUL")
	errAnsweredTwice  = &Error{Code: ErrInvalidRequest.Code, Status: http.StatusConflict, Description: "This question was answered before. Go back to the application and start again."}
)

// decide asks the application and carries out its answer.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest) {
	page := w
	silent := req.HasPrompt("none")
	if silent {
		page = &mutedWriter{header: http.Header{}}
	}
	approval, err := s.cfg.Consent(page, r, req)
	switch {
	case errors.Is(err, ErrAnswered) && silent:
		s.sendError(w, r, req, ErrInteractionRequired.With("The resource owner would have to be asked."))
	case errors.Is(err, ErrAnswered):
	case err != nil:
		s.consentFailed(w, r, req, err)
	case approval == nil:
		s.errorPage(w, r, req, ErrServerError.Because(errConsentNothing))
	case !s.meetsACR(req, approval):
		s.sendError(w, r, req, ErrUnmetAuthenticationRequirements.With("The resource owner was not authenticated in one of the ways that were asked for."))
	default:
		s.approve(w, r, req, approval)
	}
}

// consentFailed tells a refusal apart from a fault of the application's side.
func (s *Server) consentFailed(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, err error) {
	e := asError(err)
	if e.status() >= http.StatusInternalServerError {
		s.errorPage(w, r, req, e)
		return
	}
	s.sendError(w, r, req, e)
}

// approve makes the record of an approval and sends the code (RFC 6749 section 4.1.2). The record's
// ID is such that a second answer to the same page, at any replica, finds it taken.
func (s *Server) approve(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, approval *Approval) {
	a, code, err := s.authorizationOf(req, approval)
	if err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	switch err := s.keepApproval(r.Context(), req, a); {
	case errors.Is(err, ErrExists), errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		s.sendAgain(w, r, req, a, code)
		return
	case err != nil:
		s.errorPage(w, r, req, unavailable(err))
		return
	}
	s.emit(r.Context(), eventOf(EventCodeIssued, a))
	s.sendCode(w, r, req, code)
}

// sendAgain answers a page that was answered before, as by a double click: a browser gives the first
// answer up when the second is under way. Both answers have the same core of a code, so as long as
// the first one's code waits, it can be told once more. Nothing is written.
func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, a *Authorization, code bearerToken) {
	stored, err := s.get(r.Context(), a.ID)
	if err != nil {
		s.errorPage(w, r, req, cmp.Or(notFoundAs(err, errAnsweredTwice), err))
		return
	}
	waiting := newBearerToken(kindCode, stored.ID, stored.LineageKey, code.core())
	if !stored.holds(waiting, s.now()) || !stored.grantsTheSame(a) {
		s.errorPage(w, r, req, errAnsweredTwice)
		return
	}
	event := eventOf(EventCodeSentAgain, stored)
	if stored.LineageKey == a.LineageKey {
		event.Type = EventCodeIssued // the write that seemed to collide was this request's own
	}
	s.emit(r.Context(), event)
	s.sendCode(w, r, req, waiting)
}

func (s *Server) sendCode(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, code bearerToken) {
	s.send(w, r, req, append(make(form, 0, 4), parameter{"code", code.text(s.cfg.Prefixes.Code)}))
}

// grantsTheSame reports whether two approvals of one page say the same.
func (a *Authorization) grantsTheSame(b *Authorization) bool {
	return a.ClientID == b.ClientID && a.Subject == b.Subject &&
		a.Scope.equal(b.Scope) && Scope(a.Resource).equal(b.Resource) && bytes.Equal(a.Claims, b.Claims) &&
		a.Code.RedirectURI == b.Code.RedirectURI && a.Code.CodeChallenge == b.Code.CodeChallenge && a.Code.DPoPKey == b.Code.DPoPKey
}

// authorizationOf is the record of an approval, its code pending.
func (s *Server) authorizationOf(req *AuthorizationRequest, approval *Approval) (*Authorization, bearerToken, error) {
	now := s.now()
	a, err := s.newAuthorization(&req.entropy, req.Client, GrantAuthorizationCode, now)
	if err != nil {
		return nil, bearerToken{}, err
	}
	switch {
	case approval.Subject == "":
		return nil, bearerToken{}, ErrServerError.Because(errConsentSubject)
	case !isText(approval.Subject + approval.SessionID + approval.ACR + strings.Join(approval.AMR, "")):
		return nil, bearerToken{}, ErrServerError.Because(errNotText)
	case !req.Scope.Includes(approval.Scope):
		return nil, bearerToken{}, ErrServerError.Because(errConsentScope)
	}
	if len(approval.Claims) > 0 {
		if a.Claims, err = json.Marshal(approval.Claims); err != nil {
			return nil, bearerToken{}, ErrServerError.Because(fmt.Errorf("oauth2: Approval.Claims: %w", err))
		}
	}
	core, err := s.codeCore(req)
	if err != nil {
		return nil, bearerToken{}, err
	}
	a.Version = 1
	s.identify(req, a)
	a.Subject, a.Scope, a.Resource = approval.Subject, approval.Scope, req.Resource
	if a.Scope == nil {
		a.Scope = req.Scope
	}
	a.AuthTime, a.ACR, a.AMR, a.SessionID = approval.AuthTime.UTC().Truncate(time.Millisecond), approval.ACR, approval.AMR, approval.SessionID
	code := newBearerToken(kindCode, a.ID, a.LineageKey, core)
	a.approve(code, Code{
		RedirectURI:   req.RedirectURI,
		CodeChallenge: req.codeChallenge,
		DPoPKey:       req.dpopKey,
		ExpiresAt:     now.Add(min(cmp.Or(req.Client.CodeLifetime, s.cfg.CodeLifetime), maxCodeLifetime)),
	}, now)
	return a, code, nil
}

// identify names the record by what leads to one approval at most: the pushed request, whose record it
// becomes, the request object, or the page.
func (s *Server) identify(req *AuthorizationRequest, a *Authorization) {
	switch {
	case req.pushed != nil:
		a.ID, a.Version, a.Request = req.pushed.ID, req.pushed.Version, req.pushed.Request
	case req.object.id != "":
		a.ID = derivedID(s.cfg.Issuer, requestObjectKind, a.ClientID+"\x00"+req.object.id)
	case req.spent != "":
		a.ID = derivedID(s.cfg.Issuer, "form", req.spent)
	}
}

// codeCore is what the code is made of: derived by answerCore where a page was answered, drawn where
// the application approved without a page.
func (s *Server) codeCore(req *AuthorizationRequest) (core tokenCore, err error) {
	if req.spent != "" {
		return req.answerCore, nil
	}
	err = req.entropy.draw(s, core[:])
	return core, err
}
