package runq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// inTasks runs f in a task of schedulers with one, two and four Ps.
func inTasks(t *testing.T, f func(t *testing.T, tk *Task)) {
	t.Helper()
	for _, procs := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			s := newTest(t, Config{Procs: procs, TraceBuffer: manyEvents})
			runIn(t, s, func(tk *Task) { f(t, tk) })
		})
	}
}

// eager lets every fork be promoted whether a P is idle or not, and comes to it often.
func eager(tk *Task) { tk.promoteOldest(tk.m) }

// eagerFib promotes a fork at every step.
func eagerFib(t *Task, n int) int {
	if n < 2 {
		return n
	}
	x := Fork(t, eagerFib, n-1)
	eager(t)
	y := eagerFib(t, n-2)
	return x.Join(t) + y
}

func TestForkJoin(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		if got := forkFib(tk, 22); got != 17711 {
			t.Errorf("fib(22) = %d", got)
		}
		if got := eagerFib(tk, 15); got != 610 {
			t.Errorf("fib(15) = %d, every fork promoted", got)
		}
		if n := tk.forks(); n != 0 {
			t.Errorf("%d forks are left", n)
		}
	})
}

// TestForkTypes forks functions of many types in turn, closures too.
func TestForkTypes(t *testing.T) {
	type pair struct {
		a string
		b *int
	}
	inTasks(t, func(t *testing.T, tk *Task) {
		for i := range 100 {
			one := Fork(tk, func(_ *Task, n int) string { return fmt.Sprint(n) }, i)
			two := Fork(tk, func(_ *Task, p pair) pair { return pair{p.a + "!", p.b} }, pair{"x", &i})
			if i%3 == 0 {
				eager(tk)
			}
			three := Fork(tk, func(*Task, struct{}) error { return errors.New("e") }, struct{}{})
			four := Fork(tk, func(_ *Task, f func() int) int { return f() + i }, func() int { return 1 })
			if v := four.Join(tk); v != i+1 {
				t.Errorf("four: %v", v)
			}
			if v := three.Join(tk); v.Error() != "e" {
				t.Errorf("three: %v", v)
			}
			if v := two.Join(tk); v.a != "x!" || v.b != &i {
				t.Errorf("two: %v", v)
			}
			if v := one.Join(tk); v != fmt.Sprint(i) {
				t.Errorf("one: %v", v)
			}
		}
	})
}

// TestForkAllocates checks that forks cost no memory, whatever their types, once there
// are frames for them.
func TestForkAllocates(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	str := func(_ *Task, s string) int { return len(s) }
	runIn(t, s, func(tk *Task) {
		n := 0
		add := func(_ *Task, i int) int { return i + n } // a closure
		if a := testing.AllocsPerRun(100, func() {
			forkFib(tk, 10)
			x := Fork(tk, add, 1)
			y := Fork(tk, str, "four")
			n = y.Join(tk) - x.Join(tk)
			y = Fork(tk, str, "four")
			x = Fork(tk, add, 1)
			n = x.Join(tk) - y.Join(tk)
		}); a != 0 {
			t.Errorf("%v allocations", a)
		}
	})
}

// TestForkDeep forks deeper than any stack of frames that is kept.
func TestForkDeep(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		if n := deep(tk, 100_000); n != 100_000 {
			t.Errorf("%d", n)
		}
	})
}

func deep(t *Task, n int) int {
	if n == 0 {
		return 0
	}
	x := Fork(t, func(*Task, int) int { return 1 }, 0)
	return deep(t, n-1) + x.Join(t)
}

// TestForkPromotesFirst checks that a task's only fork is run by an idle P.
func TestForkPromotesFirst(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for range 20 {
		runIn(t, s, func(tk *Task) {
			var begun atomic.Bool
			x := Fork(tk, func(*Task, int) bool { begun.Store(true); return true }, 0)
			awaitTrue(t, "the fork is begun elsewhere", begun.Load)
			x.Join(tk)
		})
	}
	if st := s.Stats(); st.ForksPromoted != 20 || st.ForksTakenBack != 0 {
		t.Errorf("%d promoted, %d taken back", st.ForksPromoted, st.ForksTakenBack)
	}
}

// TestForkPromotesLater checks that a task which forks all the time lets a P have forks
// that becomes idle only later.
func TestForkPromotesLater(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	var busy, stop atomic.Bool
	s.Go(func(tk *Task) {
		busy.Store(true)
		for !stop.Load() {
			tk.Checkpoint()
		}
	})
	awaitTrue(t, "a P is busy", busy.Load)
	runIn(t, s, func(tk *Task) {
		forkFib(tk, 10)
		stop.Store(true)
		awaitTrue(t, "a fork is promoted", func() bool {
			forkFib(tk, 20)
			return s.Stats().ForksPromoted > 0
		})
	})
}

