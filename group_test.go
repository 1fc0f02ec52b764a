package runq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
)

func TestGroupFirstErrorWinsAndCancels(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	g, ctx := NewGroup(nil, s)
	g.Go(func(*Task) error { return io.EOF })
	for range 10 {
		g.Go(func(tk *Task) error {
			tk.Block(func() { <-ctx.Done() })
			return errors.New("a later one")
		})
	}
	if err := g.Wait(nil); err != io.EOF {
		t.Errorf("Wait returns %v, want the first error, EOF", err)
	}
	if ctx.Err() != context.Canceled || context.Cause(ctx) != io.EOF {
		t.Errorf("the context's error is %v, its cause %v; want Canceled, EOF", ctx.Err(), context.Cause(ctx))
	}
	if err := g.Wait(nil); err != io.EOF {
		t.Errorf("a second Wait returns %v, want EOF", err)
	}
}

func TestGroupWaitCancels(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	g, ctx := NewGroup(nil, s)
	g.Go(func(*Task) error { return ctx.Err() })
	if err := g.Wait(nil); err != nil {
		t.Errorf("Wait returns %v", err)
	}
	if ctx.Err() != context.Canceled {
		t.Errorf("the context's error after Wait is %v", ctx.Err())
	}
}

func TestGroupInheritsContext(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	outer, cancel := context.WithCancelCause(context.Background())
	g, ctx := NewGroup(outer, s)
	g.Go(func(tk *Task) error {
		cancel(io.EOF)
		tk.Block(func() { <-ctx.Done() })
		return context.Cause(tk.Context())
	})
	if err := g.Wait(nil); err != io.EOF {
		t.Errorf("Wait returns %v, want the cause of the outer context, EOF", err)
	}
}

func TestGroupEmpty(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	g, _ := NewGroup(nil, s)
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	runIn(t, s, func(tk *Task) {
		g, _ := NewGroup(tk.Context(), s)
		if err := g.Wait(tk); err != nil {
			t.Error(err)
		}
	})
}

func TestGroupOnDefaultScheduler(t *testing.T) {
	g, _ := NewGroup(nil, nil)
	var on *Scheduler
	g.Go(func(tk *Task) error { on = tk.Scheduler(); return nil })
	if err := g.Wait(nil); err != nil {
		t.Fatal(err)
	}
	if on != Default() {
		t.Error("the task didn't run on Default()")
	}
	closeInTime(t, on)
}

// A group can be used again after Wait; its error stays.
func TestGroupUsedAgain(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	var ran atomic.Int32
	for round := range 5 {
		for range 10 {
			g.Go(func(*Task) error { ran.Add(1); return nil })
		}
		if err := g.Wait(nil); err != nil {
			t.Error(err)
		}
		if want := int32(10 * (round + 1)); ran.Load() != want {
			t.Fatalf("%d tasks ran before Wait returned, want %d", ran.Load(), want)
		}
	}
}

// gauge counts how many are inside at once, and the most there were.
type gauge struct{ now, most atomic.Int32 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

func TestGroupLimit(t *testing.T) {
	for _, procs := range []int{1, 2} {
		for _, limit := range []int{1, 2, 7} {
			t.Run(fmt.Sprintf("procs=%d/limit=%d", procs, limit), func(t *testing.T) {
				s := openScheduler(t, Config{Procs: procs})
				g, _ := NewGroup(nil, s)
				g.SetLimit(limit)
				var inside gauge
				var ran atomic.Int32
				const tasks = 200
				for i := range tasks {
					g.Go(func(tk *Task) error {
						inside.enter()
						defer inside.leave()
						if i%3 == 0 {
							tk.Block(func() {})
						}
						tk.Yield()
						ran.Add(1)
						return nil
					})
				}
				if err := g.Wait(nil); err != nil {
					t.Error(err)
				}
				if most := inside.most.Load(); int(most) > limit {
					t.Errorf("%d tasks ran at once, the limit is %d", most, limit)
				}
				if ran.Load() != tasks {
					t.Errorf("%d tasks ran, want %d", ran.Load(), tasks)
				}
			})
		}
	}
}

// With one at a time, tasks run in the order in which they came.
func TestGroupLimitKeepsOrder(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	g.SetLimit(1)
	var order []int
	for i := range 100 {
		g.Go(func(tk *Task) error {
			tk.Yield()
			order = append(order, i) // no two at a time
			return nil
		})
	}
	g.Wait(nil)
	if len(order) != 100 || !slices.IsSorted(order) {
		t.Errorf("the order is %v", order)
	}
}

func TestGroupSetLimitWhileRunning(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	g.SetLimit(0)
	var inside gauge
	var ran atomic.Int32
	release := make(chan struct{})
	for range 10 {
		g.Go(func(tk *Task) error {
			inside.enter()
			defer inside.leave()
			tk.Block(func() { <-release })
			ran.Add(1)
			return nil
		})
	}
	if n := inside.now.Load(); n != 0 {
		t.Errorf("%d tasks run under a limit of 0", n)
	}
	g.SetLimit(2)
	awaitTrue(t, "two tasks run", func() bool { return inside.now.Load() == 2 })
	g.SetLimit(5)
	awaitTrue(t, "five tasks run", func() bool { return inside.now.Load() == 5 })
	g.SetLimit(1) // those that run, run on; no other starts until they have ended
	for range 4 {
		release <- struct{}{}
	}
	awaitTrue(t, "one task runs", func() bool { return inside.now.Load() == 1 })
	g.SetLimit(-1)
	awaitTrue(t, "all others run", func() bool { return inside.now.Load() == 6 })
	close(release)
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	if most := inside.most.Load(); most != 6 || ran.Load() != 10 {
		t.Errorf("%d tasks ran at once, want 6; %d ran, want 10", most, ran.Load())
	}
}

// A group that lets nothing start for the time being is no deadlock: anybody may
// raise the limit.
func TestGroupPausedIsNoDeadlock(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, OnDeadlock: func(e *DeadlockError) { t.Error(e) }})
	for range 50 {
		g, _ := NewGroup(nil, s)
		g.SetLimit(0)
		g.Go(func(tk *Task) error { tk.Yield(); return io.EOF })
		result := async(func() error {
			return s.Run(nil, func(tk *Task) error { return g.Wait(tk) })
		})
		awaitTrue(t, "the task waits and nothing goes on", func() bool {
			st := s.Stats()
			return st.Parks > st.Wakes && st.Idle == 1
		})
		g.SetLimit(1)
		if err := awaitClosed(t, "the task", result); err != io.EOF {
			t.Fatalf("Wait returns %v, want EOF", err)
		}
	}
}

