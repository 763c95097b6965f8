package sqlstore

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryStatementUsesAnIndexAndSortsNothing(t *testing.T) {
	t.Parallel()
	store, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "oauth2.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	opts := Options{Dialect: SQLite}
	require.NoError(t, opts.complete())
	for q := range queryCount {
		text := opts.text(q)
		plan := explain(t, store.write, text)
		if strings.HasPrefix(text, "INSERT") {
			require.Empty(t, plan, text)
			continue
		}
		require.Contains(t, plan, "SEARCH", text)
		for line := range strings.Lines(plan) {
			require.NotContains(t, line, "SCAN", text)
			require.NotContains(t, line, "TEMP B-TREE", text)
			if strings.Contains(line, "SEARCH") {
				require.Regexp(t, `USING (COVERING )?INDEX`, line, text)
			}
		}
	}
}

func explain(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = "1"
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	require.NoError(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
