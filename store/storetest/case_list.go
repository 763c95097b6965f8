package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// listCases are the sentences about [oauth2.Lister].
var listCases = []storeCase{
	{"List finds the records of a subject, of a client, of both, or all", listFilters},
	{"List matches exactly, odd values too", listMatchesExactly},
	{"List goes in ascending order of the IDs' bytes", listIsOrdered},
	{"List continues after an ID, known or not, in pages of Limit", listPages},
	{"List sees what Create, Update and Delete acknowledged", listSeesWrites},
	{"List returns whole records, expired ones too", listReturnsExpired},
	{"List with a limit below 1 is an error", listRefusesLimit},
	{"List whose context is done tells so", listDoneContext},
}

// list reads all pages.
func list(t testing.TB, store oauth2.TokenStore, q oauth2.ListQuery) (found []*oauth2.Authorization) {
	t.Helper()
	lister, _ := capability[oauth2.Lister](store)
	for {
		page, err := lister.List(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), q.Limit)
		for _, a := range page {
			require.Greater(t, a.ID, q.After, "a listing goes on, and ends")
		}
		found = append(found, page...)
		if len(page) < q.Limit {
			return found
		}
		q.After = page[len(page)-1].ID
	}
}

// requireListed requires exactly these records, in the order of their IDs.
func requireListed(t testing.TB, store oauth2.TokenStore, q oauth2.ListQuery, want ...*oauth2.Authorization) {
	t.Helper()
	byID := func(a, b *oauth2.Authorization) int { return strings.Compare(a.ID, b.ID) }
	want = slices.SortedFunc(slices.Values(want), byID)
	got := list(t, store, q)
	require.Len(t, got, len(want))
	for i := range want {
		requireEqual(t, want[i], got[i])
	}
}

func listFilters(t testing.TB, store oauth2.TokenStore) {
	of := func(subject, client string) *oauth2.Authorization {
		a := newRecord()
		a.Subject, a.ClientID = subject, client
		return a
	}
	aliceWeb, aliceWeb2, aliceTV := of("alice", "web"), of("alice", "web"), of("alice", "tv")
	bobWeb, machine := of("bob", "web"), of("", "tv")
	create(t, store, aliceWeb, aliceWeb2, aliceTV, bobWeb, machine)

	requireListed(t, store, oauth2.ListQuery{Subject: "alice", Limit: 10}, aliceWeb, aliceWeb2, aliceTV)
	requireListed(t, store, oauth2.ListQuery{ClientID: "tv", Limit: 10}, aliceTV, machine)
	requireListed(t, store, oauth2.ListQuery{Subject: "alice", ClientID: "web", Limit: 10}, aliceWeb, aliceWeb2)
	requireListed(t, store, oauth2.ListQuery{Limit: 10}, aliceWeb, aliceWeb2, aliceTV, bobWeb, machine)
	requireListed(t, store, oauth2.ListQuery{Subject: "bob", ClientID: "tv", Limit: 10})
	requireListed(t, store, oauth2.ListQuery{Subject: "web", Limit: 10})
}

func listMatchesExactly(t testing.TB, store oauth2.TokenStore) {
	subjects := append([]string{"alice", "Alice", "alice ", " alice", "alic", "alicé", "a%", "a_ice", "*", "'"}, oddStrings...)
	records := make([]*oauth2.Authorization, len(subjects))
	for i, subject := range subjects {
		records[i] = newRecord()
		records[i].Subject, records[i].ClientID = subject, fmt.Sprintf("Client %d", i)
	}
	create(t, store, records...)
	for i, a := range records {
		requireListed(t, store, oauth2.ListQuery{Subject: subjects[i], Limit: 10}, a)
		requireListed(t, store, oauth2.ListQuery{ClientID: a.ClientID, Limit: 10}, a)
		requireListed(t, store, oauth2.ListQuery{ClientID: strings.ToLower(a.ClientID), Limit: 10})
	}
}

func listIsOrdered(t testing.TB, store oauth2.TokenStore) {
	var records []*oauth2.Authorization
	for _, first := range "zZaA09_-bB" {
		a := newRecord()
		a.ID, a.Subject = string(first)+a.ID[1:], "alice"
		records = append(records, a)
	}
	create(t, store, records...)
	requireListed(t, store, oauth2.ListQuery{Limit: 100}, records...)
	requireListed(t, store, oauth2.ListQuery{Subject: "alice", Limit: 100}, records...)
	requireListed(t, store, oauth2.ListQuery{ClientID: "client", Limit: 100}, records...)
}

func listPages(t testing.TB, store oauth2.TokenStore) {
	records := numbered(7, func(_ int, a *oauth2.Authorization) { a.Subject = "alice" })
	create(t, store, records...)
	create(t, store, numbered(3, func(_ int, a *oauth2.Authorization) { a.Subject = "bob" })...)
	for _, limit := range []int{1, 2, 3, 7, 8} {
		requireListed(t, store, oauth2.ListQuery{Subject: "alice", Limit: limit}, records...)
		requireListed(t, store, oauth2.ListQuery{Subject: "alice", ClientID: "client", Limit: limit}, records...)
	}
	// The record that a page ended with may be gone when the next one is asked for.
	slices.SortFunc(records, func(a, b *oauth2.Authorization) int { return strings.Compare(a.ID, b.ID) })
	require.NoError(t, store.Delete(t.Context(), records[3].ID))
	requireListed(t, store, oauth2.ListQuery{Subject: "alice", After: records[3].ID, Limit: 10}, records[4:]...)
	requireListed(t, store, oauth2.ListQuery{Subject: "alice", After: records[6].ID, Limit: 10})
}

func listSeesWrites(t testing.TB, store oauth2.TokenStore) {
	a := fullRecord()
	create(t, store, a)
	requireListed(t, store, oauth2.ListQuery{Subject: a.Subject, Limit: 10}, a)

	next := a.Clone()
	next.Subject, next.ClientID = "renamed", "other"
	require.NoError(t, store.Update(t.Context(), next))
	next.Version++
	requireListed(t, store, oauth2.ListQuery{Subject: a.Subject, Limit: 10})
	requireListed(t, store, oauth2.ListQuery{ClientID: a.ClientID, Limit: 10})
	requireListed(t, store, oauth2.ListQuery{Subject: "renamed", ClientID: "other", Limit: 10}, next)

	require.NoError(t, store.Delete(t.Context(), a.ID))
	requireListed(t, store, oauth2.ListQuery{Subject: "renamed", Limit: 10})
	requireListed(t, store, oauth2.ListQuery{Limit: 10})
}

func listReturnsExpired(t testing.TB, store oauth2.TokenStore) {
	records := oddRecords()
	for _, a := range records {
		a.ClientID = "client"
		a.ExpiresAt = now().Add(-time.Second)
	}
	create(t, store, records...)
	requireListed(t, store, oauth2.ListQuery{ClientID: "client", Limit: 3}, records...)
}

func listRefusesLimit(t testing.TB, store oauth2.TokenStore) {
	create(t, store, newRecord())
	lister, _ := capability[oauth2.Lister](store)
	for _, limit := range []int{0, -1} {
		page, err := lister.List(t.Context(), oauth2.ListQuery{Limit: limit})
		require.Error(t, err)
		require.Empty(t, page)
	}
}

func listDoneContext(t testing.TB, store oauth2.TokenStore) {
	create(t, store, newRecord())
	lister, _ := capability[oauth2.Lister](store)
	for name, ctx := range doneContexts(t) {
		_, err := lister.List(ctx, oauth2.ListQuery{Limit: 1})
		require.ErrorIs(t, err, ctx.Err(), name)
	}
}
