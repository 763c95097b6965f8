package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/seed5f5fedc6/oauth2"
)

// sentences has every case about a [oauth2.TokenStore].
func sentences() []storeCase {
	return slices.Concat(recordCases, keepCases, raceCases, historyCases, unreliableCases, listCases, sweepCases)
}

// A Verdict is what one case says of a store.
type Verdict struct {
	Failed bool
	Log    string
}

// Judge puts a store to one case, whose failure does not fail t. It fails t if there is no such case.
func Judge(t *testing.T, sentence string, store oauth2.TokenStore) Verdict {
	t.Helper()
	all := sentences()
	i := slices.IndexFunc(all, func(c storeCase) bool { return c.sentence == sentence })
	if i < 0 {
		t.Fatalf("the kit has no case %q", sentence)
	}
	court := &court{TB: t}
	court.try(func(t testing.TB) { all[i].verify(t, store) })
	return court.verdict
}

// A court is the testing.TB of a case whose failure is expected.
type court struct {
	testing.TB
	verdict Verdict
}

func (c *court) Errorf(format string, args ...any) {
	c.verdict.Failed = true
	c.verdict.Log += fmt.Sprintf(format, args...)
}

func (c *court) FailNow() {
	c.verdict.Failed = true
	runtime.Goexit()
}

// try runs what may fail in a goroutine of its own, which FailNow ends.
func (c *court) try(verify func(t testing.TB)) {
	var wg sync.WaitGroup
	wg.Go(func() { verify(c) })
	wg.Wait()
}
