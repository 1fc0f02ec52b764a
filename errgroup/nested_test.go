package errgroup_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/errgroup"
)

// withProcs runs the test with n Ps.
func withProcs(t *testing.T, n int) {
	t.Helper()
	s := runq.Default()
	before := s.Procs()
	if err := s.SetProcs(n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.SetProcs(before); err != nil {
			t.Error(err)
		}
	})
}

// TestNestedGroups: every function adds two to a group of its own with room for
// one, and waits for them.
func TestNestedGroups(t *testing.T) {
	const levels = 5
	for _, procs := range []int{1, 2} {
		withProcs(t, procs)
		var leaves atomic.Int32
		var level func(n int) error
		level = func(n int) error {
			if n == 0 {
				leaves.Add(1)
				return nil
			}
			var g errgroup.Group
			g.SetLimit(1)
			for range 2 {
				g.Go(func() error { return level(n - 1) })
			}
			return g.Wait()
		}
		if err := level(levels); err != nil || leaves.Load() != 1<<levels {
			t.Errorf("%d Ps: Wait = %v after %d leaves, want nil after %d", procs, err, leaves.Load(), 1<<levels)
		}
	}
}

// TestNestedSharedGroups has one group for each level, with room for one function,
// that all functions of the level share: the original deadlocks here in Go.
func TestNestedSharedGroups(t *testing.T) {
	const levels, width = 5, 3
	withProcs(t, 2)
	var groups [levels]errgroup.Group
	for i := range groups {
		groups[i].SetLimit(1)
	}
	var runs atomic.Int32
	var add func(level int)
	add = func(level int) {
		if level == levels {
			return
		}
		for range width {
			groups[level].Go(func() error {
				runs.Add(1)
				add(level + 1)
				if level == levels-1 {
					return errOne
				}
				return nil
			})
		}
	}
	add(0)
	for i := range groups { // once a level is done, all of the next has been added
		if err := groups[i].Wait(); (err != nil) != (i == levels-1) {
			t.Errorf("level %d: Wait = %v", i, err)
		}
	}
	want := int32(0)
	for n, i := int32(width), 0; i < levels; n, i = n*width, i+1 {
		want += n
	}
	if runs.Load() != want {
		t.Errorf("%d functions ran, want %d", runs.Load(), want)
	}
}

// TestFunctionsAddToTheirOwnGroup: a tree of functions in one group with room for
// one, which every function is in the way of its children.
func TestFunctionsAddToTheirOwnGroup(t *testing.T) {
	const depth = 10
	var g errgroup.Group
	g.SetLimit(1)
	var a active
	var runs atomic.Int32
	var node func(n int) func() error
	node = func(n int) func() error {
		return func() error {
			defer a.enter()()
			runs.Add(1)
			if n > 0 {
				g.Go(node(n - 1))
				g.Go(node(n - 1))
			}
			return nil
		}
	}
	g.Go(node(depth))
	if err := g.Wait(); err != nil || runs.Load() != 1<<(depth+1)-1 || a.most.Load() != 1 {
		t.Errorf("Wait = %v after %d functions, %d at a time, want nil after %d, 1 at a time", err, runs.Load(), a.most.Load(), 1<<(depth+1)-1)
	}
}

// TestDeepNestingNeedsNoThreads waits at every level of a deep nesting: parked
// tasks, not blocked threads.
func TestDeepNestingNeedsNoThreads(t *testing.T) {
	const depth = 1000
	withProcs(t, 2)
	var threads int
	var level func(n int) error
	level = func(n int) error {
		if n == 0 {
			threads = runq.Default().Stats().Threads
			return errOne
		}
		g, _ := errgroup.WithContext(t.Context())
		g.SetLimit(1)
		g.Go(func() error { return level(n - 1) })
		return g.Wait()
	}
	if err := level(depth); err != errOne {
		t.Errorf("Wait = %v, want %v", err, errOne)
	}
	if threads > depth/10 {
		t.Errorf("%d nested waits took %d threads", depth, threads)
	}
}

// TestMixedCallers lets goroutines that functions start, and functions, use the
// same group: the former wait, the latter queue.
func TestMixedCallers(t *testing.T) {
	const functions, each = 20, 10
	var g, inner errgroup.Group
	inner.SetLimit(2)
	var runs atomic.Int32
	leaf := func() error { runs.Add(1); return nil }
	for range functions {
		g.Go(func() error {
			var wg sync.WaitGroup
			wg.Go(func() {
				for range each {
					inner.Go(leaf)
				}
			})
			for range each {
				inner.Go(leaf)
			}
			wg.Wait()
			return inner.Wait()
		})
	}
	if err := g.Wait(); err != nil {
		t.Errorf("Wait = %v, want nil", err)
	}
	inner.Wait()
	if want := int32(2 * functions * each); runs.Load() != want {
		t.Errorf("%d functions ran, want %d", runs.Load(), want)
	}
}

// TestWaitForTheOwnGroup: functions wait for what they added to their own group,
// which has room for one.
func TestWaitForTheOwnGroup(t *testing.T) {
	withProcs(t, 2)
	for _, waiting := range []int{1, 3} {
		const each = 5
		var g errgroup.Group
		g.SetLimit(1)
		var leaves atomic.Int32
		for range waiting {
			g.Go(func() error {
				for range each {
					g.Go(func() error { leaves.Add(1); return nil })
				}
				return g.Wait()
			})
		}
		if err := g.Wait(); err != nil || int(leaves.Load()) != waiting*each {
			t.Errorf("%d waiting functions: Wait = %v after %d leaves, want nil after %d", waiting, err, leaves.Load(), waiting*each)
		}
		g.SetLimit(2) // none is active: the places have been given back
	}
}
