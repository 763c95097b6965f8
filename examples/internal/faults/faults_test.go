package faults

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/testserver"
)

// aReplicaIsKilled kills one replica after the other in the midst of the load, and starts it anew.
func aReplicaIsKilled(f *fleet) func(context.Context) {
	return func(ctx context.Context) {
		for _, r := range f.replicas {
			pause(ctx, 700*time.Millisecond)
			r.kill()
			pause(ctx, 300*time.Millisecond)
			f.start(r)
		}
		pause(ctx, 500*time.Millisecond)
	}
}

func TestReplicasOverOneSQLiteFileAreKilled(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	f.disturb(aReplicaIsKilled(f))
}

func TestTheOnlyWriterOfASQLiteFileIsKilled(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	f.disturb(func(ctx context.Context) {
		for range 3 {
			aReplicaIsKilled(f)(ctx)
		}
	})
}

func TestReplicasOverOneRedisAreKilled(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	f := startFleet(t, 3, "redis://"+addr)
	f.disturb(aReplicaIsKilled(f))
}

func TestReplicasOverOneRedisClusterAreKilled(t *testing.T) {
	t.Parallel()
	addrs := testserver.RedisCluster(t)
	f := startFleet(t, 3, "redis://"+addrs[0]+"?addr="+strings.Join(addrs[1:], "&addr="))
	f.disturb(aReplicaIsKilled(f))
}

func TestRedisIsKilledAndKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	addr, server := testserver.Redis(t)
	f := startFleet(t, 2, "redis://"+addr)
	f.disturb(isRestarted(server))
}

// isRestarted kills a database in the midst of the load, twice, and starts it anew.
func isRestarted(server *testserver.Process) func(context.Context) {
	return func(ctx context.Context) {
		for range 2 {
			pause(ctx, time.Second)
			server.Kill()
			pause(ctx, 300*time.Millisecond)
			server.Start()
		}
		pause(ctx, time.Second)
	}
}

// mysqlURL is how the example server names a database of MariaDB.
func mysqlURL(t *testing.T, server *testserver.SQLServer) string {
	config, err := mysql.ParseDSN(server.DSN(server.NewDatabase(t)))
	require.NoError(t, err)
	u := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
	return u.String()
}

func TestReplicasOverOnePostgreSQLAreKilled(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	f := startFleet(t, 3, server.DSN(server.NewDatabase(t)))
	f.disturb(aReplicaIsKilled(f))
}

func TestPostgreSQLIsKilledAndKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	f := startFleet(t, 2, server.DSN(server.NewDatabase(t)))
	f.disturb(isRestarted(server.Process))
}

func TestReplicasOverOneMariaDBAreKilled(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2, mysqlURL(t, testserver.MariaDB(t)))
	f.disturb(aReplicaIsKilled(f))
}
