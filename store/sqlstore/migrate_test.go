package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func newDatabase(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// schemaOf is the definition of everything in the database, and its version.
func schemaOf(t *testing.T, db *sql.DB) string {
	t.Helper()
	var schema string
	err := db.QueryRowContext(t.Context(), `SELECT group_concat(sql, char(10)) || (SELECT group_concat(version) FROM oauth2_schema) FROM sqlite_master`).Scan(&schema)
	require.NoError(t, err)
	return schema
}

func TestMigrationsAreNumberedWithoutAGap(t *testing.T) {
	t.Parallel()
	for dialect := range dialects {
		scripts, err := fs.Glob(migrations, path.Join("migrations", string(dialect), "*"))
		require.NoError(t, err)
		require.NotEmpty(t, scripts)
		for i, script := range scripts {
			require.Regexp(t, fmt.Sprintf(`/%04d_[a-z_]+\.sql$`, i+1), script)
			text, err := migrations.ReadFile(script)
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(string(text), ";\n"), script)
		}
	}
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	opts := Options{Dialect: SQLite, TablePrefix: "oauth2_"}
	require.NoError(t, migrate(t.Context(), db, opts))
	before := schemaOf(t, db)
	require.NoError(t, migrate(t.Context(), db, opts))
	require.Equal(t, before, schemaOf(t, db))
}

func TestTablesThatAreUpToDateNeedNoRightToChangeThem(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	db.SetMaxOpenConns(1)
	opts := Options{Dialect: SQLite, TablePrefix: "oauth2_"}
	require.NoError(t, migrate(t.Context(), db, opts))
	_, err := db.ExecContext(t.Context(), "PRAGMA query_only = 1")
	require.NoError(t, err)
	require.NoError(t, migrate(t.Context(), db, opts))

	opts.TablePrefix = "other_"
	require.Error(t, migrate(t.Context(), db, opts), "and the right is needed where they are not")
}

func TestManyThatMigrateAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	for range 5 {
		path := filepath.Join(t.TempDir(), "oauth2.db")
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				store, err := OpenSQLite(t.Context(), path)
				if errs[i] = err; err == nil {
					errs[i] = store.Close()
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
}

func TestANewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	opts := Options{Dialect: SQLite}
	store, err := New(t.Context(), db, opts)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	_, err = db.ExecContext(t.Context(), "INSERT INTO oauth2_schema (version) VALUES (9999)")
	require.NoError(t, err)
	before := schemaOf(t, db)

	_, err = New(t.Context(), db, opts)
	require.ErrorIs(t, err, ErrNewerSchema)
	require.ErrorContains(t, err, "9999")
	require.Equal(t, before, schemaOf(t, db))
}

func TestAMigrationThatFailsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	// The second table is in the way: the first is made, and must go again.
	_, err := db.ExecContext(t.Context(), "CREATE TABLE oauth2_clients (mine TEXT)")
	require.NoError(t, err)
	_, err = New(t.Context(), db, Options{Dialect: SQLite})
	require.ErrorContains(t, err, "oauth2_clients")
	var tables string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT group_concat(name) FROM sqlite_master").Scan(&tables))
	require.Equal(t, "oauth2_clients", tables)

	_, err = db.ExecContext(t.Context(), "DROP TABLE oauth2_clients")
	require.NoError(t, err)
	store, err := New(t.Context(), db, Options{Dialect: SQLite})
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

func TestMigrationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(ctx, db, Options{Dialect: SQLite})
	require.ErrorIs(t, err, context.Canceled)
}
