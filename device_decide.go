package oauth2

import (
	"errors"
	"net/http"
)

var errDeviceUnasked = errors.New("oauth2: Consent approved what a device asked for without having asked its user")

// describeDevice puts the request of a device into words for Consent.
func (s *Server) describeDevice(r *http.Request, req *AuthorizationRequest, a *Authorization) error {
	client, err := s.lookUp(s.addressed(r), a.ClientID)
	switch {
	case errors.Is(err, ErrNotFound):
		return errUserCodeUnknown
	case err != nil:
		return err
	case !client.MayUse(GrantDeviceCode):
		return errUserCodeUnknown
	}
	req.server = s
	req.Client, req.Scope, req.Resource, req.Details = client, a.Scope, a.Resource, a.Details
	if a.Device != nil {
		req.Scope, req.Resource, req.Details = a.Device.Scope, a.Device.Resource, a.Device.Details
	}
	return nil
}

// decideDevice asks the application, and keeps its answer.
func (s *Server) decideDevice(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, a *Authorization) {
	if err := s.describeDevice(r, req, a); err != nil {
		s.userCodeRefused(w, r, req.UserCode, err)
		return
	}
	approval, err := s.cfg.Consent(w, r, req)
	switch {
	case errors.Is(err, ErrAnswered):
	case errors.Is(err, ErrAccessDenied) && req.Answered:
		s.keepDeviceAnswer(w, r, req, a, nil)
	case err != nil:
		s.errorPage(w, r, req, err)
	case approval == nil:
		s.errorPage(w, r, req, ErrServerError.Because(errConsentNothing))
	case !req.Answered:
		s.errorPage(w, r, req, ErrServerError.Because(errDeviceUnasked))
	default:
		s.keepDeviceAnswer(w, r, req, a, approval)
	}
}

// keepDeviceAnswer stores an answer by one compare-and-swap; a poll that came in between is no reason to ask
// again. Of several answers the first one counts, and the same one, as by a double click, is told once
// more. approval is nil for no.
func (s *Server) keepDeviceAnswer(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, a *Authorization, approval *Approval) {
	ctx := r.Context()
	for range maxAttempts {
		if a.answeredTheSame(req, approval) {
			s.deviceDone(w, r, req, a.answered())
			return
		}
		next, now := a.fork(), s.now()
		if err := next.conclude(req, approval, now.Add(s.cfg.AuthorizationLifetime), now); err != nil {
			s.errorPage(w, r, req, err)
			return
		}
		err := s.cfg.Tokens.Update(ctx, next)
		switch {
		case err == nil:
			event := eventOf(EventDeviceApproved, next)
			if approval == nil {
				event.Type, event.Scope = EventDeviceDenied, req.Scope
			}
			s.emit(ctx, event)
			s.deviceDone(w, r, req, next.Device.Status)
			return
		case errors.Is(err, ErrNotFound):
			s.errorPage(w, r, req, errUserCodeUnknown)
			return
		case !errors.Is(err, ErrConflict):
			s.errorPage(w, r, req, unavailable(err))
			return
		}
		if a, err = s.get(ctx, a.ID); err != nil {
			if errors.Is(err, ErrNotFound) {
				err = errUserCodeUnknown
			}
			s.errorPage(w, r, req, err)
			return
		}
	}
	s.errorPage(w, r, req, unavailable(ErrConflict))
}

func (s *Server) deviceDone(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest, status DeviceStatus) {
	s.device.Page(w, r, &DevicePage{Status: http.StatusOK, Answer: status, Client: req.Client})
}