// TestBegged checks what a task does that was begged for a fork: nothing if it has none, and
// it is asked to yield before that.
func TestBegged(t *testing.T) {
	runIn(t, newTest(t, Config{Procs: 1}), func(tk *Task) {
		pace := tk.pace
		tk.preempt.Store(begged)
		tk.Checkpoint()
		if pace.left--; tk.preempt.Load() != 0 || tk.pace != pace {
			t.Errorf("preempt %d, pace %+v; want 0, %+v", tk.preempt.Load(), tk.pace, pace)
		}
		tk.preempt.Store(asked)
		tk.m.p.begForFork()
		if tk.preempt.Load() != asked {
			t.Error("who begs has taken back that the task is asked to yield")
		}
		tk.Checkpoint()
		tk.m.p.begForFork()
		if tk.preempt.Load() != begged {
			t.Error("the running task isn't begged")
		}
	})
}

// TestBegging checks that a task which is begged gives its oldest fork away, if that has been
// there for long enough to be worth it, and still looks at the clock when it is time to.
func TestBegging(t *testing.T) {
	clk := newFakeClock()
	s, err := surroundings{clock: clk, noSysmon: true}.newScheduler(Config{Procs: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeInTime(t, s) })
	runIn(t, s, func(tk *Task) {
		s.fore.idle.BeginSearch()
		defer s.fore.idle.EndSearch()
		x := Fork(tk, forkName, 1)
		st := tk.c.forks
		st.next = math.MaxInt64 // no trials
		beg := func(want int32, what string) {
			t.Helper()
			tk.preempt.Store(begged)
			tk.Checkpoint()
			if st.promoted != want || tk.preempt.Load() != 0 {
				t.Errorf("%s: %d promoted, want %d; preempt %d", what, st.promoted, want, tk.preempt.Load())
			}
		}
		tk.pace = pace{looksMost, looksMost}
		beg(0, "first seen")
		clk.advance(searcherWorth / 2)
		beg(0, "too young")
		clk.advance(searcherWorth / 2)
		beg(1, "old enough")
		beg(1, "nothing left")
		fired := false
		tk.AfterFunc(time.Millisecond, func(*Task) { fired = true })
		clk.advance(2 * time.Millisecond)
		for range looksFirst {
			tk.pace.left = 0
			beg(1, "a timer is due")
		}
		if !fired {
			t.Error("who is begged all the time doesn't look at the clock")
		}
		x.Join(tk)
	})
}

// forkName is a function with a name to be looked for in messages.
func forkName(*Task, int) int { return 1 }

// TestForkMisuse checks that joins in a wrong order, twice, by others and not at all
// are found, and what is said then.
func TestForkMisuse(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		for _, promoted := range []bool{false, true} {
			x := Fork(tk, forkName, 1)
			y := Fork(tk, forkFib, 2)
			if promoted {
				eager(tk)
				eager(tk)
			}
			wantPanic(t, func() { x.Join(tk) }, "fork 1", "forkName", "before fork 2", "forkFib", "last in, first out")
			y.Join(tk)
			wantPanic(t, func() { y.Join(tk) }, "forkFib", "joined already")
			z := Fork(tk, forkFib, 2)
			wantPanic(t, func() { y.Join(tk) }, "joined already")
			z.Join(tk)
			x.Join(tk)
			wantPanic(t, func() { x.Join(tk) }, "forkName", "joined already")
		}
		x := Fork(tk, forkName, 1)
		g, _ := NewGroup(nil, tk.Scheduler())
		g.Go(func(other *Task) error {
			forkFib(other, 5)
			x.Join(other)
			return nil
		})
		wantMisuse(t, g.Wait(tk), "forkName", "another task")
		x.Join(tk)
		wantPanic(t, func() { Fork[int, int](tk, nil, 1) }, "Fork", "nil")
		wantPanic(t, func() { new(Forked[int, int]).Join(tk) }, "Forked.Join", "no fork")
		g, _ = NewGroup(nil, tk.Scheduler())
		var ran atomic.Int32
		g.Go(func(tk *Task) error {
			for range 3 {
				Fork(tk, func(*Task, int) int { ran.Add(1); return 0 }, 1)
			}
			Fork(tk, forkName, 1)
			return nil
		})
		wantMisuse(t, g.Wait(tk), "4 of its forks not joined", "forkName")
		g, _ = NewGroup(nil, tk.Scheduler())
		g.Go(func(tk *Task) error {
			x := Fork(tk, func(tk *Task, _ int) int { Fork(tk, forkName, 1); return 0 }, 1)
			eager(tk)
			tk.Yield()
			x.Join(tk)
			return nil
		})
		wantMisuse(t, g.Wait(tk), "1 of its forks not joined", "forkName")
	})
}

