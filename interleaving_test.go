//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// begun are records to begin with, and the tokens that lead to them.
type begun struct {
	record  *Authorization
	code    string
	refresh []string // the replaced ones, the oldest first, and the current one
	access  string
}

func begunWithCode() begun {
	a := blankRecord()
	code := newBearerToken(kindCode, a.ID, a.LineageKey, tokenCore{1})
	a.approve(code, Code{RedirectURI: "https://app.example.com/", ExpiresAt: noon.Add(time.Minute)}, noon)
	return begun{record: a, code: code.text("ac_")}
}

// begunActive is an authorization that was refreshed at the given times before noon.
func begunActive(rule rotationRule, rotatedBefore ...time.Duration) begun {
	a := blankRecord()
	token := newBearerToken(kindRefresh, a.ID, a.LineageKey, tokenCore{2})
	access := newBearerToken(kindAccess, a.ID, a.LineageKey, tokenCore{3})
	a.Refresh = &RefreshToken{Digest: token.digest(), ExpiresAt: noon.Add(24 * time.Hour)}
	b := begun{record: a, refresh: []string{token.text("rt_")}, access: access.text("at_")}
	for _, before := range rotatedBefore {
		r, err := a.rotate(token, fmt.Sprint("salt", before), rule, noon.Add(-before))
		if err != nil {
			panic(err)
		}
		token = r.refresh
		access = newBearerToken(kindAccess, a.ID, a.LineageKey, r.access)
		b.refresh = append(b.refresh, token.text("rt_"))
	}
	a.addAccess(AccessToken{Digest: access.digest(), IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)})
	b.access = access.text("at_")
	a.settle(noon)
	return b
}

func blankRecord() *Authorization {
	return &Authorization{
		ID: "AAAAAAAAAAAAAAAAAAAA", Version: 1, Format: recordFormat, Issuer: "https://id.example.com", ClientID: "app", Subject: "alice",
		Scope: Scope{"read", "write"}, LineageKey: "key", CreatedAt: noon.Add(-time.Hour), EndsAt: noon.AddDate(1, 0, 0),
	}
}

// The judges.

var errStore = ErrTemporarilyUnavailable

// lives reports whether an access token is good in the end.
func (w *walk) lives(token string) bool {
	_, err := w.replicas[0].server.Check(context.Background(), token)
	return err == nil
}

// current is the refresh token's digest in the end, or empty.
func (w *walk) current() string {
	for _, a := range w.records {
		if a.Refresh != nil {
			return a.Refresh.Digest
		}
	}
	return ""
}

func digestOf(w *walk, refresh string) string {
	token, ok := parseBearerToken(kindRefresh, "rt_", refresh)
	if !ok {
		return "none"
	}
	return token.digest()
}

func succeeded(answers []*told, name string) (ok []*told) {
	for _, t := range answers {
		if t.operation == name && t.err == nil {
			ok = append(ok, t)
		}
	}
	return ok
}

// redeemedOnce: a code is redeemed at most once, and once a replay was seen, nothing is left.
func redeemedOnce(w *walk, answers []*told) error {
	ok := succeeded(answers, "redeem")
	if len(ok) > 1 {
		return fmt.Errorf("redeemed %d times", len(ok))
	}
	for _, t := range answers {
		if t.err != nil && t.err.Error() == errCodeReplayed.Error() && len(w.records) > 0 {
			return errors.New("a replay was told, and the authorization is still there")
		}
	}
	return nil
}

// converges: whoever was answered holds the refresh token that is current in the end, or one that
// leads to it, and a live access token: nothing acknowledged is lost, and one token is live.
func converges(w *walk, answers []*told) error {
	for _, t := range answers {
		switch {
		case t.crashed || errors.Is(t.err, errStore):
		case t.err != nil:
			return fmt.Errorf("%s was refused: %w", t.operation, t.err)
		case digestOf(w, t.refresh) != w.current():
			return errors.New("a client was given a refresh token that is not the current one")
		case !w.lives(t.access):
			return errors.New("a client was given an access token that is dead")
		}
	}
	return nil
}

