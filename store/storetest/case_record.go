package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// recordCases are the sentences about one caller at a time.
var recordCases = []storeCase{
	{"Get returns what Create stored, in every field", getReturnsWhatCreateStored},
	{"Get returns what Update stored, in every field", getReturnsWhatUpdateStored},
	{"Create of a taken ID is ErrExists and changes nothing", createOfTakenID},
	{"Get of an unknown ID is ErrNotFound", getOfUnknownID},
	{"IDs are told apart by every character", idsDiffer},
	{"Update stores the next version and leaves its argument as it was", updateStoresNextVersion},
	{"Update with another version is ErrConflict and changes nothing", updateWithOtherVersion},
	{"Update of a record that is gone is ErrNotFound and never creates it anew", updateOfGoneRecord},
	{"Delete removes that record and no other", deleteRemovesOne},
	{"Delete of what is not there is no error", deleteOfUnknownID},
	{"a deleted ID can be created again", createAfterDelete},
	{"a call whose context is done tells so and changes nothing", doneContextChangesNothing},
}

// create stores records, which must succeed.
func create(t testing.TB, store oauth2.TokenStore, records ...*oauth2.Authorization) {
	t.Helper()
	for _, a := range records {
		require.NoError(t, store.Create(t.Context(), a))
	}
}

// requireStored requires that the store has exactly this record.
func requireStored(t testing.TB, store oauth2.TokenStore, want *oauth2.Authorization) {
	t.Helper()
	got, err := store.Get(t.Context(), want.ID)
	require.NoError(t, err)
	requireEqual(t, want, got)
}

// requireEqual requires that records are equal. Claims are JSON, and equal by what they mean.
func requireEqual(t testing.TB, want, got *oauth2.Authorization) {
	t.Helper()
	want, got = want.Clone(), got.Clone()
	require.Equal(t, meaning(t, want.Claims), meaning(t, got.Claims))
	want.Claims, got.Claims = nil, nil
	require.Equal(t, want, got)
}

func meaning(t testing.TB, claims json.RawMessage) (value any) {
	t.Helper()
	if claims == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(claims))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&value))
	return value
}

func requireGone(t testing.TB, store oauth2.TokenStore, id string) {
	t.Helper()
	a, err := store.Get(t.Context(), id)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
	require.Nil(t, a)
}

func getReturnsWhatCreateStored(t testing.TB, store oauth2.TokenStore) {
	records := []*oauth2.Authorization{newRecord(), pendingRecord(), fullRecord()}
	create(t, store, records...)
	for _, a := range records {
		requireStored(t, store, a)
	}
}

func getReturnsWhatUpdateStored(t testing.TB, store oauth2.TokenStore) {
	for _, next := range append(oddRecords(), fullRecord(), newRecord()) {
		a := fullRecord()
		create(t, store, a)
		next.ID, next.Version = a.ID, a.Version
		require.NoError(t, store.Update(t.Context(), next))
		next.Version++
		requireStored(t, store, next)
	}
}

func createOfTakenID(t testing.TB, store oauth2.TokenStore) {
	a, other := fullRecord(), newRecord()
	other.ID = a.ID
	create(t, store, a)
	require.ErrorIs(t, store.Create(t.Context(), other), oauth2.ErrExists)
	require.ErrorIs(t, store.Create(t.Context(), a), oauth2.ErrExists)
	requireStored(t, store, a)
}

func getOfUnknownID(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	for _, id := range []string{newID(), "", a.ID[:19], a.ID + "A", a.ID + " ", "%", "' OR '1'='1", "\x00", strings.Repeat("A", 10_000)} {
		requireGone(t, store, id)
	}
}

func idsDiffer(t testing.TB, store oauth2.TokenStore) {
	var records []*oauth2.Authorization
	for _, id := range []string{"aaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaaaaaA", "____________________", "--------------------", "00000000000000000000", "00000000000000000001"} {
		a := newRecord()
		a.ID = id
		records = append(records, a)
	}
	create(t, store, records...)
	for _, a := range records {
		requireStored(t, store, a)
	}
}

func updateStoresNextVersion(t testing.TB, store oauth2.TokenStore) {
	a := fullRecord()
	create(t, store, a)
	for range 3 {
		before := a.Clone()
		require.NoError(t, store.Update(t.Context(), a))
		require.Equal(t, before, a)
		a.Version++
		requireStored(t, store, a)
	}
}

func updateWithOtherVersion(t testing.TB, store oauth2.TokenStore) {
	a := fullRecord()
	create(t, store, a)
	for _, version := range []int64{a.Version - 1, a.Version + 1, 0, -a.Version} {
		other := newRecord()
		other.ID, other.Version = a.ID, version
		err := store.Update(t.Context(), other)
		require.ErrorIs(t, err, oauth2.ErrConflict, "version %d", version)
		require.NotErrorIs(t, err, oauth2.ErrNotFound)
		require.Equal(t, version, other.Version)
		requireStored(t, store, a)
	}
}

func updateOfGoneRecord(t testing.TB, store oauth2.TokenStore) {
	never, deleted := newRecord(), fullRecord()
	create(t, store, deleted)
	require.NoError(t, store.Delete(t.Context(), deleted.ID))
	for _, a := range []*oauth2.Authorization{never, deleted} {
		err := store.Update(t.Context(), a)
		require.ErrorIs(t, err, oauth2.ErrNotFound)
		require.NotErrorIs(t, err, oauth2.ErrConflict)
		requireGone(t, store, a.ID)
	}
}

func deleteRemovesOne(t testing.TB, store oauth2.TokenStore) {
	a, other := fullRecord(), fullRecord()
	create(t, store, a, other)
	require.NoError(t, store.Delete(t.Context(), a.ID))
	requireGone(t, store, a.ID)
	requireStored(t, store, other)
}

func deleteOfUnknownID(t testing.TB, store oauth2.TokenStore) {
	a := newRecord()
	create(t, store, a)
	require.NoError(t, store.Delete(t.Context(), newID()))
	require.NoError(t, store.Delete(t.Context(), a.ID))
	require.NoError(t, store.Delete(t.Context(), a.ID))
}

func createAfterDelete(t testing.TB, store oauth2.TokenStore) {
	a, next := fullRecord(), newRecord()
	next.ID = a.ID
	create(t, store, a)
	require.NoError(t, store.Delete(t.Context(), a.ID))
	create(t, store, next)
	requireStored(t, store, next)
}

func doneContextChangesNothing(t testing.TB, store oauth2.TokenStore) {
	a, other := fullRecord(), newRecord()
	create(t, store, a)
	next := newRecord()
	next.ID, next.Version = a.ID, a.Version
	for name, ctx := range doneContexts(t) {
		for call, err := range map[string]error{
			"Create": store.Create(ctx, other),
			"Get":    onlyError(store.Get(ctx, a.ID)),
			"Update": store.Update(ctx, next),
			"Delete": store.Delete(ctx, a.ID),
		} {
			require.ErrorIs(t, err, ctx.Err(), "%s, %s", call, name)
			for _, outcome := range []error{oauth2.ErrExists, oauth2.ErrNotFound, oauth2.ErrConflict} {
				require.NotErrorIs(t, err, outcome, "%s, %s", call, name)
			}
		}
		requireStored(t, store, a)
		requireGone(t, store, other.ID)
	}
	// The store is as good as before.
	require.NoError(t, store.Update(context.WithoutCancel(t.Context()), next))
}

func onlyError[T any](_ T, err error) error { return err }