// wantMisuse fails unless err is a panic that says all of want.
func wantMisuse(t *testing.T, err error, want ...string) {
	t.Helper()
	var p *PanicError
	if !errors.As(err, &p) {
		t.Errorf("the error is %v, want a panic", err)
		return
	}
	for _, w := range want {
		if !strings.Contains(fmt.Sprint(p.Value), w) {
			t.Errorf("the panic %q doesn't say %q", p.Value, w)
		}
	}
}

func failing(*Task, int) int { panic("enough") }

// TestForkPanic checks that a panic comes out of Join, and how others hear of it.
func TestForkPanic(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		for _, promoted := range []bool{false, true} {
			g, _ := NewGroup(nil, tk.Scheduler())
			g.Go(func(tk *Task) error {
				x := Fork(tk, failing, 1)
				if promoted {
					eager(tk)
					tk.Yield() // perhaps it begins
				}
				x.Join(tk)
				t.Error("Join has returned")
				return nil
			})
			err := g.Wait(tk)
			var p *PanicError
			if !errors.As(err, &p) || p.Value != "enough" || !strings.Contains(string(p.Stack), "failing") {
				t.Errorf("the error is %v", err)
			}
		}
	})
}

// TestForkPanicSiblings checks that when one fork panics, the contexts of the others
// end, and that the task's end waits for them; those that haven't begun never do.
func TestForkPanicSiblings(t *testing.T) {
	s := newTest(t, Config{Procs: 3})
	var ended, unbegun atomic.Int32
	err := s.Run(nil, func(tk *Task) error {
		var begun atomic.Int32
		wait := func(tk *Task, _ int) int {
			begun.Add(1)
			new(Event).Wait(tk) //nolint:errcheck // ends with the context
			ended.Add(1)
			return 0
		}
		x := Fork(tk, wait, 0)
		y := Fork(tk, failing, 1)
		Fork(tk, func(*Task, int) int { unbegun.Add(1); return 0 }, 0)
		for tk.c.forks.promoted < 2 {
			eager(tk)
		}
		awaitTrue(t, "the first is begun", func() bool { return begun.Load() == 1 })
		defer x.Join(tk)
		defer y.Join(tk)
		panic("the task's own")
	})
	var p *PanicError
	if !errors.As(err, &p) || ended.Load() != 1 || unbegun.Load() != 0 {
		t.Errorf("%v; %d have ended, %d begun that should not", err, ended.Load(), unbegun.Load())
	}
	if !strings.Contains(fmt.Sprint(p.Value), "enough") && !strings.Contains(fmt.Sprint(p.Value), "before fork 3") {
		t.Errorf("the panic is %v", p.Value)
	}
}

// TestForkGoexit checks that a Goexit comes out of Join as such.
func TestForkGoexit(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		for _, promoted := range []bool{false, true} {
			g, _ := NewGroup(nil, tk.Scheduler())
			deferred := false
			g.Go(func(tk *Task) error {
				defer func() { deferred = true }()
				x := Fork(tk, func(*Task, int) int { runtime.Goexit(); return 0 }, 1)
				if promoted {
					eager(tk)
					tk.Yield()
				}
				x.Join(tk)
				t.Error("Join has returned")
				return nil
			})
			if err := g.Wait(tk); err != ErrGoexit || !deferred {
				t.Errorf("the error is %v, deferred calls run: %v", err, deferred)
			}
		}
	})
}

// TestForkContext checks that a forked function sees the values and the end of the
// task's context wherever it runs.
func TestForkContext(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	type key struct{}
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, 7))
	err := s.Run(ctx, func(tk *Task) error {
		var begun atomic.Bool
		x := Fork(tk, func(tk *Task, _ int) error {
			begun.Store(true)
			if tk.Context().Value(key{}) != 7 {
				t.Error("the value is lost")
			}
			return new(Event).Wait(tk)
		}, 0)
		awaitTrue(t, "it is begun", begun.Load)
		cancel(cause)
		return x.Join(tk)
	})
	if err != cause {
		t.Errorf("the error is %v, want %v", err, cause)
	}
}

