package cgroup

import (
	"math"
	"os"
	"runtime"
	"testing"
)

func TestDefaultProcs(t *testing.T) {
	for _, c := range []struct {
		limit float64
		ok    bool
		ncpu  int
		want  int
	}{
		{0, false, 8, 8},
		{0.5, false, 8, 8},
		{0.5, true, 8, 2},
		{0.5, true, 2, 2},
		{0.5, true, 1, 1}, // no more than there are
		{1, true, 8, 2},
		{2, true, 8, 2},
		{2.0001, true, 8, 3},
		{2.5, true, 8, 3},
		{7.5, true, 8, 8},
		{8, true, 8, 8},
		{100, true, 8, 8},
		{math.MaxFloat64, true, 8, 8},
	} {
		if got := DefaultProcs(c.limit, c.ok, c.ncpu); got != c.want {
			t.Errorf("DefaultProcs(%v, %v, %d) = %d; want %d", c.limit, c.ok, c.ncpu, got, c.want)
		}
	}
}

// TestDefaultProcsIsGos asks Go for its default on this machine, and compares.
func TestDefaultProcsIsGos(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	runtime.SetDefaultGOMAXPROCS()
	got := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before)
	if want := ownDefault(t); got != want {
		t.Errorf("Go's default is %d; DefaultProcs says %d", got, want)
	}
}

// ownDefault is DefaultProcs on this machine, from the limit that Go looks at: that
// of the process's own group.
func ownDefault(t *testing.T) int {
	t.Helper()
	g, err := Find(os.DirFS("/"))
	if err != nil {
		t.Logf("without a limit: %v", err)
		return DefaultProcs(0, false, runtime.NumCPU())
	}
	l, ok, err := g.limitAt(g.levels[0].dir)
	if err != nil {
		t.Fatal(err)
	}
	return DefaultProcs(l.CPUs(), ok, runtime.NumCPU())
}
