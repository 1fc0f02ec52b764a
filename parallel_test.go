package runq

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// loopSizes are lengths around those where loops change what they do.
var loopSizes = []int{0, 1, 2, 3, 7, 8, 9, 64, 100, 1000, 1023, 1024, 1025, 4099, 100_000}

// onProcs runs fn in a task on schedulers with 1, 2 and 4 Ps, and as nil on Default.
func onProcs(t *testing.T, fn func(t *testing.T, tk *Task)) {
	for _, procs := range []int{1, 2, 4} {
		t.Run("procs="+string(rune('0'+procs)), func(t *testing.T) {
			s := openScheduler(t, Config{Procs: procs})
			runIn(t, s, func(tk *Task) { fn(t, tk) })
			checkNoTasks(t, s)
		})
	}
	t.Run("nil", func(t *testing.T) { fn(t, nil) })
}

// checkNoTasks fails unless the scheduler comes to have no task.
func checkNoTasks(t *testing.T, s *Scheduler) {
	t.Helper()
	awaitTrue(t, "all tasks end", func() bool { return s.Stats().Live == 0 })
}

func TestForVisitsEachOnce(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for _, n := range append(loopSizes, -1) {
			visits := make([]int32, max(n, 0))
			err := For(tk, n, func(tk *Task, lo, hi int) {
				if lo >= hi {
					t.Errorf("n %d: body was called for %d to %d", n, lo, hi)
				}
				tk.ID() // panics unless it is the task that calls
				for i := lo; i < hi; i++ {
					atomic.AddInt32(&visits[i], 1)
				}
			})
			if err != nil {
				t.Errorf("n %d: %v", n, err)
			}
			for i, v := range visits {
				if v != 1 {
					t.Fatalf("n %d: %d was visited %d times", n, i, v)
				}
			}
		}
	})
}

func TestEach(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for _, n := range loopSizes {
			s := make([]int, n)
			if err := Each(tk, s, func(_ *Task, e *int) { *e++ }); err != nil {
				t.Errorf("n %d: %v", n, err)
			}
			for i, e := range s {
				if e != 1 {
					t.Fatalf("n %d: element %d was visited %d times", n, i, e)
				}
			}
		}
	})
}

// TestForShares: all Ps get part of a loop without checkpoints. The bodies wait for
// each other, so that it wouldn't end otherwise.
func TestForShares(t *testing.T) {
	for _, n := range []int{2, 3, 100, 100_000} {
		s := openScheduler(t, Config{Procs: 2})
		runIn(t, s, func(tk *Task) {
			var both sync.WaitGroup
			both.Add(2)
			var seen sync.Map
			var tasks atomic.Int32
			For(tk, n, func(tk *Task, lo, hi int) {
				if _, loaded := seen.LoadOrStore(tk.ID(), true); !loaded && tasks.Add(1) <= 2 {
					both.Done()
					awaitBoth(t, &both)
				}
			})
		})
	}
}

func awaitBoth(t *testing.T, both *sync.WaitGroup) {
	awaitClosed(t, "another task takes part", async(func() bool { both.Wait(); return true }))
}

// TestForNested: loops in loops, with groups in between, also on one P.
func TestForNested(t *testing.T) {
	for _, procs := range []int{1, 2} {
		s := openScheduler(t, Config{Procs: procs})
		var sum atomic.Int64
		g, _ := NewGroup(nil, s)
		for range 3 {
			g.Go(func(tk *Task) error { return nest(tk, s, 4, &sum) })
		}
		if err := g.Wait(nil); err != nil {
			t.Fatal(err)
		}
		if got, want := sum.Load(), int64(3*3*3*3*3); got != want {
			t.Errorf("procs %d: got %d leaves, want %d", procs, got, want)
		}
	}
}