// TestForkEverywhere forks in tasks that are locked to threads, in blocking calls, and
// overrun.
func TestForkEverywhere(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: time.Millisecond, TraceBuffer: manyEvents})
	g, _ := NewGroup(nil, s)
	for i := range 8 {
		g.Go(func(tk *Task) error {
			if i%2 == 0 {
				tk.LockThread()
				defer tk.UnlockThread()
			}
			x := Fork(tk, func(tk *Task, n int) int {
				tk.Block(func() { time.Sleep(time.Millisecond) })
				return eagerFib(tk, n)
			}, 8)
			eager(tk)
			tk.Sleep(time.Millisecond)
			y := Fork(tk, func(tk *Task, n int) int {
				for end := time.Now().Add(3 * time.Millisecond); time.Now().Before(end); {
				}
				return eagerFib(tk, n)
			}, 9)
			if n := y.Join(tk) + x.Join(tk); n != 55 {
				t.Errorf("fib(8) + fib(9) = %d", n)
			}
			return nil
		})
	}
	for n := range 20 {
		if err := s.SetProcs(1 + n%3); err != nil {
			t.Error(err)
		}
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}

// TestJoinRunsOwnWorkOnly checks that a task which waits in Join never runs work on its
// stack that isn't the awaited fork's: it would want the lock that the task holds.
func TestJoinRunsOwnWorkOnly(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		g, _ := NewGroup(nil, tk.Scheduler())
		for range 6 {
			g.Go(func(tk *Task) error {
				for range 30 {
					x := Fork(tk, func(tk *Task, n int) int { // doesn't want the lock
						return eagerFib(tk, n)
					}, 6)
					eager(tk)
					var held sync.Mutex // each has its own, and nobody else may come to it
					held.Lock()
					tk.SetLabel("holds")
					x.Join(tk)
					if tk.Label() != "holds" {
						t.Error("another task has run in this one's place")
					}
					held.Unlock()
				}
				return nil
			})
		}
		if err := g.Wait(tk); err != nil {
			t.Error(err)
		}
	})
}

// TestLeapfrog checks that a task which waits for a fork runs what that has promoted.
func TestLeapfrog(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	runIn(t, s, func(tk *Task) {
		var begun, promoted atomic.Bool
		outer := Fork(tk, func(tk2 *Task, _ int) uint64 {
			begun.Store(true)
			inner := Fork(tk2, func(in *Task, _ int) uint64 { return in.ID() }, 0)
			for tk2.c.forks.promoted == 0 {
				eager(tk2)
			}
			// The Ps are this one and the one of who waits: nobody else can begin it.
			for end := time.Now().Add(patience); tk2.c.forks.frames[0].head().ticket.state.Load() == ticketQueued && time.Now().Before(end); {
				promoted.Store(true)
			}
			return inner.Join(tk2)
		}, 0)
		computeUntil(&begun) // and keep the P
		computeUntil(&promoted)
		if id := outer.Join(tk); id != tk.ID() {
			t.Errorf("task %d has run the inner fork, want %d, which waits", id, tk.ID())
		}
	})
	if n := s.Stats().ForksLeapfrogged; n != 1 {
		t.Errorf("%d have been leapfrogged", n)
	}
}

// TestForkDeadlock checks that tasks which wait for each other are found although other
// tasks wait for them by Join.
func TestForkDeadlock(t *testing.T) {
	var r reports
	s := newTest(t, Config{Procs: 2, OnDeadlock: r.add})
	err := s.Run(nil, func(tk *Task) error {
		x := Fork(tk, func(tk *Task, _ int) error { return knot(s).Wait(tk) }, 0)
		eager(tk)
		tk.Sleep(time.Millisecond)
		return x.Join(tk)
	})
	var d *DeadlockError
	if !errors.As(err, &d) {
		t.Errorf("the error is %v", err)
	}
}

// TestForkNested nests Group.Wait in forks in groups, ten levels on two Ps.
func TestForkNested(t *testing.T) {
	inTasks(t, func(t *testing.T, tk *Task) {
		if n := nestedForks(tk, 10); n != 1<<10 {
			t.Errorf("%d leaves, want %d", n, 1<<10)
		}
	})
}

func nestedForks(t *Task, level int) int {
	if level == 0 {
		return 1
	}
	x := Fork(t, nestedForks, level-1)
	eager(t)
	var in int
	g, _ := NewGroup(nil, t.Scheduler())
	g.Go(func(t *Task) error { in = nestedForks(t, level-1); return nil })
	if err := g.Wait(t); err != nil {
		panic(err)
	}
	return x.Join(t) + in
}

// forkTree is a random tree of forks. What comes out depends on the seed alone.
type forkTree struct {
	seed  uint64
	depth int
	done  *atomic.Int64
}

