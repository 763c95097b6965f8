// Package broken has stores that break the contract of [oauth2.TokenStore], each in the one way that
// real adapters do, and otherwise keep it. What judges stores is tested with them.
package broken

import (
	"slices"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A Store is a store with one bug.
type Store struct {
	// Bug names it.
	Bug string
	// New returns an empty store.
	New func() oauth2.TokenStore
	// Caught is the sentence of package storetest that it must fail.
	Caught string
	// Probed are the sentences of package probe of which it must fail one. None: a probe cannot see
	// the bug.
	Probed []string
}

// What the probe says of a store.
var (
	staleReads  = []string{"Get sees every write that was acknowledged before it began"}
	resurrects  = []string{"Update of a record that is gone is ErrNotFound and never creates it anew"}
	createTwice = []string{"of parallel Creates of one ID exactly one wins"}
	lostUpdates = []string{"of parallel Updates of one version exactly one wins", "parallel read-modify-writes lose none"}
	undone      = []string{"a Delete that races Updates is final"}
)

// Stores are the broken stores, each class of bug at least once.
var Stores = []Store{
	{"get, then put", over(func(s sound) oauth2.TokenStore { return getThenPut{s} }),
		"of parallel Updates of many records each is won once", slices.Concat(lostUpdates, undone)},
	{"check, then insert", over(func(s sound) oauth2.TokenStore { return checkThenInsert{s} }),
		"Create is the one-time primitive: each of many IDs is won once", createTwice},
	{"an insert that overwrites", over(func(s sound) oauth2.TokenStore { return insertOverwrites{s} }),
		"Create of a taken ID is ErrExists and changes nothing", createTwice},
	{"an update that another loses", over(func(s sound) oauth2.TokenStore { return lostUpdate{s} }),
		"parallel read-modify-writes lose none", lostUpdates},
	{"an update that resurrects", over(func(s sound) oauth2.TokenStore { return upsert{s} }),
		"Update of a record that is gone is ErrNotFound and never creates it anew", resurrects},
	{"a delete that an update undoes", over(func(s sound) oauth2.TokenStore { return undoneDelete{s} }),
		"a Delete that races Updates is final", undone},
	{"a stale read", over(func(s sound) oauth2.TokenStore { return &staleRead{sound: s} }),
		"Get sees every write that was acknowledged before it began", staleReads},
	{"a record in two writes", over(func(s sound) oauth2.TokenStore { return twoWrites{s} }),
		"recorded histories are linearizable", nil},
	{"a write retried blindly", over(func(s sound) oauth2.TokenStore { return blindRetry{&Unreliable{TokenStore: s}} }),
		"a write whose outcome is unknown happened once or never", nil},
	{"a fault told as an outcome", over(func(s sound) oauth2.TokenStore { return faultAsOutcome{&Unreliable{TokenStore: s}} }),
		"a write whose outcome is unknown happened once or never", nil},

	{"a record shared when it was handed over", over(func(s sound) oauth2.TokenStore { return sharedIn{s} }),
		"a record that was handed over is never shared", nil},
	{"a record shared when it was handed out", over(func(s sound) oauth2.TokenStore { return sharedOut{s} }),
		"a record that was handed out is never shared", nil},
	{"an argument that is changed", over(func(s sound) oauth2.TokenStore { return changedArgument{s} }),
		"Update stores the next version and leaves its argument as it was", nil},
	{"deleted too early", over(func(s sound) oauth2.TokenStore { return deletedEarly{s} }),
		"a record stays until SweepAfter, though it has expired", nil},
	{"swept too early", func() oauth2.TokenStore { return sweptEarly{memory.New()} },
		"Sweep deletes nothing before SweepAfter, and what is past it", nil},
	{"an empty list that becomes nil", over(func(s sound) oauth2.TokenStore { return emptyToNil{s, forgetEmptyLists} }),
		"nil and empty Scope, Audience and Details of an access token are told apart", nil},
	{"an empty array that is left out", over(func(s sound) oauth2.TokenStore { return emptyToNil{s, forgetEmptyDetails} }),
		"nil and empty Scope, Audience and Details of an access token are told apart", nil},
	{"text cut at NUL", over(func(s sound) oauth2.TokenStore { return cutAtNUL{s} }),
		"odd strings and times come back as they were", nil},
	{"a column that is too short", over(func(s sound) oauth2.TokenStore { return shortColumn{s} }),
		"a record as large as the Server lets it become comes back whole", nil},
	{"IDs without regard to case", over(func(s sound) oauth2.TokenStore { return foldedIDs{s} }),
		"IDs are told apart by every character", nil},
	{"contexts that are not heeded", over(func(s sound) oauth2.TokenStore { return noContext{s} }),
		"a call whose context is done tells so and changes nothing", nil},
	{"a limit of nothing that lists everything", func() oauth2.TokenStore { return noLimit{memory.New()} },
		"List with a limit below 1 is an error", nil},

	{"a lock that other handles do not know", handles(func(e *engine) oauth2.TokenStore { return newSound(e) }),
		"of parallel Updates of many records each is won once", slices.Concat(createTwice, lostUpdates, undone)},
	{"a cache that other handles do not know", handles(func(e *engine) oauth2.TokenStore { return &privateCache{sound: newSound(e)} }),
		"Get sees every write that was acknowledged before it began", staleReads},
}

// over makes a bug of a store that has none.
func over(bug func(sound) oauth2.TokenStore) func() oauth2.TokenStore {
	return func() oauth2.TokenStore { return bug(newSound(newEngine())) }
}
