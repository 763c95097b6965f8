// Package sqlite opens an SQLite file for package sqlstore, with everything set right.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// busyTimeout is how long a writer waits for one in another process.
const busyTimeout = 5 * time.Second

// openTimeout is how long Open waits for another process that creates the file, or its tables.
const openTimeout = time.Minute

// Open opens the SQLite database in a file, creates it if need be, and brings its tables up to date;
// see [sqlstore.ErrNewerSchema]. A new file can be read by its owner only. Several processes on one
// machine may have it open at once; a network file system will not do. The Store closes the file.
//
// What was acknowledged survives the end of the process and of the power: the journal is a
// write-ahead log that is on the disk before a write returns (synchronous=FULL). Readers wait for
// nobody. Writers of this process share one connection, and those that wait share one transaction;
// their contexts are heeded while they wait for each other. A writer of another process is waited for
// up to five seconds, and one that creates the file or brings its tables up to date up to a minute.
func Open(ctx context.Context, path string) (*sqlstore.Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*sqlstore.Store, error) {
	path, err := createFile(path)
	if err != nil {
		return nil, err
	}
	// A second writer could only wait in SQLite, where no context ends the wait.
	write, err := openPool(path, 1, "synchronous(FULL)", "fullfsync(1)")
	if err != nil {
		return nil, err
	}
	read, err := openPool(path, max(4, runtime.GOMAXPROCS(0)), "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s, err := newStore(ctx, write, read)
	if err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	return s, nil
}

func newStore(ctx context.Context, write, read *sql.DB) (s *sqlstore.Store, err error) {
	err = onceIdle(ctx, func() error { return useWAL(ctx, write) })
	if err != nil {
		return nil, fmt.Errorf("journal mode: %w", err)
	}
	err = onceIdle(ctx, func() error {
		s, err = sqlstore.New(ctx, write, sqlstore.Options{Dialect: sqlstore.SQLite, Reader: read, ClosePools: true})
		return err
	})
	return s, err
}

// onceIdle tries again as long as another process is busy with the file.
func onceIdle(ctx context.Context, try func() error) error {
	for start := time.Now(); ; {
		err := try()
		if !busy(err) || time.Since(start) > openTimeout {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// openPool opens no connection yet.
func openPool(path string, size int, pragmas ...string) (*sql.DB, error) {
	params := url.Values{"_pragma": append(pragmas, fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// useWAL turns on the write-ahead log, which the file remembers. Of several processes that try at
// once SQLite fails all but one, without waiting.
func useWAL(ctx context.Context, db *sql.DB) error {
	var mode string
	err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	if err == nil && mode != "wal" {
		err = fmt.Errorf("the journal mode stays %q: this file system has no shared memory", mode)
	}
	return err
}

func busy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

var creating sync.Mutex

// createFile makes sure that the file exists, and that nobody but its owner can read it if it is
// new. It returns the path as SQLite's URIs want it: absolute, with slashes.
func createFile(path string) (string, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return "", fs.ErrInvalid
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	// Closing a file drops the locks that this process has on it, those of SQLite included, so none
	// may have been taken in between.
	creating.Lock()
	defer creating.Unlock()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		err = file.Close()
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path, err
}
