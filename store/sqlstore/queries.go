package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed5f5fedc6/oauth2"
)

// A query is one of the statements. All are prepared once.
type query int

const (
	createRecord query = iota
	getRecord
	recordExists
	updateRecord
	deleteRecord
	listAll
	listSubject
	listClient
	listBoth
	sweepRecords
	createClient
	getClient
	updateClient
	deleteClient
	queryCount
)

// queries are the statements in the words that most engines share. A write is one statement that
// is atomic by itself, so none needs a transaction.
var queries = [queryCount]struct {
	writes bool
	text   string
}{
	// A taken ID is no error of the engine, so it cannot be mistaken for one, nor one for it.
	createRecord: {true, `INSERT INTO {prefix}authorizations (client_id, subject, sweep_after, document, id, version)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`},
	getRecord:    {false, `SELECT version, document FROM {prefix}authorizations WHERE id = ?`},
	recordExists: {false, `SELECT 1 FROM {prefix}authorizations WHERE id = ?`},
	updateRecord: {true, `UPDATE {prefix}authorizations
		SET client_id = ?, subject = ?, sweep_after = ?, document = ?, version = version + 1
		WHERE id = ? AND version = ?`},
	deleteRecord: {true, `DELETE FROM {prefix}authorizations WHERE id = ?`},

	listAll: {false, `SELECT version, document FROM {prefix}authorizations
		WHERE id > ? ORDER BY id LIMIT ?`},
	listSubject: {false, `SELECT version, document FROM {prefix}authorizations
		WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`},
	listClient: {false, `SELECT version, document FROM {prefix}authorizations
		WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?`},
	listBoth: {false, `SELECT version, document FROM {prefix}authorizations
		WHERE subject = ? AND client_id = ? AND id > ? ORDER BY id LIMIT ?`},

	// The condition stands twice: a record whose expiry moves between the two is not swept.
	sweepRecords: {true, `DELETE FROM {prefix}authorizations WHERE sweep_after < ? AND id IN (
		SELECT id FROM {prefix}authorizations WHERE sweep_after < ? ORDER BY sweep_after LIMIT ?)`},

	createClient: {true, `INSERT INTO {prefix}clients (document, id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`},
	getClient:    {false, `SELECT document FROM {prefix}clients WHERE id = ?`},
	updateClient: {true, `UPDATE {prefix}clients SET document = ? WHERE id = ?`},
	deleteClient: {true, `DELETE FROM {prefix}clients WHERE id = ?`},
}

// A database is where the statements run. A pool for writes may differ from the one for reads.
type database struct {
	write, read *sql.DB
	statements  [queryCount]*sql.Stmt
	// turn is held by the one that writes. nil: any number may.
	turn chan struct{}
}

// prepare prepares every statement. After an error the database must be closed all the same.
func (d *database) prepare(ctx context.Context, opts Options) error {
	for q := range queryCount {
		pool := d.read
		if queries[q].writes {
			pool = d.write
		}
		var err error
		if d.statements[q], err = pool.PrepareContext(ctx, opts.text(q)); err != nil {
			return fault(ctx, "prepare", err)
		}
	}
	return nil
}

// close closes the statements, not the pools.
func (d *database) close() error {
	var errs []error
	for _, statement := range d.statements {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(errs...)
}

// exec runs a write and returns how many rows it changed.
func (d *database) exec(ctx context.Context, q query, args ...any) (int, error) {
	if d.turn != nil {
		select {
		case d.turn <- struct{}{}:
			defer func() { <-d.turn }()
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	result, err := d.statements[q].ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// one reads one row. oauth2.ErrNotFound: there is none.
func (d *database) one(ctx context.Context, q query, id string, into ...any) error {
	err := d.statements[q].QueryRowContext(ctx, id).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return oauth2.ErrNotFound
	}
	return err
}

// fault is an error of the database, which is none of the outcomes that a store tells apart. Drivers
// do not all say that it was the context that ended a call.
func fault(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}
