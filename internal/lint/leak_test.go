package lint

import (
	"go/ast"
	"slices"
	"testing"
)

// TestLeaksLookedFor: every package with tests has a TestMain that ends in
// leak.Main. Nested modules are exempt: the libraries that bench/ compares with
// keep goroutines for ever.
func TestLeaksLookedFor(t *testing.T) {
	looks := make(map[string]bool) // by folder with tests
	for _, f := range goFiles(t) {
		if !f.test || f.nested {
			continue
		}
		looks[f.dir] = looks[f.dir] || f.looksForLeaks()
	}
	for dir, ok := range looks {
		if !ok {
			t.Errorf("the tests in %s have no TestMain that calls leak.Main: what they leave behind goes unseen", dir)
		}
	}
}

// looksForLeaks tells whether the file has a TestMain that calls leak.Main, or Main
// in that package itself.
func (f *file) looksForLeaks() bool {
	at := slices.IndexFunc(f.syntax.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Name.Name == "TestMain"
	})
	if at < 0 {
		return false
	}
	found := false
	ast.Inspect(f.syntax.Decls[at], func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch fn := call.Fun.(type) {
			case *ast.SelectorExpr:
				of, ok := fn.X.(*ast.Ident)
				found = found || ok && of.Name == "leak" && fn.Sel.Name == "Main"
			case *ast.Ident:
				found = found || f.dir == "internal/leak" && fn.Name == "Main"
			}
		}
		return true
	})
	return found
}
