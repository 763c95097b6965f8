package testserver_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

func TestAnSQLServerKeepsWhatItAcknowledgedWhenItIsKilled(t *testing.T) {
	t.Parallel()
	for name, start := range sqlServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			db := openSQL(t, server, server.NewDatabase(t))
			_, err := db.ExecContext(t.Context(), "CREATE TABLE kept (n INT)")
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "INSERT INTO kept VALUES (7)")
			require.NoError(t, err)
			server.Kill()
			require.Error(t, db.PingContext(t.Context()))
			server.Start()
			var n int
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT n FROM kept").Scan(&n))
			require.Equal(t, 7, n)
		})
	}
}

func TestEachDatabaseOfAnSQLServerIsEmpty(t *testing.T) {
	t.Parallel()
	for name, start := range sqlServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			for range 2 {
				db := openSQL(t, server, server.NewDatabase(t))
				_, err := db.ExecContext(t.Context(), "CREATE TABLE mine (n INT)")
				require.NoError(t, err)
			}
		})
	}
}

var sqlServers = map[string]func(t *testing.T) *testserver.SQLServer{
	"PostgreSQL": func(t *testing.T) *testserver.SQLServer { return testserver.Postgres(t) },
	"MariaDB":    func(t *testing.T) *testserver.SQLServer { return testserver.MariaDB(t) },
}

func openSQL(t *testing.T, server *testserver.SQLServer, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open(server.Driver, server.DSN(database))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}
