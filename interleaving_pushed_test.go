//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every set of two, and with WALK_FAR=1 of three, of what may happen to a pushed request (RFC 9126):
// walk_pushed_test.go has the operations.

// A pushedAct is an operation, and what it means for a pushed request.
type pushedAct struct {
	operation
	// approves: it is sent a code, unless another approval was kept. redeems: it goes on to the tokens.
	approves, redeems bool
	// page: it answers the one page, so that whoever does is sent the same code.
	page bool
	// ends: once it was answered without an error, nothing is left.
	ends bool
	// stranger: it is always refused, and changes nothing.
	stranger bool
}

type pushedGround struct {
	name  string
	begin *Authorization
	acts  []pushedAct
}

func pushedGrounds() ([]pushedGround, error) {
	fresh, query := begunPushed(time.Minute)
	opened, _ := begunPushed(time.Minute)
	expired, _ := begunPushed(-10 * time.Second)
	forgotten, _ := begunPushed(time.Minute)
	forgotten.open(noon.Add(-openedLifetime - 10*time.Second))
	page, token, err := openedPage(opened, query)
	if err != nil {
		return nil, err
	}
	wrong := url.Values{"client_id": {"app"}, "request_uri": {flipped(query.Get("request_uri"))}}
	late := []pushedAct{
		{operation: opening(query), stranger: true},
		{operation: approving(query), stranger: true},
		{operation: answeringPage(page, token), stranger: true},
		{operation: ending(), ends: true},
	}
	return []pushedGround{
		{name: "a request was pushed", begin: fresh, acts: []pushedAct{
			{operation: opening(query)},
			{operation: approving(query), approves: true},
			{operation: andRedeeming(approving(query)), approves: true, redeems: true},
			{operation: named("approve another", approving(wrong)), stranger: true},
			{operation: ending(), ends: true},
		}},
		{name: "its page is open", begin: opened, acts: []pushedAct{
			{operation: opening(query)},
			{operation: approving(query), approves: true},
			{operation: answeringPage(page, token), approves: true, page: true},
			{operation: andRedeeming(answeringPage(page, token)), approves: true, page: true, redeems: true},
			{operation: named("answer in another browser", answeringPage(visitor{query: query}, token)), stranger: true},
			{operation: ending(), ends: true},
		}},
		{name: "nobody came in time", begin: expired, acts: late},
		{name: "the page was open for too long", begin: forgotten, acts: late},
	}, nil
}

// openedPage lets a browser open the page of a record, and returns the browser and the form token.
func openedPage(a *Authorization, query url.Values) (visitor, string, error) {
	w := newWalk(1, ServerConfig{}, nil)
	if err := w.servePushes(); err != nil {
		return visitor{}, "", err
	}
	w.records = map[string]*Authorization{a.ID: a.Clone()}
	v := visitor{query: query}
	token, err := v.open(w.replicas[0].server)
	*a = *w.records[a.ID]
	return v, token, err
}

// judgedPushed is what must hold after any set of acts, in any order.
func judgedPushed(w *walk, g pushedGround, set []pushedAct, answers []*told) error {
	var codes []string
	over, unknown, perhaps, redeemed := false, false, false, 0
	for i, t := range answers {
		a := set[i]
		switch {
		case t.crashed || errors.Is(t.err, errStore):
			unknown = true
			perhaps = perhaps || a.ends || a.redeems // which ends it where it is a replay
		case a.stranger && t.err == nil:
			return fmt.Errorf("%q was answered", a.name)
		case a.ends && t.err == nil, isCompromise(t.err):
			over = true
		}
		if t.access != "" {
			redeemed++
		}
		if t.refresh != "" {
			codes = append(codes, t.refresh)
		}
	}
	stored := w.records[g.begin.ID]
	switch {
	case over && stored != nil:
		return errors.New("it was over, and the record is still there")
	case len(w.records) > 1:
		return errors.New("one pushed request led to two records")
	case redeemed > 1:
		return fmt.Errorf("redeemed %d times", redeemed)
	}
	for _, code := range codes {
		if code != codes[0] {
			return errors.New("one request_uri led to two codes")
		}
	}
	if len(codes) > 0 && !over && !perhaps && !w.holdsCode(stored, codes[0]) {
		return errors.New("a code was told, and it is lost")
	}
	return fairToApprovers(set, answers, stored, over || unknown)
}

