package sqlstore_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

var mariadbSentences = []sentence{
	{"outcomes do not depend on clientFoundRows", clientFoundRows},
	{"a sweep deletes by primary key, however small the table", sweepsByPrimaryKey},
}

// configOf is how a database of the server is connected to.
func configOf(t *testing.T, e engine, db *sql.DB) *mysql.Config {
	t.Helper()
	var name string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name))
	config, err := mysql.ParseDSN(e.server.DSN(name))
	require.NoError(t, err)
	return config
}

// openAsWriter opens a database as a user who may change rows and nothing else.
func openAsWriter(t *testing.T, e engine, db *sql.DB) *sql.DB {
	t.Helper()
	config := configOf(t, e, db)
	config.User, config.Passwd = "writer", rand.Text()
	for _, statement := range []string{
		"CREATE USER writer@'127.0.0.1' IDENTIFIED BY '" + config.Passwd + "'",
		fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s.* TO writer@'127.0.0.1'", config.DBName),
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return openPool(t, "mysql", config.FormatDSN())
}

// sweepsByPrimaryKey asks for the plan while a table grows from nothing: where the index of sweep_after
// is used, a sweep and an update of the same record deadlock.
func sweepsByPrimaryKey(t *testing.T, e engine) {
	db := e.newDatabase(t)
	store := e.newStore(t, db)
	for i := range 20 {
		a := record(fmt.Sprint("a", i))
		require.NoError(t, store.Create(t.Context(), a))
		statements := sqlstore.Statements(e.dialect)
		sweep := statements[slices.IndexFunc(statements, func(s sqlstore.Statement) bool { return strings.HasPrefix(s.Text, "DELETE a ") })]
		for j := range sweep.Args[1:] {
			sweep.Args[1+j] = []byte(fmt.Sprint("a", min(i, j)))
		}
		sweep.Args[0] = a.SweepAfter().UnixMilli() + 1
		plan := explain(t, db, "EXPLAIN ", sweep)
		require.Equal(t, "PRIMARY", plan[0]["key"], plan[0])
	}
}

func clientFoundRows(t *testing.T, e engine) {
	config := configOf(t, e, e.newDatabase(t))
	config.ClientFoundRows = true
	store := e.newStore(t, openPool(t, "mysql", config.FormatDSN()))
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	require.ErrorIs(t, store.Create(t.Context(), a), oauth2.ErrExists)
	require.NoError(t, store.Update(t.Context(), a))
	require.ErrorIs(t, store.Update(t.Context(), a), oauth2.ErrConflict)
	require.ErrorIs(t, store.Update(t.Context(), record("b")), oauth2.ErrNotFound)
	require.NoError(t, store.Create(t.Context(), record("b")), "a taken ID is marked for its own statement only")

	clients, web := store.Clients(), &oauth2.Client{ID: "web"}
	require.NoError(t, clients.CreateClient(t.Context(), web))
	require.ErrorIs(t, clients.CreateClient(t.Context(), web), oauth2.ErrExists)
	require.NoError(t, clients.UpdateClient(t.Context(), web))
	require.ErrorIs(t, clients.UpdateClient(t.Context(), &oauth2.Client{ID: "nobody"}), oauth2.ErrNotFound)
}
