package memory_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A model is the plainest store there is, for one caller.
type model map[string]*oauth2.Authorization

func (m model) create(a *oauth2.Authorization) error {
	if m[a.ID] != nil {
		return oauth2.ErrExists
	}
	m[a.ID] = a.Clone()
	return nil
}

func (m model) update(a *oauth2.Authorization) error {
	switch {
	case m[a.ID] == nil:
		return oauth2.ErrNotFound
	case m[a.ID].Version != a.Version:
		return oauth2.ErrConflict
	}
	m[a.ID] = a.Clone()
	m[a.ID].Version++
	return nil
}

func (m model) sweep(now time.Time) {
	maps.DeleteFunc(m, func(_ string, a *oauth2.Authorization) bool { return now.After(a.SweepAfter()) })
}

// The blocks, the index and the codec are not seen: a store does what the plainest one does.
func TestStoreBehavesLikeAMap(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := mathrand.New(mathrand.NewPCG(seed, 0))
			store, m := memory.New(), model{}
			for range 6_000 {
				step(t, random, store, m)
			}
			requireSame(t, store, m)
			now := time.Unix(0, 0).Add(60 * time.Hour)
			_, err := store.Sweep(t.Context(), now, len(m))
			require.NoError(t, err)
			m.sweep(now)
			requireSame(t, store, m)
		})
	}
}

func step(t *testing.T, random *mathrand.Rand, store *memory.Store, m model) {
	id := strings.Repeat("A", random.IntN(3)*10) + fmt.Sprint(random.IntN(700))
	a := anyRecord(random, id)
	switch random.IntN(10) {
	case 0, 1, 2, 3:
		// What it sweeps on its way is not past the newest record's creation, which is 1970.
		require.Equal(t, m.create(a), store.Create(t.Context(), a))
	case 4, 5, 6:
		if stored := m[id]; stored != nil && random.IntN(4) > 0 {
			a.Version = stored.Version
		}
		require.Equal(t, m.update(a), store.Update(t.Context(), a))
	case 7, 8:
		delete(m, id)
		require.NoError(t, store.Delete(t.Context(), id))
	default:
		got, err := store.Get(t.Context(), id)
		if m[id] == nil {
			require.ErrorIs(t, err, oauth2.ErrNotFound)
			return
		}
		require.NoError(t, err)
		require.Equal(t, m[id], got)
	}
}

// anyRecord has anything, of any length.
func anyRecord(random *mathrand.Rand, id string) *oauth2.Authorization {
	at := func() time.Time {
		if random.IntN(8) == 0 {
			return time.Time{}
		}
		return time.Unix(0, 0).UTC().Add(time.Duration(random.IntN(100)) * time.Hour)
	}
	text := func() string {
		long := []int{0, 5, 43, 22, 300}[random.IntN(5)]
		if random.IntN(500) == 0 {
			long = 100_000
		}
		return strings.Repeat(string(rune('A'+random.IntN(60))), long)
	}
	texts := func() []string { return [][]string{nil, {}, {"read"}, {text(), "write"}}[random.IntN(4)] }
	a := &oauth2.Authorization{
		ID: id, Version: random.Int64N(3), Format: random.IntN(3), Issuer: text(), ClientID: fmt.Sprint(random.IntN(3000)), Subject: text(),
		GrantType: text(), Scope: texts(), Resource: texts(), LineageKey: text(), CreatedAt: time.Unix(0, 0).UTC(), ExpiresAt: at(), EndsAt: at(),
	}
	if random.IntN(2) == 0 {
		a.Code = &oauth2.Code{Digest: text(), RedirectURI: text(), CodeChallenge: text(), ExpiresAt: at()}
	}
	if random.IntN(2) == 0 {
		a.Refresh = &oauth2.RefreshToken{Digest: text(), ExpiresAt: at(), Rotations: []oauth2.Rotation{{Digest: text(), Salt: text(), RotatedAt: at()}}}
	}
	if random.IntN(4) == 0 {
		a.AuthTime, a.ACR, a.AMR, a.SessionID, a.AdoptedUntil = at(), text(), texts(), text(), at()
		a.Claims = json.RawMessage(`{"tenant":"` + text() + `"}`)
	}
	for range random.IntN(3) {
		a.Access = append(a.Access, oauth2.AccessToken{Digest: text(), Scope: texts(), Audience: texts(), IssuedAt: at(), ExpiresAt: at()})
	}
	return a
}

func requireSame(t *testing.T, store *memory.Store, m model) {
	t.Helper()
	found, err := store.List(t.Context(), oauth2.ListQuery{Limit: len(m) + 1})
	require.NoError(t, err)
	require.Len(t, found, len(m))
	for i, id := range slices.Sorted(maps.Keys(m)) {
		require.Equal(t, m[id], found[i])
		got, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, m[id], got)
	}
}

func TestTimesThatNoServerWritesAreKept(t *testing.T) {
	t.Parallel()
	store := memory.New()
	a := &oauth2.Authorization{ID: "a", Subject: "alice", CreatedAt: time.Date(2026, 3, 1, 12, 0, 0, 1, time.UTC), ExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, store.Update(t.Context(), a))
	got, err := store.Get(t.Context(), "a")
	require.NoError(t, err)
	a.Version++
	require.Equal(t, a, got)
	found, err := store.List(t.Context(), oauth2.ListQuery{Subject: "alice", Limit: 1})
	require.NoError(t, err)
	require.Equal(t, []*oauth2.Authorization{a}, found)
}

// A store that once was large gives the memory back.
func TestWhatWasDeletedIsGivenBack(t *testing.T) {
	t.Parallel()
	store := memory.New()
	const n = 20_000
	var ids []string
	for range n {
		a := machineToken(time.Unix(0, 0).UTC())
		ids = append(ids, a.ID)
		require.NoError(t, store.Create(t.Context(), a))
	}
	before := store.Bytes()
	for _, id := range ids[n/100:] {
		require.NoError(t, store.Delete(t.Context(), id))
	}
	require.Less(t, store.Bytes(), before/2)
	for _, id := range ids {
		if _, err := store.Get(t.Context(), id); err != nil && !errors.Is(err, oauth2.ErrNotFound) {
			require.NoError(t, err)
		}
	}
}

func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// machineToken is the record of an access token of client_credentials.
func machineToken(now time.Time) *oauth2.Authorization {
	return &oauth2.Authorization{
		ID: randomText(15), Version: 1, Format: 1, Issuer: "https://id.example.com", ClientID: "machine", GrantType: oauth2.GrantClientCredentials,
		Scope: oauth2.Scope{"stats", "read"}, LineageKey: randomText(16), CreatedAt: now, EndsAt: now.AddDate(1, 0, 0), ExpiresAt: now.Add(time.Hour),
		Access: []oauth2.AccessToken{{Digest: randomText(32), IssuedAt: now, ExpiresAt: now.Add(time.Hour)}},
	}
}
