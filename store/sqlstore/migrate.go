package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// ErrNewerSchema is returned when the tables were brought up to date by a newer version of this
// package, which this one would only damage. Nothing was changed.
var ErrNewerSchema = errors.New("sqlstore: the tables are of a newer version")

// The scripts of a dialect are numbered from 1 without a gap and only ever added to. A semicolon at
// the end of a line ends a statement.
//
//go:embed migrations
var migrations embed.FS

const (
	createSchema = `CREATE TABLE IF NOT EXISTS {prefix}schema (version INTEGER NOT NULL PRIMARY KEY)`
	readSchema   = `SELECT COALESCE(MAX(version), 0) FROM {prefix}schema`
	insertSchema = `INSERT INTO {prefix}schema (version) VALUES (%d)`
)

// migrate brings the tables up to date.
func migrate(ctx context.Context, db *sql.DB, opts Options) error {
	scripts, err := fs.Glob(migrations, path.Join("migrations", string(opts.Dialect), "*.sql"))
	if err != nil {
		return err
	}
	// Whoever may only read and write rows gets no further than this, and need not. When the tables
	// cannot be read, what follows tells why.
	if have, err := schemaVersion(ctx, db, opts); err == nil && have == len(scripts) {
		return nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, dialects[opts.Dialect].begin); err != nil {
		return err
	}
	err = upgrade(ctx, conn, opts, scripts)
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		return errors.Join(err, rollBack(ctx, conn))
	}
	return nil
}

// upgrade runs in a transaction that excludes every other upgrade, so it reads the version again.
func upgrade(ctx context.Context, conn *sql.Conn, opts Options, scripts []string) error {
	if _, err := conn.ExecContext(ctx, opts.named(createSchema)); err != nil {
		return err
	}
	have, err := schemaVersion(ctx, conn, opts)
	if err != nil {
		return err
	}
	if have > len(scripts) {
		return fmt.Errorf("%w: schema %d, and this version knows %d", ErrNewerSchema, have, len(scripts))
	}
	for version := have + 1; version <= len(scripts); version++ {
		script, err := migrations.ReadFile(scripts[version-1])
		if err != nil {
			return err
		}
		statements := strings.Split(string(script), ";\n")
		statements[len(statements)-1] = fmt.Sprintf(insertSchema, version)
		for _, statement := range statements {
			if _, err := conn.ExecContext(ctx, opts.named(statement)); err != nil {
				return fmt.Errorf("schema %d: %w", version, err)
			}
		}
	}
	return nil
}

func schemaVersion(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, opts Options) (version int, err error) {
	err = db.QueryRowContext(ctx, opts.named(readSchema)).Scan(&version)
	return version, err
}

// rollBack ends the transaction, whatever became of ctx. A connection that cannot be brought out of
// it must not go back to the pool.
func rollBack(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	if err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return err
}
