package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// An action is one of the four calls.
type action string

const (
	doCreate action = "Create"
	doGet    action = "Get"
	doUpdate action = "Update"
	doDelete action = "Delete"
)

// An input is what a call asked for. The mark tells the writes apart.
type input struct {
	action  action
	version int64
	mark    string
}

// An outcome is what a call answered: one of the contract's errors, nil, or errUnknown. version and
// mark are what Get found.
type outcome struct {
	err     error
	version int64
	mark    string
}

var errUnknown = errors.New("unknown, may have happened")

// A register is what the contract says that a store keeps under one ID. The zero value is no record.
type register struct {
	there   bool
	version int64
	mark    string
}

// apply is the contract: how a call is answered, and what is kept then.
func (r register) apply(in input) (outcome, register) {
	switch {
	case in.action == doCreate && r.there:
		return outcome{err: oauth2.ErrExists}, r
	case in.action == doCreate:
		return outcome{}, register{there: true, version: in.version, mark: in.mark}
	case in.action == doDelete:
		return outcome{}, register{}
	case !r.there:
		return outcome{err: oauth2.ErrNotFound}, r
	case in.action == doGet:
		return outcome{version: r.version, mark: r.mark}, r
	case r.version != in.version:
		return outcome{err: oauth2.ErrConflict}, r
	}
	return outcome{}, register{there: true, version: in.version + 1, mark: in.mark}
}

// registerModel is the contract in the form that the checker wants.
var registerModel = porcupine.Model{
	Init: func() any { return register{} },
	Step: func(state, in, out any) (bool, any) {
		answer, next := state.(register).apply(in.(input))
		got := out.(outcome)
		return got.err == errUnknown || got == answer, next
	},
}

// A history records calls for one ID, each with the moments it began and ended.
type history struct {
	clock *atomic.Int64
	mu    sync.Mutex
	calls []porcupine.Operation
}

// record makes a call and notes its outcome. The error is that of a call whose outcome is unknown.
func (h *history) record(client int, in input, call func() (*oauth2.Authorization, error)) (*oauth2.Authorization, error) {
	began := h.clock.Add(1)
	a, err := call()
	ended := h.clock.Add(1)
	out := outcome{err: contractError(err)}
	switch {
	case out.err == errUnknown:
		// It may happen at any time from now on. If it never does, the end of the history is a time
		// when that makes no difference.
		ended = math.MaxInt64
	case err == nil && in.action == doGet:
		out.version, out.mark = a.Version, markOf(a)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, porcupine.Operation{ClientId: client, Input: in, Call: began, Output: out, Return: ended})
	if out.err == errUnknown {
		return nil, err
	}
	return a, nil
}

// contractError is the outcome that err stands for.
func contractError(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{oauth2.ErrExists, oauth2.ErrNotFound, oauth2.ErrConflict} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errUnknown
}

// mark puts a write's mark where stores keep things in different places.
func mark(a *oauth2.Authorization, mark string) { a.Subject, a.SessionID = mark, mark }

// markOf is the mark of the write that a record came from.
func markOf(a *oauth2.Authorization) string {
	if a.Subject != a.SessionID {
		return fmt.Sprintf("a mixture of %s and %s", a.Subject, a.SessionID)
	}
	return a.Subject
}

// judgeTime bounds the search for an order. Histories are sized so that it takes milliseconds.
const judgeTime = 30 * time.Second

// requireLinearizable requires that the calls, put into some order that agrees with the times of
// those that did not overlap, are answered as the contract says (Herlihy and Wing, Linearizability,
// 1990).
func (h *history) requireLinearizable(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch porcupine.CheckOperationsTimeout(registerModel, h.calls, judgeTime) {
	case porcupine.Illegal:
		require.Fail(t, "no order of these calls explains their outcomes", h.String())
	case porcupine.Unknown:
		require.Fail(t, "no verdict about these calls in "+judgeTime.String(), h.String())
	}
}

// String lists the calls by the moment they began.
func (h *history) String() string {
	calls := slices.SortedFunc(slices.Values(h.calls), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	for _, c := range calls {
		in, out := c.Input.(input), c.Output.(outcome)
		ended := fmt.Sprint(c.Return)
		if out.err == errUnknown {
			ended = "?"
		}
		fmt.Fprintf(&b, "%5d to %5s, client %d: %s", c.Call, ended, c.ClientId, in.action)
		if in.mark != "" {
			fmt.Fprintf(&b, " of version %d, %q", in.version, in.mark)
		}
		switch {
		case out.err != nil:
			fmt.Fprintf(&b, ": %v\n", out.err)
		case in.action == doGet:
			fmt.Fprintf(&b, ": version %d, %q\n", out.version, out.mark)
		default:
			fmt.Fprintln(&b, ": done")
		}
	}
	return b.String()
}

// A caller makes calls for one ID, one after another.
type caller struct {
	number  int
	store   oauth2.TokenStore
	history *history
	// begun is the record that Create writes, and last the record as the caller knows it.
	begun, last *oauth2.Authorization
	calls       int
}

// call makes one call. The error is that of a call whose outcome is unknown.
func (c *caller) call(ctx context.Context, do action) error {
	c.calls++
	next := c.last.Clone()
	if do == doCreate {
		next = c.begun.Clone()
	}
	in := input{action: do}
	if do == doCreate || do == doUpdate {
		mark(next, fmt.Sprintf("write %d of client %d", c.calls, c.number))
		in.version, in.mark = next.Version, next.Subject
	}
	known, err := c.history.record(c.number, in, func() (*oauth2.Authorization, error) { return c.perform(ctx, do, next) })
	if known != nil {
		c.last = known
	}
	return err
}

// perform returns the record as the caller then knows it, if it does.
func (c *caller) perform(ctx context.Context, do action, next *oauth2.Authorization) (known *oauth2.Authorization, err error) {
	switch do {
	case doCreate:
		known, err = next, c.store.Create(ctx, next)
	case doUpdate:
		known, err = next.Clone(), c.store.Update(ctx, next)
		known.Version++
	case doDelete:
		err = c.store.Delete(ctx, next.ID)
	case doGet:
		known, err = c.store.Get(ctx, next.ID)
	}
	if err != nil {
		return nil, err
	}
	return known, nil
}
