//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The scenarios of interleaving_test.go are chosen by hand, with what must hold of each. Here every
// set of two and of three operations is walked, whether anybody would have thought of it or not, and
// what must hold is said once, for all of them.

// An act is an operation, and what it means for the authorization.
type act struct {
	operation
	// ends: once it was answered without an error, nothing is left.
	ends bool
	// hostile: it is refused, and once it was judged, nothing is left. Strangers' acts change nothing
	// and are not hostile.
	hostile bool
	// stranger: it is always refused, and changes nothing.
	stranger bool
	// honest: it is answered with tokens, unless the authorization ended.
	honest bool
	// uses: it spends what is current. Nothing else may do that.
	uses bool
}

// A ground is what a set of acts begins with.
type ground struct {
	name  string
	grace time.Duration
	begin begun
	acts  []act
	// strict: a token is used once and never again, so two honest users of one token are none.
	strict bool
}

func grounds() []ground {
	code := begunWithCode()
	active := begunActive(halfMin, time.Minute, 2*time.Second)
	late := begunActive(halfMin, 33*time.Second)
	strict := begunActive(rotationRule{}, time.Second)
	expired, ended := begunWithCode(), begunActive(halfMin, 10*time.Second)
	expired.record.Code.ExpiresAt = noon.Add(-10 * time.Second)
	ended.record.Refresh.ExpiresAt = noon.Add(-5 * time.Second)
	return []ground{
		{name: "a code is pending", begin: code, strict: true, acts: []act{
			{operation: redeeming(code.code), honest: true, uses: true},
			{operation: redeemingAnd("refresh", code.code), honest: true, uses: true},
			{operation: redeemingAnd("revoke", code.code), ends: true, uses: true},
			{operation: named("redeem elsewhere", exchanging("", "grant_type", GrantAuthorizationCode, "code", code.code, "redirect_uri", "https://evil.example.com/")), stranger: true},
			{operation: named("redeem a flipped code", redeeming(flipped(code.code))), stranger: true},
			{operation: revoking(code.code), ends: true},
			{operation: ending(), ends: true},
		}},
		{name: "tokens were refreshed a minute ago and two seconds ago", begin: active, acts: []act{
			{operation: named("use", refreshing(active.refresh[2])), honest: true, uses: true},
			{operation: named("retry", refreshing(active.refresh[1])), honest: true},
			{operation: named("retry for less", refreshing(active.refresh[1], "read")), honest: true},
			{operation: named("reuse", refreshing(active.refresh[0])), hostile: true},
			{operation: named("use a flipped token", refreshing(flipped(active.refresh[2]))), stranger: true},
			{operation: named("revoke access", revoking(active.access))},
			{operation: named("revoke", revoking(active.refresh[2])), ends: true},
			{operation: named("revoke by an old token", revoking(active.refresh[0])), ends: true},
			{operation: ending(), ends: true},
		}},
		{name: "tokens were refreshed just longer ago than the grace", begin: late, acts: []act{
			{operation: named("use", refreshing(late.refresh[1])), honest: true, uses: true},
			{operation: named("retry too late", refreshing(late.refresh[0])), stranger: true},
			{operation: named("revoke", revoking(late.refresh[1])), ends: true},
			{operation: ending(), ends: true},
		}},
		{name: "the code has expired", begin: expired, strict: true, acts: []act{
			{operation: redeeming(expired.code), stranger: true},
			{operation: revoking(expired.code), ends: true},
			{operation: ending(), ends: true},
		}},
		{name: "the refresh token has expired", begin: ended, acts: []act{
			{operation: named("use", refreshing(ended.refresh[1])), stranger: true},
			{operation: named("retry", refreshing(ended.refresh[0])), stranger: true},
			{operation: named("revoke access", revoking(ended.access))},
			{operation: named("revoke", revoking(ended.refresh[1])), ends: true},
			{operation: ending(), ends: true},
		}},
		{name: "rotation is strict", grace: -1, begin: strict, strict: true, acts: []act{
			{operation: named("use", refreshing(strict.refresh[1])), honest: true, uses: true},
			{operation: named("use for less", refreshing(strict.refresh[1], "read")), honest: true, uses: true},
			{operation: named("reuse", refreshing(strict.refresh[0])), hostile: true},
			{operation: named("revoke", revoking(strict.refresh[1])), ends: true},
			{operation: ending(), ends: true},
		}},
	}
}

func named(name string, op operation) operation {
	op.name = name
	return op
}

// ending ends the authorization as its owner does, on a page of connected apps.
func ending() operation {
	return operation{"end", func(s *Server, t *told) { t.err = s.ExpireAuthorization(context.Background(), blankRecord().ID) }}
}

// redeemingAnd goes on with the tokens that it was given.
func redeemingAnd(then, code string) operation {
	return operation{"redeem and " + then, func(s *Server, t *told) {
		redeeming(code).run(s, t)
		if t.err != nil {
			return
		}
		if then == "revoke" {
			revoking(t.refresh).run(s, t)
		} else {
			refreshing(t.refresh).run(s, t)
		}
	}}
}

// flipped is a token whose last character of the core is another.
func flipped(token string) string {
	const at = len("rt_") + 40
	other := byte('A')
	if token[at] == other {
		other = 'B'
	}
	return token[:at] + string(other) + token[at+1:]
}