func TestGroupTryGo(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	g, _ := NewGroup(nil, s)
	g.SetLimit(2)
	release := make(chan struct{})
	waits := func(tk *Task) error { tk.Block(func() { <-release }); return nil }
	for range 2 {
		if !g.TryGo(waits) {
			t.Error("TryGo refuses a task below the limit")
		}
	}
	if g.TryGo(waits) {
		t.Error("TryGo accepts a task beyond the limit")
	}
	close(release)
	g.Wait(nil)
	if !g.TryGo(waits) {
		t.Error("TryGo refuses a task when all others have ended")
	}
	g.Wait(nil)
	g.SetLimit(0)
	if g.TryGo(waits) {
		t.Error("TryGo accepts a task under a limit of 0")
	}
	g.SetLimit(-1)
	for range 10 {
		if !g.TryGo(waits) {
			t.Error("TryGo refuses a task without a limit")
		}
	}
	g.Wait(nil)
}

// nested counts the leaves of a tree of groups, each with a limit.
func nested(tk *Task, depth, limit int) (leaves int64, err error) {
	if depth == 0 {
		tk.Yield()
		return 1, nil
	}
	var sum atomic.Int64
	g, _ := NewGroup(tk.Context(), tk.Scheduler())
	g.SetLimit(limit)
	for range 2 {
		g.Go(func(tk *Task) error {
			n, err := nested(tk, depth-1, limit)
			sum.Add(n)
			return err
		})
	}
	err = g.Wait(tk)
	return sum.Load(), err
}

func TestGroupNestedWaits(t *testing.T) {
	const depth = 10
	for _, procs := range []int{1, 2} {
		for _, limit := range []int{1, -1} {
			t.Run(fmt.Sprintf("procs=%d/limit=%d", procs, limit), func(t *testing.T) {
				s := openScheduler(t, Config{Procs: procs})
				runIn(t, s, func(tk *Task) {
					leaves, err := nested(tk, depth, limit)
					if err != nil || leaves != 1<<depth {
						t.Errorf("%d leaves, error %v; want %d, none", leaves, err, 1<<depth)
					}
				})
			})
		}
	}
}

// Tasks of a group that add to it and wait for it: with a limit of one, the place
// of the task that waits must be free for the one that it waits for.
func TestGroupWaitsForItself(t *testing.T) {
	for _, limit := range []int{1, 2, -1} {
		t.Run(fmt.Sprint("limit=", limit), func(t *testing.T) {
			s := openScheduler(t, Config{Procs: 2})
			g, _ := NewGroup(nil, s)
			g.SetLimit(limit)
			var ran atomic.Int32
			for range 3 {
				g.Go(func(tk *Task) error {
					for range 4 {
						g.Go(func(tk *Task) error { tk.Yield(); ran.Add(1); return nil })
					}
					err := g.Wait(tk)
					if ran.Load() < 4 {
						t.Errorf("Wait returned after %d of the tasks that were added before it", ran.Load())
					}
					return err
				})
			}
			if err := g.Wait(nil); err != nil {
				t.Error(err)
			}
			if ran.Load() != 12 {
				t.Errorf("%d tasks ran, want 12", ran.Load())
			}
		})
	}
}

