package runq

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
)

// everything starts tasks that do all that tasks can do, until stop is called, which
// waits for them.
func everything(t *testing.T, s *Scheduler) (stop func()) {
	var done atomic.Bool
	g, _ := NewGroup(nil, s)
	var l waitList
	loop := func(f func(tk *Task)) {
		g.Go(func(tk *Task) error {
			for !done.Load() {
				f(tk)
			}
			return nil
		})
	}
	for range 2 {
		loop(func(tk *Task) {
			for range 10 {
				tk.Go(func(tk *Task) { tk.Yield() })
			}
			tk.Yield() // or the children would be ever more
		})
		loop(func(tk *Task) { tk.Yield() })
		loop(func(tk *Task) { tk.Sleep(20 * time.Microsecond) })
		loop(func(tk *Task) { tk.Block(runtime.Gosched) })
		loop(func(tk *Task) { tk.Block(func() { time.Sleep(100 * time.Microsecond) }) })
		loop(func(tk *Task) { l.wait(tk) })
		loop(func(tk *Task) { l.wakeOne(s, tk.m); tk.Checkpoint() })
		loop(func(tk *Task) {
			tk.LockThread()
			tk.Yield()
			tk.UnlockThread()
		})
		loop(func(tk *Task) {
			inner, _ := NewGroup(nil, s)
			for range 3 {
				inner.Go(func(*Task) error { return nil })
			}
			if err := inner.Wait(tk); err != nil {
				t.Error(err)
			}
		})
		loop(func(tk *Task) { // a hog, for a while
			for end := s.clock.Now() + int64(2*time.Millisecond); s.clock.Now() < end; {
			}
			tk.Yield()
		})
	}
	return func() {
		done.Store(true)
		stopWaking := always(func() { l.wakeOne(s, nil) })
		if err := awaitClosed(t, "all tasks end", async(func() error { return g.Wait(nil) })); err != nil {
			t.Error(err)
		}
		stopWaking()
	}
}

// TestStopTheWorld stops the world again and again while tasks do all that they can
// do, and looks whether it stands still.
func TestStopTheWorld(t *testing.T) {
	s := newTest(t, Config{Procs: 3, Slice: time.Millisecond, TraceBuffer: manyEvents})
	stop := everything(t, s)
	for range 50 {
		s.stopTheWorld()
		first := lookAround(t, s)
		runtime.Gosched()
		if second := lookAround(t, s); first != second {
			t.Errorf("the world has stopped, and first it was %+v, then %+v", first, second)
		}
		s.startTheWorld()
		for range 10 {
			runtime.Gosched()
		}
	}
	stop()
}

// standing is what doesn't change while the world is stopped.
type standing struct {
	ticks   uint32 // looks for tasks
	queued  int    // on the Ps
	started uint64
}

// lookAround checks that no P has an M, while the world is stopped.
func lookAround(t *testing.T, s *Scheduler) (st standing) {
	t.Helper()
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, p := range s.fore.seated() {
		if p.state != pStopped || p.m != nil {
			t.Errorf("the world is stopped, and P %d is %v, on M %v", p.id, p.state, p.m)
		}
		st.ticks += p.tick
		st.started += p.c.spawned + p.c.parks + p.c.blocks
		if p.hasWork() {
			st.queued++
		}
	}
	if n := s.fore.idle.IdlePs(); n != 0 {
		t.Errorf("the world is stopped, and %d Ps are idle", n)
	}
	return st
}

// TestSnapshotAddsUp takes consistent snapshots under load: every task must be in
// one place, and the figures must fit together.
func TestSnapshotStopsEverything(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: time.Millisecond, TraceBuffer: manyEvents})
	stop := everything(t, s)
	for range 100 {
		snap := s.Snapshot()
		ids := make(map[uint64]bool)
		running := 0
		for _, task := range snap.Tasks {
			if ids[task.ID] {
				t.Errorf("task %d is there twice", task.ID)
			}
			ids[task.ID] = task.ID != 0 // 0: it hasn't begun
			if task.State == event.TaskRunning {
				running++
			}
		}
		for _, p := range snap.Procs {
			if p.State == "running" || p.State == "idle" {
				t.Errorf("a consistent snapshot has a P that is %s", p.State)
			}
		}
		// Whoever runs while the world is stopped does so without a P.
		if running > snap.Stats.Overrun+snap.Stats.Blocked {
			t.Errorf("%d tasks run in a stopped world, %d of them overrun, %d come back from calls", running, snap.Stats.Overrun, snap.Stats.Blocked)
		}
		if snap.Stats.Spawned != snap.Stats.Finished+snap.Stats.Live {
			t.Errorf("spawned %d, finished %d, live %d", snap.Stats.Spawned, snap.Stats.Finished, snap.Stats.Live)
		}
	}
	stop()
}

