// Package memory keeps authorizations and clients in the memory of one process: for tests, for
// examples, for servers that may forget at a restart, and as the reference of what a store is. Nothing
// survives the process, and replicas share nothing.
package memory

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// shards keep writers of different records out of each other's way.
const (
	shardBits = 6
	shards    = 1 << shardBits
)

// Every so many Creates, a shard is searched for expired records, twice as many as were created: that
// keeps up with any load, and drains a backlog.
const (
	sweepEvery = 8
	sweepBatch = 2 * sweepEvery
)

// entryBytes is room for the entry of nearly every record.
const entryBytes = 512

// A Store is an [oauth2.TokenStore], [oauth2.Lister] and [oauth2.Sweeper]. It owns no goroutine: each
// Create drops a few expired records on its way. It is safe for concurrent use.
//
// Records are kept as bytes, some 120 for a machine's token, in a few large blocks that the garbage
// collector need not look into.
type Store struct {
	seed   maphash.Seed
	names  *names
	shards [shards]shard
	// buffers are *[]byte, in which entries are put together.
	buffers sync.Pool
}

// New returns an empty Store.
func New() *Store {
	s := &Store{seed: maphash.MakeSeed(), names: newNames()}
	for i := range s.shards {
		s.shards[i].seed = s.seed
	}
	return s
}

// shard is the one for a key, whose hash it returns too. Its index goes by the lowest bits.
func (s *Store) shard(k key) (*shard, uint64) {
	hash := maphash.Bytes(s.seed, k)
	return &s.shards[hash>>(64-shardBits)], hash
}

// entryOf puts an entry together. Its bytes are good until it is given back to s.buffers.
func (s *Store) entryOf(a *oauth2.Authorization, version int64) (*[]byte, error) {
	buf, ok := s.buffers.Get().(*[]byte)
	if !ok {
		buf = new(make([]byte, 0, entryBytes))
	}
	e, err := appendEntry((*buf)[:0], s.names, a, version)
	*buf = e
	return buf, err
}

// Create implements [oauth2.TokenStore].
func (s *Store) Create(ctx context.Context, a *oauth2.Authorization) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	buf, err := s.entryOf(a, a.Version)
	defer s.buffers.Put(buf)
	if err != nil {
		return fmt.Errorf("memory: create: %w", err)
	}
	e := entry(*buf)
	k := keyOf(e)
	sh, hash := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, taken := sh.find(k, hash); taken != 0 {
		return oauth2.ErrExists
	}
	// The store has no clock: the newest record tells the time.
	if sh.created++; sh.created%sweepEvery == 0 {
		sh.sweep(a.CreatedAt, sweepBatch, sweepBatch)
	}
	return sh.insert(hash, e)
}

// Get implements [oauth2.TokenStore].
func (s *Store) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var buf [keyBytes]byte
	k := appendKey(buf[:0], id)
	sh, hash := s.shard(k)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	_, p := sh.find(k, hash)
	if p == 0 {
		return nil, oauth2.ErrNotFound
	}
	return readEntry(sh.arena.at(p), s.names, id)
}

// Update implements [oauth2.TokenStore].
func (s *Store) Update(ctx context.Context, a *oauth2.Authorization) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	buf, err := s.entryOf(a, a.Version+1)
	defer s.buffers.Put(buf)
	if err != nil {
		return fmt.Errorf("memory: update: %w", err)
	}
	e := entry(*buf)
	k := keyOf(e)
	sh, hash := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	slot, p := sh.find(k, hash)
	switch {
	case p == 0:
		return oauth2.ErrNotFound
	case versionOf(sh.arena.at(p)) != a.Version:
		return oauth2.ErrConflict
	}
	return sh.replace(slot, p, e)
}

// Delete implements [oauth2.TokenStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var buf [keyBytes]byte
	k := appendKey(buf[:0], id)
	sh, hash := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if slot, p := sh.find(k, hash); p != 0 {
		sh.remove(slot, p)
	}
	return nil
}

// List implements [oauth2.Lister]. It looks at every record.
func (s *Store) List(ctx context.Context, q oauth2.ListQuery) ([]*oauth2.Authorization, error) {
	if q.Limit < 1 {
		return nil, fmt.Errorf("memory: list: the limit %d is below 1", q.Limit)
	}
	var ids []string
	for i := range s.shards {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ids = s.shards[i].list(ids, s.names, q)
	}
	slices.Sort(ids)
	var found []*oauth2.Authorization
	for _, id := range ids {
		if len(found) == q.Limit {
			break
		}
		switch a, err := s.Get(ctx, id); {
		case errors.Is(err, oauth2.ErrNotFound): // since it was seen
		case err != nil:
			return nil, err
		default:
			found = append(found, a)
		}
	}
	return found, nil
}

// list appends the IDs of the records that match.
func (sh *shard) list(ids []string, names *names, q oauth2.ListQuery) []string {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for e, _, at := sh.arena.next(0); e != nil; e, _, at = sh.arena.next(at) {
		var a oauth2.Authorization
		c := codec{names: names, reading: true, data: e.record()}
		c.keys(&a)
		if a.ID > q.After && (q.Subject == "" || a.Subject == q.Subject) && (q.ClientID == "" || a.ClientID == q.ClientID) {
			ids = append(ids, a.ID)
		}
	}
	return ids
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
		n += sh.sweepAll(now, limit-n)
		sh.mu.Unlock()
	}
	return n, nil
}
