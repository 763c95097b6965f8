package oauth2

import (
	"context"
	"errors"
	"time"
)

// The outcomes of a store that are no faults. Stores return them as they are or wrapped; callers
// compare with errors.Is.
var (
	ErrNotFound = errors.New("oauth2: not found")
	ErrExists   = errors.New("oauth2: exists already")
	ErrConflict = errors.New("oauth2: changed meanwhile")
)

// A TokenStore keeps authorizations, each one record under one key that changes by
// compare-and-swap. Implementations are safe for concurrent use, by any number of replicas.
//
// The contract, which package storetest proves of an adapter:
//
//   - Get is strongly consistent: it sees every Create, Update and Delete that was acknowledged
//     before it began. It never reads from a replica that lags.
//   - A record that was handed over or handed out is never modified by either side.
//   - A store never retries a write by itself. An outcome that it cannot know, such as a
//     connection cut in the middle of a commit, is neither ErrConflict nor ErrNotFound nor
//     ErrExists: the Server answers 503, and the client's retry is judged by what the record then
//     says.
//   - The Server checks exact times itself. A store's expiry is garbage collection only: a record
//     may go once [Authorization.SweepAfter] has passed, never before.
//   - When ctx is done, a call returns an error that wraps ctx.Err(); a write that had not begun
//     then changes nothing.
//
// A store may offer more by implementing [Lister] or [Sweeper]; a decorator lets those be found by
// a method Unwrap() TokenStore.
type TokenStore interface {
	// Create stores a as it is. ErrExists: the ID is taken, and nothing changed.
	Create(ctx context.Context, a *Authorization) error
	// Get returns the record. ErrNotFound: it is unknown or deleted.
	Get(ctx context.Context, id string) (*Authorization, error)
	// Update stores a with the version a.Version+1 and leaves a itself unchanged. ErrConflict:
	// the stored version is not a.Version. ErrNotFound: the record is gone; Update never creates it
	// anew. In both cases nothing changed.
	Update(ctx context.Context, a *Authorization) error
	// Delete removes the record. Deleting what is not there is no error.
	Delete(ctx context.Context, id string) error
}

// A ClientStore looks up registered clients. Implementations are safe for concurrent use; the
// Server never modifies the Client it was given. ErrNotFound: no such client. An *[Error] is answered as it
// is, any other error with 503. See [ClientIDMetadata] for clients that nobody registers.
type ClientStore interface {
	Client(ctx context.Context, id string) (*Client, error)
}

// A ClientRegistry is a ClientStore that clients can be registered in while the Server runs. It is what
// dynamic client registration needs (RFC 7591), see [ServerConfig].Registration. A decorator lets it be
// found by a method Unwrap() ClientStore. One that keeps clients for a while implements Forget(id string),
// which the Server calls after each change that it made.
//
// CreateClient and ReplaceClient refuse a client that fails [Client.Validate] with that error. Clients
// that were handed over or handed out are never modified by either side.
type ClientRegistry interface {
	ClientStore
	// CreateClient registers a client. ErrExists: the ID is taken, and nothing changed.
	CreateClient(ctx context.Context, c *Client) error
	// ReplaceClient puts next in the place of old, a client as it was read, of the same ID.
	// ErrConflict: the stored client is another than old by now, see [Client.Equal]. ErrNotFound: it is
	// gone. In both cases nothing changed.
	ReplaceClient(ctx context.Context, old, next *Client) error
	// DeleteClient removes a client. Deleting what is not there is no error.
	DeleteClient(ctx context.Context, id string) error
}

// A Lister is a TokenStore that finds the records of a subject or of a client. It is what connected
// apps, "log out everywhere" and [Server.ExpireSubject] need.
type Lister interface {
	// List returns up to q.Limit records that match q, in ascending order of their IDs.
	List(ctx context.Context, q ListQuery) ([]*Authorization, error)
}

// A ListQuery selects records by exact match; the empty string matches every record.
type ListQuery struct {
	Subject  string
	ClientID string
	// After continues a listing: only records with a greater ID are returned.
	After string
	// Limit is the most records to return. A Lister refuses one below 1 with an error.
	Limit int
}

// A Sweeper is a TokenStore that must be asked to drop expired records, because its engine does not
// expire them by itself.
type Sweeper interface {
	// Sweep deletes at most limit records whose SweepAfter lies before now, and returns how many
	// it deleted. It never holds up other calls for long.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)
}

// storeAs finds a capability of a store, behind any number of decorators.
func storeAs[T any](store TokenStore) (T, bool) {
	for store != nil {
		if capable, ok := store.(T); ok {
			return capable, true
		}
		wrapper, ok := store.(interface{ Unwrap() TokenStore })
		if !ok {
			break
		}
		store = wrapper.Unwrap()
	}
	var none T
	return none, false
}

// clientStoreAs finds a capability of a store of clients, behind any number of decorators.
func clientStoreAs[T any](store ClientStore) (T, bool) {
	for store != nil {
		if capable, ok := store.(T); ok {
			return capable, true
		}
		wrapper, ok := store.(interface{ Unwrap() ClientStore })
		if !ok {
			break
		}
		store = wrapper.Unwrap()
	}
	var none T
	return none, false
}
