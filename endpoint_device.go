package oauth2

import (
	"context"
	"errors"
	"net/http"
)

const userCodeField = "user_code"

// Device is the page on which users enter what a device shows, and decide (RFC 8628 section 3.3). Without a
// user_code, DeviceGrant.Page asks for one. With one, in the query or in a form of that page, Consent is
// called as at the authorization endpoint, with the UserCode set; its answer is kept, and DeviceGrant.Page
// sends the user back to the device. An Approval counts only in answer to a page (section 5.4): what was
// never shown cannot be approved.
//
// User codes are short, so guesses are limited by address ([AttemptUserCode]): 429 with Retry-After, for a
// right one too. It is 404 where [DeviceGrant] is not served.
func (s *Server) Device(w http.ResponseWriter, r *http.Request) {
	if s.device == nil {
		http.NotFound(w, r)
		return
	}
	pageHeaders(w.Header())
	query, body, err := readBrowserRequest(w, r)
	switch {
	case err != nil:
		s.errorPage(w, r, nil, err)
	case query.repeats(userCodeField) || body.repeats(userCodeField):
		s.errorPage(w, r, nil, repeatedParameter(userCodeField))
	case body.get(FormTokenField) != "":
		r.PostForm, r.Form = body.values(), nil
		s.answerDevice(w, r, query.get(userCodeField), body.get(FormTokenField))
	case body.get(userCodeField) != "":
		s.enterUserCode(w, r, body.get(userCodeField))
	case query.get(userCodeField) != "":
		s.askDevice(w, r, query.get(userCodeField))
	default:
		s.device.Page(w, r, &DevicePage{Status: http.StatusOK})
	}
}

// enterUserCode takes a code that was typed, and sends the browser to the page of what it leads to.
func (s *Server) enterUserCode(w http.ResponseWriter, r *http.Request, entered string) {
	if _, code, err := s.tryUserCode(r, entered); err != nil {
		s.userCodeRefused(w, r, entered, err)
	} else {
		w.Header().Set("Location", s.devicePath+"?"+userCodeField+"="+showUserCode(code))
		w.WriteHeader(http.StatusSeeOther)
	}
}

// askDevice shows what a code leads to.
func (s *Server) askDevice(w http.ResponseWriter, r *http.Request, entered string) {
	a, code, err := s.tryUserCode(r, entered)
	if err != nil {
		s.userCodeRefused(w, r, entered, err)
		return
	}
	req := &AuthorizationRequest{UserCode: showUserCode(code), form: form{{userCodeField, code}}}
	if err := s.bindForm(w, r, req); err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	s.decideDevice(w, r, req, a)
}

// answerDevice takes an answer. Its form token proves that this browser was shown the page of this very
// code, so it is no guess, and proving it comes before looking for the record.
func (s *Server) answerDevice(w http.ResponseWriter, r *http.Request, entered, formToken string) {
	code, ok := readUserCode(entered)
	if !ok {
		s.errorPage(w, r, nil, errFormInvalid)
		return
	}
	req := &AuthorizationRequest{UserCode: showUserCode(code), form: form{{userCodeField, code}}, spent: formToken}
	if err := s.bindForm(w, r, req); err != nil {
		s.errorPage(w, r, req, err)
		return
	}
	a, err := s.findDevice(r.Context(), code)
	if err != nil {
		s.userCodeRefused(w, r, entered, err)
		return
	}
	s.decideDevice(w, r, req, a)
}

// tryUserCode finds the request that a code leads to and that waits for an answer. Once an address has spent
// its budget of failures, a right code is refused like a wrong one: to be told which is which is all that a
// guesser wants. The budget is looked at once more when a code was right, so that parallel guesses cannot
// outrun the count.
func (s *Server) tryUserCode(r *http.Request, entered string) (*Authorization, string, error) {
	ctx, limiter := r.Context(), s.cfg.FailureLimiter
	attempt := Attempt{Kind: AttemptUserCode, Addr: s.RemoteAddr(r)}
	if !attempt.Addr.IsValid() {
		attempt.Name = "no address" // whose connections share one budget
	}
	if wait := limiter.Spent(ctx, attempt); wait > 0 {
		return nil, "", s.tooManyFailures(ctx, attempt, wait)
	}
	code, ok := readUserCode(entered)
	a, err := (*Authorization)(nil), error(errUserCodeUnknown)
	if ok {
		a, err = s.findDevice(ctx, code)
	}
	if err == nil && (a.answered() != DeviceWaiting || !s.now().Before(a.Device.ExpiresAt)) {
		err = errUserCodeUnknown
	}
	wait := limiter.Spent(ctx, attempt)
	switch {
	case errors.Is(err, ErrInvalidRequest):
		wait = limiter.Failed(ctx, attempt)
	case err != nil:
		return nil, "", err
	}
	if wait > 0 {
		return nil, "", s.tooManyFailures(ctx, attempt, wait)
	}
	return a, code, err
}

// findDevice reads the record that a user code leads to.
func (s *Server) findDevice(ctx context.Context, code string) (*Authorization, error) {
	a, err := s.get(ctx, s.userCodeID(code))
	if errors.Is(err, ErrNotFound) {
		return nil, errUserCodeUnknown
	}
	return a, err
}

// userCodeRefused asks for another code, or tells of a fault.
func (s *Server) userCodeRefused(w http.ResponseWriter, r *http.Request, entered string, err error) {
	e := asError(err)
	if e.status() >= http.StatusInternalServerError {
		s.errorPage(w, r, nil, err)
		return
	}
	if !errors.Is(err, ErrTooManyAttempts) { // whose event was told
		s.emit(r.Context(), Event{Type: EventAuthorizationRefused, GrantType: GrantDeviceCode, Err: err})
	}
	e.SetRetryAfter(w.Header())
	s.device.Page(w, r, &DevicePage{Status: e.status(), Entered: entered, Err: e})
}
