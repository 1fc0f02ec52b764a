package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkReport reports on the recordings of testdata, of Go programs and of runq. Its profile is what the compiler
// is told of how the program runs: see default.pgo in docs/architecture.md.
func BenchmarkReport(b *testing.B) {
	var files []string
	var size int64
	for _, pattern := range []string{"../../analyze/testdata/*.trace", "../../analyze/testdata/*.runq", "../../observe/gotrace/testdata/*.trace"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			b.Fatalf("%s: %d files, %v", pattern, len(names), err)
		}
		files = append(files, names...)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	b.SetBytes(size)
	for b.Loop() {
		for _, name := range files {
			if status := run([]string{"report", name}, io.Discard, os.Stderr); status != exitOK {
				b.Fatalf("report %s ends with %d", name, status)
			}
		}
	}
}
