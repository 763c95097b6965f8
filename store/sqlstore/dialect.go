package sqlstore

import (
	"fmt"
	"strings"
)

// A Dialect names the SQL of a database engine.
type Dialect string

// SQLite is the dialect of SQLite 3.24 and newer.
const SQLite Dialect = "sqlite"

// A dialect is all that differs between the engines. Its migrations are in the folder of its name.
type dialect struct {
	// begin starts a transaction that excludes every other migration from its first statement on.
	begin string
	// oneWriter: the engine lets one connection write at a time, and is unfair to those that wait.
	oneWriter bool
	// queries replace those that the engine says in other words.
	queries map[query]string
}

var dialects = map[Dialect]dialect{
	SQLite: {begin: "BEGIN IMMEDIATE", oneWriter: true},
}

// Options say how the tables are kept.
type Options struct {
	// Dialect is the engine's. It is required.
	Dialect Dialect
	// TablePrefix begins the name of every table and index: letters, digits and underscores. The
	// empty string means "oauth2_".
	TablePrefix string
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

// text is a statement in the engine's words.
func (o *Options) text(q query) string {
	if own, ok := dialects[o.Dialect].queries[q]; ok {
		return o.named(own)
	}
	return o.named(queries[q].text)
}

// named puts the tables' names into a statement.
func (o *Options) named(statement string) string {
	return strings.ReplaceAll(statement, "{prefix}", o.TablePrefix)
}
