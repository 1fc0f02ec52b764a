package runq

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// awaitTimers returns when n timers are set and sysmon sleeps.
func awaitTimers(t *testing.T, s *Scheduler, clk *fakeClock, n int) {
	t.Helper()
	awaitTrue(t, "the timers are set", func() bool { return clk.asleepUntil() != 0 && sleeping(s) == n })
}

// TestAfterFunc checks that functions run when their time has come, and not before.
func TestAfterFunc(t *testing.T) {
	for _, procs := range []int{1, 3} {
		clk := newFakeClock()
		s := newTestClock(t, Config{Procs: procs}, clk)
		var ran atomic.Int64
		for i := range 20 {
			s.AfterFunc(time.Duration(i+1)*time.Second, func(tk *Task) { tk.Yield(); ran.Add(1) })
		}
		s.AfterFunc(0, func(*Task) { ran.Add(1) })
		s.AfterFunc(-time.Hour, func(*Task) { ran.Add(1) })
		late := s.AfterFunc(math.MaxInt64, func(*Task) { t.Error("the end of time has come") })
		awaitTrue(t, "those that are due run", func() bool { return ran.Load() == 2 })
		clk.advance(time.Second / 2)
		for i := range int64(20) {
			awaitTimers(t, s, clk, int(20-i)+1)
			if n := ran.Load(); n != 2+i {
				t.Fatalf("%d functions have run after %d s, want %d", n, i, 2+i)
			}
			clk.advance(time.Second)
			awaitTrue(t, "the function runs", func() bool { return ran.Load() > 2+i })
		}
		if !late.Stop() || late.Stop() {
			t.Error("the first Stop should say true, the second false")
		}
		if st := s.Stats(); st.TimerLateness.Count() != 22 || st.TimerLateness.Quantile(1) == 0 {
			t.Errorf("lateness: %+v, want 22 timers", st.TimerLateness)
		}
	}
}

