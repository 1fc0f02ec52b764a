//go:build !race

package goid

import "testing"

// Under the race detector sync.Pool throws objects away at random.

func TestGetDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(1000, func() { Get() }); n != 0 {
		t.Errorf("%v allocations a call, want 0", n)
	}
}
