package sqlstore_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever uses one engine must not link the driver of another.
func TestNoDriverIsLinkedButTheApplicationsOwn(t *testing.T) {
	t.Parallel()
	for path, drivers := range map[string][]string{
		"github.com/seed5f5fedc6/oauth2/store/sqlstore":        nil,
		"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite": {"modernc.org/sqlite"},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", path).CombinedOutput()
		require.NoError(t, err, string(out))
		var linked []string
		for _, dependency := range strings.Fields(string(out)) {
			switch dependency {
			case "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql":
				linked = append(linked, dependency)
			}
		}
		require.Equal(t, drivers, linked, path)
	}
}
