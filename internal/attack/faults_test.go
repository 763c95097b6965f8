package attack

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

var errDisk = errors.New("the disk of db7.internal is on fire")

// A shaky store fails where it is told to, answers reads late, and counts the calls.
type shaky struct {
	oauth2.TokenStore
	noGet, noCreate, noUpdate, noDelete atomic.Bool
	late                                time.Duration
	calls                               atomic.Int64
}

// Unwrap lets the store's capabilities be found.
func (s *shaky) Unwrap() oauth2.TokenStore { return s.TokenStore }

func (s *shaky) all(fail bool) {
	for _, f := range []*atomic.Bool{&s.noGet, &s.noCreate, &s.noUpdate, &s.noDelete} {
		f.Store(fail)
	}
}

func (s *shaky) fault(fails *atomic.Bool) error {
	s.calls.Add(1)
	if fails.Load() {
		return errDisk
	}
	return nil
}

func (s *shaky) Create(ctx context.Context, a *oauth2.Authorization) error {
	if err := s.fault(&s.noCreate); err != nil {
		return err
	}
	return s.TokenStore.Create(ctx, a)
}

func (s *shaky) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if err := s.fault(&s.noGet); err != nil {
		return nil, err
	}
	a, err := s.TokenStore.Get(ctx, id)
	time.Sleep(s.late) // the reader acts on what may be old by then
	return a, err
}

func (s *shaky) Update(ctx context.Context, a *oauth2.Authorization) error {
	if err := s.fault(&s.noUpdate); err != nil {
		return err
	}
	return s.TokenStore.Update(ctx, a)
}

func (s *shaky) Delete(ctx context.Context, id string) error {
	if err := s.fault(&s.noDelete); err != nil {
		return err
	}
	return s.TokenStore.Delete(ctx, id)
}

// shake is the site anew over a store that can be made to fail.
func (s *site) shake() (*site, *shaky) {
	s.t.Helper()
	store := &shaky{TokenStore: s.app.tokens}
	return s.anew(func(cfg *oauth2.ServerConfig) { cfg.Tokens = store }), store
}

// countingClients counts the lookups.
type countingClients struct {
	oauth2.ClientStore
	calls *atomic.Int64
}

func (c countingClients) Unwrap() oauth2.ClientStore { return c.ClientStore }

func (c countingClients) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	c.calls.Add(1)
	return c.ClientStore.Client(ctx, id)
}
