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
	"client_assertion", "client_assertion_type", "device_code", "assertion",
	"subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "username", "password",
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
	query, body, err := readBrowserRequest(w, r)
	req.form = query
	if err != nil || r.Method != http.MethodPost {
		return req, err
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

// readBrowserRequest reads the query of a GET or a POST, and the body of a POST.
func readBrowserRequest(w http.ResponseWriter, r *http.Request) (query, body form, err error) {
	if len(r.URL.RawQuery) > maxQueryBytes {
		return nil, nil, malformed(errFormTooLarge)
	}
	if query, err = parseForm(r.URL.RawQuery); err != nil {
		return nil, nil, malformed(err)
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return query, nil, nil
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return query, nil, &Error{Code: ErrInvalidRequest.Code, Status: http.StatusMethodNotAllowed, Description: "The method is neither GET nor POST."}
	}
	if body, err = readForm(r); err != nil {
		return query, nil, malformed(err)
	}
	return query, body, nil
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
	errAnsweredBefore = errors.New("oauth2: the page was answered before")
	errAnsweredTwice  = &Error{Code: ErrInvalidRequest.Code, Status: http.StatusConflict, Description: "This question was answered before. Go back to the application and start again.", Cause: errAnsweredBefore}
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
		s.notApproved(w, r, req, err)
	case approval == nil:
		s.errorPage(w, r, req, ErrServerError.Because(errConsentNothing))
	case !s.meetsACR(req, approval):
		s.sendError(w, r, req, ErrUnmetAuthenticationRequirements.With("The resource owner was not authenticated in one of the ways that were asked for."))
	default:
		s.approve(w, r, req, approval)
	}
}

// notApproved tells a refusal apart from a fault of the application's side.
func (s *Server) notApproved(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, err error) {
	e := asError(err)
	if e.status() >= http.StatusInternalServerError {
		s.errorPage(w, r, req, e)
		return
	}
	s.sendError(w, r, req, e)
}

// approve makes the record of an approval and sends what is issued from it (RFC 6749 sections 4.1.2
// and 4.2.2). The record's ID is such that a second answer to the same page, at any replica, finds it
// taken.
func (s *Server) approve(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, approval *Approval) {
	a, err := s.authorizationOf(req, approval)
	if err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	out, err := s.issue(r.Context(), req, a)
	if err != nil {
		s.notApproved(w, r, req, err)
		return
	}
	switch err := s.keepApproval(r.Context(), req, out.record); {
	case errors.Is(err, ErrExists), errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		s.sendAgain(w, r, req, out)
		return
	case err != nil:
		s.errorPage(w, r, req, unavailable(err))
		return
	}
	out.tell(r.Context(), false)
	s.send(w, r, req, out.form)
}

// sendAgain answers a page that was answered before, as by a double click: a browser gives the first
// answer up when the second is under way. Both answers are made of the same, so as long as what the
// first one was given waits, it can be told once more. Nothing is written.
func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, out *answering) {
	stored, err := s.get(r.Context(), out.record.ID)
	if err != nil {
		s.errorPage(w, r, req, cmp.Or(notFoundAs(err, errAnsweredTwice), err))
		return
	}
	same, err := out.again(r.Context(), stored)
	switch {
	case errors.Is(err, errAnsweredBefore):
		s.errorPage(w, r, req, err)
		return
	case err != nil:
		s.notApproved(w, r, req, err)
		return
	}
	// The write that seemed to collide may have been this request's own; the key tells.
	same.tell(r.Context(), stored.LineageKey != out.record.LineageKey)
	s.send(w, r, req, same.form)
}

// grantsTheSame reports whether two approvals of one page say the same.
func (a *Authorization) grantsTheSame(b *Authorization) bool {
	return a.Code != nil && a.ClientID == b.ClientID && a.GrantType == b.GrantType && a.Subject == b.Subject &&
		a.Scope.equal(b.Scope) && Scope(a.Resource).equal(b.Resource) && bytes.Equal(a.Details, b.Details) && bytes.Equal(a.Claims, b.Claims) &&
		a.Code.RedirectURI == b.Code.RedirectURI && a.Code.CodeChallenge == b.Code.CodeChallenge && a.Code.DPoPKey == b.Code.DPoPKey
}

// authorizationOf is the record of an approval, of which nothing is issued yet.
func (s *Server) authorizationOf(req *AuthorizationRequest, approval *Approval) (*Authorization, error) {
	a, err := s.newAuthorization(&req.entropy, req.Client, req.response.rules.GrantTypes[0], s.now())
	if err != nil {
		return nil, err
	}
	if err := a.grant(req, approval); err != nil {
		return nil, err
	}
	a.Version = 1
	s.identify(req, a)
	return a, nil
}

// grant writes into the record what was granted, and by whom. An approval that grants more than was
// asked for, or names nobody, is a fault of the application.
func (a *Authorization) grant(req *AuthorizationRequest, approval *Approval) (err error) {
	switch {
	case approval.Subject == "":
		return ErrServerError.Because(errConsentSubject)
	case !isText(approval.Subject + approval.SessionID + approval.ACR + strings.Join(approval.AMR, "")):
		return ErrServerError.Because(errNotText)
	case !req.Scope.Includes(approval.Scope):
		return ErrServerError.Because(errConsentScope)
	}
	if len(approval.Claims) > 0 {
		if a.Claims, err = json.Marshal(approval.Claims); err != nil {
			return ErrServerError.Because(fmt.Errorf("oauth2: Approval.Claims: %w", err))
		}
	}
	if a.Details, err = req.grantedDetails(approval); err != nil {
		return err
	}
	a.Subject, a.Scope, a.Resource = approval.Subject, approval.Scope, req.Resource
	if a.Scope == nil {
		a.Scope = req.Scope
	}
	a.AuthTime, a.ACR, a.AMR, a.SessionID = approval.AuthTime.UTC().Truncate(time.Millisecond), approval.ACR, approval.AMR, approval.SessionID
	return nil
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
