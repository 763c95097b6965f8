package oauth2_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func documents(t *testing.T) map[string]string {
	paths, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	documents := map[string]string{}
	for _, path := range append(paths, "README.md", "DESIGN.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		documents[path] = string(text)
	}
	return documents
}

var codeBlock = regexp.MustCompile("(?s)(?:<!-- from (\\S+) -->\n)?```(\\w*)\n(.*?)```")

// A Go block is a part of a file that is compiled and tested: it names the file, and stands in it to
// the letter, apart from its indentation.
func TestEveryGoBlockStandsInATestedFile(t *testing.T) {
	t.Parallel()
	blocks := 0
	for path, text := range documents(t) {
		for _, m := range codeBlock.FindAllStringSubmatch(text, -1) {
			from, language, block := m[1], m[2], m[3]
			if language != "go" {
				continue
			}
			require.NotEmpty(t, from, "%s: a Go block names its file:\n%s", path, block)
			source, err := os.ReadFile(from)
			require.NoError(t, err, path)
			require.Contains(t, unindent(string(source)), unindent(block), "%s: not in %s", path, from)
			blocks++
		}
	}
	require.Greater(t, blocks, 8)
}

func unindent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// A shell block has the commands that these tests or .ci/run run, or that start a program that is
// there.
func TestEveryShellBlockIsRun(t *testing.T) {
	t.Parallel()
	run := map[string]bool{
		"go test ./...":                 true,
		"go run ./examples/demo -drive": true,
		"go test -run=none -bench=. ./store/sqlstore ./store/redisstore": true,
		// The module of the benchmarks is apart.
		"go -C bench test ./...": true,
		"go -C bench test -run none -bench Refresh/mode=serial/column=ours$ -cpuprofile cpu.out": true,
	}
	lines := 0
	for path, text := range documents(t) {
		for _, m := range codeBlock.FindAllStringSubmatch(text, -1) {
			language, block := m[2], m[3]
			require.Contains(t, []string{"go", "sh", "text"}, language, "%s: a block says what it is", path)
			if language != "sh" {
				continue
			}
			for line := range strings.Lines(block) {
				line = strings.TrimSpace(line)
				lines++
				if run[line] {
					continue
				}
				folder := "."
				if command, ok := strings.CutPrefix(line, "go -C bench "); ok {
					command, _, _ = strings.Cut(command, " table") // its arguments
					folder, line = "bench", "go "+command
				}
				program, ok := strings.CutPrefix(line, "go run ./")
				require.True(t, ok, "%s: %s", path, line)
				program = filepath.Join(folder, program)
				_, err := os.Stat(filepath.Join(program, "main.go"))
				require.NoError(t, err, "%s: %s", path, line)
			}
		}
	}
	require.Greater(t, lines, 6)
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for path, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(path), m[1]))
			require.NoError(t, err, path)
		}
	}
}

var exampleName = regexp.MustCompile("`((?:(?:resource|legacy|mcp)\\.)?Example\\w*)`")

func TestEveryExampleOfTheREADMEIsThere(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for folder, qualifier := range map[string]string{".": "", "resource": "resource.", "legacy": "legacy.", "mcp": "mcp."} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		require.NoError(t, err)
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			require.NoError(t, err)
			for _, decl := range parsed.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if ok && strings.HasPrefix(f.Name.Name, "Example") {
					there[qualifier+f.Name.Name] = true
				}
			}
		}
	}
	for _, m := range exampleName.FindAllStringSubmatch(documents(t)["README.md"], -1) {
		require.True(t, there[m[1]], m[1])
	}
}
