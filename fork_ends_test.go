package runq

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
)

// How forks end when not everything goes well.

// TestForkNil checks that a nil function is refused wherever the task's forks stand.
func TestForkNil(t *testing.T) {
	runIn(t, openScheduler(t, Config{Procs: 1}), func(tk *Task) {
		nothing := func() { Fork[[2]int, int](tk, nil, [2]int{1, 2}) }
		wantPanic(t, nothing, "Fork", "nil") // no frame yet
		Fork(tk, forkName, 1).Join(tk)
		wantPanic(t, nothing, "Fork", "nil")
		first := tk.fork
		tk.fork = tk.c.forks.end.addr() // as when all frames are used
		wantPanic(t, nothing, "Fork", "nil")
		tk.fork = first
	})
}

// TestForkJoinedTwice checks that a second Join is found when a fork of another type has
// the place by now, which is left alone.
func TestForkJoinedTwice(t *testing.T) {
	runIn(t, openScheduler(t, Config{Procs: 1}), func(tk *Task) {
		x := Fork(tk, forkName, 1)
		x.Join(tk)
		y := Fork(tk, func(_ *Task, s string) string { return s }, "y")
		wantPanic(t, func() { x.Join(tk) }, "forkName", "joined already")
		if s := y.Join(tk); s != "y" {
			t.Errorf("y is %q", s)
		}
	})
}

// TestForkGoContext checks that a task spawned by a fork has a context that outlives the
// Join, wherever the fork ran.
func TestForkGoContext(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		for _, promoted := range []bool{false, true} {
			var joined Event
			ended := make(chan error, 1)
			x := Fork(tk, func(tk *Task, _ int) int {
				tk.Go(func(tk *Task) {
					joined.Wait(tk) //nolint:errcheck // the context is looked at
					ended <- tk.Context().Err()
				})
				return 0
			}, 1)
			if promoted {
				eager(tk)
				tk.Yield() // perhaps it begins
			}
			x.Join(tk)
			joined.Set(tk)
			for len(ended) == 0 {
				tk.Yield()
			}
			if err := <-ended; err != nil {
				t.Errorf("promoted: %v; the context has ended: %v", promoted, err)
			}
		}
	})
}

// besideThief runs outer in a fork that another P begins, and joins it when outer says so
// by its second argument. So the task that waits comes to what outer has promoted.
func besideThief(t *testing.T, outer func(tk *Task, join *atomic.Bool) int) error {
	t.Helper()
	s := newTest(t, Config{Procs: 2, Slice: calm})
	return s.Run(nil, func(tk *Task) error {
		var join atomic.Bool
		x := Fork(tk, outer, &join)
		computeUntil(&join)
		x.Join(tk)
		return nil
	})
}

// TestLeapfrogContext checks that a fork which is run by a task that waits sees the end
// of its own context: when the fork that it was forked by panics.
func TestLeapfrogContext(t *testing.T) {
	err := besideThief(t, func(tk *Task, join *atomic.Bool) int {
		var begun atomic.Bool
		Fork(tk, func(tk *Task, _ int) error {
			begun.Store(true)
			return new(Event).Wait(tk)
		}, 1)
		join.Store(true)
		computeUntil(&begun)
		panic("enough")
	})
	var p *PanicError
	if !errors.As(err, &p) || p.Value != "enough" {
		t.Errorf("the error is %v", err)
	}
}

// TestLeapfrogGoexit checks that a task ends when several forks that descend from the one
// it waits for call runtime.Goexit.
func TestLeapfrogGoexit(t *testing.T) {
	err := besideThief(t, func(tk *Task, join *atomic.Bool) int {
		var begun atomic.Int32
		leaf := func(*Task, int) int { begun.Add(1); runtime.Goexit(); return 0 }
		y := Fork(tk, leaf, 1)
		z := Fork(tk, leaf, 2)
		for tk.c.forks.promoted < 2 {
			eager(tk)
		}
		join.Store(true)
		for begun.Load() == 0 {
			runtime.Gosched()
		}
		z.Join(tk)
		return y.Join(tk)
	})
	if err != ErrGoexit {
		t.Errorf("the error is %v, want %v", err, ErrGoexit)
	}
}

// TestForksKeepNothing checks that neither what was given to a fork nor what its closure
// has captured is kept when the task has ended.
func TestForksKeepNothing(t *testing.T) {
	type big [1 << 16]byte
	forks := map[string]func(*Task, *big){
		"argument": func(tk *Task, b *big) { Fork(tk, func(*Task, *big) int { return 0 }, b).Join(tk) },
		"closure":  func(tk *Task, b *big) { Fork(tk, func(*Task, int) byte { return b[0] }, 0).Join(tk) },
	}
	for name, fork := range forks {
		t.Run(name, func(t *testing.T) {
			var gone atomic.Bool
			runIn(t, newTest(t, Config{Procs: 1}), func(tk *Task) {
				b := new(big)
				runtime.AddCleanup(b, func(int) { gone.Store(true) }, 0)
				fork(tk, b)
			})
			awaitTrue(t, "it is collected", func() bool { runtime.GC(); return gone.Load() })
		})
	}
}

// TestInvokeStops checks that no function begins after one has panicked.
func TestInvokeStops(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	var late atomic.Int32
	count := func(*Task) { late.Add(1) }
	err := s.Run(context.Background(), func(tk *Task) error {
		Invoke(tk, func(tk *Task) {
			for tk.c.forks.promoted < tk.forks() {
				eager(tk) // what is left is queued, and finds that it is too late
			}
			panic("enough")
		}, count, count, count)
		return nil
	})
	var p *PanicError
	if !errors.As(err, &p) || late.Load() != 0 {
		t.Errorf("the error is %v; %d functions have begun after the panic", err, late.Load())
	}
}
