package oauth2

import (
	"bytes"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A signingSet is what the store keeps of the signing keys. What may happen to it is pure: it depends on
// the set, the time and the configuration alone.
type signingSet struct {
	// Keys are in the order in which they sign.
	Keys []storedKey `json:"keys"`
}

// A storedKey is one signing key, and when it signs.
type storedKey struct {
	Public    jose.JSONWebKey `json:"jwk"`
	SignsFrom time.Time       `json:"signs_from"`
	// SignsUntil is when its successor takes over. The zero time: it has none yet.
	SignsUntil time.Time `json:"signs_until,omitzero"`

	// private is the private key in PKCS #8. It is sealed apart, and nil once the key signs no more.
	private []byte
}

// clone returns a copy that shares no list.
func (set signingSet) clone() signingSet { return signingSet{Keys: slices.Clone(set.Keys)} }

// equal reports whether two sets are the same, as far as rotation goes.
func (set signingSet) equal(other signingSet) bool {
	return slices.EqualFunc(set.Keys, other.Keys, func(a, b storedKey) bool {
		return a.Public.KeyID == b.Public.KeyID && a.SignsUntil.Equal(b.SignsUntil) && bytes.Equal(a.private, b.private)
	})
}

// advance takes every step that is due: keys that nothing needs any more go, keys that sign no more
// lose their private half, and a successor is announced in time. fresh makes a key, if one is needed.
func (set signingSet) advance(k *SigningKeys, now time.Time, fresh func() (storedKey, error)) (signingSet, error) {
	next := set.clone()
	next.Keys = slices.DeleteFunc(next.Keys, func(key storedKey) bool {
		return !key.SignsUntil.IsZero() && !now.Before(key.SignsUntil.Add(k.Retain+k.slack()))
	})
	for i := range next.Keys {
		// A replica that has not looked yet, or whose clock is behind, signs with it for a little longer.
		if key := &next.Keys[i]; !key.SignsUntil.IsZero() && !now.Before(key.SignsUntil.Add(k.slack())) {
			key.private = nil
		}
	}
	if !next.wantsSuccessor(k, now) {
		return next, nil
	}
	successor, err := fresh()
	if err != nil {
		return set, err
	}
	successor.SignsFrom = now
	if last := len(next.Keys) - 1; last >= 0 {
		// Nobody has seen a key before it was announced; the first of all is asked for only now.
		successor.SignsFrom = now.Add(k.Announce + clockSkew)
		next.Keys[last].SignsUntil = successor.SignsFrom
	}
	next.Keys = append(next.Keys, successor)
	return next, nil
}

// wantsSuccessor reports whether a key is to be announced: there is none, the last one has signed for
// long enough, or another algorithm was configured.
func (set signingSet) wantsSuccessor(k *SigningKeys, now time.Time) bool {
	if len(set.Keys) == 0 {
		return true
	}
	last := set.Keys[len(set.Keys)-1]
	if now.Before(last.SignsFrom) {
		return false // one is announced already
	}
	return last.Public.Algorithm != string(k.Algorithm) || !now.Before(last.SignsFrom.Add(k.RotateAfter-k.Announce))
}

// signing is the index of the key that signs now. Where the clock of another replica is ahead, the
// first key signs before its time. -1: there is none.
func (set signingSet) signing(now time.Time) int {
	at := min(0, len(set.Keys)-1)
	for i, key := range set.Keys {
		if !now.Before(key.SignsFrom) {
			at = i
		}
	}
	return at
}

// neededUntil is when the set can be forgotten if nobody asks for a key any more.
func (set signingSet) neededUntil(k *SigningKeys) time.Time {
	last := set.Keys[len(set.Keys)-1]
	return last.SignsFrom.Add(k.RotateAfter + k.Announce + k.Retain + k.slack())
}

// slack is for how long a replica may be behind: its cached set and its clock.
func (k *SigningKeys) slack() time.Duration { return k.cacheFor() + clockSkew }