// holdsCode reports whether a code waits in the record, or was redeemed.
func (w *walk) holdsCode(a *Authorization, code string) bool {
	token, ok := parseBearerToken(kindCode, "ac_", code)
	return ok && a != nil && a.Code != nil && token.provenBy(a.LineageKey) && (a.Code.Digest == "" || token.is(a.Code.Digest))
}

// fairToApprovers: an approval is refused only where another one was kept, or the code of the same page
// was redeemed; and what a record holds was approved by somebody.
func fairToApprovers(set []pushedAct, answers []*told, stored *Authorization, excused bool) error {
	approvers, redeemers, pages, sent := 0, 0, 0, 0
	for i, t := range answers {
		if set[i].ends {
			excused = true
		}
		if set[i].approves {
			approvers++
			if t.refresh != "" {
				sent++
			}
		}
		if set[i].redeems {
			redeemers++
		}
		if set[i].page {
			pages++
		}
	}
	approved := stored != nil && stored.approvedRequest()
	switch {
	case approved && approvers == 0:
		return errors.New("nobody approved, and there is a code")
	case excused:
		return nil
	case stored == nil:
		return errors.New("nobody ended the request, and it is gone")
	case approvers > 0 && (sent == 0 || !approved):
		return errors.New("every approval was refused")
	case pages == approvers && redeemers == 0 && sent < pages:
		return errors.New("a double click was refused")
	}
	return nil
}

// shortActs are the acts, without the long ones where there are three of them at once.
func (g pushedGround) shortActs(n int) []pushedAct {
	if n < 3 {
		return g.acts
	}
	return slices.DeleteFunc(slices.Clone(g.acts), func(a pushedAct) bool { return a.redeems })
}

// walkPushedSets plays every schedule of every set of n acts on a pushed request.
func walkPushedSets(wrap func(TokenStore) TokenStore, n, crashes int, skews ...[]time.Duration) (schedules int, err error) {
	grounds, err := pushedGrounds()
	if err != nil {
		return 0, err
	}
	for _, skew := range skews {
		w := newWalk(n, ServerConfig{}, wrap)
		if err := w.servePushes(); err != nil {
			return 0, err
		}
		w.crashes = crashes
		for i := range n {
			w.replicas[i].skew = skew[i]
		}
		for _, g := range grounds {
			for _, set := range sets(g.shortActs(n), n) {
				operations := make([]operation, n)
				for i, a := range set {
					operations[i] = a.operation
				}
				err := w.every(g.begin.Clone, operations, func(answers []*told) error { return judgedPushed(w, g, set, answers) })
				schedules += w.schedules
				if err != nil {
					return schedules, fmt.Errorf("%s, clocks %v: %w", g.name, skew, err)
				}
			}
		}
	}
	return schedules, nil
}

func TestEverySetOfTwoOnAPushedRequestKeepsTheInvariantsWithCrashes(t *testing.T) {
	t.Parallel()
	schedules, err := walkPushedSets(nil, 2, 1, []time.Duration{0, 0}, []time.Duration{0, 2 * time.Second})
	require.NoError(t, err)
	t.Logf("%d schedules", schedules)
	require.Greater(t, schedules, 1_000)
}

func TestEverySetOfThreeOnAPushedRequestKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	if os.Getenv("WALK_FAR") == "" {
		t.Skip("hundreds of thousands of schedules: WALK_FAR=1 walks them")
	}
	schedules, err := walkPushedSets(nil, 3, 0, []time.Duration{0, 2 * time.Second, -2 * time.Second})
	require.NoError(t, err)
	t.Logf("%d schedules", schedules)
}
