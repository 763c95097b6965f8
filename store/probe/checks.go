package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/internal/race"
)

// checks are the sentences of the contract that a short while can show to be broken.
var checks = []struct {
	sentence string
	verify   func(ctx context.Context, p *prober) error
}{
	{"Get sees every write that was acknowledged before it began", getSeesAcknowledged},
	{"Update of a record that is gone is ErrNotFound and never creates it anew", updateOfGoneRecord},
	{"of parallel Creates of one ID exactly one wins", oneCreateWins},
	{"of parallel Updates of one version exactly one wins", oneUpdateWins},
	{"parallel read-modify-writes lose none", noUpdateIsLost},
	{"a Delete that races Updates is final", deleteIsFinal},
}

// copies are as many as there are racers, told apart by their session IDs.
func copies(a *oauth2.Authorization) []*oauth2.Authorization {
	records := make([]*oauth2.Authorization, racers)
	for i := range records {
		records[i] = a.Clone()
		records[i].SessionID = fmt.Sprint("racer ", i)
	}
	return records
}

// onlyWinner is the call that succeeded; all others must have failed with lost.
func onlyWinner(errs []error, lost error) (int, error) {
	var winners []int
	var fault error
	for i, err := range errs {
		if err == nil {
			winners = append(winners, i)
		} else if err = told(err, lost); err != nil {
			fault = err
		}
	}
	switch {
	case len(winners) > 1:
		return 0, violation(fmt.Sprintf("%d of %d won", len(winners), racers))
	case fault != nil:
		return 0, fault // which may have won
	case len(winners) == 0:
		return 0, violation("none won")
	}
	return winners[0], nil
}

// requireStored requires that Get finds this version of a record, written by this racer.
func (p *prober) requireStored(ctx context.Context, want *oauth2.Authorization, version int64) error {
	got, err := p.store.Get(ctx, want.ID)
	switch {
	case err != nil:
		return told(err)
	case got.Version != version:
		return violation(fmt.Sprintf("Get returned version %d instead of %d", got.Version, version))
	case got.SessionID != want.SessionID:
		return violation("Get returned what another wrote")
	}
	return nil
}

// requireGone requires that Get finds no record.
func (p *prober) requireGone(ctx context.Context, id string) error {
	_, err := p.store.Get(ctx, id)
	if err == nil {
		return violation("Get returned a record that was deleted")
	}
	return told(err, oauth2.ErrNotFound)
}

func getSeesAcknowledged(ctx context.Context, p *prober) error {
	a, err := p.begin(ctx)
	if err != nil {
		return err
	}
	const writes = 4
	for range writes {
		// On as many connections as the store has.
		for _, err := range race.Run(racers, func(int) error { return p.requireStored(ctx, a, a.Version) }) {
			if err != nil {
				return err
			}
		}
		if err := p.store.Update(ctx, a); err != nil {
			return told(err)
		}
		a.Version++
	}
	if err := p.store.Delete(ctx, a.ID); err != nil {
		return told(err)
	}
	for _, err := range race.Run(racers, func(int) error { return p.requireGone(ctx, a.ID) }) {
		if err != nil {
			return err
		}
	}
	return nil
}

func updateOfGoneRecord(ctx context.Context, p *prober) error {
	a, err := p.begin(ctx)
	if err != nil {
		return err
	}
	if err := p.store.Delete(ctx, a.ID); err != nil {
		return told(err)
	}
	switch err := p.store.Update(ctx, a); {
	case err == nil:
		return violation("the Update succeeded")
	case !errors.Is(err, oauth2.ErrNotFound):
		return told(err)
	}
	return p.requireGone(ctx, a.ID)
}

func oneCreateWins(ctx context.Context, p *prober) error {
	records := copies(p.newRecord())
	winner, err := onlyWinner(race.Run(racers, func(i int) error { return p.store.Create(ctx, records[i]) }), oauth2.ErrExists)
	if err != nil {
		return err
	}
	return p.requireStored(ctx, records[winner], 1)
}

func oneUpdateWins(ctx context.Context, p *prober) error {
	a, err := p.begin(ctx)
	if err != nil {
		return err
	}
	records := copies(a)
	winner, err := onlyWinner(race.Run(racers, func(i int) error { return p.store.Update(ctx, records[i]) }), oauth2.ErrConflict)
	if err != nil {
		return err
	}
	return p.requireStored(ctx, records[winner], 2)
}

// noUpdateIsLost lets each racer add its name once, and counts the names.
func noUpdateIsLost(ctx context.Context, p *prober) error {
	a, err := p.begin(ctx)
	if err != nil {
		return err
	}
	added := 0
	for _, err := range race.Run(racers, func(i int) error {
		got, err := p.store.Get(ctx, a.ID)
		if err != nil {
			return err
		}
		runtime.Gosched() // lets others read the same
		got.AMR = append(got.AMR, fmt.Sprint("racer ", i))
		return p.store.Update(ctx, got)
	}) {
		if err == nil {
			added++
		} else if err = told(err, oauth2.ErrConflict); err != nil {
			return err
		}
	}
	got, err := p.store.Get(ctx, a.ID)
	switch {
	case err != nil:
		return told(err)
	case len(got.AMR) != added || got.Version != int64(1+added):
		return violation(fmt.Sprintf("%d of %d are there, in version %d", len(got.AMR), added, got.Version))
	}
	return nil
}

func deleteIsFinal(ctx context.Context, p *prober) error {
	a, err := p.begin(ctx)
	if err != nil {
		return err
	}
	const updates = 16
	for _, err := range race.Run(racers, func(i int) error {
		if i == racers/2 {
			return p.store.Delete(ctx, a.ID)
		}
		next := a.Clone()
		for range updates {
			err := p.store.Update(ctx, next)
			if errors.Is(err, oauth2.ErrConflict) || err == nil {
				next, err = p.store.Get(ctx, a.ID)
			}
			if err != nil {
				return told(err, oauth2.ErrNotFound)
			}
		}
		return nil
	}) {
		if err != nil {
			return told(err)
		}
	}
	return p.requireGone(ctx, a.ID)
}
