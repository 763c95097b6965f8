package sqlstore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// An engine is one that the same is proven of.
type engine struct {
	dialect sqlstore.Dialect
	// server is nil for an engine that needs none.
	server *testserver.SQLServer
	// another starts another server.
	another func(t testing.TB) engine
	// create makes an empty database, and returns how to open it.
	create func(t testing.TB) (open func(t testing.TB) *sql.DB)
	// fill copies the record "a" %[1]d times, for 20 clients and 500 subjects. %[2]s is the copies'
	// sweep_after, by their number i.
	fill string
	// requireIndex requires of a statement's plan that it uses an index and sorts nothing.
	requireIndex func(t *testing.T, db *sql.DB, statement sqlstore.Statement)
}

func sqliteEngine() engine {
	return engine{
		dialect: sqlstore.SQLite,
		create: func(t testing.TB) func(t testing.TB) *sql.DB {
			dsn := "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)" // patient, on a machine that does much else
			return func(t testing.TB) *sql.DB { return openPool(t, "sqlite", dsn) }
		},
		fill: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
			INSERT INTO oauth2_authorizations
			SELECT hex(randomblob(10)), version, 'client' || (i %% 20), 'subject' || (i %% 500), %[2]s, document
			FROM oauth2_authorizations, n WHERE id = 'a'`,
		requireIndex: requireIndexInSQLite,
	}
}

func postgresEngine(t testing.TB) engine {
	server := testserver.Postgres(t)
	return engine{
		dialect: sqlstore.PostgreSQL,
		server:  server,
		another: postgresEngine,
		create:  createOn(server),
		fill: `INSERT INTO oauth2_authorizations
			SELECT sha224(i::text::bytea), version, ('client' || i %% 20)::bytea, ('subject' || i %% 500)::bytea, %[2]s, document
			FROM oauth2_authorizations, generate_series(1, %[1]d::bigint) AS i WHERE id = 'a'`,
		requireIndex: requireIndexInPostgres,
	}
}

func mariadbEngine(t testing.TB) engine {
	server := testserver.MariaDB(t, "--innodb-buffer-pool-size=1G")
	return engine{
		dialect: sqlstore.MySQL,
		server:  server,
		another: mariadbEngine,
		create:  createOn(server),
		fill: `INSERT INTO oauth2_authorizations
			SELECT SHA1(i), version, CONCAT('client', i %% 20), CONCAT('subject', i %% 500), %[2]s, document
			FROM oauth2_authorizations, (SELECT seq AS i FROM seq_1_to_%[1]d) AS n WHERE id = 'a'`,
		requireIndex: requireIndexInMariaDB,
	}
}

func createOn(server *testserver.SQLServer) func(t testing.TB) func(t testing.TB) *sql.DB {
	return func(t testing.TB) func(t testing.TB) *sql.DB {
		dsn := server.DSN(server.NewDatabase(t))
		return func(t testing.TB) *sql.DB { return openPool(t, server.Driver, dsn) }
	}
}

func openPool(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	// As many as the server allows, and used again.
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// newDatabase is an empty database, as an application has it.
func (e engine) newDatabase(t testing.TB) *sql.DB {
	t.Helper()
	return e.create(t)(t)
}

// newStore keeps records in a database.
func (e engine) newStore(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(t.Context(), db, sqlstore.Options{Dialect: e.dialect})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// copy creates the record "a" and n copies of it, whose sweep_after is an expression with i.
func (e engine) copy(t testing.TB, db *sql.DB, store *sqlstore.Store, n int, sweepAfter string) *oauth2.Authorization {
	t.Helper()
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	_, err := db.ExecContext(t.Context(), fmt.Sprintf(e.fill, n, sweepAfter))
	require.NoError(t, err)
	return a
}

func record(id string) *oauth2.Authorization {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &oauth2.Authorization{
		ID: id, Version: 1, Format: 1, Issuer: "https://id.example.com",
		ClientID: "web", Subject: "alice", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

// A sentence holds of every engine.
type sentence struct {
	sentence string
	prove    func(t *testing.T, e engine)
}

func (e engine) prove(t *testing.T, sentences ...[]sentence) {
	for _, group := range sentences {
		for _, s := range group {
			t.Run(s.sentence, func(t *testing.T) {
				t.Parallel()
				s.prove(t, e)
			})
		}
	}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	sqliteEngine().prove(t, contractSentences, storeSentences, migrationSentences, planSentences, committerSentences)
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	e := postgresEngine(t)
	// What the server does for others meanwhile keeps it from clearing pages.
	t.Run("rotations are HOT updates", func(t *testing.T) { rotationsAreHOT(t, e) })
	e.prove(t, contractSentences, storeSentences, migrationSentences, planSentences, serverSentences)
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	mariadbEngine(t).prove(t, contractSentences, storeSentences, migrationSentences, planSentences, serverSentences, mariadbSentences)
}
