package oauth2

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	halfMin  = rotationRule{grace: 30 * time.Second}
	strictly = rotationRule{grace: -1}
)

// refreshable is an authorization whose current refresh token is returned.
func refreshable() (*Authorization, bearerToken) {
	a := &Authorization{ID: "AAAAAAAAAAAAAAAAAAAA", LineageKey: "key", CreatedAt: noon, EndsAt: noon.AddDate(1, 0, 0)}
	token := newBearerToken(kindRefresh, a.ID, a.LineageKey, tokenCore{42})
	a.Refresh = &RefreshToken{Digest: token.digest(), ExpiresAt: noon.AddDate(0, 1, 0)}
	return a, token
}

func mustRotate(t *testing.T, a *Authorization, token bearerToken, rule rotationRule, at time.Time) bearerToken {
	t.Helper()
	r, err := a.rotate(token, "salt of "+token.digest(), rule, at)
	require.NoError(t, err)
	require.False(t, r.retried)
	next := r.refresh
	require.Equal(t, next.digest(), a.Refresh.Digest)
	return next
}

func TestRotationReplacesTheRefreshToken(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	second := mustRotate(t, a, first, halfMin, noon)
	require.NotEqual(t, first.digest(), second.digest())
	require.Len(t, a.Refresh.Rotations, 1)
}

func TestPredecessorInItsGraceLeadsToTheCurrentTokenAndChangesNothing(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	second := mustRotate(t, a, first, halfMin, noon)
	third := mustRotate(t, a, second, halfMin, noon.Add(time.Second))
	before, _ := json.Marshal(a)
	for _, predecessor := range []bearerToken{first, second} {
		r, err := a.rotate(predecessor, "unused", halfMin, noon.Add(30*time.Second))
		require.NoError(t, err)
		require.True(t, r.retried)
		current := r.refresh
		require.Equal(t, third, current)
		require.Equal(t, second.core().successor(kindAccess, "salt of "+second.digest(), nil), r.access, "the access token is the last rotation's")
	}
	after, _ := json.Marshal(a)
	require.JSONEq(t, string(before), string(after))
}

func TestReplacedTokenIsReuseOnlyPastTheGraceAndTheClockSkew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age  time.Duration
		want error
	}{
		{-2 * time.Second, nil}, // rotated by a replica whose clock is ahead
		{0, nil},
		{30 * time.Second, nil},
		{31 * time.Second, errRefreshSpent},
		{35 * time.Second, errRefreshSpent},
		{36 * time.Second, errTokenReused},
		{24 * time.Hour, errTokenReused},
	} {
		a, first := refreshable()
		mustRotate(t, a, first, halfMin, noon)
		_, err := a.rotate(first, "unused", halfMin, noon.Add(c.age))
		require.Equal(t, c.want, err, "%v after the rotation", c.age)
	}
}

func TestForgottenTokenIsReuse(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	second := mustRotate(t, a, first, halfMin, noon)
	third := mustRotate(t, a, second, halfMin, noon.Add(time.Minute))
	require.Len(t, a.Refresh.Rotations, 1, "salts past the grace are erased")
	_, err := a.rotate(first, "unused", halfMin, noon.Add(time.Minute))
	require.Equal(t, errTokenReused, err)
	_, err = a.rotate(third, "next", halfMin, noon.Add(time.Minute))
	require.NoError(t, err)
}

func TestTokenPushedOutByABurstIsNoReuseUntilItMustBeOld(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	token := first
	for range maxRotations + 1 {
		token = mustRotate(t, a, token, halfMin, noon)
	}
	require.Len(t, a.Refresh.Rotations, maxRotations)
	_, err := a.rotate(first, "unused", halfMin, noon.Add(35*time.Second))
	require.Equal(t, errRefreshSpent, err)
	_, err = a.rotate(first, "unused", halfMin, noon.Add(36*time.Second))
	require.Equal(t, errTokenReused, err)
}

func TestStrictRotationTakesAnyReplacedTokenForReuseAndKeepsNoSalts(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	second := mustRotate(t, a, first, strictly, noon)
	require.Empty(t, a.Refresh.Rotations)
	_, err := a.rotate(first, "unused", strictly, noon)
	require.Equal(t, errTokenReused, err)
	mustRotate(t, a, second, strictly, noon)
}

