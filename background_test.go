package runq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newBackground is newTest for tests of background work: with a log that nobody reads,
// since that tells what happens to GOMAXPROCS.
func newBackground(t *testing.T, cfg Config) *Scheduler {
	t.Helper()
	return newBackgroundIn(t, cfg, surroundings{clock: newClock(), seed: rand.Uint64()})
}

// newBackgroundIn is newBackground in surroundings of the test's own.
func newBackgroundIn(t *testing.T, cfg Config, in surroundings) *Scheduler {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return newTestIn(t, cfg, in)
}

// runBackground runs fn in the class and waits for it, but not for ever.
func runBackground(t *testing.T, c *Class, fn func(tk *Task) error) error {
	t.Helper()
	return awaitClosed(t, "Class.Run returns", async(func() error { return c.Run(context.Background(), fn) }))
}

// inBackground runs n tasks in the class at the same time, as far as it has Ps, and waits for
// them.
func inBackground(t *testing.T, c *Class, n int, fn func(tk *Task, i int) error) {
	t.Helper()
	err := runBackground(t, c, func(tk *Task) error {
		g, _ := NewGroup(tk.Context(), c.s)
		for i := range n {
			g.Go(func(tk *Task) error { return fn(tk, i) })
		}
		return g.Wait(tk)
	})
	if err != nil {
		t.Error(err)
	}
}

