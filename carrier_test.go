package runq

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestLazyStack checks that tasks which never wait run on the stack of the one
// before them; the task that spawns them may have to let them go first.
func TestLazyStack(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	var ran atomic.Int64
	runTask(t, s, func(tk *Task) {
		for range 10_000 {
			tk.Go(func(*Task) { ran.Add(1) })
		}
	})
	awaitTrue(t, "all tasks run", func() bool { return ran.Load() == 10_000 })
	if n := s.Stats().CarriersMade; n > 2 {
		t.Errorf("%d carriers for tasks that never wait on one P, want 2 at most", n)
	}
}

// TestCarriersReused checks that tasks which wait one after the other use the same
// few stacks.
func TestCarriersReused(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	runTask(t, s, func(tk *Task) {
		for range 1000 {
			g, _ := NewGroup(nil, s)
			g.Go(func(tk *Task) error { tk.Yield(); return nil })
			if err := g.Wait(tk); err != nil {
				t.Error(err)
			}
		}
	})
	if n := s.Stats().CarriersMade; n > 3 {
		t.Errorf("%d carriers; at most two tasks and the loop between them need one at a time", n)
	}
}

// TestManyWaiting lets so many tasks wait at once, again and again, that pools
// overflow and are refilled.
func TestManyWaiting(t *testing.T) {
	const tasks, rounds = 500, 5
	s := newTest(t, Config{Procs: 2})
	for range rounds {
		runTask(t, s, func(tk *Task) {
			var arrived atomic.Int64
			g, _ := NewGroup(nil, s)
			for range tasks {
				g.Go(func(tk *Task) error {
					arrived.Add(1)
					for arrived.Load() < tasks {
						tk.Yield()
					}
					return nil
				})
			}
			if err := g.Wait(tk); err != nil {
				t.Error(err)
			}
		})
	}
	if n := s.Stats().CarriersMade; n < tasks {
		t.Errorf("%d carriers for %d tasks that wait at once", n, tasks)
	}
}

// TestGoexitContained is hazard 4: a task's Goexit must not reach the M that its
// carrier was resumed by, and the used-up carriers must not stay for ever.
func TestGoexitContained(t *testing.T) {
	const tasks = 1000
	s := newTest(t, Config{Procs: 2})
	ways := []func(tk *Task){
		func(tk *Task) { runtime.Goexit() },
		func(tk *Task) { tk.Yield(); runtime.Goexit() },
		func(tk *Task) { defer tk.Yield(); runtime.Goexit() },
		func(tk *Task) { tk.Block(runtime.Goexit) },
		func(tk *Task) { tk.LockThread(); runtime.Goexit() },
		func(tk *Task) { tk.LockThread(); tk.Yield(); runtime.Goexit() },
		func(tk *Task) { defer func() { recover() }(); defer runtime.Goexit(); panic("replaced") },
	}
	runTask(t, s, func(tk *Task) {
		for i := range tasks {
			g, _ := NewGroup(nil, s)
			g.Go(func(tk *Task) error { ways[i%len(ways)](tk); return nil })
			if err := g.Wait(tk); !errors.Is(err, ErrGoexit) {
				t.Errorf("way %d: %v, want ErrGoexit", i%len(ways), err)
			}
		}
	})
	var after atomic.Int64
	runTask(t, s, func(tk *Task) {
		for range 100 {
			tk.Go(func(tk *Task) { tk.Yield(); after.Add(1) })
		}
	})
	awaitTrue(t, "tasks run after all that", func() bool { return after.Load() == 100 })
	awaitTrue(t, "the used-up carriers are ended", func() bool {
		st := s.Stats()
		return st.CarriersMade >= tasks && st.CarriersMade-st.CarriersEnded < 2*zombiesMax+2*carriersPerP
	})
}

// TestGoexitOfManyAtOnce lets tasks that wait at the same time, so that their
// stacks are in each other's places, all call Goexit.
func TestGoexitOfManyAtOnce(t *testing.T) {
	const tasks = 300
	s := newTest(t, Config{Procs: 2})
	var arrived, left atomic.Int64
	for range tasks {
		s.Go(func(tk *Task) {
			defer left.Add(1)
			arrived.Add(1)
			for arrived.Load() < tasks {
				tk.Yield()
			}
			runtime.Goexit()
		})
	}
	awaitTrue(t, "all tasks have left", func() bool { return left.Load() == tasks })
}

//go:noinline
func panicHere(v any) { panic(v) }

// TestPanicKeepsStack is hazard 5: whatever the stack that the task panics on, and
// wherever it has been before, the stack in the error shows where it was.
func TestPanicKeepsStack(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	ways := map[string]func(tk *Task){
		"at once":           func(tk *Task) { panicHere("x") },
		"after a wait":      func(tk *Task) { tk.Yield(); tk.Sleep(time.Microsecond); panicHere("x") },
		"in a call":         func(tk *Task) { tk.Block(func() { panicHere("x") }) },
		"locked":            func(tk *Task) { tk.LockThread(); panicHere("x") },
		"locked and waited": func(tk *Task) { tk.LockThread(); tk.Yield(); panicHere("x") },
		"in a deferred call": func(tk *Task) {
			defer func() { tk.Yield(); panicHere("x") }()
			tk.Yield()
		},
		"waiting while it panics": func(tk *Task) {
			defer func() { tk.Yield(); tk.Sleep(time.Microsecond) }()
			panicHere("x")
		},
	}
	for name, way := range ways {
		err := s.Run(nil, func(tk *Task) error { way(tk); return nil })
		var p *PanicError
		if !errors.As(err, &p) {
			t.Errorf("%s: %v, want a *PanicError", name, err)
			continue
		}
		if p.Value != "x" || !strings.Contains(string(p.Stack), "runq.panicHere(") {
			t.Errorf("%s: value %v, stack without the function that panicked:\n%s", name, p.Value, p.Stack)
		}
	}
	err := s.Run(nil, func(tk *Task) error { none := make([]int, 0); none[tk.ID()] = 1; return nil })
	if re := runtime.Error(nil); !errors.As(err, &re) {
		t.Errorf("a run-time panic gives %v, want one that wraps a runtime.Error", err)
	}
	if st := s.Stats(); st.CarriersMade > 20 {
		t.Errorf("%d carriers: one that a task has panicked on can be used again", st.CarriersMade)
	}
}
