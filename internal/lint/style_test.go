package lint

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxLines is where a file stops being one mechanism: the longest that reads well
// in one sitting.
const maxLines = 500

// TestFileLength: what is longer than maxLines does more than one thing.
func TestFileLength(t *testing.T) {
	for _, f := range goFiles(t) {
		if n := strings.Count(f.text, "\n"); n > maxLines && !f.test {
			t.Errorf("%s has %d lines: split what does more than one thing, or test what is below; at most %d", f.name, n, maxLines)
		}
	}
}

// postponed finds the usual marks of unfinished work. They are spelt so that this
// file isn't found.
var postponed = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)

// TestNothingPostponed: what is known to be missing is done, or said where users
// read it.
func TestNothingPostponed(t *testing.T) {
	check := func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			if mark := postponed.FindString(line); mark != "" {
				t.Errorf("%s:%d says %s: do it, or say in the documentation what isn't done", name, i+1, mark)
			}
		}
	}
	for _, f := range goFiles(t) {
		check(f.name, f.text)
	}
	for _, name := range listFiles(t, ".md", ".sh", "/run") {
		check(name, read(t, name))
	}
}

// TestPackageComments: every package says what it is for, once.
func TestPackageComments(t *testing.T) {
	comments := make(map[string]int)
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		comments[f.dir] += 0
		if doc := f.syntax.Doc; doc != nil {
			comments[f.dir]++
			if text := doc.Text(); !strings.HasPrefix(text, "Package "+f.syntax.Name.Name+" ") && !strings.HasPrefix(text, "Command ") {
				t.Errorf("%s: the package comment doesn't begin with Package %s or Command", f.name, f.syntax.Name.Name)
			}
		}
	}
	for dir, n := range comments {
		if n != 1 {
			t.Errorf("the package in %s has %d package comments; it should have one", dir, n)
		}
	}
}

// TestExportedDocumented: in the packages that others import, everything exported
// has a comment. A comment on a group of constants or variables counts for all.
func TestExportedDocumented(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || f.nested || below(f.dir, "internal") || f.syntax.Name.Name == "main" {
			continue
		}
		for _, decl := range f.syntax.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s is exported and has no comment: say what it means, units, errors, what nil means, what may block", f.name, name)
			}
		}
	}
}

// undocumented returns the exported names that a declaration declares without a
// comment.
func undocumented(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			names = append(names, undocumentedSpec(d, spec)...)
		}
	}
	return names
}

func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) (names []string) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && d.Doc == nil && s.Name.IsExported() {
			names = append(names, s.Name.Name)
		}
		if in, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() {
			names = append(names, undocumentedMethods(d, s, in)...)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if s.Doc == nil && s.Comment == nil && d.Doc == nil && name.IsExported() {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// undocumentedMethods looks at the methods of an interface. One that has a single
// method may say in its own comment what that does.
func undocumentedMethods(d *ast.GenDecl, s *ast.TypeSpec, in *ast.InterfaceType) (names []string) {
	if len(in.Methods.List) == 1 && (s.Doc != nil || d.Doc != nil) {
		return nil
	}
	for _, m := range in.Methods.List {
		for _, name := range m.Names {
			if m.Doc == nil && name.IsExported() {
				names = append(names, s.Name.Name+"."+name.Name)
			}
		}
	}
	return names
}

// exportedReceiver tells whether d is a function, or a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	of := d.Recv.List[0].Type
	for {
		switch x := of.(type) {
		case *ast.StarExpr:
			of = x.X
		case *ast.IndexExpr:
			of = x.X
		case *ast.IndexListExpr:
			of = x.X
		case *ast.Ident:
			return token.IsExported(x.Name)
		default:
			return true
		}
	}
}

// listFiles returns the repository's files with one of the endings, from the root.
func listFiles(t *testing.T, endings ...string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); base == ".git" || base == "testdata" || base == "results" {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		for _, ending := range endings {
			if strings.HasSuffix(filepath.ToSlash(rel), ending) {
				names = append(names, filepath.ToSlash(rel))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