// revokedStaysDead: once a revocation was acknowledged, nothing is active, however late an answer is.
func revokedStaysDead(w *walk, answers []*told) error {
	if len(succeeded(answers, "revoke")) == 0 {
		return nil
	}
	if len(w.records) > 0 {
		return errors.New("revoked, and still there")
	}
	for _, t := range answers {
		if t.access != "" && w.lives(t.access) {
			return errors.New("revoked, and an access token lives")
		}
	}
	return nil
}

// atMostOneLives: of all refresh tokens handed out at most one can be used in the end.
func atMostOneLives(w *walk, answers []*told) error {
	if n := len(succeeded(answers, "refresh")); n > 1 {
		return fmt.Errorf("a strictly single-use token was used %d times", n)
	}
	return nil
}

// A scenario is a set of operations, and what must hold of every order.
type scenario struct {
	name    string
	grace   time.Duration
	skew    []time.Duration // of the replicas' clocks
	crashes int
	begin   begun
	set     []operation
	judges  []judge
}

func scenarios() []scenario {
	type judges = []judge
	code, fresh := begunWithCode(), begunActive(halfMin)
	rotated := begunActive(halfMin, 2*time.Second)
	twice := begunActive(halfMin, 20*time.Second, 10*time.Second)
	stale := begunActive(halfMin, time.Minute)
	edge := begunActive(halfMin, 30*time.Second)
	skewed := []time.Duration{0, 2 * time.Second, -2 * time.Second}
	return []scenario{
		{name: "three redeem one code", begin: code, set: repeat(3, redeeming(code.code)), judges: judges{redeemedOnce}},
		{name: "two redeem one code, and any call may crash", crashes: 2, begin: code, set: repeat(2, redeeming(code.code)), judges: judges{redeemedOnce}},
		{name: "three redeem one code, and any call may crash", crashes: 1, begin: code, set: repeat(3, redeeming(code.code)), judges: judges{redeemedOnce}},
		{name: "two redeem while it is revoked", begin: code, set: append(repeat(2, redeeming(code.code)), revoking(code.code)), judges: judges{redeemedOnce, revokedStaysDead}},
		{name: "three refresh with one token", grace: 30 * time.Second, skew: skewed, begin: fresh, set: repeat(3, refreshing(fresh.refresh[0])), judges: judges{converges}},
		{name: "three refresh, and any call may crash", grace: 30 * time.Second, crashes: 1, begin: fresh, set: repeat(3, refreshing(fresh.refresh[0])), judges: judges{converges}},
		{name: "four refresh with one token", grace: 30 * time.Second, begin: fresh, set: repeat(4, refreshing(fresh.refresh[0])), judges: judges{converges}},
		{name: "two refresh, and two calls may crash", grace: 30 * time.Second, crashes: 2, begin: fresh, set: repeat(2, refreshing(fresh.refresh[0])), judges: judges{converges}},
		{name: "two refresh while it is revoked", grace: 30 * time.Second, skew: skewed, begin: fresh, set: append(repeat(2, refreshing(fresh.refresh[0])), revoking(fresh.refresh[0])), judges: judges{revokedStaysDead}},
		{name: "two refresh strictly", grace: -1, skew: skewed, begin: fresh, set: repeat(2, refreshing(fresh.refresh[0])), judges: judges{atMostOneLives}},
		{name: "three refresh strictly, and any call may crash", grace: -1, crashes: 1, begin: fresh, set: repeat(3, refreshing(fresh.refresh[0])), judges: judges{atMostOneLives}},
		{name: "the current token and its predecessor", grace: 30 * time.Second, skew: skewed, begin: rotated, set: []operation{refreshing(rotated.refresh[0]), refreshing(rotated.refresh[1]), refreshing(rotated.refresh[0])}, judges: judges{leadsToCurrent}},
		{name: "two predecessors and a narrower scope", grace: 30 * time.Second, skew: skewed, begin: twice, set: []operation{refreshing(twice.refresh[0]), refreshing(twice.refresh[1], "read"), refreshing(twice.refresh[1], "read")}, judges: judges{converges}},
		{name: "a retry while its access token is revoked", grace: 30 * time.Second, begin: rotated, set: []operation{refreshing(rotated.refresh[0]), revoking(rotated.access), refreshing(rotated.refresh[0])}, judges: judges{revokedAccessIsDead(rotated.access)}},
		{name: "a thief with an old token, and the owner", grace: 30 * time.Second, skew: skewed, begin: stale, set: []operation{refreshing(stale.refresh[0]), refreshing(stale.refresh[1])}, judges: judges{theftEndsIt}},
		{name: "a thief with an old token, the owner twice, and crashes", grace: 30 * time.Second, crashes: 1, begin: stale, set: []operation{refreshing(stale.refresh[0]), refreshing(stale.refresh[1]), refreshing(stale.refresh[1])}, judges: judges{theftEndsIt}},
		{name: "at the edge of the grace clocks differ, and nobody is logged out", grace: 30 * time.Second, skew: skewed, begin: edge, set: []operation{refreshing(edge.refresh[0]), refreshing(edge.refresh[0]), refreshing(edge.refresh[1])}, judges: judges{neverEnds}},
	}
}

