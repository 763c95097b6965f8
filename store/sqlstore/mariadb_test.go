package sqlstore_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

var mariadbSentences = []sentence{
	{"outcomes do not depend on clientFoundRows", clientFoundRows},
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