// TestTaskAfterFunc checks that the function's task has the context of who asked.
func TestTaskAfterFunc(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	type key struct{}
	got := make(chan any, 1)
	err := s.Run(context.WithValue(context.Background(), key{}, 7), func(tk *Task) error {
		tk.AfterFunc(time.Microsecond, func(tk *Task) { got <- tk.Context().Value(key{}) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.AfterFunc(time.Hour, func(*Task) { t.Error("Close waited") })
	runTask(t, s, func(tk *Task) {
		for len(got) == 0 {
			tk.Sleep(time.Microsecond)
		}
	})
	if v := <-got; v != 7 {
		t.Errorf("the context says %v, want 7", v)
	}
}

// TestAfterFuncStop checks what Stop and Reset say, and that a function runs as often
// as they promise, when they race with the time's coming.
func TestAfterFuncStop(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	var ran, want atomic.Int64
	g, _ := NewGroup(nil, s)
	for range 4 {
		g.Go(func(tk *Task) error {
			for i := range 200 {
				tm := tk.AfterFunc(time.Duration(i%4)*10*time.Microsecond, func(*Task) { ran.Add(1) })
				want.Add(1)
				if i%3 == 0 {
					tk.Sleep(20 * time.Microsecond)
				}
				if i%2 == 0 && !tm.Reset(10*time.Microsecond) {
					want.Add(1) // it has run, and will again
				}
				if i%5 != 0 && tm.Stop() {
					want.Add(-1)
				}
			}
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	awaitTrue(t, "all timers have run off or been stopped", func() bool { return ran.Load() == want.Load() && sleeping(s) == 0 })
}

// TestTimerShared lets tasks and goroutines set and stop one timer, all at once, while
// others wait for it.
func TestTimerShared(t *testing.T) {
	s := newTest(t, Config{Procs: 2, TraceBuffer: manyEvents})
	tm, fn := s.NewTimer(time.Hour), s.AfterFunc(time.Hour, func(*Task) {})
	g, _ := NewGroup(nil, s)
	for i := range 4 {
		g.Go(func(tk *Task) error {
			for range 200 {
				tm.Reset(time.Duration(i) * 5 * time.Microsecond)
				fn.Reset(time.Duration(i) * 5 * time.Microsecond)
				fn.Stop()
				if i == 3 {
					tm.Stop()
				}
				tm.Reset(time.Microsecond)
				if err := tm.Wait(tk); err != nil {
					return err
				}
			}
			return nil
		})
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for !isClosed(over) {
			tm.Reset(0) // who waits while another has stopped it needs this
			if err := tm.Wait(nil); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * time.Microsecond)
		}
	})
	wg.Go(func() { // Wait(nil) may have missed the Reset
		for !isClosed(over) {
			tm.Reset(0)
			time.Sleep(50 * time.Microsecond)
		}
		tm.Reset(0)
	})
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	close(over)
	wg.Wait()
}

// TestTimerWait checks Wait, Done, Stop and Reset: nothing of an earlier setting is
// seen after a later one.
func TestTimerWait(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	tm := s.NewTimer(time.Second)
	if sleeping(s) != 0 {
		t.Error("nobody waits, but there is a timer")
	}
	var woken atomic.Int64
	wait := func(n int64) {
		for range n {
			s.Go(func(tk *Task) {
				if err := tm.Wait(tk); err != nil {
					t.Error(err)
				}
				woken.Add(1)
			})
		}
		awaitTrue(t, "all wait", func() bool { st := s.Stats(); return int64(st.Parks-st.Wakes) == n })
		awaitTimers(t, s, clk, 1)
	}
	wait(3)
	clk.advance(time.Second / 2)
	if tm.Done() || !tm.Reset(time.Second) {
		t.Error("the time hasn't come; Reset should say so")
	}
	clk.advance(3 * time.Second / 4)
	awaitTimers(t, s, clk, 1)
	if tm.Done() || woken.Load() != 0 {
		t.Errorf("done: %v, %d woken by a time that had been changed", tm.Done(), woken.Load())
	}
	clk.advance(time.Second)
	awaitTrue(t, "all are woken", func() bool { return woken.Load() == 3 })
	if !tm.Done() || tm.Stop() || tm.Done() || tm.Stop() {
		t.Error("it had run off: done before Stop, not after; Stop changes nothing")
	}
	if tm.Reset(time.Second) {
		t.Error("Reset says true of a timer that was stopped")
	}
	wait(1)
	if !tm.Stop() || sleeping(s) != 0 {
		t.Error("Stop should have stopped it")
	}
	clk.advance(time.Hour)
	clk.awaitIdle(t)
	if woken.Load() != 3 {
		t.Error("a stopped timer has woken somebody")
	}
	tm.Reset(-1)
	awaitTrue(t, "the last one is woken", func() bool { return woken.Load() == 4 })
	if err := tm.Wait(nil); err != nil {
		t.Error(err)
	}
	wantPanic(t, func() { s.AfterFunc(time.Hour, func(*Task) {}).Wait(nil) }, "Timer.Wait", "AfterFunc")
	wantPanic(t, func() { s.AfterFunc(0, nil) }, "AfterFunc", "nil")
}

// TestTimerContext checks that a wait ends with its context, and leaves nothing, and
// that the others go on waiting.
func TestTimerContext(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	tm, cause := s.NewTimer(time.Hour), errors.New("cause")
	for range 50 {
		ctx, cancel := context.WithCancelCause(context.Background())
		first := async(func() error { return s.Run(ctx, func(tk *Task) error { return tm.Wait(tk) }) })
		awaitTrue(t, "the task waits", func() bool { return sleeping(s) == 1 })
		second := async(func() error { return tm.Wait(nil) })
		cancel(cause)
		if err := awaitClosed(t, "Wait ends", first); err != cause {
			t.Fatalf("Wait = %v, want %v", err, cause)
		}
		awaitTrue(t, "the goroutine waits", func() bool { return sleeping(s) == 1 })
		tm.Reset(0)
		if err := awaitClosed(t, "Wait ends", second); err != nil {
			t.Fatal(err)
		}
		tm.Reset(time.Hour)
		if sleeping(s) != 0 {
			t.Fatal("a timer is left")
		}
	}
}

// TestTimerContextRaces lets contexts end just when the time comes.
func TestTimerContextRaces(t *testing.T) {
	s := newTest(t, Config{Procs: 2, TraceBuffer: manyEvents})
	g, _ := NewGroup(nil, s)
	tick := s.NewTicker(20 * time.Microsecond)
	for range 4 {
		g.Go(func(tk *Task) error {
			for range 100 {
				ctx, cancel := WithTimeout(context.Background(), s, 50*time.Microsecond)
				inner, _ := NewGroup(ctx, s)
				inner.Go(func(tk *Task) error {
					for range 3 {
						err := s.NewTimer(30 * time.Microsecond).Wait(tk)
						if err == nil {
							err = tick.Wait(tk)
						}
						if err != nil && err != context.DeadlineExceeded {
							t.Errorf("Wait = %v, want %v", err, context.DeadlineExceeded)
						}
					}
					return nil
				})
				if err := inner.Wait(tk); err != nil && err != context.DeadlineExceeded {
					t.Errorf("the group says %v", err)
				}
				cancel()
			}
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}

// TestTicker checks that ticks come in step, that those for which nobody waits are
// dropped but for one, and what Stop and Reset do.
func TestTicker(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	tick := s.NewTicker(time.Second)
	var ticks atomic.Int64
	more := func(n int) {
		s.Go(func(tk *Task) {
			for range n {
				if err := tick.Wait(tk); err != nil {
					t.Error(err)
				}
				ticks.Add(1)
			}
		})
		awaitTimers(t, s, clk, 1)
	}
	more(3)
	for i := range int64(3) {
		awaitTimers(t, s, clk, 1)
		clk.advance(time.Second)
		awaitTrue(t, "a tick", func() bool { return ticks.Load() == i+1 })
	}
	clk.awaitIdle(t)
	clk.advance(5*time.Second + time.Second/2)
	more(2) // one that was kept, one to come in half a second
	if n := ticks.Load(); n != 4 {
		t.Errorf("%d ticks, want 4: the other ones are dropped", n)
	}
	clk.advance(time.Second * 3 / 4)
	awaitTrue(t, "the next tick, in step", func() bool { return ticks.Load() == 5 })
	clk.advance(time.Second)
	tick.Reset(time.Second) // the tick of before is dropped
	more(1)
	if n := ticks.Load(); n != 5 {
		t.Error("a tick of before Reset was seen")
	}
	tick.Stop()
	clk.advance(time.Hour)
	clk.awaitIdle(t)
	if n := ticks.Load(); n != 5 {
		t.Error("a tick after Stop")
	}
	tick.Reset(time.Minute)
	awaitTimers(t, s, clk, 1)
	clk.advance(time.Minute)
	awaitTrue(t, "a tick after Reset", func() bool { return ticks.Load() == 6 })
	for _, d := range []time.Duration{0, -1} {
		wantPanic(t, func() { s.NewTicker(d) }, "NewTicker", "positive")
		wantPanic(t, func() { tick.Reset(d) }, "Ticker.Reset", "positive")
	}
}

// TestTickerShared checks that each tick goes to one of those who wait.
func TestTickerShared(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	tick := s.NewTicker(time.Second)
	const tasks = 5
	var ticks atomic.Int64
	for range tasks {
		s.Go(func(tk *Task) { tick.Wait(tk); ticks.Add(1) })
	}
	awaitTrue(t, "all wait", func() bool { st := s.Stats(); return st.Parks-st.Wakes == tasks })
	for i := range int64(tasks) {
		awaitTimers(t, s, clk, 1)
		if n := ticks.Load(); n != i {
			t.Fatalf("%d were told of %d ticks", n, i)
		}
		clk.advance(time.Second)
		awaitTrue(t, "a tick", func() bool { return ticks.Load() > i })
	}
}

// TestTimersEnd checks what becomes of timers when their scheduler is closed.
func TestTimersEnd(t *testing.T) {
	s, err := New(Config{Procs: 2})
	if err != nil {
		t.Fatal(err)
	}
	fn := s.AfterFunc(time.Hour, func(*Task) { t.Error("Close waited, or didn't") })
	tm, tick := s.NewTimer(time.Hour), s.NewTicker(time.Hour)
	waits := []<-chan error{async(func() error { return tm.Wait(nil) }), async(func() error { return tick.Wait(nil) })}
	ctx, cancel := WithTimeout(context.Background(), s, 50*time.Millisecond)
	defer cancel()
	awaitTrue(t, "all timers are set", func() bool { return sleeping(s) == 4 || ctx.Err() != nil })
	slept := make(chan bool, 1)
	s.Go(func(tk *Task) { tk.Sleep(time.Millisecond); s.NewTimer(time.Millisecond).Wait(tk); slept <- true })
	closeInTime(t, s)
	awaitClosed(t, "tasks can use timers while they are waited for", slept)
	for _, w := range waits {
		if err := awaitClosed(t, "Wait returns", w); err != ErrClosed {
			t.Errorf("Wait = %v, want %v", err, ErrClosed)
		}
	}
	awaitClosed(t, "the context ends all the same", ctx.Done())
	if fn.Reset(0); fn.Stop() {
		t.Error("a timer was set on a closed scheduler")
	}
	if err := s.NewTimer(time.Hour).Wait(nil); err != ErrClosed {
		t.Errorf("Wait after Close = %v, want %v", err, ErrClosed)
	}
	ctx, cancel = WithTimeout(context.Background(), s, time.Millisecond)
	defer cancel()
	if awaitClosed(t, "one that is new, too", ctx.Done()); ctx.Err() != context.DeadlineExceeded {
		t.Errorf("Err = %v", ctx.Err())
	}
}

// TestTimersOfSeatsThatGo sets timers while the Ps come and go: none is lost.
func TestTimersOfSeatsThatGo(t *testing.T) {
	s := newTest(t, Config{Procs: 4})
	var ran atomic.Int64
	const timers = 2000
	set := async(func() bool {
		for i := range timers {
			s.AfterFunc(time.Duration(i%50)*time.Microsecond, func(*Task) { ran.Add(1) })
		}
		return true
	})
	for i := 0; len(set) == 0; i++ {
		if err := s.SetProcs(1 + i%4); err != nil {
			t.Fatal(err)
		}
	}
	awaitTrue(t, "all have run", func() bool { return ran.Load() == timers })
}

// TestTimersAllocate checks that stopping and setting again costs no memory.
func TestTimersAllocate(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	fn, tm, tick := s.AfterFunc(time.Hour, func(*Task) {}), s.NewTimer(time.Hour), s.NewTicker(time.Hour)
	if n := testing.AllocsPerRun(100, func() {
		fn.Stop()
		fn.Reset(time.Hour)
		fn.Reset(time.Minute)
		tm.Reset(time.Minute)
		tm.Stop()
		tick.Stop()
		tick.Reset(time.Hour)
	}); n != 0 {
		t.Errorf("Stop and Reset allocate %v times", n)
	}
}

// TestLateness checks the arithmetic.
func TestLateness(t *testing.T) {
	var l Lateness
	if l.Quantile(0.5) != 0 || l.Count() != 0 {
		t.Error("nothing has been late")
	}
	for ns, n := range map[int64]uint64{-5: 1, 0: 1, 1: 1, 1000: 96, math.MaxInt64: 1} {
		l.Buckets[histogramBucket(ns)] += n
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.02: 1, 0.03: 2, 0.5: 1024, 0.99: 1024, 1: 1 << (histogramBuckets - 1)} {
		if got := l.Quantile(q); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if d := l.Sub(&l); l.Count() != 100 || d.Count() != 0 {
		t.Errorf("%d counted, %d in the difference", l.Count(), d.Count())
	}
}

// TestTimerStoppedAndClosed checks that nobody begins to wait for a stopped timer of a
// scheduler that has been closed.
func TestTimerStoppedAndClosed(t *testing.T) {
	s, err := New(Config{Procs: 1})
	if err != nil {
		t.Fatal(err)
	}
	tm, tick := s.NewTimer(time.Hour), s.NewTicker(time.Hour)
	tm.Stop()
	tick.Stop()
	closeInTime(t, s)
	for _, wait := range []func(*Task) error{tm.Wait, tick.Wait} {
		if err := awaitClosed(t, "Wait returns", async(func() error { return wait(nil) })); err != ErrClosed {
			t.Errorf("Wait = %v, want %v", err, ErrClosed)
		}
	}
}