func TestGarbageIsRefusedAndIsNoReasonToRevoke(t *testing.T) {
	t.Parallel()
	a, _ := refreshable()
	forged := newBearerToken(kindRefresh, a.ID, "a guessed key", tokenCore{1})
	_, err := a.rotate(forged, "unused", halfMin, noon)
	require.Equal(t, errRefreshUnknown, err)
	a.Refresh = nil
	_, err = a.rotate(forged, "unused", halfMin, noon)
	require.Equal(t, errRefreshUnknown, err)
}

func TestRotationTimesNeverRunBackwards(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	second := mustRotate(t, a, first, halfMin, noon)
	mustRotate(t, a, second, halfMin, noon.Add(-2*time.Second))
	require.Equal(t, noon, a.Refresh.Rotations[1].RotatedAt)
}

func TestExpiredRefreshTokenIsRefusedEvenInTheGrace(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	mustRotate(t, a, first, halfMin, noon)
	a.Refresh.ExpiresAt = noon.Add(10 * time.Second)
	_, err := a.rotate(first, "unused", halfMin, noon.Add(10*time.Second))
	require.Equal(t, errRefreshExpired, err)
}

func TestChangedPepperEndsTheGraceAndNothingElse(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	second := mustRotate(t, a, first, rotationRule{grace: time.Minute, pepper: []byte("old")}, noon)
	changed := rotationRule{grace: time.Minute, pepper: []byte("new")}
	_, err := a.rotate(first, "unused", changed, noon)
	require.Equal(t, errRefreshSpent, err)
	mustRotate(t, a, second, changed, noon)
}

func TestCodeIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	a, _ := refreshable()
	code := newBearerToken(kindCode, a.ID, a.LineageKey, tokenCore{1})
	a.approve(code, Code{ExpiresAt: noon.Add(time.Minute)}, noon)

	guess := newBearerToken(kindCode, a.ID, "a guessed key", tokenCore{1})
	require.Equal(t, errCodeUnknown, a.redeem(guess, noon))
	require.Equal(t, errCodeExpired, a.redeem(code, noon.Add(time.Minute)))
	require.NoError(t, a.redeem(code, noon.Add(59*time.Second)))
	require.Equal(t, errCodeReplayed, a.redeem(code, noon.Add(59*time.Second)))
	require.Equal(t, errCodeReplayed, a.redeem(code, noon.Add(time.Hour)), "a replay is one after the code's lifetime too")
	require.Equal(t, errCodeUnknown, a.redeem(guess, noon))
}

func TestLiveAccessTokensAreBoundedAndTheOldestGoesFirst(t *testing.T) {
	t.Parallel()
	a, _ := refreshable()
	for i := range maxAccessTokens + 5 {
		a.addAccess(AccessToken{Digest: fmt.Sprint(i), ExpiresAt: noon.Add(time.Hour)})
	}
	require.Len(t, a.Access, maxAccessTokens)
	require.Equal(t, "5", a.Access[0].Digest)
}

func TestExpiredAccessTokensAreDropped(t *testing.T) {
	t.Parallel()
	a, _ := refreshable()
	a.addAccess(AccessToken{Digest: "old", ExpiresAt: noon})
	a.addAccess(AccessToken{Digest: "new", ExpiresAt: noon.Add(time.Second)})
	a.settle(noon)
	require.Len(t, a.Access, 1)
	require.Equal(t, a.Refresh.ExpiresAt, a.ExpiresAt, "the refresh token outlives them")
}

func TestTransitionsShareNothingWithTheSnapshot(t *testing.T) {
	t.Parallel()
	a, first := refreshable()
	a.Claims = json.RawMessage(`{"n":1}`)
	access := newBearerToken(kindAccess, a.ID, a.LineageKey, tokenCore{9})
	a.addAccess(AccessToken{Digest: access.digest(), Scope: Scope{"read"}, Audience: []string{"api"}, ExpiresAt: noon.Add(time.Hour)})
	code := newBearerToken(kindCode, a.ID, a.LineageKey, tokenCore{1})
	a.approve(code, Code{ExpiresAt: noon.Add(time.Minute)}, noon)
	first = mustRotate(t, a, first, halfMin, noon)
	before, _ := json.Marshal(a)

	c := a.Clone()
	c.Claims[1], c.Access[0].Scope[0], c.Access[0].Audience[0] = 'x', "changed", "changed"
	c.Code.Digest, c.Refresh.Digest, c.Refresh.Rotations[0].Salt = "", "", ""
	c.addAccess(AccessToken{})
	c.dropAccess(access)
	requireUnchanged := func() {
		after, _ := json.Marshal(a)
		require.JSONEq(t, string(before), string(after))
	}
	requireUnchanged()

	// A fork shares what no transition changes.
	f := a.fork()
	second := mustRotate(t, f, first, halfMin, noon)
	mustRotate(t, f, second, halfMin, noon.Add(time.Second))
	for range maxAccessTokens + 1 {
		f.addAccess(AccessToken{Digest: "another", ExpiresAt: noon.Add(time.Hour)})
	}
	requireUnchanged()
	f = a.fork()
	require.NoError(t, f.redeem(code, noon))
	require.True(t, f.dropAccess(access))
	f.settle(noon.Add(2 * time.Hour))
	requireUnchanged()
}