// nest is loops in loops, with groups and forks in between.
func nest(tk *Task, s *Scheduler, depth int, sum *atomic.Int64) error {
	if depth == 0 {
		sum.Add(1)
		tk.Yield()
		return nil
	}
	return For(tk, 3, func(tk *Task, lo, hi int) {
		for range hi - lo {
			if depth%2 == 0 {
				x := Fork(tk, func(tk *Task, d int) error { return nest(tk, s, d, sum) }, depth-1)
				x.Join(tk)
				continue
			}
			g, _ := NewGroup(tk.Context(), s)
			g.Go(func(tk *Task) error { return nest(tk, s, depth-1, sum) })
			g.Wait(tk)
		}
	})
}

func TestForPanics(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for range 50 {
			n := 1 + rand.IntN(5000)
			at := rand.IntN(n)
			var running, after atomic.Int32
			cause := errors.New("planted")
			got := recovered(func() {
				For(tk, n, func(tk *Task, lo, hi int) {
					running.Add(1)
					defer running.Add(-1)
					if lo <= at && at < hi {
						panic(cause)
					}
					if rand.IntN(10) == 0 {
						tk.Yield()
					}
				})
				after.Add(1)
			})
			if err, ok := got.(error); !ok || !errors.Is(err, cause) {
				t.Fatalf("n %d, at %d: the panic was %v", n, at, got)
			}
			if r := running.Load(); r != 0 || after.Load() != 0 {
				t.Fatalf("n %d, at %d: %d bodies still run", n, at, r)
			}
		}
		// The task can go on, and its stack of forks is in order.
		if tk != nil && forkFib(tk, 15) != plainFib(15) {
			t.Error("the task is broken afterwards")
		}
	})
}

// recovered calls f and returns what it panics with.
func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestForGoexit(t *testing.T) {
	for _, procs := range []int{1, 2} {
		s := openScheduler(t, Config{Procs: procs})
		for _, n := range []int{1, 10, 10_000} {
			at := rand.IntN(n)
			err := s.Run(nil, func(tk *Task) error {
				For(tk, n, func(tk *Task, lo, hi int) {
					if lo <= at && at < hi {
						runtime.Goexit()
					}
				})
				return errors.New("For has returned")
			})
			if err != ErrGoexit {
				t.Errorf("n %d, at %d: %v", n, at, err)
			}
		}
		checkNoTasks(t, s)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		For(nil, 10, func(*Task, int, int) { runtime.Goexit() })
		t.Error("For has returned to a goroutine")
	}()
	awaitClosed(t, "the goroutine ends", done)
}

func TestForCancelled(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		s := openScheduler(t, Config{Procs: procs})
		for _, n := range []int{1, 2, 100, 100_000} {
			ctx, cancel := context.WithCancelCause(context.Background())
			cause := errors.New("enough")
			var calls, done atomic.Int64
			at := rand.Int64N(3)
			var err error
			runErr := s.Run(ctx, func(tk *Task) error {
				err = For(tk, n, func(tk *Task, lo, hi int) {
					if calls.Add(1) > at {
						cancel(cause)
					}
					done.Add(int64(hi - lo))
				})
				return nil
			})
			if runErr != nil {
				t.Fatal(runErr)
			}
			if all := done.Load() == int64(n); all != (err == nil) {
				t.Errorf("procs %d: %d of %d were done, and the error is %v", procs, done.Load(), n, err)
			}
			if err != nil && err != cause {
				t.Errorf("procs %d, n %d: got the error %v", procs, n, err)
			}
			cancel(nil)
		}
	}
}

