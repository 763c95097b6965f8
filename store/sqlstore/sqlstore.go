// Package sqlstore keeps authorizations and clients in an SQL database: in a SQLite file of its own,
// or in a database that the application has already.
//
// Each authorization is one row, and each change of it is one statement that is atomic by itself, so
// the store behaves the same on any number of connections, processes and machines.
//
// Nothing in the tables is a token or a client's secret in clear: they hold digests and hashes.
package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// sweepBatch is how many rows one statement deletes at most, so that other writers get their turn.
const sweepBatch = 200

// A Store is an [oauth2.TokenStore], [oauth2.Lister] and [oauth2.Sweeper]. It owns no goroutine:
// the application calls Sweep from time to time. It is safe for concurrent use.
type Store struct {
	database
	// ownsPools: the pools were opened here, and are closed here.
	ownsPools bool
}

// New keeps the records in an application's own database, which it brings up to date first; see
// [ErrNewerSchema]. Two processes may do that at once. Once the tables are up to date, no right to
// create tables is needed. The application closes db itself, after the Store.
//
// On SQLite the driver is the application's choice. Its connections need a busy_timeout and the
// journal mode WAL, or a writer that must wait for others will fail; and only with synchronous=FULL,
// or EXTRA, is what was acknowledged safe from a power loss. The writers of one Store queue.
func New(ctx context.Context, db *sql.DB, opts Options) (*Store, error) {
	pools := database{write: db, read: db}
	if dialects[opts.Dialect].oneWriter {
		pools.turn = make(chan struct{}, 1)
	}
	return newStore(ctx, pools, opts)
}

func newStore(ctx context.Context, db database, opts Options) (*Store, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if err := migrate(ctx, db.write, opts); err != nil {
		return nil, fault(ctx, "migrate", err)
	}
	if err := db.prepare(ctx, opts); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return &Store{database: db}, nil
}

// Close ends the Store, and closes the database if the Store opened it. Calls after that fail.
func (s *Store) Close() error {
	err := s.close()
	if s.ownsPools {
		err = errors.Join(err, s.read.Close(), s.write.Close())
	}
	return err
}

// Clients is the registry of clients in the same database. It ends with the Store.
func (s *Store) Clients() *Clients { return &Clients{db: &s.database} }

// Create implements [oauth2.TokenStore].
func (s *Store) Create(ctx context.Context, a *oauth2.Authorization) error {
	switch stored, err := s.put(ctx, createRecord, a); {
	case err != nil:
		return fault(ctx, "create", err)
	case !stored:
		return oauth2.ErrExists
	}
	return nil
}

// Get implements [oauth2.TokenStore].
func (s *Store) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	var version int64
	var document []byte
	switch err := s.one(ctx, getRecord, id, &version, &document); {
	case errors.Is(err, oauth2.ErrNotFound):
		return nil, err
	case err != nil:
		return nil, fault(ctx, "get", err)
	}
	return decode(version, document)
}

// Update implements [oauth2.TokenStore].
func (s *Store) Update(ctx context.Context, a *oauth2.Authorization) error {
	switch stored, err := s.put(ctx, updateRecord, a); {
	case err != nil:
		return fault(ctx, "update", err)
	case stored:
		return nil
	}
	var one int
	switch err := s.one(ctx, recordExists, a.ID, &one); {
	case errors.Is(err, oauth2.ErrNotFound):
		return err
	case err != nil:
		return fault(ctx, "update", err)
	}
	return oauth2.ErrConflict
}

// Delete implements [oauth2.TokenStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, deleteRecord, id); err != nil {
		return fault(ctx, "delete", err)
	}
	return nil
}

// List implements [oauth2.Lister]. A limit below 1 is an error.
func (s *Store) List(ctx context.Context, q oauth2.ListQuery) ([]*oauth2.Authorization, error) {
	if q.Limit < 1 {
		return nil, fmt.Errorf("sqlstore: list: the limit %d is below 1", q.Limit)
	}
	list, args := listAll, []any{q.After, q.Limit}
	switch {
	case q.Subject != "" && q.ClientID != "":
		list, args = listBoth, []any{q.Subject, q.ClientID, q.After, q.Limit}
	case q.Subject != "":
		list, args = listSubject, []any{q.Subject, q.After, q.Limit}
	case q.ClientID != "":
		list, args = listClient, []any{q.ClientID, q.After, q.Limit}
	}
	found, err := s.list(ctx, list, args)
	if err != nil {
		return nil, fault(ctx, "list", err)
	}
	return found, nil
}

func (s *Store) list(ctx context.Context, q query, args []any) ([]*oauth2.Authorization, error) {
	rows, err := s.statements[q].QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []*oauth2.Authorization
	for rows.Next() {
		var version int64
		var document []byte
		if err := rows.Scan(&version, &document); err != nil {
			return nil, err
		}
		a, err := decode(version, document)
		if err != nil {
			return nil, err
		}
		found = append(found, a)
	}
	return found, rows.Err()
}

// Sweep implements [oauth2.Sweeper]. It deletes in short statements, between which other calls get
// their turn; the count is right after an error too.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	before := now.UnixMilli()
	swept := 0
	for swept < limit {
		batch := min(limit-swept, sweepBatch)
		n, err := s.exec(ctx, sweepRecords, before, before, batch)
		if err != nil {
			return swept, fault(ctx, "sweep", err)
		}
		swept += n
		if n < batch {
			break
		}
	}
	return swept, nil
}

// put runs a statement that writes a whole record, and reports whether it did.
func (s *Store) put(ctx context.Context, q query, a *oauth2.Authorization) (bool, error) {
	document, err := encode(a)
	if err != nil {
		return false, err
	}
	n, err := s.exec(ctx, q, a.ClientID, a.Subject, a.SweepAfter().UnixMilli(), document, a.ID, a.Version)
	return n > 0, err
}

// encode is the document of a record. The version is its column's alone.
func encode(a *oauth2.Authorization) (string, error) {
	document, err := json.Marshal(struct {
		*oauth2.Authorization
		Version int64 `json:"version,omitempty"` // hides the record's, and is 0
	}{Authorization: a})
	return string(document), err
}

func decode(version int64, document []byte) (*oauth2.Authorization, error) {
	a := new(oauth2.Authorization)
	if err := json.Unmarshal(document, a); err != nil {
		return nil, fmt.Errorf("sqlstore: a stored authorization cannot be read: %w", err)
	}
	a.Version = version
	return a, nil
}
