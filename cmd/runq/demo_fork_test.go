package main

import (
	"slices"
	"strings"
	"testing"
)

func TestDemoFork(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds, and more under the race detector")
	}
	stdout, stderr, status := runCommand(t, t.TempDir(), "demo", "fork")
	if status != exitOK || stderr != "" {
		t.Fatalf("got status %d, standard error %q", status, stderr)
	}
	for _, want := range []string{"fib(29)", "sort", "serial", "goroutines", "runq", "All ways agree"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
}

func TestSortGoroutines(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100} {
		s := make([]int64, n)
		for i := range s {
			s[i] = int64(i * 7919 % 101)
		}
		sortGoroutines(s, make([]int64, n), 4)
		if !slices.IsSorted(s) {
			t.Errorf("%d numbers: %v", n, s)
		}
	}
}