// waitsOf are all ways of a task to wait, each with what ends the wait. They run in a
// background task tk; peer starts something in another class, or as a goroutine if it is
// called with nil.
var waitsOf = map[string]func(tk *Task, peer func(fn func(tk *Task))) error{
	"Chan": func(tk *Task, peer func(func(*Task))) error {
		there, back := NewChan[int](0), NewChan[int](0)
		peer(func(tk *Task) {
			for v := range there.All(tk) {
				back.Send(tk, v+1) //nolint:errcheck // its context doesn't end
			}
			back.Close()
		})
		for i := range 3 {
			if err := there.Send(tk, i); err != nil {
				return err
			}
			if v, err := back.Recv(tk); err != nil || v != i+1 {
				return fmt.Errorf("Recv = %d, %v", v, err)
			}
		}
		there.Close()
		if _, err := back.Recv(tk); !errors.Is(err, ErrChanClosed) {
			return fmt.Errorf("Recv at the end: %v", err)
		}
		return nil
	},
	"Select": func(tk *Task, peer func(func(*Task))) error {
		c := NewChan[int](0)
		peer(func(tk *Task) { c.Send(tk, 1) }) //nolint:errcheck // its context doesn't end
		var v int
		if i, err := Select(tk, c.RecvCase(&v, nil), After(time.Hour)); i != 0 || err != nil || v != 1 {
			return fmt.Errorf("Select = %d, %v; received %d", i, err, v)
		}
		if i, err := Select(tk, c.RecvCase(&v, nil), After(time.Microsecond)); i != 1 || err != nil {
			return fmt.Errorf("Select = %d, %v", i, err)
		}
		return nil
	},
	"Mutex": func(tk *Task, peer func(func(*Task))) error {
		var mu Mutex
		var n int
		var wg WaitGroup
		for range 3 {
			wg.Add(1)
			peer(func(tk *Task) {
				mu.Lock(tk)
				n++
				mu.Unlock(tk)
				wg.Done(tk)
			})
		}
		mu.Lock(tk)
		tk.Yield()
		n++
		mu.Unlock(tk)
		err := wg.Wait(tk)
		mu.Lock(tk)
		defer mu.Unlock(tk)
		if n != 4 {
			return fmt.Errorf("%d of 4 have had the lock; %v", n, err)
		}
		return err
	},
	"Semaphore": func(tk *Task, peer func(func(*Task))) error {
		sem := NewSemaphore(2)
		if err := sem.Acquire(tk, 2); err != nil {
			return err
		}
		done := NewChan[int](1)
		peer(func(tk *Task) {
			done.Send(tk, 0)   //nolint:errcheck // its context doesn't end
			sem.Acquire(tk, 1) //nolint:errcheck // likewise
			sem.Release(tk, 1)
		})
		done.Recv(tk) //nolint:errcheck // likewise
		sem.Release(tk, 2)
		err := sem.Acquire(tk, 2)
		sem.Release(tk, 2) // for the other one, if it comes later
		return err
	},
	"Event": func(tk *Task, peer func(func(*Task))) error {
		var e Event
		peer(func(tk *Task) { e.Set(tk) })
		return e.Wait(tk)
	},
	"Cond": func(tk *Task, peer func(func(*Task))) error {
		var mu Mutex
		c := NewCond(&mu)
		ready := false
		mu.Lock(tk)
		peer(func(tk *Task) {
			mu.Lock(tk)
			ready = true
			mu.Unlock(tk)
			c.Broadcast(tk)
		})
		for !ready {
			if err := c.Wait(tk); err != nil {
				return err
			}
		}
		mu.Unlock(tk)
		return nil
	},
	"Group": func(tk *Task, _ func(func(*Task))) error { return waitDeep(tk, 10) },
	"Sleep": func(tk *Task, _ func(func(*Task))) error {
		for range 3 {
			tk.Sleep(20 * time.Microsecond)
		}
		return nil
	},
	"Timer": func(tk *Task, _ func(func(*Task))) error {
		return tk.Scheduler().NewTimer(20 * time.Microsecond).Wait(tk)
	},
	"AfterFunc": func(tk *Task, _ func(func(*Task))) error {
		var e Event
		tk.AfterFunc(20*time.Microsecond, func(tk *Task) { e.Set(tk) })
		return e.Wait(tk)
	},
	"Fork": func(tk *Task, _ func(func(*Task))) error {
		if n := slowFib(tk, 7); n != 13 {
			return fmt.Errorf("fib(7) = %d", n)
		}
		return nil
	},
	"For": func(tk *Task, _ func(func(*Task))) error {
		var sum atomic.Int64
		err := For(tk, 100, func(tk *Task, lo, hi int) {
			for i := lo; i < hi; i++ {
				sum.Add(int64(i))
			}
			tk.Yield()
		})
		if sum.Load() != 4950 {
			return fmt.Errorf("For: %d, %v", sum.Load(), err)
		}
		return err
	},
	"Sort": func(tk *Task, _ func(func(*Task))) error {
		s := make([]int, 5000)
		for i := range s {
			s[i] = i * 7919 % 5000
		}
		Sort(tk, s)
		if !slices.IsSorted(s) {
			return errors.New("not sorted")
		}
		return nil
	},
	"LockThread": func(tk *Task, _ func(func(*Task))) error {
		tk.LockThread()
		tk.LockThread()
		tk.Yield()
		tk.UnlockThread()
		tk.Sleep(20 * time.Microsecond)
		tk.UnlockThread()
		return waitDeep(tk, 2)
	},
	"Block": func(tk *Task, _ func(func(*Task))) error {
		tk.Block(func() {})
		tk.Block(func() { time.Sleep(300 * time.Microsecond) })
		return nil
	},
	"a channel of Go": func(_ *Task, peer func(func(*Task))) error {
		c := make(chan int)
		peer(func(*Task) { c <- 1 })
		<-c
		return nil
	},
	"time.Sleep": func(*Task, func(func(*Task))) error {
		time.Sleep(300 * time.Microsecond)
		return nil
	},
	"a lock of Go": func(_ *Task, peer func(func(*Task))) error {
		var mu sync.Mutex
		mu.Lock()
		peer(func(*Task) { mu.Unlock() })
		mu.Lock()
		return nil
	},
	"a system call": func(*Task, func(func(*Task))) error {
		sleepInKernel()
		return nil
	},
}

