package testserver

import (
	"crypto/rand"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Postgres runs a PostgreSQL server until the test ends. Settings are like "fsync=off".
func Postgres(t testing.TB, settings ...string) *SQLServer {
	t.Helper()
	const folders, user = "/usr/lib/postgresql/*/bin", "postgres"
	initdb := binary(t, "initdb", "postgresql", folders)
	server := binary(t, "postgres", "postgresql", folders)
	folder, password, port := ownedFolder(t, user), rand.Text(), strconv.Itoa(freePort(t))

	// Whoever else is on the machine must not get in.
	data, secret := filepath.Join(folder, "data"), filepath.Join(folder, "password")
	writeOwned(t, secret, password, user)
	setUp(t, user, exec.CommandContext(t.Context(), initdb, "-D", data, "-U", user, "--pwfile="+secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"))

	settings = append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"}, settings...)
	args := []string{"-D", data, "-p", port}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	s := &SQLServer{
		Driver: "pgx", Address: net.JoinHostPort("127.0.0.1", port), none: "postgres",
		dsn: func(address, database string) string {
			u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: address, Path: "/" + database, RawQuery: "sslmode=disable"}
			return u.String()
		},
	}
	return s.start(t, func() *exec.Cmd { return runAs(user, exec.Command(server, args...)) }, syscall.SIGINT)
}
