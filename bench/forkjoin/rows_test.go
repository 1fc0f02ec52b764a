package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// script makes a program that does what the text says.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "row")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRun: what comes of a row that measures, one that stands still, one that goes
// on for ever, and one that fails.
func TestRun(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"measures", `echo "$1 $2 $3 1 2 3 4 5 $GOMAXPROCS$OMP_NUM_THREADS$RAYON_NUM_THREADS"`, "fib x 3 1 2 3 4 5 333"},
		{"stands still", "exec sleep 1000", "fib x 3 deadlocks"},
		{"goes on", "while :; do :; done", "fib x 3 >_5_s"},
		{"fails", "echo why >&2; exit 1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := plannedRow{path: script(t, c.text), workload: "fib", impl: "x", workers: 3}
			got, err := r.run(t.Context(), &options{timeout: 5 * time.Second})
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, error %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	programs := []program{
		{"go", [][2]string{{"fib", "go-serial"}, {"fib", "goroutines"}, {"for", "goroutines"}}},
		{"rust", [][2]string{{"fib", "rust-serial"}, {"for", "rayon"}}},
	}
	rows, err := plan(&options{only: regexp.MustCompile("serial|rayon")}, programs)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.path+" "+r.workload)
	}
	got = slices.Compact(got)
	if want := []string{"go fib", "rust fib", "rust for"}; !slices.Equal(got, want) {
		t.Errorf("planned %v, want %v", got, want)
	}
	if _, err := plan(&options{only: regexp.MustCompile("nothing")}, programs); err == nil {
		t.Error("a pattern that matches no row is no error")
	}
}