// TestStopUnseatsHogs checks that the world stops although tasks don't answer, and
// that these have their Ps again after it: a stop makes no overruns.
func TestStopUnseatsHogs(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm, MaxOverruns: -1})
	var began, ended atomic.Int64
	var release atomic.Bool
	for range 2 {
		s.Go(func(*Task) {
			began.Add(1)
			computeUntil(&release)
			ended.Add(1)
		})
	}
	awaitTrue(t, "the hogs run", func() bool { return began.Load() == 2 })
	for range 3 {
		snap := s.Snapshot()
		if snap.Stats.Overrun != 2 || len(snap.Stuck) != 2 {
			t.Errorf("%d tasks run over, %d are stuck, want 2 and 2", snap.Stats.Overrun, len(snap.Stuck))
		}
		if n := s.Stats().Overrun; n != 0 {
			t.Errorf("%d tasks run over after the stop: they must have their Ps back", n)
		}
	}
	release.Store(true)
	runTask(t, s, func(*Task) {}) // the world goes on
	awaitTrue(t, "the hogs end", func() bool { return ended.Load() == 2 })
	awaitTrue(t, "nobody runs over", func() bool { return s.Stats().Overrun == 0 })
}

// TestStopByTask lets tasks stop the world that they are part of, several at a time.
func TestStopByTask(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	for i := range 4 {
		g.Go(func(tk *Task) error {
			if i == 0 {
				tk.LockThread()
			}
			for range 10 {
				id := tk.ID()
				found := false
				for _, task := range s.Snapshot().Tasks {
					found = found || task.ID == id
				}
				if !found {
					t.Errorf("task %d took a snapshot and isn't on it", id)
				}
				tk.Yield()
			}
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}

// TestStopsAtOnce lets many goroutines stop the world at the same time: one after
// the other does.
func TestStopsAtOnce(t *testing.T) {
	s := newTest(t, Config{Procs: 2, TraceBuffer: manyEvents})
	stop := everything(t, s)
	var inside atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				s.stopTheWorld()
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d goroutines have stopped the world", n)
				}
				runtime.Gosched()
				inside.Add(-1)
				s.startTheWorld()
			}
		})
	}
	wg.Wait()
	stop()
	if n := s.Stats().Stops; n < 100 {
		t.Errorf("%d stops counted, want 100 at least", n)
	}
}

// TestSubmitWhileStopped checks that what comes from outside during a stop runs after
// it.
func TestSubmitWhileStopped(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for range 50 {
		var ran atomic.Int64
		s.stopTheWorld()
		for range 5 {
			s.Go(func(*Task) { ran.Add(1) })
		}
		runtime.Gosched()
		if ran.Load() != 0 {
			t.Error("a task ran while the world was stopped")
		}
		s.startTheWorld()
		awaitTrue(t, "the tasks run", func() bool { return ran.Load() == 5 })
	}
}

// TestCheckpointStops checks that tasks which only reach checkpoints are stopped by
// them, and not unseated.
func TestCheckpointStops(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	var began, done, answered atomic.Bool
	s.Go(func(tk *Task) {
		began.Store(true)
		for !done.Load() {
			tk.Checkpoint()
			runtime.Gosched()
		}
	})
	awaitTrue(t, "the task runs", began.Load)
	awaitTrue(t, "it answers a stop in time", func() bool { // how soon is up to the machine
		overruns := s.Stats().Overruns
		s.stopTheWorld()
		answered.Store(s.out.overruns.Load() == overruns)
		s.startTheWorld()
		return answered.Load()
	})
	done.Store(true)
}
