// Package storetest proves that a storage adapter keeps the contracts of package oauth2. An adapter's
// test is a few lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) oauth2.TokenStore {
//			return mystore.New(emptyDatabase(t))
//		})
//	}
//
// Every case is one sentence of a contract. Run the tests with -race too.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A storeCase proves one sentence of the contract on an empty store.
type storeCase struct {
	sentence string
	verify   func(t *testing.T, store oauth2.TokenStore)
}

// Run proves the contract of [oauth2.TokenStore], and those of [oauth2.Lister] and [oauth2.Sweeper]
// where the store, or what it unwraps to, offers them: once as it is and once behind a decorator.
//
// newStore returns an empty store, and is called for each case anew. Cases run one after another, so
// the stores may share a database that newStore empties. What a store needs to be closed is for
// t.Cleanup.
func Run(t *testing.T, newStore func(t *testing.T) oauth2.TokenStore) {
	t.Run("bare", func(t *testing.T) { runAll(t, newStore) })
	t.Run("decorated", func(t *testing.T) {
		runAll(t, func(t *testing.T) oauth2.TokenStore { return decorator{newStore(t)} })
	})
}

func runAll(t *testing.T, newStore func(t *testing.T) oauth2.TokenStore) {
	runCases(t, "record", recordCases, newStore)
	runCases(t, "race", raceCases, newStore)
	t.Run("Lister", func(t *testing.T) {
		if _, ok := capability[oauth2.Lister](newStore(t)); !ok {
			t.Skip("the store offers none")
		}
		runCases(t, "list", listCases, newStore)
	})
	t.Run("Sweeper", func(t *testing.T) {
		if _, ok := capability[oauth2.Sweeper](newStore(t)); !ok {
			t.Skip("the store offers none")
		}
		runCases(t, "sweep", sweepCases, newStore)
	})
}

func runCases(t *testing.T, group string, cases []storeCase, newStore func(t *testing.T) oauth2.TokenStore) {
	t.Run(group, func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.sentence, func(t *testing.T) { c.verify(t, newStore(t)) })
		}
	})
}

// A decorator shows the four methods only, as one that adds metrics would, and lets the rest be
// found.
type decorator struct{ oauth2.TokenStore }

func (d decorator) Unwrap() oauth2.TokenStore { return d.TokenStore }

// capability finds an optional interface as the Server does.
func capability[T any](store oauth2.TokenStore) (T, bool) {
	for {
		if capable, ok := store.(T); ok {
			return capable, true
		}
		wrapper, ok := store.(interface{ Unwrap() oauth2.TokenStore })
		if !ok {
			var none T
			return none, false
		}
		store = wrapper.Unwrap()
	}
}

// doneContexts are contexts that end a call before it begins.
func doneContexts(t *testing.T) map[string]context.Context {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancelLate)
	return map[string]context.Context{"canceled": canceled, "deadline exceeded": late}
}
