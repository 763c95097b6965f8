package broken

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// getThenPut compares and writes in two steps.
type getThenPut struct{ sound }

func (s getThenPut) Update(ctx context.Context, a *oauth2.Authorization) error {
	stored, err := s.sound.Get(ctx, a.ID)
	switch {
	case err != nil:
		return err
	case stored.Version != a.Version:
		return oauth2.ErrConflict
	}
	next := a.Clone()
	next.Version++
	s.save(next)
	return nil
}

// checkThenInsert looks and writes in two steps.
type checkThenInsert struct{ sound }

func (s checkThenInsert) Create(ctx context.Context, a *oauth2.Authorization) error {
	switch _, err := s.sound.Get(ctx, a.ID); {
	case err == nil:
		return oauth2.ErrExists
	case !errors.Is(err, oauth2.ErrNotFound):
		return err
	}
	s.save(a)
	return nil
}

// insertOverwrites does not look.
type insertOverwrites struct{ sound }

func (s insertOverwrites) Create(ctx context.Context, a *oauth2.Authorization) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.save(a)
	return nil
}

// lostUpdate compares with what it has just read itself.
type lostUpdate struct{ sound }

func (s lostUpdate) Update(ctx context.Context, a *oauth2.Authorization) error {
	stored, err := s.sound.Get(ctx, a.ID)
	if err != nil {
		return err
	}
	next := a.Clone()
	next.Version = stored.Version
	return s.sound.Update(ctx, next)
}

// upsert inserts what it cannot update.
type upsert struct{ sound }

func (s upsert) Update(ctx context.Context, a *oauth2.Authorization) error {
	err := s.sound.Update(ctx, a)
	if !errors.Is(err, oauth2.ErrNotFound) {
		return err
	}
	next := a.Clone()
	next.Version++
	return s.Create(ctx, next)
}

// undoneDelete does not wait for an update that has looked and not yet written.
type undoneDelete struct{ sound }

func (s undoneDelete) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.drop(id)
	return nil
}

// staleFor is how far the replica lags that staleRead reads from.
const staleFor = 5 * time.Millisecond

// staleRead answers from what it read a short while ago.
type staleRead struct {
	sound
	replica sync.Map
}

type copied struct {
	record *oauth2.Authorization
	at     time.Time
}

func (s *staleRead) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if c, ok := s.replica.Load(id); ok && time.Since(c.(copied).at) < staleFor {
		return c.(copied).record.Clone(), ctx.Err()
	}
	a, err := s.sound.Get(ctx, id)
	if err == nil {
		s.replica.Store(id, copied{a.Clone(), time.Now()})
	}
	return a, err
}

// privateCache answers from what this handle read, until this handle writes.
type privateCache struct {
	sound
	cache sync.Map
}

func (s *privateCache) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if a, ok := s.cache.Load(id); ok {
		return a.(*oauth2.Authorization).Clone(), ctx.Err()
	}
	a, err := s.sound.Get(ctx, id)
	if err == nil {
		s.cache.Store(id, a.Clone())
	}
	return a, err
}

func (s *privateCache) Update(ctx context.Context, a *oauth2.Authorization) error {
	defer s.cache.Delete(a.ID)
	return s.sound.Update(ctx, a)
}

func (s *privateCache) Delete(ctx context.Context, id string) error {
	defer s.cache.Delete(id)
	return s.sound.Delete(ctx, id)
}

// twoWrites keeps a column beside the document, and writes it later.
type twoWrites struct{ sound }

func (s twoWrites) Update(ctx context.Context, a *oauth2.Authorization) error {
	stored, err := s.sound.Get(ctx, a.ID)
	if err != nil {
		return err
	}
	next := a.Clone()
	next.Subject = stored.Subject
	if err := s.sound.Update(ctx, next); err != nil {
		return err
	}
	if document, ok := s.load(a.ID); ok {
		document.Subject = a.Subject
		s.save(document)
	}
	return nil
}

// ErrCut is what a call over an Unreliable connection returns when it was cut.
var ErrCut = errors.New("broken: the connection was cut")

// cutEvery is how rarely the connection of an Unreliable breaks.
const cutEvery = 8

// Unreliable is no broken store: it reaches a store over a connection that breaks, one time before
// the call and the next time after it, and says so.
type Unreliable struct {
	oauth2.TokenStore
	calls atomic.Uint64
}

func (u *Unreliable) over(call func() error) error {
	n := u.calls.Add(1)
	if n%(2*cutEvery) == 0 {
		return ErrCut
	}
	err := call()
	if n%(2*cutEvery) == cutEvery {
		return ErrCut
	}
	return err
}

// Create implements [oauth2.TokenStore].
func (u *Unreliable) Create(ctx context.Context, a *oauth2.Authorization) error {
	return u.over(func() error { return u.TokenStore.Create(ctx, a) })
}

// Get implements [oauth2.TokenStore].
func (u *Unreliable) Get(ctx context.Context, id string) (a *oauth2.Authorization, err error) {
	err = u.over(func() error { a, err = u.TokenStore.Get(ctx, id); return err })
	return a, err
}

// Update implements [oauth2.TokenStore].
func (u *Unreliable) Update(ctx context.Context, a *oauth2.Authorization) error {
	return u.over(func() error { return u.TokenStore.Update(ctx, a) })
}

// Delete implements [oauth2.TokenStore].
func (u *Unreliable) Delete(ctx context.Context, id string) error {
	return u.over(func() error { return u.TokenStore.Delete(ctx, id) })
}

// blindRetry tries again what may have happened.
type blindRetry struct{ *Unreliable }

func (s blindRetry) Create(ctx context.Context, a *oauth2.Authorization) error {
	if err := s.Unreliable.Create(ctx, a); !errors.Is(err, ErrCut) {
		return err
	}
	return s.Unreliable.Create(ctx, a)
}

func (s blindRetry) Update(ctx context.Context, a *oauth2.Authorization) error {
	if err := s.Unreliable.Update(ctx, a); !errors.Is(err, ErrCut) {
		return err
	}
	return s.Unreliable.Update(ctx, a)
}

// faultAsOutcome takes every fault of a write for the usual reason.
type faultAsOutcome struct{ *Unreliable }

func (s faultAsOutcome) Update(ctx context.Context, a *oauth2.Authorization) error {
	err := s.Unreliable.Update(ctx, a)
	if errors.Is(err, ErrCut) {
		return oauth2.ErrConflict
	}
	return err
}
