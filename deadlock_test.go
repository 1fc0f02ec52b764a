package runq

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// reports collects what OnDeadlock is called with.
type reports struct {
	errs atomic.Pointer[DeadlockError]
	n    atomic.Int64
}

func (r *reports) add(e *DeadlockError) {
	r.errs.Store(e)
	r.n.Add(1)
}

// knot returns a group that never ends by itself: its task waits for another one,
// whose task waits for the group.
func knot(s *Scheduler) *Group {
	a, _ := NewGroup(nil, s)
	b, _ := NewGroup(nil, s)
	a.SetLimit(0) // until both have a task
	a.Go(b.Wait)
	b.Go(a.Wait)
	a.SetLimit(-1)
	return a
}

// TestDeadlock lets two tasks wait for each other: both waits must end with the
// error, which names them, and the scheduler goes on.
func TestDeadlock(t *testing.T) {
	var r reports
	s := newTest(t, Config{Procs: 2, OnDeadlock: r.add})
	for round := range int64(3) {
		a, _ := NewGroup(nil, s)
		b, _ := NewGroup(nil, s)
		var ended atomic.Int64
		wait := func(label string, g *Group) func(tk *Task) error {
			return func(tk *Task) error {
				tk.SetLabel(label)
				err := g.Wait(tk)
				if de := (*DeadlockError)(nil); !errors.As(err, &de) {
					t.Errorf("%s: Wait = %v, want a *DeadlockError", label, err)
				}
				ended.Add(1)
				return nil
			}
		}
		var both atomic.Int64
		a.Go(func(tk *Task) error {
			for both.Add(1); both.Load() < 2; {
				tk.Yield()
			}
			return wait("Romeo", b)(tk)
		})
		b.Go(func(tk *Task) error {
			for both.Add(1); both.Load() < 2; {
				tk.Yield()
			}
			return wait("Juliet", a)(tk)
		})
		awaitTrue(t, "both waits end", func() bool { return ended.Load() == 2 })
		awaitTrue(t, "it is reported", func() bool { return r.n.Load() == round+1 })
		e := r.errs.Load()
		if e.Tasks != 2 || len(e.Waits) != 2 {
			t.Errorf("the report has %d tasks and %d waits, want 2", e.Tasks, len(e.Waits))
		}
		for _, word := range []string{"deadlock", "Romeo", "Juliet", "TestDeadlock", "group"} {
			if !strings.Contains(e.Error(), word) {
				t.Errorf("the report doesn't say %q: %v", word, e)
			}
		}
		runTask(t, s, func(*Task) {})
	}
}

// TestDeadlockOfMany checks the bound on the report, and that all waits end.
func TestDeadlockOfMany(t *testing.T) {
	const tasks = deadlockList + 50
	var r reports
	s := newTest(t, Config{Procs: 2, OnDeadlock: r.add})
	g := knot(s)
	var ended atomic.Int64
	for range tasks {
		s.Go(func(tk *Task) {
			g.Wait(tk) //nolint:errcheck // it ends with the deadlock
			ended.Add(1)
		})
	}
	awaitTrue(t, "all waits end", func() bool { return ended.Load() == tasks })
	e := r.errs.Load()
	if len(e.Waits) > deadlockList || e.Tasks < len(e.Waits) {
		t.Errorf("%d tasks, %d waits listed; at most %d should be", e.Tasks, len(e.Waits), deadlockList)
	}
}

// TestNoDeadlock holds the report back for as long as something may still happen:
// a sleep, a call, a task that runs over, an ordinary goroutine.
func TestNoDeadlock(t *testing.T) {
	var r reports
	s := newTest(t, Config{Procs: 1, Slice: calm, OnDeadlock: r.add})
	ways := map[string]func(tk *Task, g *Group) error{
		"sleep": func(tk *Task, g *Group) error { tk.Sleep(2 * time.Millisecond); return nil },
		"call": func(tk *Task, g *Group) error {
			tk.Block(func() {
				for s.fore.idle.IdlePs() != 1 {
					time.Sleep(10 * time.Microsecond)
				}
			})
			return nil
		},
		"overrun": func(tk *Task, g *Group) error {
			unseatAll(s)
			for s.fore.idle.IdlePs() != 1 {
				time.Sleep(10 * time.Microsecond)
			}
			return nil
		},
		"limit": func(tk *Task, g *Group) error {
			inner, _ := NewGroup(nil, s)
			inner.SetLimit(0)
			inner.Go(func(*Task) error { return nil })
			go func() {
				for s.fore.idle.IdlePs() != 1 {
					time.Sleep(10 * time.Microsecond)
				}
				inner.SetLimit(1)
			}()
			return inner.Wait(tk)
		},
		"park": func(tk *Task, g *Group) error {
			var l waitList
			go func() {
				for s.fore.idle.IdlePs() != 1 || !l.wakeOne(s, nil) {
					time.Sleep(10 * time.Microsecond)
				}
			}()
			return l.wait(tk)
		},
	}
	for name, way := range ways {
		runTask(t, s, func(tk *Task) {
			g, _ := NewGroup(nil, s)
			g.Go(func(tk *Task) error { return way(tk, g) })
			if err := g.Wait(tk); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if r.n.Load() != 0 {
		t.Errorf("a deadlock was reported: %v", r.errs.Load())
	}
}

// TestDeadlockThenClose checks that Close isn't held up by tasks that wait for each
// other, whether they begin to before or after it.
func TestDeadlockThenClose(t *testing.T) {
	var r reports
	s := newTest(t, Config{Procs: 2, OnDeadlock: r.add})
	var go2 atomic.Bool
	began := make(chan int)
	s.Go(func(tk *Task) {
		close(began)
		computeUntil(&go2)
		if err := knot(s).Wait(tk); err == nil {
			t.Error("the wait ended without an error")
		}
	})
	<-began
	closed := async(s.Close)
	go2.Store(true)
	awaitClosed(t, "Close returns", closed)
	if r.n.Load() == 0 {
		t.Error("no deadlock was reported")
	}
}

// TestDeadlockElsewhere checks that a wait which another scheduler's task will end is
// taken for no deadlock by the detector, even when that has been set off: by waits
// that were all there was when it was, and that have ended since.
func TestDeadlockElsewhere(t *testing.T) {
	s, other := newTest(t, Config{Procs: 1}), newTest(t, Config{Procs: 1})
	release := make(chan struct{})
	g, _ := NewGroup(nil, other)
	g.Go(func(tk *Task) error {
		tk.Block(func() { <-release })
		return nil
	})
	done := async(func() error { return s.Run(nil, g.Wait) })
	awaitTrue(t, "the task waits", func() bool { return s.Stats().Parks == 1 && s.quiet() })
	if stuck := s.findDeadlock(); stuck != nil {
		t.Errorf("%d tasks are taken for deadlocked", len(stuck))
	}
	close(release)
	if err := awaitClosed(t, "the wait is over", done); err != nil {
		t.Error(err)
	}
}
