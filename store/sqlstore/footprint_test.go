package sqlstore_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/store/internal/flow"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// tableSize is a query for the bytes of the authorizations, indexes and free room included.
var tableSize = map[sqlstore.Dialect]string{
	sqlstore.SQLite:     "SELECT SUM(pgsize) FROM dbstat WHERE name LIKE '%oauth2_authorizations%'",
	sqlstore.PostgreSQL: "SELECT pg_total_relation_size('oauth2_authorizations')",
	sqlstore.MySQL: `SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces
		WHERE name = CONCAT(DATABASE(), '/oauth2_authorizations')`,
}

func footprint(t *testing.T, e engine) {
	// A year of hourly refreshes is 8,760; what 1,000 leave behind, any number does.
	authorizations, refreshes := 2, 100
	if os.Getenv("SQLSTORE_FOOTPRINT") != "" {
		authorizations, refreshes = 50, 1000
	}
	db := e.newDatabase(t)
	f := flow.New(t, e.newStore(t, db))
	for range authorizations {
		_, token := f.Redeem(f.Code())
		for range refreshes {
			f.Advance(time.Hour)
			_, token = f.Refresh(token)
		}
	}
	var rows, size int
	var document float64
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*), AVG(LENGTH(document)) FROM oauth2_authorizations").Scan(&rows, &document))
	require.Equal(t, authorizations, rows)
	require.Less(t, document, 1200.0)
	require.NoError(t, db.QueryRowContext(t.Context(), tableSize[e.dialect]).Scan(&size))
	t.Logf("after %d refreshes each: %d rows of %.0f bytes; %d bytes each with indexes and free room", refreshes, rows, document, size/rows)
}
