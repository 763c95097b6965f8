package storetest

import (
	"encoding/json"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// keepCases are the sentences about what a store makes of the values that it is given.
var keepCases = []storeCase{
	{"odd strings and times come back as they were", oddValuesComeBack},
	{"nil and empty Scope, Audience and Details of an access token are told apart", nilAndEmptyDiffer},
	{"a record as large as the Server lets it become comes back whole", largestComesBack},
	{"a record that was handed over is never shared", handedOverIsNotShared},
	{"a record that was handed out is never shared", handedOutIsNotShared},
	{"a record stays until SweepAfter, though it has expired", expiredStays},
}

func oddValuesComeBack(t testing.TB, store oauth2.TokenStore) {
	records := oddRecords()
	create(t, store, records...)
	for _, a := range records {
		requireStored(t, store, a)
	}
}

// nilAndEmptyDiffer stands between "all that was granted" and "nothing".
func nilAndEmptyDiffer(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	a.Scope, a.Resource = oauth2.Scope{"read"}, []string{"urn:example:api"}
	a.Details = json.RawMessage(`[{"type":"payment"}]`)
	for _, details := range []json.RawMessage{nil, json.RawMessage("[]"), a.Details} {
		a.Access = append(a.Access, oauth2.AccessToken{Digest: newDigest(), Details: details, IssuedAt: now(), ExpiresAt: now()})
	}
	for _, scope := range []oauth2.Scope{nil, {}, {"read"}} {
		for _, audience := range [][]string{nil, {}, {"urn:example:api"}} {
			token := oauth2.AccessToken{Digest: newDigest(), Scope: scope, Audience: audience, IssuedAt: now(), ExpiresAt: now()}
			a.Access = append(a.Access, token)
		}
	}
	create(t, store, a)
	requireStored(t, store, a)
	require.NoError(t, store.Update(t.Context(), a))
	a.Version++
	requireStored(t, store, a)
}

func largestComesBack(t testing.TB, store oauth2.TokenStore) {
	a := largestRecord()
	create(t, store, a)
	requireStored(t, store, a)
	small := newRecord()
	small.ID, small.Version = a.ID, a.Version
	for _, next := range []*oauth2.Authorization{small, a} {
		next.Version = a.Version
		require.NoError(t, store.Update(t.Context(), next))
		next.Version++
		requireStored(t, store, next)
		a.Version = next.Version
	}
}

func handedOverIsNotShared(t testing.TB, store oauth2.TokenStore) {
	a := fullRecord()
	stored := a.Clone()
	create(t, store, a)
	scramble(a)
	requireStored(t, store, stored)

	next := stored.Clone()
	require.NoError(t, store.Update(t.Context(), next))
	scramble(next)
	stored.Version++
	requireStored(t, store, stored)
}

func handedOutIsNotShared(t testing.TB, store oauth2.TokenStore) {
	a := fullRecord()
	create(t, store, a)
	for range 2 {
		got, err := store.Get(t.Context(), a.ID)
		require.NoError(t, err)
		requireEqual(t, a, got)
		scramble(got)
	}
	if lister, ok := capability[oauth2.Lister](store); ok {
		page, err := lister.List(t.Context(), oauth2.ListQuery{Limit: 1})
		require.NoError(t, err)
		require.Len(t, page, 1)
		scramble(page[0])
	}
	requireStored(t, store, a)
}

func expiredStays(t testing.TB, store oauth2.TokenStore) {
	records := expiredRecords(now())
	create(t, store, records...)
	for _, a := range records {
		requireStored(t, store, a)
		require.NoError(t, store.Update(t.Context(), a))
		a.Version++
		requireStored(t, store, a)
	}
}

// expiredRecords are records that have expired at a time: a second ago, as long ago as SweepAfter allows
// with half a minute to spare for a slow machine, and halfway between. Some go on the hour and some on
// the day: the longest that one of them stays is a moment at midnight, and a day just before.
func expiredRecords(at time.Time) []*oauth2.Authorization {
	onTheHour := func(a *oauth2.Authorization) {
		a.Access = []oauth2.AccessToken{{Digest: newDigest(), IssuedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt}}
	}
	onTheDay := func(a *oauth2.Authorization) {
		a.Refresh = &oauth2.RefreshToken{Digest: newDigest(), ExpiresAt: a.ExpiresAt}
	}
	var records []*oauth2.Authorization
	for _, keep := range []func(*oauth2.Authorization){onTheHour, onTheDay} {
		expired := func(age time.Duration) *oauth2.Authorization {
			a := newRecord()
			a.CreatedAt, a.ExpiresAt = at.Add(-48*time.Hour), at.Add(-age)
			keep(a)
			return a
		}
		const least, step = time.Second, 10 * time.Second
		tooOld := sort.Search(int(24*time.Hour/step), func(n int) bool {
			return expired(least + time.Duration(n)*step).SweepAfter().Before(at.Add(30 * time.Second))
		})
		oldest := least + time.Duration(tooOld-1)*step
		records = append(records, expired(least), expired((least+oldest)/2), expired(oldest))
	}
	return records
}
