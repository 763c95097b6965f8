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
// the end of a line ends a statement. Older replicas serve while a script runs and after it, so it
// adds what they can do without: a table, a column with a default, an index.
//
//go:embed migrations
var migrations embed.FS

const (
	createSchema = `CREATE TABLE IF NOT EXISTS {prefix}schema (version INTEGER NOT NULL PRIMARY KEY)`
	readSchema   = `SELECT COALESCE(MAX(version), 0) FROM {prefix}schema`
	insertSchema = `INSERT INTO {prefix}schema (version) VALUES (%d)`
)

// migrate brings the tables up to date.
func migrate(ctx context.Context, db *sql.DB, opts Options, migrations fs.FS) error {
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
	dialect := dialects[opts.Dialect]
	err = begin(ctx, conn, opts)
	if err == nil {
		err = upgrade(ctx, conn, opts, migrations, scripts)
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, opts.named(dialect.commit))
	}
	if err != nil {
		abandon(ctx, conn, opts.named(dialect.rollback))
	}
	return err
}

// begin keeps every other migration out.
func begin(ctx context.Context, conn *sql.Conn, opts Options) error {
	dialect := dialects[opts.Dialect]
	if dialect.begin != "" {
		if _, err := conn.ExecContext(ctx, dialect.begin); err != nil {
			return err
		}
	}
	if dialect.lock == "" {
		return nil
	}
	var held int
	if err := conn.QueryRowContext(ctx, opts.named(dialect.lock)).Scan(&held); err != nil {
		return err
	}
	if held != 1 {
		return errors.New("another migration does not come to its end")
	}
	return nil
}

// upgrade runs while every other upgrade is kept out, so it reads the version again.
func upgrade(ctx context.Context, conn *sql.Conn, opts Options, migrations fs.FS, scripts []string) error {
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
		script, err := fs.ReadFile(migrations, scripts[version-1])
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

// abandon ends a transaction, or gives up a lock, whatever became of ctx. A connection that cannot be
// brought out of it must not go back to the pool: once it is closed, the engine does the same.
func abandon(ctx context.Context, conn *sql.Conn, rollback string) {
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), rollback); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
