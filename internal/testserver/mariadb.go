package testserver

import (
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// MariaDB runs a MariaDB server until the test ends. Options are like "--sync-binlog=1".
func MariaDB(t testing.TB, options ...string) *SQLServer {
	t.Helper()
	const user = "mysql"
	install := binary(t, "mariadb-install-db", "mariadb-server", "/usr/bin")
	server := binary(t, "mariadbd", "mariadb-server", "/usr/sbin")
	folder, password, port := ownedFolder(t, user), rand.Text(), strconv.Itoa(freePort(t))

	data, users := filepath.Join(folder, "data"), filepath.Join(folder, "users.sql")
	setUp(t, user, exec.CommandContext(t.Context(), install, "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db"))
	// The server runs this at each start. Whoever else is on the machine must not get in.
	writeOwned(t, users, fmt.Sprintf(`ALTER USER root@localhost IDENTIFIED BY '%[1]s';
CREATE USER IF NOT EXISTS test@'127.0.0.1' IDENTIFIED BY '%[1]s';
GRANT ALL ON *.* TO test@'127.0.0.1' WITH GRANT OPTION;
`, password), user)

	// At its start, a server clears the folder for temporary files of what it takes for its own.
	temporary := filepath.Join(folder, "tmp")
	makeOwned(t, temporary, user)
	args := append([]string{
		"--no-defaults", "--datadir=" + data, "--tmpdir=" + temporary, "--init-file=" + users,
		"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve",
		"--socket=" + filepath.Join(folder, "socket"), "--pid-file=" + filepath.Join(folder, "pid"),
	}, options...)
	s := &SQLServer{
		Driver: "mysql", Address: net.JoinHostPort("127.0.0.1", port),
		dsn: func(address, database string) string {
			config := mysql.NewConfig()
			config.User, config.Passwd = "test", password
			config.Net, config.Addr, config.DBName = "tcp", address, database
			return config.FormatDSN()
		},
	}
	return s.start(t, func() *exec.Cmd { return runAs(user, exec.Command(server, args...)) }, syscall.SIGTERM)
}