// sets are all sets of n of the acts; one may be there several times.
func sets[T any](acts []T, n int) (all [][]T) {
	if n == 0 {
		return [][]T{nil}
	}
	for i, a := range acts {
		for _, rest := range sets(acts[i:], n-1) {
			all = append(all, append([]T{a}, rest...))
		}
	}
	return all
}

// judged is what must hold after any set of acts, in any order.
func judged(w *walk, g ground, set []act, answers []*told) error {
	over, wins, unknown, spent := false, 0, false, false
	for i, t := range answers {
		a := set[i]
		spent = spent || a.uses
		if t.crashed || errors.Is(t.err, errStore) {
			unknown = true
			continue
		}
		switch {
		case (a.stranger || a.hostile) && t.err == nil:
			return fmt.Errorf("%q was answered", a.name)
		case a.stranger && isCompromise(t.err):
			return fmt.Errorf("%q ended the authorization", a.name)
		case a.hostile, a.ends && t.err == nil, isCompromise(t.err):
			over = true
		}
		if a.honest && t.err == nil {
			wins++
		}
	}
	switch {
	case over && len(w.records) > 0:
		return errors.New("it was over, and the authorization is still there")
	case g.strict && wins > 1:
		return fmt.Errorf("what can be used once was used %d times", wins)
	case !spent && len(w.records) > 0 && w.current() != g.begin.current():
		return errors.New("nobody used the refresh token, and it was replaced")
	}
	return accountable(w, g, set, answers, over || unknown)
}

// accountable: nobody holds a live token of an authorization that has ended, and nobody who acted in
// good faith is refused, or loses what was acknowledged, unless somebody could have ended it.
func accountable(w *walk, g ground, set []act, answers []*told, excused bool) error {
	harmless, honest := !excused, 0
	for i, t := range answers {
		harmless = harmless && !set[i].ends && !set[i].hostile && !isCompromise(t.err)
		if set[i].honest {
			honest++
		}
	}
	if g.strict && honest > 1 {
		harmless = false
	}
	for i, t := range answers {
		switch {
		case len(w.records) == 0 && t.access != "" && w.lives(t.access):
			return fmt.Errorf("%q holds a live token of what has ended", set[i].name)
		case !harmless || !set[i].honest:
		case t.err != nil:
			return fmt.Errorf("%q was refused: %w", set[i].name, t.err)
		case !w.leadsOn(t.refresh):
			return fmt.Errorf("%q was given a refresh token that leads nowhere", set[i].name)
		}
	}
	return nil
}

// current is the refresh token's digest to begin with, or empty.
func (b *begun) current() string {
	if b.record.Refresh == nil {
		return ""
	}
	return b.record.Refresh.Digest
}

func isCompromise(err error) bool {
	return err != nil && (err.Error() == errCodeReplayed.Error() || err.Error() == errTokenReused.Error())
}

// leadsOn reports whether a refresh token that was handed out is the current one, or is answered with
// the current one.
func (w *walk) leadsOn(refresh string) bool {
	if digestOf(w, refresh) == w.current() {
		return true
	}
	s := w.replicas[0].server
	out, err := s.exchange(context.Background(), request(s, "grant_type", GrantRefreshToken, "refresh_token", refresh))
	return err == nil && digestOf(w, out.texts.refresh) == w.current()
}

// walkSets plays every schedule of every set of n acts. skews are tried one after the other.
func walkSets(cfg ServerConfig, wrap func(TokenStore) TokenStore, n, crashes int, skews ...[]time.Duration) (walked, schedules int, err error) {
	for _, g := range grounds() {
		for _, set := range sets(g.acts, n) {
			operations := make([]operation, n)
			for i, a := range set {
				operations[i] = a.operation
			}
			for _, skew := range skews {
				cfg.RefreshGrace = g.grace
				w := newWalk(n, cfg, wrap)
				w.crashes = crashes
				for i := range n {
					w.replicas[i].skew = skew[i]
				}
				err := w.every(g.begin.record.Clone, operations, func(answers []*told) error { return judged(w, g, set, answers) })
				walked, schedules = walked+1, schedules+w.schedules
				if err != nil {
					return walked, schedules, fmt.Errorf("%s, clocks %v: %w", g.name, skew, err)
				}
			}
		}
	}
	return walked, schedules, nil
}

func TestEverySetOfTwoOperationsKeepsTheInvariantsWithCrashes(t *testing.T) {
	t.Parallel()
	walked, schedules, err := walkSets(ServerConfig{}, nil, 2, 2, []time.Duration{0, 0}, []time.Duration{0, 2 * time.Second}, []time.Duration{2 * time.Second, 0})
	require.NoError(t, err)
	t.Logf("%d sets, %d schedules", walked, schedules)
	require.Greater(t, schedules, 10_000)
}

func TestEverySetOfThreeOperationsKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	skews := [][]time.Duration{{0, 2 * time.Second, -2 * time.Second}}
	crashes := 0
	if os.Getenv("WALK_FAR") != "" {
		skews, crashes = append(skews, []time.Duration{0, 0, 0}, []time.Duration{-2 * time.Second, 0, 2 * time.Second}), 1
	}
	walked, schedules, err := walkSets(ServerConfig{}, nil, 3, crashes, skews...)
	require.NoError(t, err)
	t.Logf("%d sets, %d schedules", walked, schedules)
	require.Greater(t, schedules, 10_000)
}
