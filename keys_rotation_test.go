package oauth2

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// A namer makes keys that have nothing but a name.
func namer() func() (storedKey, error) {
	n := 0
	return func() (storedKey, error) {
		n++
		kid := fmt.Sprintf("key %d", n)
		return storedKey{Public: jose.JSONWebKey{KeyID: kid, Algorithm: string(ES256)}, private: []byte(kid)}, nil
	}
}

func rotationConfig() *SigningKeys {
	return (&SigningKeys{RotateAfter: 10 * 24 * time.Hour, Announce: 24 * time.Hour, Retain: 12 * time.Hour}).withDefaults()
}

func TestAKeyIsAnnouncedThenSignsThenIsRetainedThenGoes(t *testing.T) {
	t.Parallel()
	k, fresh, now := rotationConfig(), namer(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	type phases struct{ announcedAt, firstSigned, lastSigned, lastSeen time.Time }
	seen := map[string]*phases{}
	var set signingSet
	for range 100 * 24 * 6 {
		before := set.clone()
		next, err := set.advance(k, now, fresh)
		require.NoError(t, err)
		require.True(t, set.equal(before), "the set that is advanced is left alone")
		set = next
		for _, key := range set.Keys {
			if seen[key.Public.KeyID] == nil {
				seen[key.Public.KeyID] = &phases{announcedAt: now}
			}
			seen[key.Public.KeyID].lastSeen = now
		}
		signing := set.Keys[set.signing(now)]
		require.NotNil(t, signing.private, "what signs has its private half")
		p := seen[signing.Public.KeyID]
		if p.firstSigned.IsZero() {
			p.firstSigned = now
		}
		p.lastSigned = now
		require.LessOrEqual(t, len(set.Keys), 2)
		now = now.Add(10 * time.Minute)
	}
	require.Greater(t, len(seen), 8)
	for n := 2; n < len(seen)-1; n++ {
		p := seen[fmt.Sprintf("key %d", n)]
		require.GreaterOrEqual(t, p.firstSigned.Sub(p.announcedAt), k.Announce)
		require.InDelta(t, k.RotateAfter.Hours(), p.lastSigned.Sub(p.firstSigned).Hours(), 1)
		require.GreaterOrEqual(t, p.lastSeen.Sub(p.lastSigned), k.Retain)
		require.Less(t, p.lastSeen.Sub(p.lastSigned), k.Retain+time.Hour)
	}
}

func TestARetainedKeyLosesItsPrivateHalf(t *testing.T) {
	t.Parallel()
	k, fresh, now := rotationConfig(), namer(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var set signingSet
	var err error
	for _, wait := range []time.Duration{0, k.RotateAfter, k.Announce + clockSkew + k.slack()} {
		now = now.Add(wait)
		set, err = set.advance(k, now, fresh)
		require.NoError(t, err)
	}
	require.Len(t, set.Keys, 2)
	require.Nil(t, set.Keys[0].private)
	require.NotNil(t, set.Keys[1].private)
	require.Equal(t, 1, set.signing(now))
}

func TestNoSecondKeyIsAnnouncedWhileOneIs(t *testing.T) {
	t.Parallel()
	k, fresh, now := rotationConfig(), namer(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	set, err := signingSet{}.advance(k, now, fresh)
	require.NoError(t, err)
	k.Algorithm = EdDSA // the set has no key of it
	for range 3 {
		set, err = set.advance(k, now, fresh)
		require.NoError(t, err)
		require.Len(t, set.Keys, 2)
		require.Equal(t, 0, set.signing(now), "the new algorithm is announced first")
	}
}

func TestASetThatNobodyAskedForInALongWhileIsTakenUpWhereItWas(t *testing.T) {
	t.Parallel()
	k, fresh, now := rotationConfig(), namer(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	set, err := signingSet{}.advance(k, now, fresh)
	require.NoError(t, err)
	now = now.Add(10 * k.RotateAfter)
	set, err = set.advance(k, now, fresh)
	require.NoError(t, err)
	require.Equal(t, 0, set.signing(now), "the old key signs until the new one was announced for long enough")
	require.Equal(t, now.Add(k.Announce+clockSkew), set.Keys[1].SignsFrom)
}

func TestAReplicaWhoseClockIsBehindSignsWithTheFirstKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	set, err := signingSet{}.advance(rotationConfig(), now, namer())
	require.NoError(t, err)
	require.Equal(t, 0, set.signing(now.Add(-3*time.Second)))
	require.Equal(t, -1, signingSet{}.signing(now))
}

// Whatever any verifier may have cached, it has the key that signs: the longest way that an announcement
// can take is shorter than the announce phase.
func TestTheCachesTogetherAreShorterThanTheAnnouncement(t *testing.T) {
	t.Parallel()
	for _, announce := range []time.Duration{minAnnounce, 5 * time.Minute, time.Hour, 24 * time.Hour, 90 * 24 * time.Hour} {
		k := &SigningKeys{Announce: announce}
		require.Less(t, k.cacheFor()+k.maxAge(), announce)
		require.Positive(t, k.maxAge())
	}
}

func TestASealedSetOpensWithItsKeysAndItsIssuerAlone(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example.com"
	first, second := make([]byte, 32), append(make([]byte, 31), 1)
	k := (&SigningKeys{SealingKeys: [][]byte{first}}).withDefaults()
	for _, algorithm := range []SignatureAlgorithm{ES256, EdDSA, RS256, PS256} {
		set, err := signingSet{}.advance(k, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), func() (storedKey, error) { return newStoredKey(algorithm) })
		require.NoError(t, err)
		document, err := k.seal(issuer, set)
		require.NoError(t, err)
		opened, current, err := k.unseal(issuer, document)
		require.NoError(t, err)
		require.True(t, current)
		require.True(t, set.equal(opened))
		signer, err := opened.Keys[0].signer()
		require.NoError(t, err)
		require.True(t, suits(signer.Public(), algorithm))

		_, _, err = k.unseal("https://other.example.com", document)
		require.ErrorIs(t, err, errUnsealable)
		replaced := &SigningKeys{SealingKeys: [][]byte{second, first}}
		_, current, err = replaced.unseal(issuer, document)
		require.NoError(t, err)
		require.False(t, current, "it is to be sealed anew")
		_, _, err = (&SigningKeys{SealingKeys: [][]byte{second}}).unseal(issuer, document)
		require.ErrorIs(t, err, errUnsealable)
	}
}
