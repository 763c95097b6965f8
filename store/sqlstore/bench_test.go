package sqlstore_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/store/internal/flow"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

func BenchmarkSQLite(b *testing.B)     { sqliteEngine().benchmark(b) }
func BenchmarkPostgreSQL(b *testing.B) { postgresEngine(b).benchmark(b) }
func BenchmarkMariaDB(b *testing.B)    { mariadbEngine(b).benchmark(b) }

// benchmark measures each step of the protocol against the bare statements that no server could do
// without, in turn on the same connection. x-raw is how many times as long a step takes.
func (e engine) benchmark(b *testing.B) {
	db := e.newDatabase(b)
	db.SetMaxOpenConns(1)
	f, raw := flow.New(b, e.newStore(b, db)), newRawRows(b, e, db)
	b.Run("issue", func(b *testing.B) {
		flow.Against(b, raw.insert, func() func() { return func() { f.Code() } })
	})
	b.Run("redeem", func(b *testing.B) {
		flow.Against(b, raw.getAndUpdate, func() func() {
			code := f.Code()
			return func() { f.Redeem(code) }
		})
	})
	b.Run("refresh", func(b *testing.B) {
		_, token := f.Redeem(f.Code())
		flow.Against(b, raw.getAndUpdate, func() func() {
			f.Advance(time.Minute)
			return func() { _, token = f.Refresh(token) }
		})
	})
	b.Run("check", func(b *testing.B) {
		access, _ := f.Redeem(f.Code())
		flow.Against(b, raw.get, func() func() {
			return func() {
				_, err := f.Server.Check(b.Context(), access)
				require.NoError(b, err)
			}
		})
	})
}

// rawRows are rows of a key, a version and a document of the size that a refreshed authorization has,
// in a table without any other index.
type rawRows struct {
	b                           *testing.B
	insertRow, getRow, changeIt *sql.Stmt
	document                    []byte
	keys, updates               int
}

func newRawRows(b *testing.B, e engine, db *sql.DB) *rawRows {
	b.Helper()
	key, bytes, placeholders := "TEXT", "TEXT", strings.NewReplacer()
	switch e.dialect {
	case sqlstore.PostgreSQL:
		key, bytes, placeholders = "bytea", "bytea", strings.NewReplacer("?1", "$1", "?2", "$2", "?3", "$3")
	case sqlstore.MySQL:
		key, bytes, placeholders = "VARBINARY(255)", "MEDIUMBLOB", strings.NewReplacer("?1", "?", "?2", "?", "?3", "?")
	}
	_, err := db.ExecContext(b.Context(), fmt.Sprintf("CREATE TABLE bare (id %s PRIMARY KEY, version BIGINT NOT NULL, document %s NOT NULL)", key, bytes))
	require.NoError(b, err)
	prepare := func(text string) *sql.Stmt {
		statement, err := db.PrepareContext(b.Context(), placeholders.Replace(text))
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, statement.Close()) })
		return statement
	}
	r := &rawRows{
		b:         b,
		insertRow: prepare("INSERT INTO bare VALUES (?1, ?2, ?3)"),
		getRow:    prepare("SELECT version, document FROM bare WHERE id = ?1"),
		changeIt:  prepare("UPDATE bare SET version = version + 1, document = ?1 WHERE id = ?2"),
		document:  []byte(strings.Repeat("x", 900)),
	}
	r.insert()
	return r
}

func (r *rawRows) key() []byte { return fmt.Appendf(nil, "%020d", r.keys) }

func (r *rawRows) insert() {
	r.keys++
	_, err := r.insertRow.Exec(r.key(), 1, r.document)
	require.NoError(r.b, err)
}

func (r *rawRows) get() {
	var version int
	var document []byte
	require.NoError(r.b, r.getRow.QueryRow(r.key()).Scan(&version, &document))
}

func (r *rawRows) getAndUpdate() {
	r.get()
	r.document[r.updates%len(r.document)]++ // an engine may see that nothing changes
	r.updates++
	_, err := r.changeIt.Exec(r.document, r.key())
	require.NoError(r.b, err)
}

// BenchmarkWriters refreshes with one writer and with many, on a file as sqlite.Open opens it. An
// exchange is a read and a write that is on the disk before it is answered.
func BenchmarkWriters(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "oauth2.db"))
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, store.Close()) })
			f := flow.New(b, store)
			tokens := make([]string, writers)
			for i := range tokens {
				_, tokens[i] = f.Redeem(f.Code())
			}
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						_, tokens[i] = f.Refresh(tokens[i])
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exchanges/s")
		})
	}
	b.Run("fsync", func(b *testing.B) {
		file, err := os.Create(filepath.Join(b.TempDir(), "file"))
		require.NoError(b, err)
		defer file.Close()
		page := make([]byte, 4096)
		for b.Loop() {
			_, err := file.Write(page)
			require.NoError(b, err)
			require.NoError(b, file.Sync())
		}
	})
}
