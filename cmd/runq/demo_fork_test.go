package main

import (
	"slices"
	"strings"
	"testing"
)

func TestDemoFork(t *testing.T) {
	fib, numbers := fibOf, sortedNumbers
	defer func() { fibOf, sortedNumbers = fib, numbers }()
	fibOf, sortedNumbers = 18, 10_000
	var out, progress strings.Builder
	if err := demoFork(t.Context(), &out, &progress); err != nil {
		t.Fatal(err)
	}
	stdout := out.String()
	for _, want := range []string{"fib(18)", "sort", "serial", "goroutines", "runq", "All ways agree"} {
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
