package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// keepCases are the sentences about what a store makes of the values that it is given.
var keepCases = []storeCase{
	{"odd strings and times come back as they were", oddValuesComeBack},
	{"nil and empty Scope and Audience of an access token are told apart", nilAndEmptyDiffer},
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

// expiredStays has records from just expired to as long ago as SweepAfter allows, with half a minute
// to spare for a slow machine.
func expiredStays(t testing.TB, store oauth2.TokenStore) {
	var records []*oauth2.Authorization
	for age := time.Second; age < 2*time.Hour; age += 10 * time.Second {
		a := newRecord()
		a.ExpiresAt = now().Add(-age)
		if a.SweepAfter().Before(now().Add(30 * time.Second)) {
			break
		}
		records = append(records, a)
	}
	records = []*oauth2.Authorization{records[0], records[len(records)/2], records[len(records)-1]}
	create(t, store, records...)
	for _, a := range records {
		requireStored(t, store, a)
		require.NoError(t, store.Update(t.Context(), a))
		a.Version++
		requireStored(t, store, a)
	}
}
