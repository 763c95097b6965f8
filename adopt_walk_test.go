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

// A past is another server's store, and what a replica sees of it: each call is one step of the walk.
type past struct {
	*replica
	tokens map[string]*Adoption
}

func (p past) find(token string) (found *Adoption, err error) {
	err = p.call(func() error {
		if found = p.tokens[token]; found == nil {
			return ErrNotFound
		}
		return nil
	})
	return found, err
}

func (p past) AdoptRefresh(_ context.Context, token string) (*Adoption, error) {
	if token != pastRefresh {
		return nil, ErrNotFound
	}
	return p.find(token)
}

func (p past) AdoptAccess(_ context.Context, token string) (*Adoption, error) {
	if token != pastAccess {
		return nil, ErrNotFound
	}
	return p.find(token)
}

func (p past) Forget(_ context.Context, token string) error {
	return p.call(func() error {
		delete(p.tokens, token)
		return nil
	})
}

const pastRefresh, pastAccess = "PAST-REFRESH", "PAST-ACCESS"

// everyAdoption walks a set of operations over a refresh token that another server issued.
func everyAdoption(crashes int, set []operation, judge func(*walk, []*told) error) (int, error) {
	tokens := map[string]*Adoption{}
	w := newWalk(len(set), ServerConfig{RefreshGrace: 30 * time.Second}, nil)
	w.crashes = crashes
	for _, r := range w.replicas {
		r.server.cfg.Adopt = past{r, tokens}
	}
	begin := func() *Authorization {
		tokens[pastRefresh] = &Adoption{ClientID: "app", Subject: "alice", Scope: Scope{"read"}, ExpiresAt: noon.Add(time.Hour)}
		tokens[pastAccess] = &Adoption{ClientID: "app", Subject: "alice", Scope: Scope{"read"}, IssuedAt: noon, ExpiresAt: noon.Add(time.Hour), RefreshToken: pastRefresh}
		return blankRecord() // of somebody else
	}
	err := w.every(begin, set, func(answers []*told) error { return judge(w, answers) })
	return w.schedules, err
}

// adoptedByAll: whoever was answered holds the one current refresh token, and whoever was not can
// ask again.
func adoptedByAll(w *walk, answers []*told) error {
	again := &told{operation: "again"}
	refreshing(pastRefresh).run(w.replicas[0].server, again)
	for _, t := range append(answers, again) {
		switch {
		case t.crashed:
		case t.err != nil:
			return fmt.Errorf("%s was refused: %w", t.operation, t.err)
		case digestOf(w, t.refresh) != digestOf(w, again.refresh):
			return errors.New("two clients were given two refresh tokens")
		case !w.lives(t.access):
			return errors.New("a client was given an access token that is dead")
		}
	}
	if w.records[adoptedID(w)].Subject != "alice" || !w.lives(pastAccess) {
		return errors.New("something was lost on the way")
	}
	if _, err := w.replicas[0].server.cfg.Adopt.AdoptRefresh(context.Background(), pastRefresh); !errors.Is(err, ErrNotFound) {
		return errors.New("the other server was not told to forget the token")
	}
	return nil
}

func adoptedID(w *walk) string {
	token, _ := w.replicas[0].server.foreignToken(pastRefresh)
	return token.id()
}

// revokedIsNeverAdopted: once a revocation was acknowledged, nothing lives, and nothing comes back.
func revokedIsNeverAdopted(w *walk, answers []*told) error {
	if len(succeeded(answers, "revoke")) == 0 {
		return nil
	}
	again := &told{operation: "again"}
	refreshing(pastRefresh).run(w.replicas[0].server, again)
	if !errors.Is(again.err, ErrInvalidGrant) {
		return fmt.Errorf("revoked, and adopted again: %w", again.err)
	}
	for _, t := range answers {
		if t.access != "" && w.lives(t.access) {
			return errors.New("revoked, and an access token lives")
		}
		if t.refresh == "" {
			continue
		}
		next := &told{}
		refreshing(t.refresh).run(w.replicas[0].server, next)
		if next.err == nil {
			return errors.New("revoked, and a refresh token lives")
		}
	}
	if w.lives(pastAccess) {
		return errors.New("revoked, and the access token of the other server lives")
	}
	return nil
}

func TestEveryInterleavingOfAdoptionsKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	refresh, revoke := refreshing(pastRefresh), revoking(pastRefresh)
	for _, sc := range []struct {
		name    string
		crashes int
		set     []operation
		judge   func(*walk, []*told) error
	}{
		{"two adopt", 0, repeat(2, refresh), adoptedByAll},
		{"one adopts, and any call may crash", 1, repeat(1, refresh), adoptedByAll},
		{"two adopt, and any call may crash", 1, repeat(2, refresh), adoptedByAll},
		{"one adopts while it is revoked", 0, []operation{refresh, revoke}, revokedIsNeverAdopted},
		{"one adopts while it is revoked, and any call may crash", 1, []operation{refresh, revoke}, revokedIsNeverAdopted},
		{"it is revoked twice, and any call may crash", 1, []operation{revoke, revoke}, revokedIsNeverAdopted},
	} {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			schedules, err := everyAdoption(sc.crashes, sc.set, sc.judge)
			require.NoError(t, err)
			t.Logf("%d schedules walked", schedules)
			require.Greater(t, schedules, 5)
		})
	}
}
