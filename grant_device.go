package oauth2

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

const (
	defaultDeviceLifetime = 10 * time.Minute
	minDeviceLifetime     = time.Minute
	maxDeviceLifetime     = 30 * time.Minute
	defaultDeviceInterval = 5 * time.Second
)

// DeviceGrant is the device authorization grant (RFC 8628), for devices without a browser or a keyboard:
// the device shows a short code, its user enters that on another device and decides there, and the
// device polls for its tokens. Among ServerConfig.Grants it serves the token endpoint, and with it
// [Server.DeviceAuthorization] and [Server.Device]. The zero value is ready to use.
//
// Whoever makes a user enter a code of theirs gets that user's access (RFC 8628 section 5.4). So the user
// is always asked: the page that Consent writes has to show AuthorizationRequest.UserCode, the client and
// the scope, and to ask whether the device at hand shows that code.
type DeviceGrant struct {
	// Lifetime is how long the codes are good for. 0 means ten minutes; at least one, at most thirty.
	Lifetime time.Duration
	// Interval is how long a device waits between two polls, in whole seconds. 0 means five seconds; at
	// most sixty.
	Interval time.Duration
	// Page writes the pages that are not Consent's: see [DevicePage]. nil means plain ones in English.
	Page func(w http.ResponseWriter, r *http.Request, page *DevicePage)
}

// GrantType returns "urn:ietf:params:oauth:grant-type:device_code".
func (DeviceGrant) GrantType() string { return GrantDeviceCode }

// deviceTokenChecks hold a request to what the resource owner granted. A request that fails one changes
// nothing.
var deviceTokenChecks = []struct {
	rule, source string
	verify       func(*Authorization, *TokenRequest) error
}{
	{"scope is cut to what was granted", "RFC 6749 section 3.3", cutScopeGranted},
	{"resource was granted", "RFC 8707 section 2.2", checkResourceGranted},
}

// Exchange answers a poll (RFC 8628 section 3.4): with the tokens once they are approved, which the device
// code is good for once. A second redemption is refused and ends nothing: a device polls by design, so that
// is what a lost answer looks like.
func (DeviceGrant) Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error) {
	s := req.server
	text := req.Param("device_code")
	if text == "" {
		return nil, ErrInvalidRequest.With("device_code is missing.")
	}
	code, ok := parseBearerToken(kindDevice, s.cfg.Prefixes.Device, text)
	if !ok {
		return nil, errDeviceUnknown
	}
	a, err := s.load(ctx, code, errDeviceUnknown)
	switch {
	case err != nil:
		return nil, err
	case !code.provenBy(a.LineageKey):
		return nil, errDeviceUnknown
	}
	req.presented = a
	if a.ClientID != req.Client.ID {
		return nil, errDeviceUnknown
	}
	if a, err = s.pollDevice(ctx, code, a); err != nil {
		return nil, err
	}
	for _, check := range deviceTokenChecks {
		if err := check.verify(a, req); err != nil {
			return nil, err
		}
	}
	return &Issuance{
		Authorization: a,
		Scope:         req.Scope,
		Audience:      req.Resource,
		RefreshToken:  true,
		forks:         true,
		Apply:         func(a *Authorization) error { return a.redeemDevice(code, s.now()) },
	}, nil
}

// cutScopeGranted drops what was not granted, instead of refusing it: there is no scope in the poll of
// RFC 8628 section 3.4, and clients that send what they asked for first do not know yet what they got.
func cutScopeGranted(a *Authorization, req *TokenRequest) error {
	if req.Scope == nil {
		return nil
	}
	req.Scope = slices.DeleteFunc(slices.Clone(req.Scope), func(token string) bool { return !a.Scope.Has(token) })
	if len(req.Scope) == 0 {
		return ErrInvalidScope.With("The scope was not granted.")
	}
	return nil
}

// pollDevice returns the record once its device may fetch the tokens, and else what the device is told. A
// poll in vain is noted by one compare-and-swap, so that every replica knows when it was.
func (s *Server) pollDevice(ctx context.Context, code bearerToken, a *Authorization) (*Authorization, error) {
	for range maxAttempts {
		next := a.fork()
		noted, verdict := next.poll(code, s.now())
		if !noted {
			return a, verdict
		}
		err := s.cfg.Tokens.Update(ctx, next)
		switch {
		case err == nil:
			return nil, verdict
		case errors.Is(err, ErrNotFound):
			return nil, errRevokedMeanwhile
		case !errors.Is(err, ErrConflict):
			return nil, unavailable(err)
		}
		if a, err = s.load(ctx, code, errRevokedMeanwhile); err != nil {
			return nil, err
		}
	}
	return nil, unavailable(ErrConflict)
}

// device is the configured DeviceGrant with its defaults, nil where it is not served.
func (cfg *ServerConfig) device() *DeviceGrant {
	for _, g := range cfg.Grants {
		var found DeviceGrant
		switch g := g.(type) {
		case DeviceGrant:
			found = g
		case *DeviceGrant:
			found = *g
		default:
			continue
		}
		if found.Lifetime == 0 {
			found.Lifetime = defaultDeviceLifetime
		}
		if found.Interval == 0 {
			found.Interval = defaultDeviceInterval
		}
		if found.Page == nil {
			found.Page = defaultDevicePage
		}
		return &found
	}
	return nil
}

func (cfg *ServerConfig) validateDevice(report func(wrong bool, format string, args ...any)) {
	g := cfg.device()
	if g == nil {
		return
	}
	report(cfg.Consent == nil, "Consent is required by the device grant")
	report(g.Lifetime < minDeviceLifetime || g.Lifetime > maxDeviceLifetime, "DeviceGrant.Lifetime %v is shorter than %v or longer than %v",
		g.Lifetime, minDeviceLifetime, maxDeviceLifetime)
	report(g.Interval < time.Second || g.Interval > maxDeviceInterval*time.Second || g.Interval%time.Second != 0,
		"DeviceGrant.Interval %v is no whole number of seconds from 1 to %d", g.Interval, maxDeviceInterval)
}
