package oauth2

import (
	"encoding/json"
	"slices"
	"time"
)

// The formats of records. A record with a greater one than recordFormat was written by a newer replica
// and is never touched.
const (
	// formatPlain is what every record has that needs no more.
	formatPlain = 1
	// formatBound records know pushed requests, and the keys that codes and tokens are bound to: who does
	// not would drop a binding with the next change.
	formatBound = 2
	// formatExtended records know device authorization requests, details of what was granted, and actors.
	formatExtended = 3
	recordFormat   = formatExtended
)

// maxAccessTokens bounds the live access tokens of one authorization; the oldest goes first.
const maxAccessTokens = 20

// An Authorization is all that follows from one "yes" of a resource owner, or from one client acting
// for itself: the pending code, the current refresh token, the live access tokens, what was granted
// and to whom. It is one record under one key, and changes by compare-and-swap alone:
//
//	requested (pushed, or by a device) -> approved (a code is pending) -> active (tokens are issued) -> active (rotated) ... -> deleted
//
// Stores keep it as it is, for instance in JSON, and never change it. It holds digests, never a
// token. Times are UTC, in milliseconds.
type Authorization struct {
	// ID is the key: 20 characters of base64url. It is part of every token issued from the record.
	ID string `json:"id"`
	// Version counts the writes, from 1. Only Update raises it.
	Version int64 `json:"version"`
	// Format tells which fields the writer knew.
	Format int `json:"format"`
	// Issuer is the authorization server whose record this is; several may share one store.
	Issuer string `json:"issuer"`

	ClientID string `json:"client_id"`
	// Subject is the resource owner. It is empty when the client acts for itself.
	Subject string `json:"sub,omitempty"`
	// GrantType tells how the authorization came about.
	GrantType string `json:"grant_type"`
	// Scope is what was granted. An access token may carry less, never more.
	Scope Scope `json:"scope,omitempty"`
	// Resource are the resources it was granted for (RFC 8707); the audience of its access tokens.
	Resource []string `json:"resource,omitempty"`
	// Details are the authorization details that were granted (RFC 9396), a JSON array. An access token may
	// carry less, never more.
	Details json.RawMessage `json:"authorization_details,omitempty"`

	// How the resource owner was authenticated, as Approval told it.
	AuthTime  time.Time `json:"auth_time,omitzero"`
	ACR       string    `json:"acr,omitempty"`
	AMR       []string  `json:"amr,omitempty"`
	SessionID string    `json:"sid,omitempty"`
	// Claims are the application's own, one JSON object. In the record of the signing keys, which is no
	// authorization, they are the keys: see [SigningKeys].
	Claims json.RawMessage `json:"claims,omitempty"`
	// Actor acts for the subject, where the authorization was delegated (RFC 8693 section 4.1).
	Actor *Actor `json:"act,omitempty"`
	// Parents are the access tokens that it was exchanged for, the first one first. All of them are live,
	// or else it has ended.
	Parents []ParentToken `json:"parents,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when the record can be forgotten, unless it changes before: nothing of it is live
	// any more.
	ExpiresAt time.Time `json:"expires_at"`
	// EndsAt is when the authorization ends, however often it is refreshed.
	EndsAt time.Time `json:"ends_at"`
	// AdoptedUntil is set on a record that was adopted from another server's refresh token: when that
	// token ends by itself. A record that is ended before stays until then, emptied, so that the token
	// cannot be adopted again.
	AdoptedUntil time.Time `json:"adopted_until,omitzero"`

	// LineageKey keys the proof in every token of this authorization.
	LineageKey string `json:"lineage_key"`
	// Request is what a client pushed: with no Code it waits to be approved.
	Request *PushedRequest `json:"request,omitempty"`
	// Device is what a device asked for: it waits to be approved, or to be redeemed.
	Device  *DeviceRequest `json:"device,omitempty"`
	Code    *Code          `json:"code,omitempty"`
	Refresh *RefreshToken  `json:"refresh,omitempty"`
	Access  []AccessToken  `json:"access,omitempty"`
}

// A Code is the authorization code (RFC 6749 section 4.1.2) and what it is bound to. Once it is
// redeemed its Digest is empty; the bindings stay, so that a replay can be told from a stranger's
// guess.
type Code struct {
	Digest        string `json:"digest,omitempty"`
	RedirectURI   string `json:"redirect_uri"`
	CodeChallenge string `json:"code_challenge,omitempty"`
	// DPoPKey is the thumbprint of the key that the token request must be proven with (RFC 9449
	// section 10).
	DPoPKey   string    `json:"dpop_jkt,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

// An AccessToken is one live access token (RFC 6749 section 1.4). A nil Scope or Audience means all of
// its authorization's; an empty one means none.
type AccessToken struct {
	Digest   string   `json:"digest"`
	Scope    Scope    `json:"scope,omitzero"`
	Audience []string `json:"aud,omitzero"`
	// Details are the token's authorization details. nil means all of its authorization's, and an empty array none.
	Details   json.RawMessage `json:"authorization_details,omitempty"`
	IssuedAt  time.Time       `json:"iat"`
	ExpiresAt time.Time       `json:"exp"`
	// Confirmation is the key that its sender must prove to hold. nil: it is a bearer token.
	Confirmation *Confirmation `json:"cnf,omitempty"`
}

// A RefreshToken is the one refresh token that is current (RFC 6749 section 1.5), and the last ones
// it replaced.
type RefreshToken struct {
	Digest    string    `json:"digest"`
	ExpiresAt time.Time `json:"exp"`
	// Confirmation is the key that a public client must prove to hold (RFC 9449 section 5). nil: none.
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Rotations are the youngest replacements, the oldest first.
	Rotations []Rotation `json:"rotations,omitempty"`
}

// A Rotation is a refresh token that was replaced a short while ago. From the token itself and the
// Salt its successors are derived; without the token the Salt tells nothing.
type Rotation struct {
	Digest    string    `json:"digest"`
	Salt      string    `json:"salt"`
	RotatedAt time.Time `json:"rotated_at"`
}

// Clone returns a copy that shares nothing with a.
func (a *Authorization) Clone() *Authorization {
	c := *a
	c.Scope = slices.Clone(a.Scope)
	c.Resource = slices.Clone(a.Resource)
	c.Details = slices.Clone(a.Details)
	c.AMR = slices.Clone(a.AMR)
	c.Claims = slices.Clone(a.Claims)
	c.Actor = a.Actor.clone()
	c.Parents = slices.Clone(a.Parents)
	if a.Request != nil {
		request := *a.Request
		c.Request = &request
	}
	if a.Device != nil {
		device := *a.Device
		device.Scope, device.Resource = slices.Clone(device.Scope), slices.Clone(device.Resource)
		device.Details = slices.Clone(device.Details)
		c.Device = &device
	}
	if a.Code != nil {
		code := *a.Code
		c.Code = &code
	}
	if a.Refresh != nil {
		refresh := *a.Refresh
		refresh.Rotations = slices.Clone(refresh.Rotations)
		refresh.Confirmation = refresh.Confirmation.clone()
		c.Refresh = &refresh
	}
	c.Access = slices.Clone(a.Access)
	for i := range c.Access {
		c.Access[i].Scope = slices.Clone(c.Access[i].Scope)
		c.Access[i].Audience = slices.Clone(c.Access[i].Audience)
		c.Access[i].Details = slices.Clone(c.Access[i].Details)
		c.Access[i].Confirmation = c.Access[i].Confirmation.clone()
	}
	return &c
}

// SweepAfter is when a store may drop the record: at least a minute after ExpiresAt, rounded up so that
// an expiry that slides with every refresh rarely changes an indexed column. It is on the day where there
// is a refresh token, and on the hour where there is a code or an access token. All others, such as
// values that were used up and pushed requests, are many and short-lived: theirs is on the minute.
func (a *Authorization) SweepAfter() time.Time {
	step := time.Minute
	switch {
	case a.Refresh != nil:
		step = 24 * time.Hour
	case a.Code != nil, len(a.Access) > 0:
		step = time.Hour
	}
	return a.ExpiresAt.Add(time.Minute + step - 1).Truncate(step).UTC()
}

// fork is the copy that a transition works on. It shares with a what no transition changes, and the list
// of access tokens, which transitions replace as a whole.
func (a *Authorization) fork() *Authorization {
	// One allocation in place of three.
	next := &struct {
		Authorization
		code    Code
		refresh RefreshToken
	}{Authorization: *a}
	if a.Code != nil {
		next.code, next.Code = *a.Code, &next.code
	}
	if a.Refresh != nil {
		next.refresh, next.Refresh = *a.Refresh, &next.refresh
	}
	return &next.Authorization
}

// addAccess adds an access token and drops the oldest ones beyond the bound.
func (a *Authorization) addAccess(token AccessToken) {
	kept := a.Access[max(0, len(a.Access)+1-maxAccessTokens):]
	if a.Version > 0 { // and the list may be shared
		kept = append(make([]AccessToken, 0, len(kept)+1), kept...)
	}
	a.Access = append(kept, token)
}

// findAccess returns the record's own entry of an access token, and whether it is live.
func (a *Authorization) findAccess(t bearerToken, now time.Time) (AccessToken, bool) {
	digest := t.digestText()
	for i := range a.Access {
		if sameDigest(a.Access[i].Digest, digest[:]) {
			return a.Access[i], now.Before(a.Access[i].ExpiresAt)
		}
	}
	return AccessToken{}, false
}

// dropAccess removes one access token and reports whether it was there.
func (a *Authorization) dropAccess(t bearerToken) bool {
	before, digest := len(a.Access), t.digestText()
	a.dropAccessIf(func(token *AccessToken) bool { return sameDigest(token.Digest, digest[:]) })
	return len(a.Access) != before
}

// dropAccessIf drops access tokens. Nearly always there is none to drop; where there is, the list is
// another one.
func (a *Authorization) dropAccessIf(drop func(*AccessToken) bool) {
	for i := range a.Access {
		if !drop(&a.Access[i]) {
			continue
		}
		kept := slices.Clone(a.Access[:i])
		for j := i + 1; j < len(a.Access); j++ {
			if !drop(&a.Access[j]) {
				kept = append(kept, a.Access[j])
			}
		}
		a.Access = kept
		return
	}
}

// Live reports whether anything of the record can still be used: its code or the device's, its refresh
// token, or one of its access tokens. Parents are in other records, and not looked at.
func (a *Authorization) Live(now time.Time) bool {
	if a.Code != nil && a.Code.Digest != "" && now.Before(a.Code.ExpiresAt) {
		return true
	}
	if a.Device != nil && a.Device.Status == DeviceApproved && now.Before(a.Device.ExpiresAt) {
		return true
	}
	if a.Refresh != nil && now.Before(a.Refresh.ExpiresAt) {
		return true
	}
	return slices.ContainsFunc(a.Access, func(t AccessToken) bool { return now.Before(t.ExpiresAt) })
}

// settle is the last step of every transition: what has expired is dropped, so the record stays
// small, and the record's own expiry follows from what is left.
func (a *Authorization) settle(now time.Time) {
	a.dropAccessIf(func(token *AccessToken) bool { return !now.Before(token.ExpiresAt) })
	a.ExpiresAt = now
	if a.Code != nil && a.Code.Digest == "" {
		a.Request = nil
	}
	if a.Request != nil {
		a.ExpiresAt = later(a.ExpiresAt, a.Request.ExpiresAt)
	}
	if a.Device != nil {
		a.ExpiresAt = later(a.ExpiresAt, a.Device.ExpiresAt)
	}
	if a.Code != nil {
		// The record is also what makes the form token of its consent page one-time: it outlives it.
		a.ExpiresAt = later(a.ExpiresAt, later(a.Code.ExpiresAt, a.CreatedAt.Add(formTokenLifetime)))
	}
	if a.Refresh != nil {
		a.ExpiresAt = later(a.ExpiresAt, a.Refresh.ExpiresAt)
	}
	for i := range a.Access {
		a.ExpiresAt = later(a.ExpiresAt, a.Access[i].ExpiresAt)
	}
	switch {
	case a.extended():
		a.Format = formatExtended
	case a.bound():
		a.Format = max(a.Format, formatBound)
	}
}

// extended reports whether the record has what formatBound does not know.
func (a *Authorization) extended() bool {
	return a.Device != nil || a.Actor != nil || len(a.Parents) > 0 || len(a.Details) > 0
}

// bound reports whether the record has what formatPlain does not know.
func (a *Authorization) bound() bool {
	return a.Request != nil || a.Code != nil && a.Code.DPoPKey != "" || a.Refresh != nil && a.Refresh.Confirmation != nil ||
		slices.ContainsFunc(a.Access, func(t AccessToken) bool { return t.Confirmation != nil })
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
