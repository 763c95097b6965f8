package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed5f5fedc6/oauth2"
)

// A Store is an [oauth2.TokenStore] and [oauth2.Lister]. Redis drops what has expired, so it is no
// Sweeper. It owns no goroutine, and nothing to close. It is safe for concurrent use.
type Store struct {
	connection
	prefix string
}

// Options say how the records are kept. The zero value is for one Redis of one's own, or a cluster.
type Options struct {
	// KeyPrefix begins every key, at most 64 letters, digits and any of ":._-/". The empty string
	// means "oauth2:". Stores with different prefixes share nothing, provided that none is the
	// beginning of another.
	KeyPrefix string
	// WaitReplicas is how many replicas must acknowledge each write before it counts as done; see
	// [ErrTooFewReplicas]. It makes a loss by failover less likely and never impossible. 0 means that
	// none is waited for.
	WaitReplicas int
	// WaitTimeout is how long they may take. 0 means one second. It is below the client's ReadTimeout.
	WaitTimeout time.Duration
	// AllowEviction accepts a Redis that evicts records when its memory is full. Evicted tokens are
	// unknown, and a code or an assertion whose record was evicted can be used once more.
	AllowEviction bool
}

// New keeps the records in Redis, which it asks first whether it is fit for that; see the package's
// documentation. Where the right to ask is missing, New trusts it.
//
// client is a *redis.Client, from NewClient or NewFailoverClient, or a *redis.ClusterClient. Its
// options stay as they are, its MaxRetries apply to reads alone. The application closes it itself,
// after the Store.
func New(ctx context.Context, client redis.UniversalClient, opts Options) (*Store, error) {
	s := &Store{prefix: opts.KeyPrefix}
	if s.prefix == "" {
		s.prefix = "oauth2:"
	}
	if err := errors.Join(checkOptions(opts), s.connect(client, opts)); err != nil {
		return nil, err
	}
	if err := s.checkServers(ctx, opts); err != nil {
		return nil, fault(ctx, "new", err)
	}
	return s, nil
}

// Clients is the registry of clients in the same Redis.
func (s *Store) Clients() *Clients { return &Clients{store: s} }

// errLate is about a write that changed nothing.
var errLate = errors.New("the record was on its way for too long")

// outcomes are the replies of the scripts that write a record.
var outcomes = map[any]error{
	"stored":  nil,
	"exists":  oauth2.ErrExists,
	"gone":    oauth2.ErrNotFound,
	"changed": oauth2.ErrConflict,
}

// Create implements [oauth2.TokenStore].
func (s *Store) Create(ctx context.Context, a *oauth2.Authorization) error {
	p := s.placeOf(a)
	value, err := encode(a, a.Version, p)
	if err != nil {
		return fault(ctx, "create", err)
	}
	deadline, err := s.file(ctx, a.ID, p)
	if err != nil {
		return fault(ctx, "create", err)
	}
	reply, err := s.eval(ctx, createScript, []string{s.recordKey(a.ID)}, value, expiry(a), deadline)
	return outcome(ctx, "create", reply, err)
}

// Get implements [oauth2.TokenStore].
func (s *Store) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	value, err := s.read(ctx, s.recordKey(id))
	switch {
	case errors.Is(err, redis.Nil):
		return nil, oauth2.ErrNotFound
	case err != nil:
		return nil, fault(ctx, "get", err)
	}
	return decode(value)
}

// Update implements [oauth2.TokenStore].
func (s *Store) Update(ctx context.Context, a *oauth2.Authorization) error {
	p := s.placeOf(a)
	value, err := encode(a, a.Version+1, p)
	if err != nil {
		return fault(ctx, "update", err)
	}
	keys, args := []string{s.recordKey(a.ID)}, []any{value, expiry(a), versionLine(a.Version), p.line()}
	reply, err := s.eval(ctx, updateScript, keys, append(args, "")...)
	if err == nil && reply == "elsewhere" {
		// Its entries in the indexes are older than it, or elsewhere; nothing has changed yet.
		var deadline int64
		if deadline, err = s.file(ctx, a.ID, p); err == nil {
			reply, err = s.eval(ctx, updateScript, keys, append(args, deadline)...)
		}
	}
	return outcome(ctx, "update", reply, err)
}

// Delete implements [oauth2.TokenStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.del(ctx, s.recordKey(id)); err != nil {
		return fault(ctx, "delete", err)
	}
	return nil
}

func (s *Store) del(ctx context.Context, key string) error {
	_, err := s.write(ctx, key, "del", key)
	return err
}

// outcome is what the reply of a script means.
func outcome(ctx context.Context, doing string, reply any, err error) error {
	if err != nil {
		return fault(ctx, doing, err)
	}
	if reply == "late" {
		return fault(ctx, doing, errLate)
	}
	known, ok := outcomes[reply]
	if !ok {
		return fault(ctx, doing, fmt.Errorf("unexpected reply of type %T", reply))
	}
	return known
}