func TestGroupManyWaiters(t *testing.T) {
	const each = 20
	s := openScheduler(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	release := make(chan struct{})
	g.Go(func(tk *Task) error { tk.Block(func() { <-release }); return io.EOF })
	var results []<-chan error
	var waiting atomic.Int32
	for range each {
		results = append(results, async(func() error {
			waiting.Add(1)
			return g.Wait(nil)
		}))
		results = append(results, async(func() error {
			return s.Run(context.Background(), func(tk *Task) error {
				waiting.Add(1)
				return g.Wait(tk)
			})
		}))
	}
	awaitTrue(t, "everybody waits", func() bool { return waiting.Load() == 2*each })
	close(release)
	for _, r := range results {
		if err := awaitClosed(t, "a waiter", r); err != io.EOF {
			t.Errorf("a Wait returns %v, want EOF", err)
		}
	}
}

func TestGroupPanicReachesWaitPromptly(t *testing.T) {
	for _, from := range []string{"goroutine", "task"} {
		t.Run(from, func(t *testing.T) {
			s := openScheduler(t, Config{Procs: 2})
			g, ctx := NewGroup(nil, s)
			wait := func() error { return g.Wait(nil) }
			if from == "task" {
				wait = func() error { return s.Run(nil, func(tk *Task) error { return g.Wait(tk) }) }
			}
			release := make(chan struct{})
			var ended atomic.Bool
			g.Go(func(tk *Task) error {
				tk.Block(func() { <-release })
				ended.Store(true)
				return nil
			})
			g.Go(func(tk *Task) error { tk.Yield(); panicsDeepInside("oh"); return nil })
			err := awaitClosed(t, "Wait returns the panic", async(wait))
			wantPanicError(t, err, "oh", "panicsDeepInside")
			if ended.Load() {
				t.Error("the other task has ended before it was released")
			}
			if cause := context.Cause(ctx); cause != err {
				t.Errorf("the context's cause is %v, want the panic", cause)
			}
			second := async(wait)
			select {
			case err := <-second:
				t.Fatalf("a second Wait returns %v while a task still runs", err)
			default:
			}
			close(release)
			wantPanicError(t, awaitClosed(t, "a second Wait", second), "oh", "panicsDeepInside")
			if !ended.Load() {
				t.Error("the second Wait returned before the task had ended")
			}
		})
	}
}

// A panic goes before an error that came first, and is the error of every Wait.
func TestGroupPanicAfterError(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	g, ctx := NewGroup(nil, s)
	g.Go(func(*Task) error { return io.EOF })
	g.Go(func(tk *Task) error {
		tk.Block(func() { <-ctx.Done() })
		panicsDeepInside("worse")
		return nil
	})
	wantPanicError(t, g.Wait(nil), "worse", "panicsDeepInside")
	wantPanicError(t, g.Wait(nil), "worse", "panicsDeepInside")
	if cause := context.Cause(ctx); cause != io.EOF {
		t.Errorf("the cause is %v, want the first error, EOF", cause)
	}
}

// One scheduler's task waits for a group of another, which waits for one of the
// first.
func TestGroupOnAnotherScheduler(t *testing.T) {
	a := openScheduler(t, Config{Procs: 1})
	b := openScheduler(t, Config{Procs: 1})
	runIn(t, a, func(tk *Task) {
		for range 100 {
			ga, _ := NewGroup(nil, b)
			ga.SetLimit(1)
			var sum atomic.Int32
			for range 3 {
				ga.Go(func(inB *Task) error {
					if inB.Scheduler() != b {
						t.Error("the task doesn't run on the group's scheduler")
					}
					gb, _ := NewGroup(nil, a)
					gb.Go(func(inA *Task) error { inA.Yield(); sum.Add(1); return nil })
					return gb.Wait(inB)
				})
			}
			if err := ga.Wait(tk); err != nil || sum.Load() != 3 {
				t.Errorf("error %v, %d tasks; want none, 3", err, sum.Load())
			}
		}
	})
}

// Go from a task of the group, from another task and from a goroutine at once.
func TestGroupGoFromEverywhere(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	g.SetLimit(3)
	var ran atomic.Int32
	count := func(*Task) error { ran.Add(1); return nil }
	g.Go(func(tk *Task) error {
		for range 100 {
			g.Go(func(*Task) error { g.Go(count); return nil })
			tk.Checkpoint()
		}
		return nil
	})
	other := async(func() error {
		return s.Run(nil, func(*Task) error {
			for range 100 {
				g.Go(count)
			}
			return nil
		})
	})
	for range 100 {
		g.Go(count)
	}
	awaitClosed(t, "the other task", other)
	if err := g.Wait(nil); err != nil || ran.Load() != 300 {
		t.Errorf("error %v, %d tasks; want none, 300", err, ran.Load())
	}
}
