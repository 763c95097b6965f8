package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

var migrationSentences = []sentence{
	{"migrations are numbered without a gap", numberedWithoutGap},
	{"migrating again changes nothing", migratingAgain},
	{"tables that are up to date need no right to change them", noRightNeeded},
	{"many that migrate at once all succeed", manyMigrate},
	{"a migration runs while others serve", migrationWhileServing},
	{"a newer schema is refused and left alone", newerSchema},
	{"a migration that failed can be taken up again", failedMigration},
	{"a migration ends with its context", migrationEndsWithContext},
}

func numberedWithoutGap(t *testing.T, e engine) {
	scripts, err := fs.Glob(sqlstore.Migrations, path.Join("migrations", string(e.dialect), "*"))
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	for i, script := range scripts {
		require.Regexp(t, fmt.Sprintf(`/%04d_[a-z_]+\.sql$`, i+1), script)
		text, err := fs.ReadFile(sqlstore.Migrations, script)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(text), ";\n"), script)
	}
}

// schemaVersions are the migrations that were made.
func schemaVersions(t *testing.T, db *sql.DB) (versions []int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT version FROM oauth2_schema ORDER BY version")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var version int
		require.NoError(t, rows.Scan(&version))
		versions = append(versions, version)
	}
	require.NoError(t, rows.Err())
	return versions
}

func migratingAgain(t *testing.T, e engine) {
	db := e.newDatabase(t)
	a := record("a")
	require.NoError(t, e.newStore(t, db).Create(t.Context(), a))
	before := schemaVersions(t, db)
	got, err := e.newStore(t, db).Get(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, a, got)
	require.Equal(t, before, schemaVersions(t, db))
}

// readOnly makes the only connection of a pool refuse every change.
var readOnly = map[sqlstore.Dialect]string{
	sqlstore.SQLite:     "PRAGMA query_only = 1",
	sqlstore.PostgreSQL: "SET default_transaction_read_only = on",
}

func noRightNeeded(t *testing.T, e engine) {
	db := e.newDatabase(t)
	db.SetMaxOpenConns(1)
	e.newStore(t, db)
	if e.dialect == sqlstore.MySQL { // which would not prepare a write
		db = openAsWriter(t, e, db)
	} else {
		_, err := db.ExecContext(t.Context(), readOnly[e.dialect])
		require.NoError(t, err)
	}
	e.newStore(t, db)

	_, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: e.dialect, TablePrefix: "other_"})
	require.Error(t, err, "and the right is needed where they are not")
}

func manyMigrate(t *testing.T, e engine) {
	for range 3 {
		open := e.create(t)
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			db := open(t)
			wg.Go(func() {
				store, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: e.dialect})
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

// withNext are the migrations and one that comes after them.
func withNext(t *testing.T, e engine, text string) fs.FS {
	t.Helper()
	next := fstest.MapFS{}
	scripts, err := fs.Glob(sqlstore.Migrations, path.Join("migrations", string(e.dialect), "*"))
	require.NoError(t, err)
	for _, script := range scripts {
		text, err := fs.ReadFile(sqlstore.Migrations, script)
		require.NoError(t, err)
		next[script] = &fstest.MapFile{Data: text}
	}
	next[path.Join("migrations", string(e.dialect), fmt.Sprintf("%04d_next.sql", len(scripts)+1))] = &fstest.MapFile{Data: []byte(text)}
	return next
}

func migrationWhileServing(t *testing.T, e engine) {
	open := e.create(t)
	store := e.newStore(t, open(t))
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() {
		defer close(served)
		for ; ctx.Err() == nil; a.Version++ {
			if _, err := store.Get(t.Context(), a.ID); err != nil {
				served <- err
			}
			if err := store.Update(t.Context(), a); err != nil {
				served <- err
				return
			}
		}
	}()
	err := sqlstore.Migrate(t.Context(), open(t), sqlstore.Options{Dialect: e.dialect}, withNext(t, e, `
ALTER TABLE {prefix}authorizations ADD COLUMN note VARCHAR(10) DEFAULT '';
CREATE INDEX {prefix}authorizations_note ON {prefix}authorizations (note, id);
`))
	cancel()
	for err := range served {
		require.NoError(t, err)
	}
	require.NoError(t, err)
	require.NoError(t, store.Update(t.Context(), a), "an older replica serves on")
	require.NoError(t, store.Create(t.Context(), record("b")))
}

func newerSchema(t *testing.T, e engine) {
	db := e.newDatabase(t)
	e.newStore(t, db)
	_, err := db.ExecContext(t.Context(), "INSERT INTO oauth2_schema (version) VALUES (9999)")
	require.NoError(t, err)
	before := schemaVersions(t, db)

	_, err = sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: e.dialect})
	require.ErrorIs(t, err, sqlstore.ErrNewerSchema)
	require.ErrorContains(t, err, "9999")
	require.Equal(t, before, schemaVersions(t, db))
}

func failedMigration(t *testing.T, e engine) {
	db := e.newDatabase(t)
	opts := sqlstore.Options{Dialect: e.dialect}
	broken := withNext(t, e, "CREATE TABLE {prefix}more (id INTEGER);\nCREATE TABLE {prefix}clients (mine INTEGER);\n")
	require.ErrorContains(t, sqlstore.Migrate(t.Context(), db, opts, broken), "oauth2_clients")
	if e.dialect != sqlstore.MySQL {
		_, err := db.ExecContext(t.Context(), "SELECT id FROM oauth2_more")
		require.Error(t, err, "nothing of it was left behind")
	}
	mended := withNext(t, e, "CREATE TABLE IF NOT EXISTS {prefix}more (id INTEGER);\n")
	require.NoError(t, sqlstore.Migrate(t.Context(), db, opts, mended))
	require.Equal(t, []int{1, 2}, schemaVersions(t, db))
}

func migrationEndsWithContext(t *testing.T, e engine) {
	db := e.newDatabase(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlstore.New(ctx, db, sqlstore.Options{Dialect: e.dialect})
	require.ErrorIs(t, err, context.Canceled)
}
