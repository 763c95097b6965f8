package authserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-session/session/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteSessions keeps sessions in a SQLite file, in tables of its own beside those of the
// authorizations. Any number of processes may share the file. The database holds digests of session
// IDs, never the IDs. It is safe for concurrent use.
type sqliteSessions struct {
	db  *sql.DB
	now func() time.Time
}

var _ session.ManagerStore = (*sqliteSessions)(nil)

const sessionSchema = `
CREATE TABLE IF NOT EXISTS xmail_sessions (
	id TEXT PRIMARY KEY, "values" TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS xmail_sessions_expires_at ON xmail_sessions (expires_at);
CREATE TABLE IF NOT EXISTS xmail_keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;`

// openSQLiteSessions opens the file, which sqlstore made before, and creates what is missing in it.
func openSQLiteSessions(ctx context.Context, path string, now func() time.Time) (*sqliteSessions, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, storeFault(err)
	}
	// Immediate transactions wait for the lock; deferred ones that write fail where they should wait.
	query := url.Values{"_pragma": {"busy_timeout(5000)"}, "_txlock": {"immediate"}}
	// The slash in front is for the paths of Windows, which begin with a letter.
	uri := "/" + strings.TrimPrefix(filepath.ToSlash(absolute), "/")
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: uri, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, storeFault(err)
	}
	// The requests of this process wait for each other here, where their contexts are heeded.
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, sessionSchema); err != nil {
		return nil, errors.Join(storeFault(err), db.Close())
	}
	return &sqliteSessions{db: db, now: now}, nil
}

// cookieKey returns the key that signs session cookies. The first process makes it; of several that
// start at once, all get that of the one that wrote first.
func (s *sqliteSessions) cookieKey(ctx context.Context) ([]byte, error) {
	key := make([]byte, cookieKeyBytes)
	_, _ = rand.Read(key) // crypto/rand never fails
	const name = "session_cookie"
	_, err := s.db.ExecContext(ctx, `INSERT OR IGNORE INTO xmail_keys (name, value) VALUES (?, ?)`, name, key)
	if err == nil {
		err = s.db.QueryRowContext(ctx, `SELECT value FROM xmail_keys WHERE name = ?`, name).Scan(&key)
	}
	return key, storeFault(err)
}

// Check implements [session.ManagerStore].
func (s *sqliteSessions) Check(ctx context.Context, id string) (bool, error) {
	var live bool
	err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM xmail_sessions WHERE id = ? AND expires_at > ?)`,
		sessionDigest(id), s.now().UnixMilli()).Scan(&live)
	return live, storeFault(err)
}

// Create implements [session.ManagerStore]. It is always errNoSession: a session begins with a
// login, which is a Refresh, so strangers leave no records behind.
func (s *sqliteSessions) Create(context.Context, string, int64) (session.Store, error) {
	return nil, errNoSession
}

// Update implements [session.ManagerStore]: the session lasts anew.
func (s *sqliteSessions) Update(ctx context.Context, id string, seconds int64) (session.Store, error) {
	now := s.now()
	row := s.db.QueryRowContext(ctx, `UPDATE xmail_sessions SET expires_at = ? WHERE id = ? AND expires_at > ? RETURNING "values"`,
		expiry(now, seconds), sessionDigest(id), now.UnixMilli())
	return s.open(ctx, id, row)
}

// Delete implements [session.ManagerStore].
func (s *sqliteSessions) Delete(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM xmail_sessions WHERE id = ?`, sessionDigest(id))
	return storeFault(err)
}

// Refresh implements [session.ManagerStore]: the values go on under a new ID, and none are there if
// the old session is not.
func (s *sqliteSessions) Refresh(ctx context.Context, oldID, id string, seconds int64) (session.Store, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, storeFault(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing once committed
	now, values := s.now(), "{}"
	err = tx.QueryRowContext(ctx, `DELETE FROM xmail_sessions WHERE id = ? AND expires_at > ? RETURNING "values"`,
		sessionDigest(oldID), now.UnixMilli()).Scan(&values)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, storeFault(err)
	}
	row := tx.QueryRowContext(ctx, `INSERT INTO xmail_sessions (id, "values", expires_at) VALUES (?, ?, ?) RETURNING "values"`,
		sessionDigest(id), values, expiry(now, seconds))
	opened, err := s.open(ctx, id, row)
	if err != nil {
		return nil, err
	}
	return opened, storeFault(tx.Commit())
}

// Close implements [session.ManagerStore].
func (s *sqliteSessions) Close() error { return s.db.Close() }

// Sweep drops up to limit expired sessions and returns how many there were.
func (s *sqliteSessions) Sweep(ctx context.Context, limit int) (int, error) {
	result, err := s.db.ExecContext(ctx, `DELETE FROM xmail_sessions WHERE id IN (
		SELECT id FROM xmail_sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`, s.now().UnixMilli(), limit)
	if err != nil {
		return 0, storeFault(err)
	}
	n, err := result.RowsAffected()
	return int(n), storeFault(err)
}

// open makes the session of a row that has its values.
func (s *sqliteSessions) open(ctx context.Context, id string, row *sql.Row) (session.Store, error) {
	var document string
	switch err := row.Scan(&document); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errNoSession
	case err != nil:
		return nil, storeFault(err)
	}
	values := map[string]string{}
	if err := json.Unmarshal([]byte(document), &values); err != nil {
		return nil, storeFault(err)
	}
	return &sessionValues{ctx: ctx, id: id, values: maps.Clone(values), save: func(ctx context.Context, values map[string]string) error {
		return s.save(ctx, id, values)
	}}, nil
}

func (s *sqliteSessions) save(ctx context.Context, id string, values map[string]string) error {
	document, err := json.Marshal(values)
	if err != nil {
		return storeFault(err)
	}
	result, err := s.db.ExecContext(ctx, `UPDATE xmail_sessions SET "values" = ? WHERE id = ? AND expires_at > ?`,
		string(document), sessionDigest(id), s.now().UnixMilli())
	if err != nil {
		return storeFault(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errNoSession, storeFault(err))
	}
	return nil
}

func expiry(now time.Time, seconds int64) int64 {
	return now.Add(time.Duration(seconds) * time.Second).UnixMilli()
}

func sessionDigest(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// storeFault marks an error as one of the store; nil stays nil.
func storeFault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errSessionStore, err)
}