func TestSweepAfterIsAtLeastAMinutePastTheExpiryAndOnTheHour(t *testing.T) {
	t.Parallel()
	for _, minute := range []int{0, 1, 58, 59} {
		a := &Authorization{ExpiresAt: noon.Add(time.Duration(minute)*time.Minute + time.Second), Access: []AccessToken{{}}}
		require.GreaterOrEqual(t, a.SweepAfter().Sub(a.ExpiresAt), time.Minute)
		require.Less(t, a.SweepAfter().Sub(a.ExpiresAt), time.Hour+time.Minute)
		require.Zero(t, a.SweepAfter().Minute())
	}
}

func TestAValueThatWasUsedUpIsForgottenWithinTwoMinutes(t *testing.T) {
	t.Parallel()
	for _, second := range []int{0, 1, 59, 60, 61, 3599} {
		a := &Authorization{ExpiresAt: noon.Add(time.Duration(second) * time.Second)}
		require.GreaterOrEqual(t, a.SweepAfter().Sub(a.ExpiresAt), time.Minute)
		require.Less(t, a.SweepAfter().Sub(a.ExpiresAt), 2*time.Minute)
	}
}

func TestHourlyRefreshesMoveSweepAfterOnceADay(t *testing.T) {
	t.Parallel()
	a := &Authorization{Refresh: &RefreshToken{}}
	seen := map[time.Time]bool{}
	for hour := range 24 * 7 {
		a.ExpiresAt = noon.Add(time.Duration(hour) * time.Hour)
		require.GreaterOrEqual(t, a.SweepAfter().Sub(a.ExpiresAt), time.Minute)
		seen[a.SweepAfter()] = true
	}
	require.LessOrEqual(t, len(seen), 8)
}

// A replica of an older version would drop a key that it does not know, and the token would be a bearer
// token from then on; it must not touch the record (ErrTemporarilyUnavailable), and no other.
func TestOnlyARecordThatIsBoundToAKeyNeedsTheNewerFormat(t *testing.T) {
	t.Parallel()
	key := &Confirmation{JKT: "key"}
	for name, bind := range map[string]func(*Authorization){
		"an access token":  func(a *Authorization) { a.addAccess(AccessToken{Confirmation: key, ExpiresAt: noon.Add(time.Hour)}) },
		"a refresh token":  func(a *Authorization) { a.Refresh.Confirmation = key },
		"a code":           func(a *Authorization) { a.Code = &Code{DPoPKey: "key", ExpiresAt: noon.Add(time.Minute)} },
		"a pushed request": func(a *Authorization) { a.Request = &PushedRequest{ExpiresAt: noon.Add(time.Minute)} },
	} {
		a, _ := refreshable()
		a.Format = formatPlain
		a.addAccess(AccessToken{Digest: "plain", ExpiresAt: noon.Add(time.Hour)})
		a.settle(noon)
		require.Equal(t, formatPlain, a.Format)
		bind(a)
		a.settle(noon)
		require.Equal(t, formatBound, a.Format, name)
	}
}

// A replica of the version before would drop what a device asked for, or what was approved, with the next
// change. Once a record has the format it keeps it.
func TestARecordOfADeviceHasTheNewestFormat(t *testing.T) {
	t.Parallel()
	a, _ := refreshable()
	a.Format = formatPlain
	a.Device = &DeviceRequest{ExpiresAt: noon.Add(time.Minute)}
	a.settle(noon)
	require.Equal(t, formatExtended, a.Format)
	a.Device, a.Refresh.Confirmation = nil, &Confirmation{JKT: "key"}
	a.settle(noon)
	require.Equal(t, formatExtended, a.Format)
}
