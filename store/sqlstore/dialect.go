package sqlstore

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// A Dialect names the SQL of a database engine.
type Dialect string

// A dialect is all that differs between the engines. Its migrations are in the folder of its name.
type dialect struct {
	// begin and lock keep every other migration out, until commit or rollback. lock is a query that
	// returns 1 once that is so. What an engine does not need is empty.
	begin, lock, commit, rollback string
	// numbered: the placeholders are $1, $2 and so on.
	numbered bool
	// binary: keys and documents are bytes to the engine, and not text.
	binary bool
	// oneWriter: the engine lets one connection write at a time, and is unfair to those that wait.
	oneWriter bool
	// takenIsMarked: an INSERT that finds its ID taken sets the last insert ID to 1.
	takenIsMarked bool
	// sweepBatch is how many rows one statement deletes at most, so that others get their turn.
	sweepBatch int
	// queries replace those that the engine says in other words.
	queries map[query]string
}

var dialects = map[Dialect]dialect{
	SQLite:     sqlite,
	PostgreSQL: postgres,
	MySQL:      mysql,
}

// Options say how the tables are kept.
type Options struct {
	// Dialect is the engine's. It is required.
	Dialect Dialect
	// TablePrefix begins the name of every table and index: letters, digits and underscores. The
	// empty string means "oauth2_".
	TablePrefix string
	// Reader is a second pool for the reads. It leads to the same database, never to a replica that
	// lags. nil means that the pool for the writes serves both.
	Reader *sql.DB
	// ClosePools closes the pools with the Store. The zero value leaves them to the application.
	ClosePools bool
}

// maxPrefix leaves room for the longest name within the 63 bytes that engines allow.
const maxPrefix = 32

func (o *Options) complete() error {
	if o.TablePrefix == "" {
		o.TablePrefix = "oauth2_"
	}
	if _, ok := dialects[o.Dialect]; !ok {
		return fmt.Errorf("sqlstore: unknown dialect %q", o.Dialect)
	}
	if !validPrefix(o.TablePrefix) {
		return fmt.Errorf("sqlstore: table prefix %q is not a letter and up to %d letters, digits and underscores", o.TablePrefix, maxPrefix-1)
	}
	return nil
}

// validPrefix keeps whatever could end a name out of the statements.
func validPrefix(prefix string) bool {
	for i, c := range []byte(prefix) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(prefix) <= maxPrefix
}

// text is a statement in the engine's words. It is empty where the engine needs none.
func (o *Options) text(q query) string {
	text, own := dialects[o.Dialect].queries[q]
	if !own {
		text = queries[q].text
	}
	if dialects[o.Dialect].numbered {
		text = numbered(text)
	}
	return o.named(text)
}

// named puts the tables' names into a statement.
func (o *Options) named(statement string) string {
	return strings.ReplaceAll(statement, "{prefix}", o.TablePrefix)
}

// numbered numbers the placeholders. No statement has a question mark for anything else.
func numbered(text string) string {
	parts := strings.Split(text, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}
