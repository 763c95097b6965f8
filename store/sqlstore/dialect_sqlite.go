package sqlstore

// SQLite is the dialect of SQLite 3.24 and newer. Package sqlite, below this one, opens a file with
// everything set right; [New] takes a database that the application has open.
//
// The driver is the application's choice. Its connections need a busy_timeout and the journal mode
// WAL, or a writer that must wait for others will fail; and only with synchronous=FULL, or EXTRA, is
// what was acknowledged safe from a power loss. The writers of one Store queue, and those that wait
// share one transaction.
const SQLite Dialect = "sqlite"

var sqlite = dialect{
	begin:      "BEGIN IMMEDIATE",
	commit:     "COMMIT",
	rollback:   "ROLLBACK",
	oneWriter:  true,
	sweepBatch: 50,
}
