package runq

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// TestSetProcsUnderLoad changes the number of Ps while tasks do all that they can
// do; newTest's end checks that nothing is lost.
func TestSetProcsUnderLoad(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: time.Millisecond, TraceBuffer: manyEvents})
	stop := everything(t, s)
	for i := range 30 {
		n := []int{1, 4, 2, 8, 3}[i%5]
		if err := s.SetProcs(n); err != nil {
			t.Fatal(err)
		}
		if s.Procs() != n {
			t.Errorf("Procs = %d after SetProcs(%d)", s.Procs(), n)
		}
		for range 20 {
			runtime.Gosched()
		}
	}
	stop()
}

// TestSetProcsBounds is invariant 3: no more tasks run at once than there are Ps.
func TestSetProcsBounds(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	for _, n := range []int{3, 1, 4, 2} {
		if err := s.SetProcs(n); err != nil {
			t.Fatal(err)
		}
		before := s.out.overruns.Load()
		var running, most atomic.Int64
		g, _ := NewGroup(nil, s)
		for range 20 {
			g.Go(func(tk *Task) error {
				for range 20 {
					now := running.Add(1)
					for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
					}
					runtime.Gosched()
					running.Add(-1)
					tk.Yield()
				}
				return nil
			})
		}
		if err := g.Wait(nil); err != nil {
			t.Error(err)
		}
		if over := s.out.overruns.Load() - before; most.Load() > int64(n)+int64(over) {
			t.Errorf("%d tasks ran at once on %d Ps (%d ran over)", most.Load(), n, over)
		}
	}
}

// TestSetProcsMovesTasks takes Ps away that have tasks in their queues, and whose
// own tasks don't answer: the queued ones run on the P that is left.
func TestSetProcsMovesTasks(t *testing.T) {
	const perTask = min(50, sx.RingCap-1) // so that they stay where they are
	s := newTest(t, Config{Procs: 4, Slice: calm})
	var ran, began, spawned atomic.Int64
	var release atomic.Bool
	defer release.Store(true)
	for range 4 {
		s.Go(func(tk *Task) {
			for began.Add(1); began.Load() < 4; {
				runtime.Gosched()
			}
			for range perTask {
				tk.Go(func(*Task) { ran.Add(1) })
			}
			spawned.Add(1)
			computeUntil(&release)
		})
	}
	awaitTrue(t, "all Ps have tasks", func() bool { return spawned.Load() == 4 })
	if ran.Load() != 0 {
		t.Error("a task ran although all Ps are held")
	}
	if err := s.SetProcs(1); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Overrun; n != 3 {
		t.Errorf("%d tasks run over, want the 3 whose Ps are gone", n)
	}
	release.Store(true)
	awaitTrue(t, "the tasks run on one P", func() bool { return ran.Load() == 4*perTask })
}

// TestSetProcsRange checks the bounds.
func TestSetProcsRange(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for _, n := range []int{-1, 0, maxProcs + 1} {
		if err := s.SetProcs(n); err == nil {
			t.Errorf("SetProcs(%d) gives no error", n)
		}
	}
	if s.Procs() != 2 {
		t.Errorf("Procs = %d after failed calls, want 2", s.Procs())
	}
	if err := s.SetProcs(2); err != nil {
		t.Error(err)
	}
}

// TestSetProcsByTask lets a task change what it runs on.
func TestSetProcsByTask(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	runTask(t, s, func(tk *Task) {
		for _, n := range []int{3, 1, 2} {
			if err := s.SetProcs(n); err != nil {
				t.Error(err)
			}
			tk.Yield()
			if s.Procs() != n {
				t.Errorf("Procs = %d, want %d", s.Procs(), n)
			}
		}
	})
}
