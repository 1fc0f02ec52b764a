package runq

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// TestInteractiveInterrupts: a task that comes to checkpoints makes room for a class far
// behind at once, although no time passes.
func TestInteractiveInterrupts(t *testing.T) {
	for name, kind := range map[string]func(*Scheduler) *Class{
		"normal":      (*Scheduler).Normal,
		"same weight": func(s *Scheduler) *Class { c, _ := s.Class("same", ClassConfig{Weight: 1000}); return c },
	} {
		t.Run(name, func(t *testing.T) {
			clk := newFakeClock()
			s := newTestClock(t, Config{Procs: 2}, clk)
			runClass(t, s.Interactive(), func(*Task) {})
			var passes [2]atomic.Int64 // checkpoints
			var done atomic.Bool
			for i := range passes {
				kind(s).Go(func(tk *Task) {
					for !done.Load() {
						tk.Checkpoint()
						passes[i].Add(1)
					}
				})
			}
			const runs = 20
			before := uint64(0)
			for run := range runs + 1 {
				for i := range passes {
					n := passes[i].Load()
					awaitTrue(t, "both Ps compute", func() bool { return passes[i].Load() > n })
				}
				if run == 0 {
					clk.advance(time.Second) // they have computed for long, and no time passes from now on
					continue
				}
				if run == 1 {
					before = s.Stats().Preemptions
				}
				runClass(t, s.Interactive(), func(*Task) {})
			}
			if n := s.Stats().Preemptions - before; n < runs {
				t.Errorf("%d interruptions, want %d", n, runs)
			}
			if n := s.Stats().Overruns; n != 0 {
				t.Errorf("%d tasks have lost their P", n)
			}
			done.Store(true)
		})
	}
}

// TestInteractiveTakesP: a task that never checks loses its P to a class far behind, long
// before its slice is over.
func TestInteractiveTakesP(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1}, clk)
	runClass(t, s.Interactive(), func(*Task) {})
	var begun, done atomic.Bool
	s.Go(func(*Task) {
		begun.Store(true)
		computeUntil(&done)
	})
	awaitTrue(t, "the hog runs", begun.Load)
	began := clk.now.Load()
	clk.advance(defaultSlice / 2)
	ran := async(func() error { return s.Interactive().Run(context.Background(), func(*Task) error { return nil }) })
	awaitTrue(t, "the interactive task is queued", func() bool { return s.Interactive().queued() == 1 })
	for s.Stats().Overruns == 0 && clk.now.Load()-began < int64(defaultSlice) {
		clk.advance(computeStep)
		clk.awaitBeats(t, 2)
	}
	if n := s.Stats().Overruns; n != 1 {
		t.Errorf("%d tasks have lost their P when the slice is over, want 1", n)
	}
	if err := awaitClosed(t, "the interactive task runs", ran); err != nil {
		t.Error(err)
	}
	done.Store(true)
}

// TestEqualDontInterrupt: a class that isn't behind waits for the turn of another to be
// over.
func TestEqualDontInterrupt(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1}, time.Second)
	a, b := l.newClass("a", ClassConfig{}), l.newClass("b", ClassConfig{})
	release := l.hold()
	a.busy(2, evenLengths)
	b.busy(2, evenLengths)
	before := l.s.Stats().Preemptions
	release()
	l.awaitEnd()
	turns := uint64(time.Second / (defaultSlice / turnsPerSlice))
	if n := l.s.Stats().Preemptions - before; n > turns+turns/10 {
		t.Errorf("%d interruptions in %d turns", n, turns)
	}
	wantShares(t, []*load{a, b}, []float64{0.5, 0.5}, 0.02, 0)
}

// TestHandOffsEnd: two tasks that hand the P to each other through the next slot don't keep
// it from others of their class, which are queued on the same P.
func TestHandOffsEnd(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1, Times: true}, time.Second)
	var had atomic.Int64
	var third atomic.Bool
	var a, b permit
	pass := func(mine, other *permit, first bool) func(*Task) {
		return func(tk *Task) {
			for round := 0; !third.Load() && !l.over.Load(); round++ {
				if first && round == 10 {
					tk.Go(func(*Task) { third.Store(true) })
				}
				l.compute(tk, computeStep, false, &had)
				other.give(tk.m)
				mine.take(tk)
			}
			other.give(tk.m)
		}
	}
	runTask(t, l.s, func(tk *Task) {
		tk.Go(pass(&a, &b, true))
		tk.Go(pass(&b, &a, false))
	})
	awaitTrue(t, "all have ended", func() bool { return l.s.Stats().Live == 0 })
	if took := time.Duration(had.Load()); took > 2*defaultSlice {
		t.Errorf("the third task has waited for %v", took)
	}
}
