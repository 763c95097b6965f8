// Package sqlstore keeps authorizations and clients in an SQL database: PostgreSQL, MySQL, MariaDB or
// SQLite. The application passes the *sql.DB that it has already, opened with a driver of its choice;
// this package links none. Package sqlite, below this one, opens an SQLite file by itself.
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

	"github.com/seed5f5fedc6/oauth2"
)

// The longest values that every engine can keep in an index, in bytes.
const (
	maxID  = 255
	maxKey = 2048
)

// A Store is an [oauth2.TokenStore], [oauth2.Lister] and [oauth2.Sweeper]. It owns no goroutine:
// the application calls Sweep from time to time. It is safe for concurrent use.
type Store struct {
	*database
	closePools bool
}

// New keeps the records in an application's database, whose tables it brings up to date first; see
// [ErrNewerSchema]. Any number of processes may do that at once, while others serve. Once the tables
// are up to date, no right to create tables is needed. db is for the writes, and for the reads too
// unless there is an Options.Reader; it never leads to a replica that lags. Servers bound their
// connections, so the application bounds its pool (SetMaxOpenConns). After an error the pools are
// still open.
func New(ctx context.Context, db *sql.DB, opts Options) (*Store, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if err := migrate(ctx, db, opts, migrations); err != nil {
		return nil, fault(ctx, "migrate", err)
	}
	d := newDatabase(db, opts)
	if err := d.prepare(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return &Store{database: d, closePools: opts.ClosePools}, nil
}

// Close ends the Store, and closes the pools if Options.ClosePools says so. Calls after that fail.
func (s *Store) Close() error {
	err := s.close()
	if s.closePools {
		err = errors.Join(err, s.read.Close(), s.write.Close())
	}
	return err
}

// Clients is the registry of clients in the same database. It ends with the Store.
func (s *Store) Clients() *Clients { return &Clients{db: s.database} }

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
	for {
		stored, err := s.put(ctx, updateRecord, a)
		switch {
		case err != nil:
			return fault(ctx, "update", err)
		case stored:
			return nil
		}
		var version int64
		switch err := s.one(ctx, getVersion, a.ID, &version); {
		case errors.Is(err, oauth2.ErrNotFound):
			return err
		case err != nil:
			return fault(ctx, "update", err)
		case version != a.Version:
			return oauth2.ErrConflict
		}
		// It was gone, and somebody created it anew in between. Nothing was written yet.
	}
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
	rows, err := s.query(ctx, q, args...)
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

// put runs a statement that writes a whole record, and reports whether it did.
func (s *Store) put(ctx context.Context, q query, a *oauth2.Authorization) (bool, error) {
	if len(a.ID) > maxID || len(a.ClientID) > maxKey || len(a.Subject) > maxKey {
		return false, errTooLong
	}
	document, err := encode(a)
	if err != nil {
		return false, err
	}
	n, err := s.exec(ctx, q, a.ClientID, a.Subject, a.SweepAfter().UnixMilli(), document, a.ID, a.Version)
	return n > 0, err
}

var errTooLong = fmt.Errorf("the ID is longer than %d bytes, or the client's ID or the subject longer than %d", maxID, maxKey)

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
