package sqlstore

import "strings"

// MySQL is the dialect of MySQL 8.0 and MariaDB 10.5 and newer, for the driver
// github.com/go-sql-driver/mysql, whatever its clientFoundRows. The tables are InnoDB's.
//
// These engines cannot take back the definition of a table. A migration that was interrupted is
// taken up again by the next [New].
const MySQL Dialect = "mysql"

const (
	// mysqlSweepBatch is also how many placeholders the statement has.
	mysqlSweepBatch = 200
	// mysqlLock names a lock of the whole server, in at most 64 characters.
	mysqlLock = `CONCAT('oauth2 ', SHA1(CONCAT(DATABASE(), '.{prefix}')))`
)

var mysql = dialect{
	lock:          `SELECT COALESCE(GET_LOCK(` + mysqlLock + `, 60), 0)`,
	commit:        `DO RELEASE_LOCK(` + mysqlLock + `)`,
	rollback:      `DO RELEASE_LOCK(` + mysqlLock + `)`,
	binary:        true,
	takenIsMarked: true,
	sweepBatch:    mysqlSweepBatch,
	queries: map[query]string{
		// INSERT IGNORE would swallow real errors. How many rows are affected depends on the
		// connection's clientFoundRows; the last insert ID does not.
		createRecord: `INSERT INTO {prefix}authorizations (client_id, subject, sweep_after, document, id, version)
			VALUES (?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE version = IF(LAST_INSERT_ID(1), version, version)`,
		createClient: `INSERT INTO {prefix}clients (document, id) VALUES (?, ?)
			ON DUPLICATE KEY UPDATE changes = IF(LAST_INSERT_ID(1), changes, changes)`,
		// A row that stays as it was counts as not found, so that each write changes a counter.
		updateClient:  `UPDATE {prefix}clients SET document = ?, changes = changes + 1 WHERE id = ?`,
		replaceClient: `UPDATE {prefix}clients SET document = ?, changes = changes + 1 WHERE id = ? AND document = ?`,
		// A DELETE that looks for its rows in the index of sweep_after locks entries there before
		// rows, an UPDATE of sweep_after rows before entries: the two would deadlock. So the rows are
		// found by a read that locks nothing, and deleted by their keys. The optimizer would now and then
		// prefer that index in a table of a few rows, so the choice is not left to it.
		findExpired: `SELECT id FROM {prefix}authorizations WHERE sweep_after < ? ORDER BY sweep_after LIMIT ?`,
		sweepRecords: `DELETE a FROM {prefix}authorizations AS a FORCE INDEX (PRIMARY)
			WHERE a.sweep_after < ? AND a.id IN (?` +
			strings.Repeat(", ?", mysqlSweepBatch-1) + `)`,
	},
}
