package runq

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"
)

// sleepers starts a task for each duration, which notes in the returned slice the
// time at which its Sleep ended; 0: not yet.
func sleepers(s *Scheduler, clk *fakeClock, ds ...time.Duration) []atomic.Int64 {
	ended := make([]atomic.Int64, len(ds))
	for i, d := range ds {
		s.Go(func(tk *Task) {
			tk.Sleep(d)
			ended[i].Store(clk.Now())
		})
	}
	return ended
}

// TestSleep checks, without a second passing, that tasks sleep for as long as they
// asked, each until its own time.
func TestSleep(t *testing.T) {
	for _, procs := range []int{1, 3} {
		clk := newFakeClock()
		s := newTestClock(t, Config{Procs: procs}, clk)
		ds := []time.Duration{3 * time.Second, time.Second, time.Hour, 2 * time.Second, time.Second}
		ended := sleepers(s, clk, ds...)
		awaitTrue(t, "all tasks sleep", func() bool { return clk.asleepUntil() != 0 && sleeping(s) == len(ds) })
		for _, step := range []struct {
			d    time.Duration
			left int
		}{
			{time.Second / 2, 5}, {time.Second, 3}, {time.Second, 2}, {time.Second, 1}, {time.Hour, 0},
		} {
			clk.advance(step.d)
			awaitTrue(t, "those that are due wake up", func() bool { return sleeping(s) == step.left && (step.left == 0 || clk.asleepUntil() > clk.Now()) })
			for i, d := range ds {
				if at := ended[i].Load(); at != 0 && at < int64(d) {
					t.Errorf("%d Ps: the sleep of %v ended at %d", procs, d, at)
				}
			}
		}
		clk.awaitIdle(t)
	}
}

// sleeping returns how many timers are set.
func sleeping(s *Scheduler) (n int) {
	for _, p := range s.fore.seated() {
		n += p.timers.Len()
	}
	return n
}

// TestEarlierTimer checks that sysmon, which sleeps until the next timer, comes
// earlier when an earlier one is set.
func TestEarlierTimer(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	for d := time.Hour; d > time.Second; d /= 2 {
		n := sleeping(s)
		sleepers(s, clk, d)
		awaitTrue(t, "sysmon sleeps until the new timer", func() bool {
			until := clk.asleepUntil()
			return sleeping(s) == n+1 && until != 0 && until < clk.Now()+int64(d)
		})
	}
	clk.advance(time.Hour)
	awaitTrue(t, "all wake up", func() bool { return sleeping(s) == 0 })
}

// TestSleepWhileBusy checks that a sleeping task wakes up although no P is ever
// idle: one that schedules looks at its timers, and one that doesn't is unseated.
func TestSleepWhileBusy(t *testing.T) {
	t.Run("yielding", func(t *testing.T) {
		clk := newFakeClock()
		s := newTestClock(t, Config{Procs: 1}, clk)
		ended := sleepers(s, clk, time.Second)
		var done atomic.Bool
		s.Go(func(tk *Task) {
			for !done.Load() {
				tk.Yield()
			}
		})
		awaitTrue(t, "the task sleeps", func() bool { return sleeping(s) == 1 })
		clk.advance(time.Second)
		awaitTrue(t, "it wakes up", func() bool { return ended[0].Load() != 0 })
		done.Store(true)
	})
	t.Run("computing", func(t *testing.T) {
		clk := newFakeClock()
		s := newTestClock(t, Config{Procs: 1}, clk)
		ended := sleepers(s, clk, time.Second)
		awaitTrue(t, "the task sleeps", func() bool { return sleeping(s) == 1 })
		var began, release atomic.Bool
		s.Go(func(*Task) {
			began.Store(true)
			computeUntil(&release)
		})
		awaitTrue(t, "the hog runs", began.Load)
		awaitTrue(t, "the sleeper wakes up", func() bool {
			clk.advance(20 * time.Millisecond) // the hog's slice, and its grace
			return ended[0].Load() != 0
		})
		release.Store(true)
	})
}

// TestSleepContext checks that the end of its context ends a sleep, before it and
// while it lasts, and that a context which ends later does no harm.
func TestSleepContext(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	for range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		result := async(func() error {
			return s.Run(ctx, func(tk *Task) error {
				tk.Sleep(time.Hour)
				tk.Sleep(time.Hour) // the context has ended already
				return tk.Context().Err()
			})
		})
		awaitTrue(t, "the task sleeps", func() bool { return sleeping(s) == 1 })
		cancel()
		if err := awaitClosed(t, "Run returns", result); err != context.Canceled {
			t.Errorf("Run = %v, want %v", err, context.Canceled)
		}
		if sleeping(s) != 0 {
			t.Error("a timer is left")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := async(func() error {
		return s.Run(ctx, func(tk *Task) error { tk.Sleep(time.Second); return nil })
	})
	awaitTrue(t, "the task sleeps", func() bool { return sleeping(s) == 1 })
	clk.advance(time.Second)
	if err := awaitClosed(t, "Run returns", result); err != nil {
		t.Error(err)
	}
	cancel()
}

// TestSleepContextRaces lets contexts end just when the time comes: each sleep ends
// once.
func TestSleepContextRaces(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	for range 8 {
		g.Go(func(tk *Task) error {
			for range 100 {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Microsecond)
				inner, _ := NewGroup(ctx, s)
				inner.Go(func(tk *Task) error {
					for range 3 {
						tk.Sleep(50 * time.Microsecond)
					}
					return nil
				})
				if err := inner.Wait(tk); err != nil {
					t.Error(err)
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

// TestSleepBounds checks durations at the edges.
func TestSleepBounds(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1}, clk)
	runTask(t, s, func(tk *Task) {
		tk.Sleep(0)
		tk.Sleep(-time.Hour)
		tk.Sleep(math.MinInt64)
	})
	ctx, cancel := context.WithCancel(context.Background())
	result := async(func() error {
		return s.Run(ctx, func(tk *Task) error { tk.Sleep(math.MaxInt64); return nil })
	})
	awaitTrue(t, "the task sleeps", func() bool { return sleeping(s) == 1 })
	clk.advance(math.MaxInt64 / 2)
	cancel() // it can't sleep that long here
	if err := awaitClosed(t, "Run returns", result); err != nil {
		t.Error(err)
	}
}

// TestTimersMove checks that the timers of a P that goes away are not forgotten, and
// that sysmon knows of them.
func TestTimersMove(t *testing.T) {
	const tasks = 40
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 8, Slice: calm}, clk)
	var began, ended atomic.Int64
	for range tasks {
		s.Go(func(tk *Task) {
			tk.Sleep(time.Duration(began.Add(1)) * time.Second)
			ended.Add(1)
		})
	}
	awaitTrue(t, "all tasks sleep", func() bool { return sleeping(s) == tasks })
	for n := 7; n > 0; n-- {
		if err := s.SetProcs(n); err != nil {
			t.Fatal(err)
		}
		if got := sleeping(s); got != tasks {
			t.Fatalf("with %d Ps there are %d timers, want %d", n, got, tasks)
		}
	}
	for i := range int64(tasks) {
		clk.advance(time.Second)
		awaitTrue(t, "a task wakes up", func() bool { return ended.Load() > i })
	}
}
