package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// root is the folder of the module, seen from this one.
const root = "../.."

// modulePath is what the module's own imports begin with.
const modulePath = "github.com/runq-go/runq"

// file is one Go file of the repository.
type file struct {
	name    string // from the root, with slashes
	dir     string // "." for the root
	test    bool
	nested  bool // belongs to a module of its own
	imports []string
	text    string
	syntax  *ast.File
}

// tree is the repository, read once for all tests.
var tree = sync.OnceValues(func() ([]*file, error) {
	var files []*file
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if at != root && (strings.HasPrefix(base, ".") || base == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		f, err := readFile(fset, at)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
})

func readFile(fset *token.FileSet, at string) (*file, error) {
	text, err := os.ReadFile(at)
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(fset, at, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, at)
	if err != nil {
		return nil, err
	}
	name := filepath.ToSlash(rel)
	f := &file{name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: string(text), syntax: syntax}
	for dir := f.dir; dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			f.nested = true
		}
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}

// goFiles returns the repository's Go files.
func goFiles(t *testing.T) []*file {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d Go files found below %s: is this the repository?", len(files), root)
	}
	return files
}

// read returns the text of a file, given from the root.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// below tells whether dir is parent or inside it.
func below(dir, parent string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}
