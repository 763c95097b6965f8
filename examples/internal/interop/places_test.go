package interop

import (
	"path/filepath"
	"testing"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

// A place is where the records of a site live, and whether it speaks TLS.
type place struct {
	name  string
	https bool
	start func(t *testing.T) (store string) // as the program's -store says it
}

func inMemory(*testing.T) string { return "memory" }

var places = []place{
	{name: "memory", start: inMemory},
	{name: "TLS", start: inMemory, https: true},
	{name: "SQLite", start: func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "records.db") }},
	{name: "Redis", start: func(t *testing.T) string {
		addr, _ := testserver.Redis(t, "--appendonly", "no")
		return "redis://" + addr
	}},
	{name: "PostgreSQL", start: func(t *testing.T) string {
		server := testserver.Postgres(t, "fsync=off")
		return server.DSN(server.NewDatabase(t))
	}},
}
