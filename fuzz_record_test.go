package oauth2

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recordSeeds are records in every state, and garbled ones.
func recordSeeds(f *testing.F) [][]byte {
	pending, _ := refreshable()
	pending.approve(newBearerToken(kindCode, pending.ID, pending.LineageKey, tokenCore{1}), Code{RedirectURI: "https://app.example.com/", ExpiresAt: noon.Add(time.Minute)}, noon)
	active, token := refreshable()
	active.Format, active.Issuer, active.ClientID, active.Subject, active.Scope = recordFormat, "https://id.example.com", "app", "alice", Scope{"read"}
	active.Claims, active.AMR, active.Resource = json.RawMessage(`{"tenant":"<acme>"}`), []string{"pwd"}, []string{"https://api.example.com"}
	for i := range 3 {
		r, err := active.rotate(token, "salt", halfMin, noon.Add(time.Duration(i)*time.Second))
		require.NoError(f, err)
		token = r.refresh
		active.addAccess(AccessToken{Digest: "x", IssuedAt: noon, ExpiresAt: noon.Add(time.Hour), Audience: []string{}})
	}
	seeds := [][]byte{
		[]byte(`{}`), []byte(`null`), []byte(`{"refresh":{},"code":{},"access":[{}]}`),
		// An ID that is longer than any that was ever made.
		[]byte(`{"id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","issuer":"https://id.example.com","client_id":"app","lineage_key":"key","refresh":{"digest":"x","exp":"2027-01-01T00:00:00Z"},"ends_at":"2028-01-01T00:00:00Z"}`),
	}
	for _, a := range []*Authorization{pending, active} {
		document, err := json.Marshal(a)
		require.NoError(f, err)
		seeds = append(seeds, document)
	}
	return seeds
}

// What a record says survives being written and read.
func FuzzRecord(f *testing.F) {
	for _, seed := range recordSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		a := decoded(document)
		if a == nil {
			return
		}
		first := encoded(t, a)
		require.Equal(t, first, encoded(t, a.Clone()))
		again := decoded([]byte(first))
		require.NotNil(t, again)
		require.Equal(t, first, encoded(t, again))
		require.False(t, a.SweepAfter().Before(a.ExpiresAt.Add(time.Minute)))
		again.settle(noon)
		require.Equal(t, a.Live(noon), again.Live(noon), "what is live stays, and nothing comes back")
		require.True(t, !again.Live(noon) || again.ExpiresAt.After(noon))
	})
}

func decoded(document []byte) *Authorization {
	a := new(Authorization)
	if json.Unmarshal(document, a) != nil {
		return nil
	}
	return a
}

func encoded(t *testing.T, a *Authorization) string {
	document, err := json.Marshal(a)
	require.NoError(t, err)
	return string(document)
}

// planted are tokens of a record with the ID that they name.
type planted struct{ code, refresh, access bearerToken }

// tokensInto makes tokens that the record has a proof of, and writes their digests into those of its
// places that the bits name.
func tokensInto(a *Authorization, places uint16) planted {
	const id = "AAAAAAAAAAAAAAAAAAAA"
	made := planted{
		code:    newBearerToken(kindCode, id, a.LineageKey, tokenCore{5}),
		refresh: newBearerToken(kindRefresh, id, a.LineageKey, tokenCore{6}),
		access:  newBearerToken(kindAccess, id, a.LineageKey, tokenCore{7}),
	}
	if a.Code != nil && places&1 != 0 {
		a.Code.Digest = made.code.digest()
	}
	if a.Refresh != nil {
		if places&2 != 0 {
			a.Refresh.Digest = made.refresh.digest()
		}
		for i := range a.Refresh.Rotations {
			if places&(4<<(i%8)) != 0 {
				a.Refresh.Rotations[i].Digest = made.refresh.digest()
			}
		}
	}
	for i := range a.Access {
		if places&(1<<(12+i%4)) != 0 {
			a.Access[i].Digest = made.access.digest()
		}
	}
	return made
}

