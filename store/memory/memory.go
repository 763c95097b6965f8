// Package memory keeps authorizations and clients in the memory of one process: for tests, for
// examples, and as the reference of what a store is. Nothing survives the process, and replicas
// share nothing.
package memory

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// shards keep writers of different records out of each other's way.
const shards = 64

// sweepBatch is how many records of a shard each Create looks at, in search of expired ones. Two
// would do to keep up with any load; a few more drain a backlog.
const sweepBatch = 4

// A Store is an [oauth2.TokenStore], [oauth2.Lister] and [oauth2.Sweeper]. It owns no goroutine: each
// Create drops a few expired records on its way. It is safe for concurrent use.
type Store struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.RWMutex
	records map[string]*oauth2.Authorization
}

// New returns an empty Store.
func New() *Store {
	s := &Store{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].records = make(map[string]*oauth2.Authorization)
	}
	return s
}

func (s *Store) shard(id string) *shard {
	return &s.shards[maphash.String(s.seed, id)%shards]
}

// Create implements [oauth2.TokenStore].
func (s *Store) Create(ctx context.Context, a *oauth2.Authorization) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	record := a.Clone()
	sh := s.shard(a.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, taken := sh.records[a.ID]; taken {
		return oauth2.ErrExists
	}
	// The store has no clock: the newest record tells the time.
	sh.sweep(a.CreatedAt, sweepBatch, sweepBatch)
	sh.records[a.ID] = record
	return nil
}

// Get implements [oauth2.TokenStore].
func (s *Store) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sh := s.shard(id)
	sh.mu.RLock()
	record, ok := sh.records[id]
	sh.mu.RUnlock()
	if !ok {
		return nil, oauth2.ErrNotFound
	}
	// Records in the map are replaced, never changed, so they are copied without the lock.
	return record.Clone(), nil
}

// Update implements [oauth2.TokenStore].
func (s *Store) Update(ctx context.Context, a *oauth2.Authorization) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	record := a.Clone()
	record.Version++
	sh := s.shard(a.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	stored, ok := sh.records[a.ID]
	switch {
	case !ok:
		return oauth2.ErrNotFound
	case stored.Version != a.Version:
		return oauth2.ErrConflict
	}
	sh.records[a.ID] = record
	return nil
}

// Delete implements [oauth2.TokenStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.records, id)
	return nil
}

// List implements [oauth2.Lister]. It looks at every record.
func (s *Store) List(ctx context.Context, q oauth2.ListQuery) ([]*oauth2.Authorization, error) {
	if q.Limit < 1 {
		return nil, fmt.Errorf("memory: list: the limit %d is below 1", q.Limit)
	}
	var found []*oauth2.Authorization
	for i := range s.shards {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sh := &s.shards[i]
		sh.mu.RLock()
		for _, record := range sh.records {
			if matches(record, q) {
				found = append(found, record)
			}
		}
		sh.mu.RUnlock()
	}
	slices.SortFunc(found, func(a, b *oauth2.Authorization) int { return strings.Compare(a.ID, b.ID) })
	found = found[:min(len(found), q.Limit)]
	for i, record := range found {
		found[i] = record.Clone()
	}
	return found, nil
}

func matches(a *oauth2.Authorization, q oauth2.ListQuery) bool {
	return a.ID > q.After &&
		(q.Subject == "" || a.Subject == q.Subject) &&
		(q.ClientID == "" || a.ClientID == q.ClientID)
}

// Sweep implements [oauth2.Sweeper].
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	n := 0
	for i := range s.shards {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if n == limit {
			break
		}
		sh := &s.shards[i]
		sh.mu.Lock()
		n += sh.sweep(now, len(sh.records), limit-n)
		sh.mu.Unlock()
	}
	return n, nil
}

// sweep looks at some records, each time at others, and deletes at most limit expired ones.
func (sh *shard) sweep(now time.Time, look, limit int) int {
	n := 0
	for id, record := range sh.records {
		if look == 0 || n == limit {
			break
		}
		look--
		if now.After(record.SweepAfter()) {
			delete(sh.records, id)
			n++
		}
	}
	return n
}
