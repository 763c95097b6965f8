package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A query is one of the statements. All are prepared once.
type query int

const (
	createRecord query = iota
	getRecord
	getVersion
	updateRecord
	deleteRecord
	listAll
	listSubject
	listClient
	listBoth
	findExpired
	sweepRecords
	createClient
	getClient
	updateClient
	replaceClient
	deleteClient
	queryCount
)

// A kind tells what a statement does.
type kind int

const (
	reads kind = iota
	// writes: what matters is how many rows it changed.
	writes
	// creates: what matters is whether the ID was free.
	creates
)

// queries are the statements in the words that most engines share. A write is one statement that
// is atomic by itself, so none needs a transaction.
var queries = [queryCount]struct {
	kind kind
	text string
}{
	// A taken ID is no error of the engine, so it cannot be mistaken for one, nor one for it.
	createRecord: {creates, `INSERT INTO {prefix}authorizations (client_id, subject, sweep_after, document, id, version)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`},
	getRecord:  {reads, `SELECT version, document FROM {prefix}authorizations WHERE id = ?`},
	getVersion: {reads, `SELECT version FROM {prefix}authorizations WHERE id = ?`},
	updateRecord: {writes, `UPDATE {prefix}authorizations
		SET client_id = ?, subject = ?, sweep_after = ?, document = ?, version = version + 1
		WHERE id = ? AND version = ?`},
	deleteRecord: {writes, `DELETE FROM {prefix}authorizations WHERE id = ?`},

	listAll: {reads, `SELECT version, document FROM {prefix}authorizations
		WHERE id > ? ORDER BY id LIMIT ?`},
	listSubject: {reads, `SELECT version, document FROM {prefix}authorizations
		WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`},
	listClient: {reads, `SELECT version, document FROM {prefix}authorizations
		WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?`},
	listBoth: {reads, `SELECT version, document FROM {prefix}authorizations
		WHERE subject = ? AND client_id = ? AND id > ? ORDER BY id LIMIT ?`},

	// Only an engine that cannot find and delete in one statement has this one.
	findExpired: {reads, ``},
	// The condition stands twice: a record whose expiry moves between the two is not swept.
	sweepRecords: {writes, `DELETE FROM {prefix}authorizations WHERE sweep_after < ? AND id IN (
		SELECT id FROM {prefix}authorizations WHERE sweep_after < ? ORDER BY sweep_after LIMIT ?)`},

	createClient: {creates, `INSERT INTO {prefix}clients (document, id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`},
	getClient:    {reads, `SELECT document FROM {prefix}clients WHERE id = ?`},
	updateClient: {writes, `UPDATE {prefix}clients SET document = ? WHERE id = ?`},
	// The document is compared as it was read, so a version that writes it in other words does no harm.
	replaceClient: {writes, `UPDATE {prefix}clients SET document = ? WHERE id = ? AND document = ?`},
	deleteClient:  {writes, `DELETE FROM {prefix}clients WHERE id = ?`},
}

// A database is where the statements run. A pool for writes may differ from the one for reads.
type database struct {
	dialect     dialect
	write, read *sql.DB
	texts       [queryCount]string
	statements  [queryCount]*sql.Stmt
	// committer, if there is one, runs the writes.
	committer *committer
}

func newDatabase(db *sql.DB, opts Options) *database {
	d := &database{dialect: dialects[opts.Dialect], write: db, read: db}
	if opts.Reader != nil {
		d.read = opts.Reader
	}
	for q := range queryCount {
		d.texts[q] = opts.text(q)
	}
	if d.dialect.oneWriter {
		d.committer = newCommitter(d)
	}
	return d
}

// prepare prepares every statement. After an error the database must be closed all the same.
func (d *database) prepare(ctx context.Context) error {
	for q, text := range d.texts {
		if text == "" {
			continue
		}
		pool := d.write
		if queries[q].kind == reads {
			pool = d.read
		}
		var err error
		if d.statements[q], err = pool.PrepareContext(ctx, text); err != nil {
			return fault(ctx, "prepare", err)
		}
	}
	return nil
}

// close closes the statements, not the pools.
func (d *database) close() error {
	if d.committer != nil {
		d.committer.close()
	}
	var errs []error
	for _, statement := range d.statements {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(errs...)
}

// exec runs a write and returns how many rows it changed.
//
// A write is sent once. The drivers report driver.ErrBadConn, upon which database/sql tries another
// connection, only where nothing was sent; a connection that breaks later is an error like any other.
// So is a Create that went through but was not answered: it is never ErrExists. Only its caller could
// tell, and does: a Server that meets its own record later recognizes what it minted.
func (d *database) exec(ctx context.Context, q query, args ...any) (int, error) {
	if d.committer != nil {
		return d.committer.exec(ctx, q, d.bind(args))
	}
	result, err := d.statements[q].ExecContext(ctx, d.bind(args)...)
	return d.changed(q, result, err)
}

// changed is how many rows a write changed.
func (d *database) changed(q query, result sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	if queries[q].kind == creates && d.dialect.takenIsMarked {
		marked, err := result.LastInsertId()
		return int(1 - marked), err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// query runs a statement that reads.
func (d *database) query(ctx context.Context, q query, args ...any) (*sql.Rows, error) {
	return d.statements[q].QueryContext(ctx, d.bind(args)...)
}

// one reads one row. oauth2.ErrNotFound: there is none.
func (d *database) one(ctx context.Context, q query, id string, into ...any) error {
	err := d.statements[q].QueryRowContext(ctx, d.bind([]any{id})...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return oauth2.ErrNotFound
	}
	return err
}

// bind makes arguments what the engine's columns hold.
func (d *database) bind(args []any) []any {
	if d.dialect.binary {
		for i, arg := range args {
			if text, ok := arg.(string); ok {
				args[i] = []byte(text)
			}
		}
	}
	return args
}

// fault is an error of the database, which is none of the outcomes that a store tells apart. Drivers
// do not all say that it was the context that ended a call, and some see its deadline before it does.
func fault(ctx context.Context, doing string, err error) error {
	cause := ctx.Err()
	if deadline, ok := ctx.Deadline(); cause == nil && ok && !time.Now().Before(deadline) {
		cause = context.DeadlineExceeded
	}
	if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}