func (ft forkTree) run(t *Task) uint64 {
	r := rand.New(rand.NewPCG(ft.seed, uint64(ft.depth)))
	sum := ft.seed
	var open []Forked[forkTree, uint64]
	joinTo := func(n int) {
		for len(open) > n {
			sum = sum*31 + open[len(open)-1].Join(t)
			open = open[:len(open)-1]
		}
	}
	for i := range 1 + r.IntN(5) {
		if ft.depth > 0 && r.IntN(3) > 0 {
			open = append(open, Fork(t, (*Task).runTree, forkTree{r.Uint64(), ft.depth - 1, ft.done}))
		}
		switch what := r.IntN(12); what {
		case 0:
			t.Yield()
		case 1:
			t.Sleep(time.Duration(r.IntN(30)) * time.Microsecond)
		case 2:
			t.Block(runtime.Gosched)
		case 3, 4, 5:
			if len(open) > 0 {
				eager(t)
			}
		case 6:
			if ft.depth > 0 {
				sum += forkTree{uint64(i), ft.depth - 1, ft.done}.failing(t)
			}
		}
		joinTo(r.IntN(len(open) + 1))
	}
	joinTo(0)
	ft.done.Add(1)
	return sum
}

func (t *Task) runTree(ft forkTree) uint64 { return ft.run(t) }

// failing has a fork that panics, and recovers.
func (ft forkTree) failing(t *Task) (got uint64) {
	defer func() {
		switch v := recover().(type) {
		case uint64: // it was run by Join
			got = v
		case *PanicError:
			got = v.Value.(uint64)
		}
	}()
	x := Fork(t, func(_ *Task, n uint64) uint64 { panic(n) }, ft.seed+77)
	eager(t)
	t.Yield()
	return x.Join(t)
}

// TestForkTrees: random trees of forks, which wait, sleep, block, fail and are promoted
// at random, have the same result whatever the number of Ps, while that changes.
func TestForkTrees(t *testing.T) {
	results := make(map[uint64]uint64)
	for _, procs := range []int{1, 2, 4} {
		s := newTest(t, Config{Procs: procs, TraceBuffer: manyEvents})
		for seed := range uint64(20) {
			ft := forkTree{seed, 5, new(atomic.Int64)}
			var sum uint64
			over := async(func() bool { runIn(t, s, func(tk *Task) { sum = ft.run(tk) }); return true })
			for n := 0; len(over) == 0 && procs > 1; n++ {
				if err := s.SetProcs(1 + n%procs); err != nil {
					t.Error(err)
				}
			}
			awaitClosed(t, "the tree is done", over)
			if want, ok := results[seed]; ok && sum != want {
				t.Errorf("seed %d, %d Ps: %d, want %d", seed, procs, sum, want)
			}
			results[seed] = sum
		}
	}
}

// TestForkPanicRecovered checks whose contexts end when a fork panics: those of the
// forks after it, neither of those before nor, when the task has recovered, of later ones.
func TestForkPanicRecovered(t *testing.T) {
	s := newTest(t, Config{Procs: 4})
	runIn(t, s, func(tk *Task) {
		var release Event
		var elderBegun atomic.Bool
		elder := Fork(tk, func(tk *Task, _ int) error {
			elderBegun.Store(true)
			release.Wait(tk) //nolint:errcheck // the context is looked at
			return tk.Context().Err()
		}, 0)
		eager(tk)
		awaitTrue(t, "the elder has begun", elderBegun.Load)
		func() {
			defer func() {
				if p, ok := recover().(*PanicError); !ok || p.Value != "enough" {
					t.Errorf("the panic is %v", p)
				}
			}()
			var begun atomic.Bool
			x := Fork(tk, func(tk *Task, n int) int { begun.Store(true); return failing(tk, n) }, 1)
			eager(tk)
			awaitTrue(t, "it has begun", begun.Load)
			var youngerBegun atomic.Bool
			younger := Fork(tk, func(tk *Task, _ int) error { youngerBegun.Store(true); return new(Event).Wait(tk) }, 2)
			eager(tk)
			awaitTrue(t, "the younger has begun", youngerBegun.Load)
			if err := younger.Join(tk); err == nil {
				t.Error("the younger fork's context hasn't ended")
			}
			x.Join(tk)
		}()
		var begun atomic.Bool
		later := Fork(tk, func(tk *Task, _ int) error { begun.Store(true); return tk.Context().Err() }, 3)
		eager(tk)
		awaitTrue(t, "the later fork has begun", begun.Load)
		if err := later.Join(tk); err != nil {
			t.Errorf("the later fork's context: %v", err)
		}
		release.Set(tk)
		if err := elder.Join(tk); err != nil {
			t.Errorf("the elder fork's context: %v", err)
		}
	})
}
