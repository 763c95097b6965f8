package oauth2

import (
	"context"
	"errors"
	"strings"
	"time"
)

// requestURIPrefix begins the request_uri of a pushed request (RFC 9126 section 2.2).
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// openedLifetime is how long a pushed request lasts once a browser came with it: the resource owner
// may have to log in first, and then has the lifetime of the page.
const openedLifetime = 2 * formTokenLifetime

// A PushedRequest is an authorization request that its client pushed (RFC 9126): the first state of
// an Authorization. It stays beside the code that it led to, so that a page that is answered twice,
// as by a double click, can be answered twice, and goes when the code does.
type PushedRequest struct {
	// Digest is that of the request_uri.
	Digest string `json:"digest"`
	// Parameters are those of the request, form-encoded.
	Parameters string `json:"parameters"`
	// Opened: a browser came with the request_uri in time.
	Opened    bool      `json:"opened,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

var errRequestURI = ErrInvalidRequestURI.With("The request_uri is unknown, has expired or was used. Go back to the application and start again.")

// request makes the record that of a pushed request.
func (a *Authorization) request(uri bearerToken, parameters string, now time.Time, lifetime time.Duration) {
	a.Request = &PushedRequest{Digest: uri.digest(), Parameters: parameters, ExpiresAt: now.Add(lifetime)}
	a.EndsAt = a.Request.ExpiresAt
	a.settle(now)
}

// open notes that a browser came with the request_uri, which gives the resource owner time to log in
// and to decide. Once only: reloading the page gives no more.
func (a *Authorization) open(now time.Time) {
	opened := *a.Request // the snapshot keeps its own
	opened.Opened, opened.ExpiresAt = true, now.Add(openedLifetime)
	a.Request, a.EndsAt = &opened, opened.ExpiresAt
	a.settle(now)
}

// approvedRequest reports whether the pushed request led to a code.
func (a *Authorization) approvedRequest() bool { return a.Code != nil }

// openPushedRequest puts a pushed request in the place of the parameters that name it; of those
// nothing but client_id is used (RFC 9126 section 4).
func openPushedRequest(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	text := req.form.get("request_uri")
	if !s.cfg.servesPushes() || !strings.HasPrefix(text, requestURIPrefix) {
		return nil
	}
	if req.form.get("request") != "" {
		return errObjectAndURI
	}
	uri, ok := parseBearerToken(kindRequest, requestURIPrefix, text)
	if !ok {
		return errRequestURI
	}
	a, err := s.openPushed(ctx, uri, req)
	if err != nil {
		return err
	}
	inner, err := parseForm(a.Request.Parameters)
	if err != nil {
		return ErrServerError.Because(err)
	}
	req.pushed = a
	req.replaceBy(inner)
	return nil
}

// openPushed reads the record of a pushed request, and notes the first time. It uses nothing up: a
// page can be reloaded, and a login can lead away and back.
func (s *Server) openPushed(ctx context.Context, uri bearerToken, req *AuthorizationRequest) (*Authorization, error) {
	for range maxAttempts {
		a, err := s.load(ctx, uri, errRequestURI)
		if err != nil {
			return nil, err
		}
		now := s.now()
		switch {
		case a.Request == nil || !uri.is(a.Request.Digest) || a.ClientID != req.Client.ID:
			return nil, errRequestURI
		case a.approvedRequest() && req.spent != "":
			return a, nil // the same page may be answered once more: see sendAgain
		case a.approvedRequest() || !now.Before(a.Request.ExpiresAt):
			return nil, errRequestURI
		case a.Request.Opened:
			return a, nil
		}
		next := a.fork()
		next.open(now)
		switch err := s.cfg.Tokens.Update(ctx, next); {
		case err == nil:
			next.Version++
			return next, nil
		case errors.Is(err, ErrNotFound):
			return nil, errRequestURI
		case !errors.Is(err, ErrConflict):
			return nil, unavailable(err)
		}
	}
	return nil, unavailable(ErrConflict)
}

// keepApproval stores an approval. That of a pushed request is the next state of its record, so of
// any number of approvals, in any number of browsers, one is kept; the others are told ErrConflict.
func (s *Server) keepApproval(ctx context.Context, req *AuthorizationRequest, a *Authorization) error {
	switch {
	case req.pushed == nil:
		return s.cfg.Tokens.Create(ctx, a)
	case req.pushed.approvedRequest():
		return ErrConflict
	}
	return s.cfg.Tokens.Update(ctx, a)
}

// checkPushedWhereRequired: the server or the client's registration may demand it.
func checkPushedWhereRequired(_ context.Context, s *Server, req *AuthorizationRequest) error {
	required := s.cfg.RequirePushedAuthorizationRequests || req.Client.RequirePushedAuthorizationRequests
	if required && !req.pushing && req.pushed == nil {
		return ErrInvalidRequest.With("The authorization request must be pushed.")
	}
	return nil
}
