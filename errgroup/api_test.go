package errgroup_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq/errgroup"
)

// The API of golang.org/x/sync/errgroup, written down here so that the module need
// not depend on it.

var _ func(context.Context) (*errgroup.Group, context.Context) = errgroup.WithContext

var methods = map[string]reflect.Type{
	"Go":       reflect.TypeFor[func(*errgroup.Group, func() error)](),
	"TryGo":    reflect.TypeFor[func(*errgroup.Group, func() error) bool](),
	"SetLimit": reflect.TypeFor[func(*errgroup.Group, int)](),
	"Wait":     reflect.TypeFor[func(*errgroup.Group) error](),
}

func TestMethodsAreTheOriginals(t *testing.T) {
	group := reflect.TypeFor[*errgroup.Group]()
	for i := range group.NumMethod() {
		m := group.Method(i)
		if want := methods[m.Name]; m.Type != want {
			t.Errorf("(*Group).%s is a %v, in the original a %v", m.Name, m.Type, want)
		}
	}
	for name := range methods {
		if _, ok := group.MethodByName(name); !ok {
			t.Errorf("(*Group).%s is missing", name)
		}
	}
	if n := reflect.TypeFor[errgroup.Group]().NumMethod(); n != 0 {
		t.Errorf("Group has %d methods with a value receiver, the original none", n)
	}
	for _, f := range reflect.VisibleFields(group.Elem()) {
		if f.IsExported() {
			t.Errorf("Group has the exported field %s, the original none", f.Name)
		}
	}
}

// TestNothingElseIsExported reads the package's own source.
func TestNothingElseIsExported(t *testing.T) {
	want := []string{"Group", "WithContext"}
	exported := map[string]bool{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			for _, name := range declared(d) {
				if ast.IsExported(name) {
					exported[name] = true
				}
			}
		}
	}
	if got := slices.Sorted(maps.Keys(exported)); !slices.Equal(got, want) {
		t.Errorf("the package exports %v, the original %v", got, want)
	}
}

// declared returns the names that d gives to the package; methods aren't among them.
func declared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
