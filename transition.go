package oauth2

import (
	"slices"
	"time"
)

// The transitions of an Authorization are pure: they read the record, what was presented, the time
// and drawn randomness, and change only the record they are called on, which is always a copy.

// maxRotations bounds the replaced refresh tokens that a record remembers.
const maxRotations = 8

// clockSkew is how far the clocks of replicas may differ. A replaced refresh token is reuse, and
// ends the authorization, only once it is older than the grace and the skew together.
const clockSkew = 5 * time.Second

// A compromise is the verdict that something spent was presented by whoever may hold it: the
// authorization must end, because nobody can tell the thief from the owner
// (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2).
type compromise struct {
	refusal *Error
	event   EventType
}

func (c *compromise) Error() string { return c.refusal.Error() }
func (c *compromise) Unwrap() error { return c.refusal }

var (
	errCodeReplayed = &compromise{ErrInvalidGrant.With("The code was used before."), EventCodeReplayed}
	errTokenReused  = &compromise{ErrInvalidGrant.With("The refresh token was replaced long ago."), EventRefreshTokenReused}

	errCodeUnknown    = ErrInvalidGrant.With("The code is unknown.")
	errCodeExpired    = ErrInvalidGrant.With("The code has expired.")
	errRefreshUnknown = ErrInvalidGrant.With("The refresh token is unknown.")
	errRefreshExpired = ErrInvalidGrant.With("The refresh token has expired.")
	errRefreshSpent   = ErrInvalidGrant.With("The refresh token was replaced.")
)

// issued reports whether a code or a refresh token once came from this record: it is the one whose digest
// the record has now, which covers all of a token, or its proof says so. Nearly always it is the one. From an
// internal record none ever came.
func (a *Authorization) issued(t bearerToken, current string) bool {
	return !a.internal() && (t.is(current) || t.provenBy(a.LineageKey))
}

// approve makes the code pending.
func (a *Authorization) approve(code bearerToken, binding Code, now time.Time) {
	binding.Digest = code.digest()
	a.Code = &binding
	a.settle(now)
}

// answer notes an approval that leads to no code. Its bindings stay, as those of a code that was
// redeemed: they tell whether a second answer to the same page grants the same.
func (a *Authorization) answer(binding Code, now time.Time) {
	a.Code = &binding
	a.settle(now)
}

// redeem spends the pending code (RFC 6749 section 4.1.2). The caller has proven everything else
// about the request, so a code that was spent before is a replay.
func (a *Authorization) redeem(code bearerToken, now time.Time) error {
	switch {
	case a.Code == nil || !a.issued(code, a.Code.Digest):
		return errCodeUnknown
	case a.Code.Digest == "":
		return errCodeReplayed
	case !code.is(a.Code.Digest):
		return errCodeUnknown
	case !now.Before(a.Code.ExpiresAt):
		return errCodeExpired
	}
	a.Code.Digest = ""
	return nil
}

// A rotationRule is the configuration of a rotation: how long a replaced token is forgiven
// (nothing or less: never), the optional pepper, and whether there is none at all.
type rotationRule struct {
	grace  time.Duration
	pepper []byte
	keep   bool
}

func (r rotationRule) strict() bool { return r.grace <= 0 }

// A rotated is what presenting a refresh token led to.
type rotated struct {
	refresh bearerToken // the refresh token that is current now
	access  tokenCore   // of the access token that belongs to it
	// retried: a predecessor was presented within its grace. The refresh token was there already,
	// and nothing has changed.
	retried bool
}

// rotate spends the current refresh token, or forgives that a predecessor is presented once more
// (RFC 9700 section 4.14.2). What follows from a token is derived from it, so a retry whose first
// answer was lost gets the very same tokens without a list of them.
func (a *Authorization) rotate(token bearerToken, salt string, rule rotationRule, now time.Time) (rotated, error) {
	if a.Refresh == nil || !a.issued(token, a.Refresh.Digest) {
		return rotated{}, errRefreshUnknown
	}
	if !token.is(a.Refresh.Digest) {
		return a.retry(token, rule, now)
	}
	if !now.Before(a.Refresh.ExpiresAt) {
		return rotated{}, errRefreshExpired
	}
	core := token.core()
	if rule.keep {
		return rotated{refresh: token, access: core.successor(kindAccess, salt, rule.pepper)}, nil
	}
	next := rotated{
		refresh: newBearerToken(kindRefresh, a.ID, a.LineageKey, core.successor(kindRefresh, salt, rule.pepper)),
		access:  core.successor(kindAccess, salt, rule.pepper),
	}
	a.rememberRotation(salt, rule, now)
	a.Refresh.Digest = next.refresh.digest()
	return next, nil
}

// rememberRotation keeps the token that is replaced for as long as it matters and no longer: salts past the
// grace would let a reader of the database who also holds a spent token walk to the live one.
func (a *Authorization) rememberRotation(salt string, rule rotationRule, now time.Time) {
	if rule.strict() {
		a.Refresh.Rotations = nil
		return
	}
	kept := slices.DeleteFunc(slices.Clone(a.Refresh.Rotations), func(old Rotation) bool {
		return now.Sub(old.RotatedAt) > rule.grace+clockSkew
	})
	r := Rotation{Digest: a.Refresh.Digest, Salt: salt, RotatedAt: now}
	if n := len(kept); n > 0 {
		// Clocks of replicas differ; the order of the rotations does not.
		r.RotatedAt = later(r.RotatedAt, kept[n-1].RotatedAt)
	}
	kept = append(kept, r)
	if excess := len(kept) - maxRotations; excess > 0 {
		kept = slices.Delete(kept, 0, excess)
	}
	a.Refresh.Rotations = kept
}

// retry judges a token that came from this authorization but is not current.
func (a *Authorization) retry(token bearerToken, rule rotationRule, now time.Time) (rotated, error) {
	if rule.strict() {
		return rotated{}, errTokenReused
	}
	rotations, digest := a.Refresh.Rotations, token.digestText()
	at := slices.IndexFunc(rotations, func(r Rotation) bool { return sameDigest(r.Digest, digest[:]) })
	if at < 0 {
		// Forgotten, and therefore old; unless a burst of rotations pushed it out of the list.
		if len(rotations) == maxRotations && now.Sub(rotations[0].RotatedAt) <= rule.grace+clockSkew {
			return rotated{}, errRefreshSpent
		}
		return rotated{}, errTokenReused
	}
	// A negative age, of a rotation by a replica whose clock is ahead, counts as inside.
	switch age := now.Sub(rotations[at].RotatedAt); {
	case age > rule.grace+clockSkew:
		return rotated{}, errTokenReused
	case age > rule.grace:
		return rotated{}, errRefreshSpent
	case !now.Before(a.Refresh.ExpiresAt):
		return rotated{}, errRefreshExpired
	}
	return a.walk(token.core(), rotations[at:], rule)
}

// walk follows the salts from a predecessor to the current refresh token.
func (a *Authorization) walk(core tokenCore, rotations []Rotation, rule rotationRule) (rotated, error) {
	found := rotated{retried: true}
	for _, r := range rotations {
		found.access = core.successor(kindAccess, r.Salt, rule.pepper)
		core = core.successor(kindRefresh, r.Salt, rule.pepper)
	}
	found.refresh = newBearerToken(kindRefresh, a.ID, a.LineageKey, core)
	if !found.refresh.is(a.Refresh.Digest) {
		// The pepper was changed in between: the way to the current token is lost.
		return rotated{}, errRefreshSpent
	}
	return found, nil
}
