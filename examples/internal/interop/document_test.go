package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The document has no table of its own making.
func TestTheTablesOfTheDocumentTellWhatTheClientsShow(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/interop.md")
	require.NoError(t, err)
	document := string(text)
	for _, table := range []string{versionTable(t), featureTable(), mcpTable(t)} {
		require.Contains(t, document, table, "docs/interop.md is to have:\n%s", table)
	}
}

// versionTable names each library in the version that is asked for.
func versionTable(t *testing.T) string {
	npm, err := readManifest(filepath.Join(packages, "package.json"))
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("| library | version | runs in |\n| --- | --- | --- |\n")
	for _, c := range clients {
		version := c.version
		switch c.runsIn {
		case "Node.js", "Chromium":
			version = npm.Dependencies[c.library]
		case "Go":
			module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", c.library).Output()
			require.NoError(t, err)
			version = strings.TrimPrefix(strings.TrimSpace(string(module)), "v")
		}
		require.NotEmpty(t, version, c.library)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.library, version, c.runsIn)
	}
	return b.String()
}

// mcpTable has a row for each package of the Model Context Protocol.
func mcpTable(t *testing.T) string {
	npm, err := readManifest(filepath.Join(packages, "package.json"))
	require.NoError(t, err)
	table := "| library | version | shows |\n| --- | --- | --- |\n"
	for _, c := range mcpClients {
		table += fmt.Sprintf("| %s | %s | %s |\n", c.library, npm.Dependencies[c.library], strings.Join(c.features, "; "))
	}
	return table
}

// featureTable has a column for each client, and a row for each feature.
func featureTable() string {
	var features []string
	head, line := "| |", "| --- |"
	for _, c := range clients {
		shown := append(slices.Clip(c.features), c.overTLS...)
		for i, feature := range shown {
			if slices.Contains(features, feature) {
				continue
			}
			at := 0 // behind the feature that stands before it here
			if i > 0 {
				at = slices.Index(features, shown[i-1]) + 1
			}
			features = slices.Insert(features, at, feature)
		}
		head, line = head+" "+c.library+" |", line+" --- |"
	}
	rows := []string{head, line}
	for _, feature := range features {
		row := "| " + feature + " |"
		for _, c := range clients {
			switch {
			case slices.Contains(c.features, feature):
				row += " yes |"
			case slices.Contains(c.overTLS, feature):
				row += " over TLS |"
			default:
				row += " |"
			}
		}
		rows = append(rows, row)
	}
	return strings.Join(rows, "\n") + "\n"
}
