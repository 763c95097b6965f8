package oauth2

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

const (
	// slowDownBy is what slow_down adds to the interval, in seconds (RFC 8628 section 3.5).
	slowDownBy = 5
	// maxDeviceInterval is where a device that does not listen stops making the store write. In seconds.
	maxDeviceInterval = 60
)

// A DeviceStatus is what a resource owner said to what a device asked for.
type DeviceStatus string

// The answers.
const (
	DeviceWaiting  DeviceStatus = "" // none yet
	DeviceApproved DeviceStatus = "approved"
	DeviceDenied   DeviceStatus = "denied"
)

// A DeviceRequest is what a device asked for (RFC 8628 section 3.1): the first state of an Authorization
// whose ID derives from the user code. It goes when the device fetches its tokens. Neither code is in it.
type DeviceRequest struct {
	// Digest is that of the device code.
	Digest string `json:"digest"`
	// Scope and Resource were asked for. What was granted is the Authorization's own.
	Scope    Scope    `json:"scope,omitempty"`
	Resource []string `json:"resource,omitempty"`
	// Details are the authorization details that were asked for.
	Details json.RawMessage `json:"authorization_details,omitempty"`
	Status  DeviceStatus    `json:"status,omitempty"`
	// Interval is the least time between two polls, in seconds. Each slow_down adds five.
	Interval int64 `json:"interval"`
	// PolledAt is when the device last polled without being told to slow down.
	PolledAt  time.Time `json:"polled_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at"`
}

var (
	errDeviceUnknown  = ErrInvalidGrant.With("The device code is unknown.")
	errDeviceRedeemed = ErrInvalidGrant.With("The device code was used before.")
	errDeviceExpired  = ErrExpiredToken.With("The device code has expired.")
	errDeviceDenied   = ErrAccessDenied.With("The resource owner said no.")
	errDevicePending  = ErrAuthorizationPending.With("The resource owner has not answered yet.")
	errDeviceTooFast  = ErrSlowDown.With("The device polls too often; the interval is five seconds longer from now on.")

	errUserCodeUnknown = ErrInvalidRequest.With("The code is unknown or has expired.")
)

// start makes the record that of a device which waits for its resource owner.
func (a *Authorization) start(code bearerToken, asked DeviceRequest, now time.Time) {
	asked.Digest = code.digest()
	a.Device, a.EndsAt = &asked, asked.ExpiresAt
	a.settle(now)
}

// judgeDevice is what a device is told that presents its code (RFC 8628 section 3.5); nil: its tokens.
func (a *Authorization) judgeDevice(code bearerToken, now time.Time) error {
	switch d := a.Device; {
	case !code.provenBy(a.LineageKey):
		return errDeviceUnknown
	case d == nil:
		return errDeviceRedeemed
	case !code.is(d.Digest):
		return errDeviceUnknown
	case !now.Before(d.ExpiresAt):
		return errDeviceExpired
	case d.Status == DeviceDenied:
		return errDeviceDenied
	case d.Status == DeviceWaiting:
		return errDevicePending
	}
	return nil
}

// poll judges a poll, and notes one that is in vain: when it was, or that the interval grew. Who polls too
// early is not held to that poll, so the next one is early only if it comes before the longer interval
// since the last that was not. noted: the record changed.
func (a *Authorization) poll(code bearerToken, now time.Time) (noted bool, verdict error) {
	verdict = a.judgeDevice(code, now)
	if !errors.Is(verdict, ErrAuthorizationPending) {
		return false, verdict
	}
	d := *a.Device // the snapshot keeps its own
	interval := time.Duration(d.Interval) * time.Second
	// A tenth is for the network, and for clocks that differ.
	switch early := !d.PolledAt.IsZero() && now.Sub(d.PolledAt) < interval-interval/10; {
	case !early:
		d.PolledAt = now
	case d.Interval >= maxDeviceInterval:
		return false, errDeviceTooFast
	default:
		d.Interval += slowDownBy
		verdict = errDeviceTooFast
	}
	a.Device = &d
	a.settle(now)
	return true, verdict
}

// redeemDevice spends the device code of an approved request.
func (a *Authorization) redeemDevice(code bearerToken, now time.Time) error {
	if err := a.judgeDevice(code, now); err != nil {
		return err
	}
	a.Device = nil
	return nil
}

// answered is what the resource owner said. A request that is gone was approved, and its device has
// fetched the tokens.
func (a *Authorization) answered() DeviceStatus {
	if a.Device == nil {
		return DeviceApproved
	}
	return a.Device.Status
}

// conclude writes the resource owner's answer into a request that waits: an approval, or nil for no. An
// approved authorization lasts until endsAt.
func (a *Authorization) conclude(req *AuthorizationRequest, approval *Approval, endsAt, now time.Time) error {
	switch {
	case a.answered() != DeviceWaiting:
		return errAnsweredTwice
	case !now.Before(a.Device.ExpiresAt):
		return errUserCodeUnknown
	}
	d := *a.Device // the snapshot keeps its own
	d.Status = DeviceDenied
	if approval != nil {
		if err := a.grant(req, approval); err != nil {
			return err
		}
		d.Status, a.EndsAt = DeviceApproved, endsAt
	}
	a.Device = &d
	a.settle(now)
	return nil
}

// answeredTheSame reports whether the resource owner said this before, as by a double click.
func (a *Authorization) answeredTheSame(req *AuthorizationRequest, approval *Approval) bool {
	if approval == nil {
		return a.answered() == DeviceDenied
	}
	var said Authorization
	err := said.grant(req, approval)
	return err == nil && a.answered() == DeviceApproved && a.Subject == said.Subject &&
		a.Scope.equal(said.Scope) && bytes.Equal(a.Details, said.Details) && bytes.Equal(a.Claims, said.Claims)
}