// waitDeep waits for a task that does the same, to the depth.
func waitDeep(tk *Task, depth int) error {
	if depth == 0 {
		return nil
	}
	g, _ := NewGroup(tk.Context(), tk.Scheduler())
	g.Go(func(tk *Task) error { return waitDeep(tk, depth-1) })
	return g.Wait(tk)
}

// slowFib forks, and gives others the time to take the forks.
func slowFib(tk *Task, n int) int {
	if n < 2 {
		return n
	}
	x := Fork(tk, slowFib, n-1)
	tk.Yield()
	for range 100 {
		tk.Checkpoint()
	}
	y := slowFib(tk, n-2)
	return x.Join(tk) + y
}

// TestBackgroundWaits: whatever a background task waits for, and whoever ends it, nothing
// is lost, and nobody waits for ever.
func TestBackgroundWaits(t *testing.T) {
	for _, procs := range []int{1, 2} {
		s := newBackground(t, Config{Procs: procs, TraceBuffer: manyEvents})
		peers := map[string]func(func(*Task)){
			"a normal task":     s.Go,
			"a background task": s.Background().Go,
			"a goroutine":       func(fn func(*Task)) { go fn(nil) },
		}
		for name, wait := range waitsOf {
			for who, peer := range peers {
				t.Run(fmt.Sprintf("%d/%s, %s", procs, name, who), func(t *testing.T) {
					inBackground(t, s.Background(), 4, func(tk *Task, _ int) error {
						if err := wait(tk, peer); err != nil {
							return fmt.Errorf("%s: %w", name, err)
						}
						return nil
					})
				})
			}
		}
	}
}

// TestBackgroundEnds: every way in which a background task can end reaches who waits for
// it, and costs the class nothing.
func TestBackgroundEnds(t *testing.T) {
	var told panics
	s := newBackground(t, Config{Procs: 2, OnPanic: told.add})
	c := s.Background()
	wrong := errors.New("wrong")
	var p *PanicError
	for i := range 10 {
		if err := runBackground(t, c, func(*Task) error { return wrong }); err != wrong {
			t.Errorf("an error: %v", err)
		}
		if err := runBackground(t, c, func(*Task) error { panic(wrong) }); !errors.As(err, &p) || !errors.Is(err, wrong) {
			t.Errorf("a panic: %v", err)
		}
		if err := runBackground(t, c, func(*Task) error { runtime.Goexit(); return nil }); err != ErrGoexit {
			t.Errorf("a Goexit: %v", err)
		}
		err := runBackground(t, c, func(*Task) error {
			defer panic(wrong)
			runtime.Goexit()
			return nil
		})
		if !errors.As(err, &p) || !errors.Is(err, wrong) {
			t.Errorf("a panic on the way of a Goexit: %v", err)
		}
		c.Go(func(*Task) { panic(i) })
		c.Go(func(tk *Task) {
			tk.LockThread()
			runtime.Goexit()
		})
		if err := runBackground(t, c, func(tk *Task) error { // and with others behind it
			for range 5 {
				tk.Go(func(*Task) { runtime.Goexit() })
				tk.Go(func(*Task) {})
			}
			return waitDeep(tk, 3)
		}); err != nil {
			t.Error(err)
		}
	}
	closeInTime(t, s)
	if n := len(told.get()); n != 10 {
		t.Errorf("OnPanic was told of %d panics, want 10", n)
	}
}

