// Package planted breaks the code under test in known ways, to see that the schedule
// checker finds out.
//
// A planted bug is a text file in testdata: what it breaks, which test must find it,
// and edits of source files. The go command builds the test with the edited copies in
// place of the files (go test -overlay), so the tree isn't touched:
//
//	# What is broken, and what comes of it.
//	package ./internal/queue
//	test TestModelLocal
//	file internal/queue/local.go
//	<<<<
//	text that is in the file once
//	====
//	text in its place
//	>>>>
//
// More edits, and files, may follow. An edit whose text isn't in its file exactly once
// is an error: the code has changed, and the bug has to be planted anew.
package planted

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Bug is a planted bug.
type Bug struct {
	Name    string // of its file
	Package string // whose test finds it
	Test    string
	Edits   []Edit
}

// Edit replaces a piece of a source file.
type Edit struct {
	File     string // from the root of the module
	Old, New string
}

// Read reads the planted bug in a file.
func Read(name string) (Bug, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Bug{}, err
	}
	b := Bug{Name: strings.TrimSuffix(filepath.Base(name), ".txt")}
	file := ""
	lines := strings.SplitAfter(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		key, value, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		switch key {
		case "package":
			b.Package = value
		case "test":
			b.Test = value
		case "file":
			file = value
		case "<<<<":
			var e Edit
			if e, i, err = readEdit(lines, i+1); err != nil {
				return Bug{}, fmt.Errorf("%s: %w", name, err)
			}
			e.File = file
			b.Edits = append(b.Edits, e)
		case "", "#":
		default:
			return Bug{}, fmt.Errorf("%s:%d: %q is none of package, test, file, <<<< and #", name, i+1, key)
		}
	}
	if b.Package == "" || b.Test == "" || file == "" || len(b.Edits) == 0 {
		return Bug{}, fmt.Errorf("%s: it must name a package, a test and a file, and have an edit", name)
	}
	return b, nil
}

// readEdit reads what is between <<<< and >>>>, from line i on. It returns the number
// of the last line.
func readEdit(lines []string, i int) (e Edit, last int, err error) {
	to := &e.Old
	for ; i < len(lines); i++ {
		switch strings.TrimSpace(lines[i]) {
		case "====":
			to = &e.New
		case ">>>>":
			return e, i, nil
		default:
			*to += lines[i]
		}
	}
	return e, i, fmt.Errorf("an edit has no end: >>>> is missing")
}

// Plant writes edited copies into the folder dir, and returns the name of an overlay
// for the go command that puts them in the place of the files below root.
func (b Bug) Plant(root, dir string) (overlay string, err error) {
	texts := make(map[string]string)
	for _, e := range b.Edits {
		text, ok := texts[e.File]
		if !ok {
			bytes, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return "", err
			}
			text = string(bytes)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("%s: the text to be replaced is %d times in %s, and must be there once: plant the bug anew:\n%s", b.Name, n, e.File, e.Old)
		}
		texts[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	replace := make(map[string]string)
	for file, text := range texts {
		from, err := filepath.Abs(filepath.Join(root, file))
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[from] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
