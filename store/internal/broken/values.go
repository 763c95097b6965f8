package broken

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// sharedIn keeps the very record that it was given.
type sharedIn struct{ sound }

func (s sharedIn) Create(ctx context.Context, a *oauth2.Authorization) error {
	if err := s.sound.Create(ctx, a); err != nil {
		return err
	}
	s.share(a)
	return nil
}

// sharedOut hands out slices of the record that it keeps.
type sharedOut struct{ sound }

func (s sharedOut) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if _, err := s.sound.Get(ctx, id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shallow := *s.records[id]
	return &shallow, nil
}

// changedArgument raises the version of its argument.
type changedArgument struct{ sound }

func (s changedArgument) Update(ctx context.Context, a *oauth2.Authorization) error {
	err := s.sound.Update(ctx, a)
	if err == nil {
		a.Version++
	}
	return err
}

// deletedEarly takes the expiry of a record for the end of its use.
type deletedEarly struct{ sound }

func (s deletedEarly) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	a, err := s.sound.Get(ctx, id)
	if err != nil || time.Now().Before(a.ExpiresAt) {
		return a, err
	}
	return nil, errors.Join(oauth2.ErrNotFound, s.Delete(ctx, id))
}

// sweptEarly does the same when it sweeps.
type sweptEarly struct{ *memory.Store }

func (s sweptEarly) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.Store.Sweep(ctx, now.Add(time.Hour), limit)
}

// emptyToNil encodes carelessly: what is empty in an access token comes back as nil.
type emptyToNil struct {
	sound
	forget func(*oauth2.AccessToken)
}

func (s emptyToNil) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	a, err := s.sound.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range a.Access {
		s.forget(&a.Access[i])
	}
	return a, nil
}

func forgetEmptyLists(token *oauth2.AccessToken) {
	if len(token.Scope) == 0 {
		token.Scope = nil
	}
	if len(token.Audience) == 0 {
		token.Audience = nil
	}
}

func forgetEmptyDetails(token *oauth2.AccessToken) {
	if string(token.Details) == "[]" {
		token.Details = nil
	}
}

// cutAtNUL takes a string for one of C's.
type cutAtNUL struct{ sound }

func (s cutAtNUL) Create(ctx context.Context, a *oauth2.Authorization) error {
	a = a.Clone()
	a.Subject, _, _ = strings.Cut(a.Subject, "\x00")
	return s.sound.Create(ctx, a)
}

// shortColumn cuts what does not fit.
type shortColumn struct{ sound }

func (s shortColumn) Create(ctx context.Context, a *oauth2.Authorization) error {
	const size = 191
	a = a.Clone()
	a.Subject = a.Subject[:min(len(a.Subject), size)]
	return s.sound.Create(ctx, a)
}

// foldedIDs compares IDs as an engine's default collation may.
type foldedIDs struct{ sound }

func (s foldedIDs) Create(ctx context.Context, a *oauth2.Authorization) error {
	s.mu.Lock()
	for id := range s.records {
		if strings.EqualFold(id, a.ID) {
			s.mu.Unlock()
			return oauth2.ErrExists
		}
	}
	s.mu.Unlock()
	return s.sound.Create(ctx, a)
}

// noContext does not look at the context.
type noContext struct{ sound }

func (s noContext) Create(ctx context.Context, a *oauth2.Authorization) error {
	return s.sound.Create(context.WithoutCancel(ctx), a)
}

// noLimit takes a limit that is missing for none.
type noLimit struct{ *memory.Store }

func (s noLimit) List(ctx context.Context, q oauth2.ListQuery) ([]*oauth2.Authorization, error) {
	if q.Limit < 1 {
		q.Limit = 1 << 30
	}
	return s.Store.List(ctx, q)
}
