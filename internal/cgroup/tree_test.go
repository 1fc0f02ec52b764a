package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// readTree reads a file system from testdata: a story, then for each file a line
// "-- name --" and its text.
func readTree(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := make(fstest.MapFS)
	var in *fstest.MapFile
	for line := range strings.Lines(string(text)) {
		if file, ok := strings.CutPrefix(line, "-- "); ok {
			file = strings.TrimSuffix(file, " --\n")
			if fsys[file] != nil {
				t.Fatalf("%s has %s twice", name, file)
			}
			in = &fstest.MapFile{}
			fsys[file] = in
		} else if in != nil {
			in.Data = append(in.Data, line...)
		}
	}
	return fsys
}

// set writes a file as the kernel would.
func set(fsys fstest.MapFS, name, text string) {
	fsys[name] = &fstest.MapFile{Data: []byte(text + "\n")}
}
