package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"math"
)

// Migrations are the scripts as they are embedded.
var Migrations fs.FS = migrations

// Migrate brings the tables up to date by other scripts.
func Migrate(ctx context.Context, db *sql.DB, opts Options, migrations fs.FS) error {
	if err := opts.complete(); err != nil {
		return err
	}
	return migrate(ctx, db, opts, migrations)
}

// A Statement is one of those that are prepared, with arguments that fit it.
type Statement struct {
	Text string
	Args []any
}

// Statements are all that an engine prepares.
func Statements(dialect Dialect) []Statement {
	opts := Options{Dialect: dialect}
	_ = opts.complete() // which only a wrong option fails
	d := newDatabase(nil, opts)
	const client, subject, id, document, limit = "client1", "subject1", "a", "{}", 10
	args := [queryCount][]any{
		createRecord:  {client, subject, 1, document, "new", 1},
		getRecord:     {id},
		getVersion:    {id},
		updateRecord:  {client, subject, 1, document, id, 1},
		deleteRecord:  {id},
		listAll:       {id, limit},
		listSubject:   {subject, id, limit},
		listClient:    {client, id, limit},
		listBoth:      {subject, client, id, limit},
		findExpired:   {1, limit},
		sweepRecords:  {1, 1, limit},
		createClient:  {document, "new"},
		getClient:     {client},
		updateClient:  {document, client},
		replaceClient: {document, client, document},
		deleteClient:  {client},
	}
	if d.texts[findExpired] != "" {
		args[sweepRecords] = []any{math.MaxInt64}
		for i := range d.dialect.sweepBatch {
			args[sweepRecords] = append(args[sweepRecords], fmt.Sprint(id, i))
		}
	}
	var statements []Statement
	for q, text := range d.texts {
		if text != "" {
			statements = append(statements, Statement{text, d.bind(args[q])})
		}
	}
	return statements
}

// Waiting is how many writes wait for their turn.
func (s *Store) Waiting() int {
	s.committer.mu.Lock()
	defer s.committer.mu.Unlock()
	return len(s.committer.waiting)
}

// Jammed reports whether a write has the turn, and keeps it.
func (s *Store) Jammed() bool { return s.Waiting() == 0 && len(s.committer.turn) == 1 }
