package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

var planSentences = []sentence{
	{"every statement uses an index and sorts nothing", everyStatementUsesAnIndex},
}

func everyStatementUsesAnIndex(t *testing.T, e engine) {
	db := e.newDatabase(t)
	store := e.newStore(t, db)
	// An engine reads a table of a page whole, and is right.
	e.copy(t, db, store, 10_000, "i * 3600000")
	var wg sync.WaitGroup
	errs := make([]error, 500)
	for i := range errs {
		wg.Go(func() {
			errs[i] = store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: fmt.Sprintf("client%d", i)})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, table := range []string{"oauth2_authorizations", "oauth2_clients"} {
		_, err := db.ExecContext(t.Context(), analyze[e.dialect]+table)
		require.NoError(t, err)
	}
	statements := sqlstore.Statements(e.dialect)
	require.GreaterOrEqual(t, len(statements), 14)
	for _, statement := range statements {
		// An INSERT looks for nothing, but for its ID.
		if !strings.HasPrefix(statement.Text, "INSERT") {
			e.requireIndex(t, db, statement)
		}
	}
}

var analyze = map[sqlstore.Dialect]string{
	sqlstore.SQLite:     "ANALYZE ",
	sqlstore.PostgreSQL: "ANALYZE ",
	sqlstore.MySQL:      "ANALYZE TABLE ",
}

// explain returns the rows of a plan, each as its columns' names and values.
func explain(t *testing.T, db *sql.DB, prefix string, statement sqlstore.Statement) (plan []map[string]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), prefix+statement.Text, statement.Args...)
	require.NoError(t, err, statement.Text)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		row := map[string]string{}
		for i, column := range columns {
			row[column] = values[i].String
		}
		plan = append(plan, row)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, plan, statement.Text)
	return plan
}

func requireIndexInSQLite(t *testing.T, db *sql.DB, statement sqlstore.Statement) {
	t.Helper()
	plan := explain(t, db, "EXPLAIN QUERY PLAN ", statement)
	searches := 0
	for _, row := range plan {
		require.NotContains(t, row["detail"], "SCAN", statement.Text)
		require.NotContains(t, row["detail"], "TEMP B-TREE", statement.Text)
		if strings.HasPrefix(row["detail"], "SEARCH") {
			require.Regexp(t, `USING (COVERING )?INDEX`, row["detail"], statement.Text)
			searches++
		}
	}
	require.NotZero(t, searches, statement.Text)
}

func requireIndexInPostgres(t *testing.T, db *sql.DB, statement sqlstore.Statement) {
	t.Helper()
	var text strings.Builder
	for _, row := range explain(t, db, "EXPLAIN ", statement) {
		text.WriteString(row["QUERY PLAN"] + "\n")
	}
	plan := text.String()
	require.Regexp(t, `Index (Only )?Scan (using|on)`, plan, statement.Text)
	require.NotContains(t, plan, "Seq Scan", statement.Text)
	// What one subject has at one client is so little that it may be sorted.
	if !strings.Contains(statement.Text, "subject = $1 AND client_id = $2") {
		require.NotContains(t, plan, "Sort", statement.Text)
	}
}

func requireIndexInMariaDB(t *testing.T, db *sql.DB, statement sqlstore.Statement) {
	t.Helper()
	for _, row := range explain(t, db, "EXPLAIN ", statement) {
		require.NotEmpty(t, row["key"], "%s: %v", statement.Text, row)
		require.NotContains(t, []string{"ALL", "index"}, row["type"], "%s: %v", statement.Text, row)
		require.NotContains(t, row["Extra"], "filesort", statement.Text)
		require.NotContains(t, row["Extra"], "temporary", statement.Text)
	}
}
