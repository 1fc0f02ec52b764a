package errgroup_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq/errgroup"
)

func TestTryGo(t *testing.T) {
	const limit = 20
	var g errgroup.Group
	g.SetLimit(limit)
	release := make(chan struct{})
	f := func() error { <-release; return nil }
	for i := range limit {
		if !g.TryGo(f) {
			t.Fatalf("TryGo = false with %d of %d functions active", i, limit)
		}
	}
	if g.TryGo(f) {
		t.Fatalf("TryGo = true with %d of %d functions active", limit, limit)
	}
	close(release)
	g.Wait()
	if !g.TryGo(f) {
		t.Fatal("TryGo = false with no function active")
	}
	g.Wait()

	g.SetLimit(0)
	for range 100 {
		if g.TryGo(f) {
			t.Fatal("TryGo = true with a limit of zero")
		}
	}
	if err := g.Wait(); err != nil {
		t.Errorf("Wait = %v, want nil", err)
	}
	g.SetLimit(-1)
	if !g.TryGo(f) {
		t.Error("TryGo = false after the limit was lifted")
	}
	g.Wait()
}

// active counts the functions that run, and the most that did at a time.
type active struct{ now, most atomic.Int32 }

// enter begins a function; the result ends it.
func (a *active) enter() func() {
	n := a.now.Add(1)
	for m := a.most.Load(); n > m && !a.most.CompareAndSwap(m, n); m = a.most.Load() {
	}
	return func() { a.now.Add(-1) }
}

func TestLimitIsKept(t *testing.T) {
	for _, limit := range []int{1, 2, 10} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			const functions = 1000
			var g errgroup.Group
			g.SetLimit(limit)
			var a active
			var ran atomic.Int32
			f := func() error {
				defer a.enter()()
				ran.Add(1)
				runtime.Gosched()
				return nil
			}
			for i := range functions {
				if i%10 == 0 && g.TryGo(f) {
					continue
				}
				g.Go(f)
			}
			g.Wait()
			if ran.Load() != functions || int(a.most.Load()) > limit {
				t.Errorf("%d functions ran, at most %d at a time, want %d and %d", ran.Load(), a.most.Load(), functions, limit)
			}
		})
	}
}

// TestGoBlocksAtTheLimit: an ordinary goroutine is held back until a function ends.
func TestGoBlocksAtTheLimit(t *testing.T) {
	var g errgroup.Group
	g.SetLimit(1)
	release, added := make(chan struct{}), make(chan struct{})
	var firstDone, early atomic.Bool
	g.Go(func() error {
		<-release
		firstDone.Store(true)
		return nil
	})
	go func() {
		g.Go(func() error { return nil })
		early.Store(!firstDone.Load())
		close(added)
	}()
	select {
	case <-added:
		t.Error("Go returned although the group is at its limit")
	default:
	}
	close(release)
	<-added
	if early.Load() {
		t.Error("Go returned before a function had ended")
	}
	if err := g.Wait(); err != nil {
		t.Errorf("Wait = %v, want nil", err)
	}
}

func TestSetLimitWhileActive(t *testing.T) {
	for _, before := range []int{-1, 1, 3} {
		for _, n := range []int{0, 1, 5} {
			var g errgroup.Group
			g.SetLimit(before)
			release := make(chan struct{})
			g.Go(func() error { <-release; return nil })
			if _, ok := recovered(func() { g.SetLimit(n) }).(error); !ok {
				t.Errorf("SetLimit(%d) after SetLimit(%d), a function being active, doesn't panic with an error", n, before)
			}
			close(release)
			g.Wait()
			g.SetLimit(n) // must not panic
		}
	}
}

// TestLiftingTheLimitStartsWhatWaits lets a goroutine wait in Go until the limit
// goes.
func TestLiftingTheLimitStartsWhatWaits(t *testing.T) {
	for _, limit := range []int{0, 1} {
		var g errgroup.Group
		g.SetLimit(limit)
		release, added := make(chan struct{}), make(chan struct{})
		for range limit {
			g.Go(func() error { <-release; return nil })
		}
		go func() {
			g.Go(func() error { <-release; return errOne })
			close(added)
		}()
		g.SetLimit(-1)
		<-added
		close(release)
		if err := g.Wait(); err != errOne {
			t.Errorf("limit %d lifted: Wait = %v, want %v", limit, err, errOne)
		}
	}
}

// TestLimitZeroInsideAFunction: nothing could ever start a queued function, so Go
// waits even there.
func TestLimitZeroInsideAFunction(t *testing.T) {
	var outer, inner errgroup.Group
	inner.SetLimit(0)
	var ran atomic.Bool
	outer.Go(func() error {
		inner.Go(func() error { ran.Store(true); return errOne })
		return inner.Wait()
	})
	inner.SetLimit(1)
	if err := outer.Wait(); err != errOne || !ran.Load() {
		t.Errorf("Wait = %v, function ran: %v, want %v and true", err, ran.Load(), errOne)
	}
}
