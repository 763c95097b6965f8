package authserver

import (
	"html/template"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryMessageOfThePagesIsThereInEveryLanguage(t *testing.T) {
	t.Parallel()
	for key, texts := range messages {
		for i, text := range texts {
			require.NotEmpty(t, text, "%s in %s", key, languages[i])
			require.Equal(t, strings.Count(texts[0], "%s"), strings.Count(text, "%s"), key)
			_, err := template.New("").Parse(text)
			require.NoError(t, err)
		}
	}
	used := map[string]bool{}
	uses := regexp.MustCompile(`\.[TH] "([^"]+)"`)
	require.NoError(t, fs.WalkDir(pageFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := fs.ReadFile(pageFiles, path)
		for _, m := range uses.FindAllSubmatch(source, -1) {
			used[string(m[1])] = true
		}
		return err
	}))
	require.Greater(t, len(used), 20)
	for _, key := range slices.Sorted(maps.Keys(used)) {
		require.Contains(t, messages, key)
	}
}
