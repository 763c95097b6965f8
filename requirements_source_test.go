package oauth2

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// constantTime are the comparisons whose time tells nothing of what is compared.
var constantTime = []string{"subtle.ConstantTimeCompare", "hmac.Equal", "bcrypt.CompareHashAndPassword"}

// A statistical test of times would be flaky. What can be shown is that each function that compares
// something secret does it by a comparison made for that, and by no other.
func TestWhatIsSecretIsComparedInConstantTime(t *testing.T) {
	t.Parallel()
	functions := map[string]*ast.FuncDecl{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				functions[f.Name.Name] = f
			}
		}
	}
	for _, name := range []string{"VerifySecret", "verifyArgon2id", "verifyPKCE", "provenBy", "sameDigest", "verifyFormToken"} {
		require.NotNil(t, functions[name], name)
		compared := false
		ast.Inspect(functions[name], func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				compared = compared || slices.Contains(constantTime, types.ExprString(n))
			case *ast.BinaryExpr:
				equality := n.Op == token.EQL || n.Op == token.NEQ
				require.False(t, equality && !tellsNothing(n.X) && !tellsNothing(n.Y), "%s compares %s by %s", name, types.ExprString(n.X), n.Op)
			}
			return true
		})
		require.True(t, compared, name)
	}
}

// tellsNothing reports whether an operand is a literal, nil or a length.
func tellsNothing(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil"
	case *ast.CallExpr:
		return types.ExprString(e.Fun) == "len"
	}
	return false
}
