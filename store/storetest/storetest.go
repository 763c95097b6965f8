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
	verify   func(t testing.TB, store oauth2.TokenStore)
}

// Run proves the contract of [oauth2.TokenStore], and those of [oauth2.Lister] and [oauth2.Sweeper]
// where the store, or what it unwraps to, offers them: once as it is and once behind a decorator.
//
// newStore returns an empty store, and is called for each case anew. Cases run one after another, so
// the stores may share a database that newStore empties. What a store needs to be closed is for
// t.Cleanup. Up to 256 goroutines call it at once: a pool of connections must be bounded, as it must
// be in production.
//
// Handles of one database prove that they behave as one through [Replicas].
func Run(t *testing.T, newStore func(t *testing.T) oauth2.TokenStore) {
	t.Run("bare", func(t *testing.T) { runAll(t, newStore) })
	t.Run("decorated", func(t *testing.T) {
		runAll(t, func(t *testing.T) oauth2.TokenStore { return decorator{newStore(t)} })
	})
}

// RunUnreliable proves what the contract says of a store whose connection breaks now and then: an
// outcome that the store cannot know is neither ErrExists nor ErrConflict nor ErrNotFound, no write is
// retried, and each write whose outcome is unknown happened once or never. The other cases do not run.
//
// newStore returns an empty store that reaches its engine through something that cuts connections, at
// moments that matter: after a write was sent and before its answer came. About one call in eight
// should be cut; if none is, the test fails, because nothing was proven.
func RunUnreliable(t *testing.T, newStore func(t *testing.T) oauth2.TokenStore) {
	runCases(t, "unreliable", unreliableCases, newStore)
}

func runAll(t *testing.T, newStore func(t *testing.T) oauth2.TokenStore) {
	runCases(t, "record", recordCases, newStore)
	runCases(t, "keep", keepCases, newStore)
	runCases(t, "race", raceCases, newStore)
	runCases(t, "history", historyCases, newStore)
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

// doneContexts are contexts that end a call before it begins.
func doneContexts(t testing.TB) map[string]context.Context {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancelLate)
	return map[string]context.Context{"canceled": canceled, "deadline exceeded": late}
}