// TestBackgroundCancelled: a context that ends, ends the waits of background tasks.
func TestBackgroundCancelled(t *testing.T) {
	s := newBackground(t, Config{Procs: 2})
	why := errors.New("why")
	for _, before := range []bool{true, false} {
		ctx, cancel := context.WithCancelCause(context.Background())
		var waiting atomic.Int32
		done := async(func() error {
			return s.Background().Run(ctx, func(tk *Task) error {
				g, _ := NewGroup(tk.Context(), s)
				for range 5 {
					g.Go(func(tk *Task) error {
						waiting.Add(1)
						if before {
							awaitTrue(t, "the end", func() bool { return tk.Context().Err() != nil })
						}
						var e Event
						return e.Wait(tk)
					})
				}
				return g.Wait(tk)
			})
		})
		if before {
			awaitTrue(t, "they run", func() bool { return waiting.Load() > 0 })
		} else {
			awaitTrue(t, "they wait", func() bool { return waiting.Load() == 5 })
		}
		cancel(why)
		if err := awaitClosed(t, "Run returns", done); !errors.Is(err, why) {
			t.Errorf("Run: %v", err)
		}
	}
}

// TestBackgroundShutdown: Shutdown waits for background tasks that wait, as long as its
// context lets it, and for those that computed meanwhile.
func TestBackgroundShutdown(t *testing.T) {
	s := newBackground(t, Config{Procs: 2})
	var e Event
	var ended atomic.Int32
	var stop atomic.Bool
	for range 5 {
		s.Background().Go(func(tk *Task) {
			e.Wait(tk) //nolint:errcheck // its context doesn't end
			ended.Add(1)
		})
	}
	s.Background().Go(func(*Task) {
		computeUntil(&stop)
		ended.Add(1)
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); err != context.Canceled {
		t.Errorf("Shutdown: %v", err)
	}
	wantPanic(t, func() { s.Background().Go(func(*Task) {}) }, "closed")
	if err := s.Background().Run(context.Background(), func(*Task) error { return nil }); err != ErrClosed {
		t.Errorf("Run after Shutdown: %v", err)
	}
	stop.Store(true)
	e.Set(nil)
	closeInTime(t, s)
	if n := ended.Load(); n != 6 {
		t.Errorf("%d tasks have ended, want 6", n)
	}
}

// TestBackgroundFirstAfterClose: the first that anybody wants of the class may come when
// the scheduler has ended.
func TestBackgroundFirstAfterClose(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	s := newBackground(t, Config{Procs: 2, LatencyTarget: time.Millisecond})
	closeInTime(t, s)
	wantPanic(t, func() { s.Background().Go(func(*Task) {}) }, "closed")
	if err := s.Background().Run(context.Background(), func(*Task) error { return nil }); err != ErrClosed {
		t.Errorf("Run: %v", err)
	}
	if n := runtime.GOMAXPROCS(0); n != before {
		t.Errorf("GOMAXPROCS is %d, and was %d", n, before)
	}
	if s.gov.probe.Load() != nil {
		t.Error("latency is measured for nobody")
	}
}

// TestBackgroundAndStops: the world can be stopped, looked at and resized while background
// tasks compute without a checkpoint, and goes on after it.
func TestBackgroundAndStops(t *testing.T) {
	s := newBackground(t, Config{Procs: 2, TraceBuffer: manyEvents})
	var stop atomic.Bool
	var began, others atomic.Int32
	for range 3 {
		s.Background().Go(func(*Task) {
			began.Add(1)
			computeUntil(&stop)
		})
		s.Background().Go(func(tk *Task) {
			for !stop.Load() {
				tk.Yield()
				others.Add(1)
			}
		})
	}
	awaitTrue(t, "they compute", func() bool { return began.Load() > 0 })
	for i := range 12 {
		if err := s.SetProcs(i%3 + 1); err != nil {
			t.Error(err)
		}
		snap := s.Snapshot()
		if snap.Stats.Live != 6 {
			t.Errorf("%d tasks live, want 6", snap.Stats.Live)
		}
		s.stopTheWorld()
		for p := range s.allSeats {
			if p.state != pStopped || p.m != nil {
				t.Errorf("the world is stopped, and P %d is %v", p.id, p.state)
			}
		}
		s.startTheWorld()
		runIn(t, s, func(*Task) {})
	}
	stop.Store(true)
	inBackground(t, s.Background(), 5, func(tk *Task, _ int) error { return waitDeep(tk, 2) })
}

// TestBackgroundDeadlock: tasks of different classes that wait for each other are found,
// and none are as long as a background task runs.
func TestBackgroundDeadlock(t *testing.T) {
	var r reports
	s := newBackground(t, Config{Procs: 2, OnDeadlock: r.add})
	var stop, waits atomic.Bool
	var a, b *Group
	ready := make(chan struct{})
	wait := func(own **Group, other **Group) func(tk *Task) error {
		return func(tk *Task) error {
			<-ready
			return (*other).Wait(tk)
		}
	}
	a, _ = NewGroup(s.Background().context(context.Background()), s)
	b, _ = NewGroup(context.Background(), s)
	a.Go(wait(&a, &b))
	b.Go(wait(&b, &a))
	s.Background().Go(func(*Task) {
		awaitTrue(t, "the others wait", waits.Load)
		computeUntil(&stop)
	})
	close(ready)
	awaitTrue(t, "they wait for each other", func() bool { return s.Stats().Parks == 2 && s.fore.idle.IdlePs() == 2 })
	waits.Store(true)
	if n := r.n.Load(); n != 0 {
		t.Errorf("a deadlock was reported while a task runs: %v", r.errs.Load())
	}
	stop.Store(true)
	var d *DeadlockError
	for _, g := range []*Group{a, b} {
		err := awaitClosed(t, "the wait is ended", async(func() error { return g.Wait(nil) }))
		if !errors.As(err, &d) {
			t.Errorf("Wait: %v", err)
		}
	}
	if n := r.n.Load(); n != 1 {
		t.Errorf("%d deadlocks were reported, want 1", n)
	}
}

// TestBackgroundWeak: where threads can't have a priority of their own, background tasks
// run all the same, and it is said why they aren't in the background.
func TestBackgroundWeak(t *testing.T) {
	var log strings.Builder
	before := runtime.GOMAXPROCS(0)
	s := newBackground(t, Config{Procs: 2, TraceBuffer: manyEvents, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	no := errors.New("no priorities today")
	s.tryBind = func(*binding) error { return no }
	if s.Stats().Background.Weak != nil {
		t.Error("weak, before anybody has asked")
	}
	for name, wait := range waitsOf {
		inBackground(t, s.Background(), 3, func(tk *Task, _ int) error {
			if c := tk.Class(); c != s.Background() {
				t.Errorf("the class is %s", c.Name())
			}
			if err := wait(tk, s.Go); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	b := s.Stats().Background
	if b.Weak != no || b.Procs != 0 || b.Threads != 0 || b.Headroom != 0 || b.Allowed != -1 {
		t.Errorf("Stats: %+v", b)
	}
	if n := runtime.GOMAXPROCS(0); n != before {
		t.Errorf("GOMAXPROCS is %d, and was %d", n, before)
	}
	if l := log.String(); strings.Count(l, "\n") != 1 || !strings.Contains(l, no.Error()) || !strings.Contains(l, "class=background") {
		t.Errorf("the log says %q", l)
	}
}

// TestBackgroundClasses: background classes share threads, those with other CPUs don't.
func TestBackgroundClasses(t *testing.T) {
	s := newBackground(t, Config{Procs: 2})
	other, err := s.Class("other", ClassConfig{Background: true, Weight: 7})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		inBackground(t, s.Background(), 2, func(*Task, int) error { return nil })
		inBackground(t, other, 2, func(*Task, int) error { return nil })
	}
	if s.Background().d != other.d {
		t.Error("two background classes have threads of their own each")
	}
	if weak := s.Stats().Background.Weak; (weak == nil) == (s.Background().d == &s.fore) {
		t.Errorf("the background class is in the fore domain: %v; %v", s.Background().d == &s.fore, weak)
	}
}
