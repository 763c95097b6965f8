package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// An Index knows the tests of a module. It reads a package when it is first asked about it.
type Index struct {
	root     string
	packages map[string]*testedPackage
}

type testedPackage struct {
	tests    map[string]bool
	literals map[string]bool // every string in its files, blanks written as go test writes them
}

// NewIndex returns an index of the module whose go.mod is in root.
func NewIndex(root string) *Index {
	return &Index{root: root, packages: map[string]*testedPackage{}}
}

// Has reports whether the test is there: its function in a test file of the package, and each part of
// the subtest's name as a string in the package's files. A part that is * stands for any name.
func (x *Index) Has(t Test) (bool, error) {
	p, err := x.load(t.Package)
	if err != nil || !p.tests[t.Name] {
		return false, err
	}
	return t.Subtest == "" || p.names(strings.Split(t.Subtest, "/")), nil
}

// names reports whether the parts, or some of them joined by the slash that a name may have itself,
// are strings of the package.
func (p *testedPackage) names(parts []string) bool {
	if len(parts) == 0 {
		return true
	}
	for n := 1; n <= len(parts); n++ {
		name := strings.Join(parts[:n], "/")
		if (name == "*" || p.literals[name]) && p.names(parts[n:]) {
			return true
		}
	}
	return false
}

func (x *Index) load(pkg string) (*testedPackage, error) {
	if p := x.packages[pkg]; p != nil {
		return p, nil
	}
	p := &testedPackage{tests: map[string]bool{}, literals: map[string]bool{}}
	x.packages[pkg] = p
	files, err := os.ReadDir(filepath.Join(x.root, filepath.FromSlash(pkg)))
	if err != nil {
		return p, err
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		if err := p.read(filepath.Join(x.root, filepath.FromSlash(pkg), file.Name())); err != nil {
			return p, err
		}
	}
	return p, nil
}

var testFunction = regexp.MustCompile(`^(Test|Fuzz|Example)($|[^a-z])`)

func (p *testedPackage) read(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if strings.HasSuffix(file, "_test.go") {
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.Name != "TestMain" && testFunction.MatchString(f.Name.Name) {
				p.tests[f.Name.Name] = true
			}
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				p.literals[strings.ReplaceAll(text, " ", "_")] = true
			}
		}
		return true
	})
	return nil
}
