//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A mutant is a bug that the walk must find: in the store, or in a transition.
type mutant struct {
	name  string
	store func(TokenStore) TokenStore
	grant func(GrantHandler) GrantHandler
	found string // what the walk says
}

// blindStore writes whatever it is given: get-then-put.
type blindStore struct{ TokenStore }

func (b blindStore) Update(ctx context.Context, a *Authorization) error {
	stored, err := b.Get(ctx, a.ID)
	if err != nil {
		return err
	}
	next := a.Clone()
	next.Version = stored.Version
	return b.TokenStore.Update(ctx, next)
}

// resurrectingStore creates anew what is gone.
type resurrectingStore struct{ TokenStore }

func (r resurrectingStore) Update(ctx context.Context, a *Authorization) error {
	err := r.TokenStore.Update(ctx, a)
	if errors.Is(err, ErrNotFound) {
		return r.Create(ctx, a)
	}
	return err
}

// apply changes what a grant's Apply does.
type apply struct {
	GrantHandler
	change func(original func(*Authorization) error, issuance *Issuance, a *Authorization) error
}

func (m apply) Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error) {
	issuance, err := m.GrantHandler.Exchange(ctx, req)
	if err == nil {
		original := issuance.Apply
		issuance.Apply = func(a *Authorization) error { return m.change(original, issuance, a) }
	}
	return issuance, err
}

func changing(grantType string, change func(func(*Authorization) error, *Issuance, *Authorization) error) func(GrantHandler) GrantHandler {
	return func(g GrantHandler) GrantHandler {
		if g.GrantType() != grantType {
			return g
		}
		return apply{g, change}
	}
}

// verdictBecomes answers one error in the place of another.
func verdictBecomes(grantType string, from, to error) func(GrantHandler) GrantHandler {
	return changing(grantType, func(original func(*Authorization) error, _ *Issuance, a *Authorization) error {
		if err := original(a); err != nil {
			if err.Error() == from.Error() {
				return to
			}
			return err
		}
		return nil
	})
}

var mutants = []mutant{
	{name: "the store gets, then puts", store: func(s TokenStore) TokenStore { return blindStore{s} }, found: "redeemed 2 times"},
	{name: "the store creates anew what was deleted", store: func(s TokenStore) TokenStore { return resurrectingStore{s} }, found: "redeemed 2 times"},
	{name: "a redeemed code stays pending", found: "redeemed 3 times", grant: changing(GrantAuthorizationCode,
		func(original func(*Authorization) error, _ *Issuance, a *Authorization) error {
			before := a.Code.Digest
			err := original(a)
			a.Code.Digest = before
			return err
		})},
	{name: "a code is judged on the first snapshot alone", found: "redeemed 2 times", grant: changing(GrantAuthorizationCode,
		func(original func(*Authorization) error, i *Issuance, a *Authorization) error {
			if err := original(a); err != nil && !errors.Is(err, errCodeReplayed.refusal) {
				return err
			} else if err != nil && i.Authorization.Code.Digest == "" {
				return err
			}
			return nil
		})},
	{name: "a replay does not end the authorization", found: "still there",
		grant: verdictBecomes(GrantAuthorizationCode, errCodeReplayed, errCodeReplayed.refusal)},
	{name: "reuse does not end the authorization", found: "still there",
		grant: verdictBecomes(GrantRefreshToken, errTokenReused, errTokenReused.refusal)},
	{name: "clocks are taken to be the same", found: "taken for a thief",
		grant: verdictBecomes(GrantRefreshToken, errRefreshSpent, errTokenReused)},
	{name: "the successor is drawn, not derived", found: "was refused", grant: changing(GrantRefreshToken,
		func(original func(*Authorization) error, i *Issuance, a *Authorization) error {
			if err := original(a); err != nil || i.rotated.retried {
				return err
			}
			var core tokenCore
			_, _ = quickRandom{}.Read(core[:])
			drawn := newBearerToken(kindRefresh, a.ID, a.LineageKey, core)
			i.rotated.refresh = drawn
			a.Refresh.Digest = drawn.digest()
			return nil
		})},
	{name: "a retry rotates once more", found: "not the current one", grant: changing(GrantRefreshToken,
		func(original func(*Authorization) error, i *Issuance, a *Authorization) error {
			if err := original(a); err != nil || !i.rotated.retried {
				return err
			}
			current := i.rotated.refresh
			again, err := a.rotate(current, "another salt", halfMin, noon)
			i.rotated = again
			return err
		})},
	{name: "a strict server forgives", found: "used 2 times", grant: changing(GrantRefreshToken,
		func(original func(*Authorization) error, i *Issuance, a *Authorization) error {
			err := original(a)
			if err != nil && err.Error() == errTokenReused.Error() && len(a.Access) == 2 {
				i.refreshes = false
				return nil
			}
			return err
		})},
}

func TestTheWalkFindsEveryPlantedBug(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			cfg := ServerConfig{Grants: []GrantHandler{CodeGrant{}, RefreshGrant{}}}
			if m.grant != nil {
				for i, g := range cfg.Grants {
					cfg.Grants[i] = m.grant(g)
				}
			}
			_, err := walkAll(cfg, m.store)
			require.Error(t, err)
			require.ErrorContains(t, err, m.found)
			_, _, err = walkSets(cfg, m.store, 2, 2, []time.Duration{0, 2 * time.Second})
			require.Error(t, err, "the sets find it too, which nobody made for it")
		})
	}
}

// pushedMutants are bugs in what a pushed request may become.
var pushedMutants = []mutant{
	{name: "an approval is written whatever came before it", found: "one request_uri led to two codes", store: blindWhere(
		func(a *Authorization) bool { return a.Request != nil && a.Code != nil })},
	{name: "that a browser came is written whatever came before it", found: "every approval was refused", store: blindWhere(
		func(a *Authorization) bool { return a.Request != nil && a.Code == nil })},
	{name: "an approval creates anew what was ended", found: "it was over, and the record is still there",
		store: func(s TokenStore) TokenStore { return resurrectingStore{s} }},
	{name: "the first browser that comes uses the request up", found: "every approval was refused",
		store: func(s TokenStore) TokenStore { return spendingStore{s} }},
}

// blindWhere writes some records whatever the store has, and the others as it should.
func blindWhere(blind func(*Authorization) bool) func(TokenStore) TokenStore {
	return func(s TokenStore) TokenStore { return selectiveStore{s, blindStore{s}, blind} }
}

type selectiveStore struct {
	TokenStore
	other TokenStore
	where func(*Authorization) bool
}

func (s selectiveStore) Update(ctx context.Context, a *Authorization) error {
	if s.where(a) {
		return s.other.Update(ctx, a)
	}
	return s.TokenStore.Update(ctx, a)
}

// spendingStore keeps no request that a browser came with.
type spendingStore struct{ TokenStore }

func (s spendingStore) Update(ctx context.Context, a *Authorization) error {
	if a.Code == nil && a.Request != nil {
		a = a.Clone()
		a.Request.ExpiresAt = noon.Add(-time.Hour)
	}
	return s.TokenStore.Update(ctx, a)
}

func TestTheWalkOfPushedRequestsFindsEveryPlantedBug(t *testing.T) {
	t.Parallel()
	for _, m := range pushedMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			_, err := walkPushedSets(m.store, 2, 1, []time.Duration{0, 0})
			require.ErrorContains(t, err, m.found)
		})
	}
}
