package oauth2_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/ledger"
)

var rfcPattern = regexp.MustCompile(`RFC (\d{4,5})`)

func TestEverySpecificationThatTheModuleCitesIsInTheLedger(t *testing.T) {
	t.Parallel()
	specifications, err := ledger.Load()
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range specifications {
		texts := []string{s.Title, s.Scope}
		for _, row := range s.Rows() {
			texts = append(texts, row.Requirement)
		}
		for _, found := range rfcPattern.FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
			known[found[1]] = true
		}
	}
	cited, missing := 0, map[string]string{}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		ext := filepath.Ext(path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.IsDir() || ext != ".go" && ext != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range rfcPattern.FindAllStringSubmatch(string(text), -1) {
			cited++
			if !known[found[1]] {
				missing[found[0]] = path
			}
		}
		return nil
	}))
	require.Empty(t, missing, "cited, and in no title, scope or row of internal/ledger/data")
	require.Greater(t, cited, 100)
}
