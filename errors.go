package oauth2

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Error is a refusal in the words of the specifications: what the client is told, and why.
//
// Code and Description go to the client, Cause never does. Errors are compared by code:
// errors.Is(err, ErrInvalidGrant) holds for every *Error with the code "invalid_grant".
// Errors are immutable once made and safe for concurrent use.
type Error struct {
	// Code is the error code, such as "invalid_grant" (RFC 6749 sections 4.1.2.1 and 5.2).
	Code string
	// Description is a sentence for the client's developer. It is public: it never holds a secret,
	// and characters outside RFC 6749's set for error_description are replaced on the wire.
	Description string
	// Status is the HTTP status of a direct answer. 0 means 400.
	Status int
	// RetryAfter is when it makes sense to try again, the Retry-After of a direct answer (RFC 9110
	// section 10.2.3): see [Error.SetRetryAfter]. 0 means a second where the status is 503, and none
	// otherwise.
	RetryAfter time.Duration
	// Cause is the private reason, for events and errors.Is/As. It is never sent.
	Cause error
}

// The errors of the token endpoint (RFC 6749 section 5.2), of the authorization endpoint
// (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 9101 section 7), of resource indicators
// (RFC 8707 section 2), of device codes (RFC 8628 section 3.5), of revocation (RFC 7009 section 2.2.1) and of
// protected resources (RFC 6750 section 3.1).
var (
	ErrInvalidRequest          = &Error{Code: "invalid_request"}
	ErrInvalidClient           = &Error{Code: "invalid_client", Status: http.StatusUnauthorized}
	ErrInvalidGrant            = &Error{Code: "invalid_grant"}
	ErrUnauthorizedClient      = &Error{Code: "unauthorized_client"}
	ErrUnsupportedGrantType    = &Error{Code: "unsupported_grant_type"}
	ErrUnsupportedTokenType    = &Error{Code: "unsupported_token_type"}
	ErrInvalidScope            = &Error{Code: "invalid_scope"}
	ErrInvalidTarget           = &Error{Code: "invalid_target"}
	ErrAccessDenied            = &Error{Code: "access_denied"}
	ErrUnsupportedResponseType = &Error{Code: "unsupported_response_type"}
	ErrRequestNotSupported     = &Error{Code: "request_not_supported"}
	ErrRequestURINotSupported  = &Error{Code: "request_uri_not_supported"}
	ErrInvalidRequestURI       = &Error{Code: "invalid_request_uri"}
	ErrInvalidRequestObject    = &Error{Code: "invalid_request_object"}
	ErrLoginRequired           = &Error{Code: "login_required"}
	ErrConsentRequired         = &Error{Code: "consent_required"}
	ErrInteractionRequired     = &Error{Code: "interaction_required"}
	ErrAuthorizationPending    = &Error{Code: "authorization_pending"}
	ErrSlowDown                = &Error{Code: "slow_down"}
	ErrExpiredToken            = &Error{Code: "expired_token"}
	ErrServerError             = &Error{Code: "server_error", Status: http.StatusInternalServerError}
	ErrTemporarilyUnavailable  = &Error{Code: "temporarily_unavailable", Status: http.StatusServiceUnavailable}
	ErrInvalidToken            = &Error{Code: "invalid_token", Status: http.StatusUnauthorized}
	ErrInsufficientScope       = &Error{Code: "insufficient_scope", Status: http.StatusForbidden}
)

// ErrAnswered is what Consent returns after it wrote a page of its own: a login form, the
// question, an explanation. The Server then writes nothing.
var ErrAnswered = errors.New("oauth2: answered by the application")

// Error tells the code, the description and the private cause, for logs. Secrets are in none of them.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oauth2: ")
	b.WriteString(e.Code)
	if e.Description != "" {
		b.WriteString(": ")
		b.WriteString(e.Description)
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is an *Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With returns a copy of e that tells description to the client.
func (e *Error) With(description string) *Error {
	c := *e
	c.Description = description
	return &c
}

// Because returns a copy of e with a private cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// status is the HTTP status of a direct answer.
func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// SetRetryAfter sets the header Retry-After, in whole seconds rounded up, if there is a time to tell.
func (e *Error) SetRetryAfter(h http.Header) {
	wait := e.RetryAfter
	if wait <= 0 && e.status() == http.StatusServiceUnavailable {
		wait = time.Second
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	}
}

// publicDescription is Description within the character set that RFC 6749 section 5.2 allows:
// %x20-21 / %x23-5B / %x5D-7E.
func (e *Error) publicDescription() string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, e.Description)
}

// asError finds the refusal in err. Whatever is no refusal is a fault of the server's side.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return ErrServerError.Because(err)
}

// unavailable is the answer when a store or a hook fails: the client may try again, nothing was
// decided (RFC 9110 section 15.6.4).
func unavailable(cause error) *Error {
	return ErrTemporarilyUnavailable.With("The server cannot answer right now; try again.").Because(cause)
}
