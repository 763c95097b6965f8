package testserver

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// An SQLServer is a server of SQL databases.
type SQLServer struct {
	*Process
	// Driver is the name of the driver for database/sql.
	Driver string
	// Address is where the server listens.
	Address string
	// dsn leads to a database at an address, as its administrator.
	dsn func(address, database string) string
	// none is a database that is there from the start.
	none      string
	databases atomic.Int64
}

// DSN leads to a database, as its administrator.
func (s *SQLServer) DSN(database string) string { return s.dsn(s.Address, database) }

// DSNThrough leads there through a proxy at another address.
func (s *SQLServer) DSNThrough(address, database string) string { return s.dsn(address, database) }

// NewDatabase makes an empty database and returns its name.
func (s *SQLServer) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.run(t, s.none, "CREATE DATABASE "+name)
	return name
}

// run runs one statement.
func (s *SQLServer) run(t testing.TB, database, statement string) {
	t.Helper()
	db, err := sql.Open(s.Driver, s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func (s *SQLServer) ping() error {
	db, err := sql.Open(s.Driver, s.DSN(s.none))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}

// start runs the server until the test ends. The signal asks it to end without a wait for clients, so
// that it leaves nothing behind on the machine.
func (s *SQLServer) start(t testing.TB, command func() *exec.Cmd, end syscall.Signal) *SQLServer {
	t.Helper()
	s.Process = start(t, command, s.ping)
	t.Cleanup(func() {
		s.Signal(end)
		select {
		case <-s.exited:
		case <-time.After(10 * time.Second):
		}
	})
	return s
}

// setUp runs a program that prepares the data of a server.
func setUp(t testing.TB, user string, cmd *exec.Cmd) {
	t.Helper()
	if out, err := runAs(user, cmd).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", cmd.Path, err, out)
	}
}

// ownedFolder is a temporary folder of the user that a server runs as.
func ownedFolder(t testing.TB, user string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	giveTo(t, user, folder)
	return folder
}

func makeOwned(t testing.TB, folder, user string) {
	t.Helper()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	giveTo(t, user, folder)
}

func writeOwned(t testing.TB, path, text, user string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	giveTo(t, user, path)
}