func TestForEndedContext(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Run(ctx, func(tk *Task) error {
		cancel()
		if err := For(tk, 0, func(*Task, int, int) {}); err != nil {
			t.Errorf("nothing was left, and the error is %v", err)
		}
		called := func(*Task, int, int) { t.Error("a body was called") }
		if err := For(tk, 10, called); err != context.Canceled {
			t.Errorf("got %v", err)
		}
		if r, err := Map(tk, []int{1}, func(_ *Task, i int) int { return i }); r != nil || err != context.Canceled {
			t.Errorf("Map: got %v, %v", r, err)
		}
		leaf := func(*Task, int, int) int { t.Error("a leaf was called"); return 1 }
		if r, err := Reduce(tk, 10, leaf, add[int]); r != 0 || err != context.Canceled {
			t.Errorf("Reduce: got %v, %v", r, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestProgress runs loops on a clock of its own, on which each body takes 10 ms.
func TestProgress(t *testing.T) {
	const n, bodyTime = 100, int64(10e6)
	clk := &stepClock{clock: newClock()}
	s, err := surroundings{clock: clk, seed: 1, noSysmon: true}.newScheduler(Config{Procs: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeInTime(t, s) })
	runIn(t, s, func(tk *Task) {
		loops := map[string]func(opt LoopOption) error{
			"For": func(opt LoopOption) error {
				return For(tk, n, func(_ *Task, lo, hi int) { clk.step.Add(int64(hi-lo) * bodyTime) }, opt)
			},
			"Reduce": func(opt LoopOption) error {
				leaf := func(_ *Task, lo, hi int) int { clk.step.Add(int64(hi-lo) * bodyTime); return hi - lo }
				sum, err := Reduce(tk, n, leaf, add[int], opt)
				if sum != n {
					t.Errorf("Reduce: got %d", sum)
				}
				return err
			},
		}
		for name, loop := range loops {
			var inside atomic.Int32
			var reports []int
			err := loop(Progress(func(done, total int) {
				if inside.Add(1) != 1 || total != n {
					t.Errorf("%s: %d reports at the same time, total %d", name, inside.Load(), total)
				}
				reports = append(reports, done)
				inside.Add(-1)
			}))
			if err != nil {
				t.Error(err)
			}
			// A second in all: ten reports at most, and the last.
			if len(reports) < 2 || len(reports) > 11 || reports[len(reports)-1] != n {
				t.Errorf("%s: the reports were %v", name, reports)
			}
			for i := 1; i < len(reports); i++ {
				if reports[i] < reports[i-1] {
					t.Errorf("%s: the reports go back: %v", name, reports)
				}
			}
		}
	})
}

// stepClock is a clock that a test can set forward.
type stepClock struct {
	clock
	step atomic.Int64
}

func (c *stepClock) Now() int64 { return c.clock.Now() + c.step.Load() }

// TestLoopWhileDefaultCloses: Default is closed again and again, and loops of goroutines
// find another one.
func TestLoopWhileDefaultCloses(t *testing.T) {
	var stop atomic.Bool
	closer := async(func() (err error) {
		for !stop.Load() {
			err = errors.Join(err, Default().Close())
		}
		return err
	})
	for range 200 {
		var sum atomic.Int64
		if err := For(nil, 100, func(_ *Task, lo, hi int) { sum.Add(int64(hi - lo)) }); err != nil || sum.Load() != 100 {
			t.Fatalf("got %d, %v", sum.Load(), err)
		}
	}
	stop.Store(true)
	if err := awaitClosed(t, "Close returns", closer); err != nil {
		t.Error(err)
	}
}

func TestInvoke(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for n := range 10 {
			var called [10]atomic.Int32
			fns := make([]func(*Task), n)
			for i := range fns {
				fns[i] = func(tk *Task) { called[i].Add(1); tk.Yield() }
			}
			Invoke(tk, fns...)
			for i := range called {
				if got, want := called[i].Load() == 1, i < n; got != want {
					t.Errorf("of %d functions, %d was called %d times", n, i, called[i].Load())
				}
			}
		}
		cause := errors.New("planted")
		for at := range 3 {
			var running atomic.Int32
			fns := make([]func(*Task), 3)
			for i := range fns {
				fns[i] = func(tk *Task) {
					running.Add(1)
					defer running.Add(-1)
					if i == at {
						panic(cause)
					}
					tk.Yield()
				}
			}
			if err, ok := recovered(func() { Invoke(tk, fns...) }).(error); !ok || !errors.Is(err, cause) {
				t.Errorf("the panic of function %d came as %v", at, err)
			}
			if r := running.Load(); r != 0 {
				t.Errorf("%d functions still run", r)
			}
		}
	})
}

func TestLoopMisuse(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		wantPanic(t, func() { For(tk, 1, nil) }, "For", "nil")
		wantPanic(t, func() { Each[int](tk, nil, nil) }, "Each", "nil")
		wantPanic(t, func() { Map[int, int](tk, nil, nil) }, "Map", "nil")
		wantPanic(t, func() { Reduce[int](tk, 1, nil, nil) }, "Reduce", "nil")
		wantPanic(t, func() { Scan[int](tk, nil, nil) }, "Scan", "nil")
		wantPanic(t, func() { Invoke(tk, nil) }, "Invoke", "nil")
		wantPanic(t, func() {
			For(tk, 1, func(tk *Task, _, _ int) { Fork(tk, forkFib, 1) })
		}, "not joined", "forkFib")
		if n := tk.forks(); n != 0 {
			t.Errorf("%d forks are left", n)
		}
		ended := make(chan *Task, 1)
		tk.Go(func(t *Task) { ended <- t })
		tk.Yield()
		wantPanic(t, func() { For(<-ended, 1, func(*Task, int, int) {}) }, "For", "has ended")
	})
}

// TestForAllocations: a loop allocates what describes it, however many chunks it has.
func TestForAllocations(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		body := func(*Task, int, int) {}
		for _, n := range []int{1, 100, 1_000_000} {
			if a := testing.AllocsPerRun(20, func() { For(tk, n, body) }); a > 1 {
				t.Errorf("a loop over %d elements allocates %v times", n, a)
			}
		}
		fns := []func(*Task){func(*Task) {}, func(*Task) {}, func(*Task) {}}
		if a := testing.AllocsPerRun(20, func() { Invoke(tk, fns...) }); a > 1 {
			t.Errorf("Invoke allocates %v times", a)
		}
	})
}

