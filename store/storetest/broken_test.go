package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/broken"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

// attempts are the runs of the kit in which it must find a bug. Nearly always the first one does; what
// a race needs is that two processors are at hand at the same time, which a busy machine may not have.
const attempts = 50

// The stores are put to the test one by one: processors that others use race less.
func TestEveryBrokenStoreIsCaughtByTheSentenceThatItBreaks(t *testing.T) {
	for _, store := range broken.Stores {
		t.Run(store.Bug, func(t *testing.T) {
			var verdict storetest.Verdict
			for n := 0; n < attempts && !verdict.Failed; n++ {
				verdict = storetest.Judge(t, store.Caught, store.New())
			}
			require.True(t, verdict.Failed, store.Caught)
			require.NotContains(t, verdict.Log, "nothing was proven")
		})
	}
}

func TestTheSoundStoreUnderTheBrokenOnesKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) oauth2.TokenStore { return broken.Sound() })
}

func TestReplicasOfOneStoreKeepTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) oauth2.TokenStore {
		store := memory.New()
		return storetest.Replicas(store, store, store)
	})
}

func TestStoreOverAConnectionThatBreaksKeepsTheContractByTellingSo(t *testing.T) {
	t.Parallel()
	storetest.RunUnreliable(t, func(*testing.T) oauth2.TokenStore {
		return &broken.Unreliable{TokenStore: memory.New()}
	})
}

func TestConnectionThatNeverBreaksProvesNothing(t *testing.T) {
	t.Parallel()
	verdict := storetest.Judge(t, "a write whose outcome is unknown happened once or never", memory.New())
	require.True(t, verdict.Failed)
	require.Contains(t, verdict.Log, "the connection never broke")
}
