package sqlstore

// PostgreSQL is the dialect of PostgreSQL 11 and newer, for pgx's driver for database/sql
// (github.com/jackc/pgx/v5/stdlib).
//
// The statements are prepared on the connections. PgBouncer in transaction mode keeps track of such
// statements since version 1.21, if max_prepared_statements is above 0.
//
// Each statement is a transaction of its own at READ COMMITTED, which is PostgreSQL's default. Where
// default_transaction_isolation is stricter, writers that collide fail with a fault instead of
// oauth2.ErrConflict.
const PostgreSQL Dialect = "postgres"

var postgres = dialect{
	// The version is read after the lock was had, and must be that of this moment.
	begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
	// It is the transaction's, so that a pooler which shares connections cannot part the two.
	lock:       `SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(current_schema() || lower('.{prefix}'), 0))`,
	commit:     "COMMIT",
	rollback:   "ROLLBACK",
	numbered:   true,
	binary:     true,
	sweepBatch: 500,
	queries: map[query]string{
		// The array is read once, whatever the plan, so that the limit holds. Rows that others have
		// locked, another sweep or an update that extends, are theirs.
		sweepRecords: `DELETE FROM {prefix}authorizations WHERE sweep_after < ? AND ctid = ANY (ARRAY(
			SELECT ctid FROM {prefix}authorizations WHERE sweep_after < ?
			ORDER BY sweep_after LIMIT ? FOR UPDATE SKIP LOCKED))`,
	},
}