func repeat(n int, op operation) (set []operation) {
	for range n {
		set = append(set, op)
	}
	return set
}

// leadsToCurrent: a predecessor's retry may be answered before the current token is replaced, so
// what it was given is the current token or its direct predecessor.
func leadsToCurrent(w *walk, answers []*told) error {
	for _, t := range answers {
		if t.err != nil {
			return fmt.Errorf("%s was refused: %w", t.operation, t.err)
		}
		got, err := w.replicas[0].server.exchange(context.Background(), request(w.replicas[0].server, "grant_type", GrantRefreshToken, "refresh_token", t.refresh))
		if err != nil {
			return fmt.Errorf("an acknowledged refresh token leads nowhere: %w", err)
		}
		if digestOf(w, got.texts.refresh) != w.current() {
			return errors.New("two refresh tokens are live")
		}
	}
	return nil
}

func revokedAccessIsDead(token string) judge {
	return func(w *walk, answers []*told) error {
		if w.lives(token) {
			return errors.New("a revoked access token lives")
		}
		for _, t := range succeeded(answers, "refresh") {
			if t.access != token && !w.lives(t.access) {
				return errors.New("an acknowledged access token is lost")
			}
		}
		return nil
	}
}

// theftEndsIt: when the thief's request was judged, everything has ended.
func theftEndsIt(w *walk, answers []*told) error {
	thief := answers[0]
	if thief.err == nil {
		return errors.New("the thief was given tokens")
	}
	if !thief.crashed && len(w.records) > 0 {
		return errors.New("the theft was seen, and the authorization is still there")
	}
	return nil
}

func neverEnds(w *walk, _ []*told) error {
	if len(w.records) == 0 {
		return errors.New("an honest client was taken for a thief")
	}
	return nil
}

// walkAll plays every schedule of every scenario.
func walkAll(cfg ServerConfig, wrap func(TokenStore) TokenStore) (schedules int, err error) {
	for _, sc := range scenarios() {
		cfg := cfg
		cfg.RefreshGrace = sc.grace
		w := newWalk(len(sc.set), cfg, wrap)
		w.crashes = sc.crashes
		for i := range sc.skew[:min(len(sc.skew), len(sc.set))] {
			w.replicas[i].skew = sc.skew[i]
		}
		n, err := w.play(sc.name, sc.begin.record.Clone, sc.set, sc.judges)
		if schedules += n; err != nil {
			return schedules, err
		}
	}
	return schedules, nil
}

func TestEveryInterleavingKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	schedules, err := walkAll(ServerConfig{}, nil)
	require.NoError(t, err)
	t.Logf("%d schedules walked", schedules)
	require.Greater(t, schedules, 1000)
}
