package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed5f5fedc6/oauth2"
)

// Clients is an [oauth2.ClientStore] and an [oauth2.ClientRegistry] in memory. It is safe for concurrent use.
type Clients struct {
	mu      sync.RWMutex
	clients map[string]*oauth2.Client
}

// NewClients returns a store of these clients. It fails if two have the same ID, or one fails
// [oauth2.Client.Validate].
func NewClients(clients ...*oauth2.Client) (*Clients, error) {
	s := &Clients{clients: make(map[string]*oauth2.Client, len(clients))}
	for _, c := range clients {
		if err := s.CreateClient(context.Background(), c); err != nil {
			return nil, fmt.Errorf("memory: client %q: %w", c.ID, err)
		}
	}
	return s, nil
}

// Client implements [oauth2.ClientStore].
func (s *Clients) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.clients[id]
	if !ok {
		return nil, oauth2.ErrNotFound
	}
	// Clients in the map are replaced, never changed, and whoever reads one must not change it.
	return c, nil
}

// CreateClient registers a client. oauth2.ErrExists: the ID is taken. Any other error is that of
// [oauth2.Client.Validate].
func (s *Clients) CreateClient(ctx context.Context, c *oauth2.Client) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return s.change(ctx, c.ID, func(exists bool) error {
		if exists {
			return oauth2.ErrExists
		}
		s.clients[c.ID] = c.Clone()
		return nil
	})
}

// UpdateClient replaces a client. oauth2.ErrNotFound: there is none with this ID. Any other error is
// that of [oauth2.Client.Validate].
func (s *Clients) UpdateClient(ctx context.Context, c *oauth2.Client) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return s.change(ctx, c.ID, func(exists bool) error {
		if !exists {
			return oauth2.ErrNotFound
		}
		s.clients[c.ID] = c.Clone()
		return nil
	})
}

// ReplaceClient implements [oauth2.ClientRegistry].
func (s *Clients) ReplaceClient(ctx context.Context, old, next *oauth2.Client) error {
	if err := next.Validate(); err != nil {
		return err
	}
	return s.change(ctx, next.ID, func(exists bool) error {
		switch {
		case !exists:
			return oauth2.ErrNotFound
		case !s.clients[next.ID].Equal(old):
			return oauth2.ErrConflict
		}
		s.clients[next.ID] = next.Clone()
		return nil
	})
}

// DeleteClient removes a client. Deleting what is not there is no error. The client's authorizations
// stay: see [oauth2.Server.ExpireClient].
func (s *Clients) DeleteClient(ctx context.Context, id string) error {
	return s.change(ctx, id, func(bool) error {
		delete(s.clients, id)
		return nil
	})
}

func (s *Clients) change(ctx context.Context, id string, do func(exists bool) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, exists := s.clients[id]
	return do(exists)
}