// Whatever a record says, a transition yields what is in it or changes nothing.
func FuzzTransitions(f *testing.F) {
	for i, seed := range recordSeeds(f) {
		f.Add(seed, "salt", "", uint16(0xffff), int64(0), int64(30))
		f.Add(seed, "", "pepper", uint16(1<<i), int64(i), int64(i-2))
		f.Add(seed, "s", "", uint16(1+2+1<<12), int64(-1), int64(600))
	}
	f.Fuzz(func(t *testing.T, document []byte, salt, pepper string, places uint16, after, grace int64) {
		a := decoded(document)
		if a == nil {
			return
		}
		now := noon.Add(time.Duration(after%1e9) * time.Second)
		rule := rotationRule{grace: time.Duration(grace%1e6) * time.Second, pepper: []byte(pepper)}
		tokens := tokensInto(a, places)
		requireRedeemed(t, a.Clone(), tokens.code, now)
		requireRotated(t, a.Clone(), tokens.refresh, salt, rule, now)
		requireAccess(t, a.Clone(), tokens.access, now)
	})
}

// requireRedeemed: the pending code that is alive, once.
func requireRedeemed(t *testing.T, a *Authorization, code bearerToken, now time.Time) {
	before := encoded(t, a)
	want := !a.internal() && a.Code != nil && a.Code.Digest == code.digest() && a.Code.ExpiresAt.After(now)
	err := a.redeem(code, now)
	require.Equal(t, want, err == nil)
	if err != nil {
		require.ErrorIs(t, err, ErrInvalidGrant)
		require.Equal(t, before, encoded(t, a))
		return
	}
	require.ErrorIs(t, a.redeem(code, now), errCodeReplayed)
}

// requireRotated: the current token that is alive, or one that was replaced within the grace.
func requireRotated(t *testing.T, a *Authorization, token bearerToken, salt string, rule rotationRule, now time.Time) {
	before := encoded(t, a)
	current := !a.internal() && a.Refresh != nil && a.Refresh.Digest == token.digest()
	alive := a.Refresh != nil && a.Refresh.ExpiresAt.After(now)
	replaced, forgiven := false, false
	if a.Refresh != nil {
		for _, r := range a.Refresh.Rotations {
			same := r.Digest == token.digest()
			replaced = replaced || same
			forgiven = forgiven || same && !rule.strict() && now.Sub(r.RotatedAt) <= rule.grace
		}
	}
	got, err := a.rotate(token, salt, rule, now)
	if err != nil {
		require.False(t, current && alive)
		require.ErrorIs(t, err, ErrInvalidGrant)
		require.Equal(t, before, encoded(t, a))
		return
	}
	require.True(t, alive)
	next := got.refresh
	require.Equal(t, a.Refresh.Digest, next.digest(), "what is handed out is what the record keeps")
	if got.retried {
		require.True(t, forgiven && !current)
		require.Equal(t, before, encoded(t, a), "a retry changes nothing")
		return
	}
	require.True(t, current)
	require.LessOrEqual(t, len(a.Refresh.Rotations), maxRotations)
	retry, err := a.rotate(token, "another "+salt, rule, now)
	switch {
	case rule.strict():
		require.ErrorIs(t, err, errTokenReused)
		return
	case replaced:
		return // a token that is current and replaced at once is garbled, and leads somewhere or nowhere
	}
	require.NoError(t, err)
	require.Equal(t, rotated{refresh: got.refresh, access: got.access, retried: true}, retry, "a retry leads to the same tokens")
}

// requireAccess: an access token that the record has, until it expires or is dropped.
func requireAccess(t *testing.T, a *Authorization, access bearerToken, now time.Time) {
	_, live := a.findAccess(access, now)
	known, digest := false, access.digest()
	for _, token := range a.Access {
		known = known || token.Digest == digest
	}
	require.True(t, !live || known && a.Live(now))
	require.Equal(t, known, a.dropAccess(access))
	_, live = a.findAccess(access, now)
	require.False(t, live, "what was dropped is dead")
}
