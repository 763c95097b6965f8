package oauth2

import (
	"context"
	"errors"
	"net/http"
	"time"
)

var deviceEndpoint = directEndpoint{refused: EventDeviceRefused}

// DeviceAuthorization is the device authorization endpoint (RFC 8628 section 3.1): a client authenticates
// as at the token endpoint, a public one by its client_id alone, and is given a device code to poll with
// and a user code to show. It is 404 where [DeviceGrant] is not served.
func (s *Server) DeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	if s.device == nil {
		http.NotFound(w, r)
		return
	}
	f, client, ok := s.receive(w, r, deviceEndpoint)
	if !ok {
		return
	}
	req := &TokenRequest{Client: client, GrantType: GrantDeviceCode, Now: s.now(), form: f, server: s, http: r}
	for _, check := range deviceChecks {
		if err := check.verify(s, req); err != nil {
			s.refuse(w, r, deviceEndpoint, req, err)
			return
		}
	}
	device, user, err := s.startDevice(r.Context(), req)
	if err != nil {
		s.refuse(w, r, deviceEndpoint, req, err)
		return
	}
	uri, shown := s.cfg.url(s.cfg.Endpoints.Device), showUserCode(user)
	writeObject(w, http.StatusOK, newObject().text("device_code", device.text(s.cfg.Prefixes.Device)).text("user_code", shown).
		text("verification_uri", uri).text("verification_uri_complete", uri+"?user_code="+shown).
		number("expires_in", int64(s.device.Lifetime/time.Second)).number("interval", int64(s.device.Interval/time.Second)))
}

// deviceChecks stand before anything is kept.
var deviceChecks = []struct {
	rule, source string
	verify       func(*Server, *TokenRequest) error
}{
	{"the client is registered for the device grant", "RFC 8628 section 3.1", checkClientMayUseGrant},
	{"scope is well-formed and registered for the client", "RFC 8628 section 3.1", checkDeviceScope},
	{"resource is one of those served", "RFC 8707 section 2", checkDeviceResource},
	{"scope is cut to what the resources take", "RFC 8707 section 2.2", cutDeviceScope},
	{"authorization_details are of types that are served and the client's", "RFC 9396 section 5", checkTokenDetails},
}

func checkDeviceScope(s *Server, req *TokenRequest) error {
	err := checkTokenScope(s, req)
	if req.Scope == nil {
		req.Scope = s.defaultScope(req.Client)
	}
	return err
}

func checkDeviceResource(s *Server, req *TokenRequest) error {
	err := checkTokenResource(s, req)
	if req.Resource == nil {
		req.Resource = s.defaultResource()
	}
	return err
}

func cutDeviceScope(s *Server, req *TokenRequest) (err error) {
	req.Scope, err = s.cfg.scopeFor(req.Resource, req.Scope)
	return err
}

// startDevice keeps what a device asks for, and returns its two codes. A user code that leads to a record
// already, whatever became of that one, is not given out again: another is drawn.
func (s *Server) startDevice(ctx context.Context, req *TokenRequest) (device bearerToken, user string, err error) {
	a, err := s.newAuthorization(&req.entropy, req.Client, GrantDeviceCode, req.Now)
	if err != nil {
		return device, "", err
	}
	var core tokenCore
	if err := req.entropy.draw(s, core[:]); err != nil {
		return device, "", err
	}
	asked := DeviceRequest{
		Scope: req.Scope, Resource: req.Resource, Details: req.Details,
		Interval: int64(s.device.Interval / time.Second), ExpiresAt: req.Now.Add(s.device.Lifetime),
	}
	a.Version = 1
	for range maxAttempts {
		if user, err = s.newUserCode(&req.entropy); err != nil {
			return device, "", err
		}
		a.ID = s.userCodeID(user)
		device = newBearerToken(kindDevice, a.ID, a.LineageKey, core)
		a.start(device, asked, req.Now)
		switch err = s.cfg.Tokens.Create(ctx, a); {
		case errors.Is(err, ErrExists):
			continue
		case err != nil:
			return device, "", unavailable(err)
		}
		event := eventOf(EventDeviceStarted, a)
		event.Scope = asked.Scope
		s.emit(ctx, event)
		return device, user, nil
	}
	return device, "", unavailable(err)
}