// TestLoopsForget: what a loop has used can be collected when it has ended, though the
// carrier keeps its frames.
func TestLoopsForget(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		var freed atomic.Int32
		func() {
			big := new([1 << 16]int)
			runtime.AddCleanup(big, func(n *atomic.Int32) { n.Add(1) }, &freed)
			For(tk, 100, func(_ *Task, lo, _ int) { big[lo]++ })
			Invoke(tk, func(*Task) { big[0]++ }, func(*Task) { big[1]++ })
			Reduce(tk, 100, func(_ *Task, lo, _ int) int { big[lo]++; return lo }, add[int])
			SortFunc(tk, make([]int, 3000), func(a, b int) int { big[0]++; return b - a })
		}()
		for end := 0; freed.Load() == 0; end++ {
			if end == 1000 {
				t.Error("what the loops used is still held")
				return
			}
			runtime.GC()
			tk.Yield()
		}
	})
}

// BenchmarkFor is a loop over tiny bodies, beside the plain loop.
func BenchmarkFor(b *testing.B) {
	for _, n := range []int{100, 1_000_000} {
		x := make([]uint32, n)
		body := func(_ *Task, lo, hi int) {
			for i := lo; i < hi; i++ {
				x[i] = x[i]*1664525 + 1013904223
			}
		}
		size := "n=100/"
		if n > 100 {
			size = "n=1M/"
		}
		b.Run(size+"impl=serial", func(b *testing.B) {
			for b.Loop() {
				body(nil, 0, n)
			}
		})
		for _, procs := range []int{1, 2} {
			b.Run(size+"impl=runq/procs="+string(rune('0'+procs)), func(b *testing.B) {
				s := openScheduler(b, Config{Procs: procs})
				b.ReportAllocs()
				runIn(b, s, func(tk *Task) {
					for b.Loop() {
						For(tk, n, body)
					}
				})
			})
		}
	}
}
