package runq

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestFairnessTick lets tasks on the only P respawn themselves for ever: what waits
// in the global queue must have its turn nevertheless.
func TestFairnessTick(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	var done atomic.Bool
	var respawn func(tk *Task)
	respawn = func(tk *Task) {
		if !done.Load() {
			tk.Go(respawn)
		}
	}
	for range 2 {
		s.Go(respawn)
	}
	for range 100 {
		runTask(t, s, func(*Task) {})
	}
	done.Store(true)
}

// TestFairnessTickCount counts: the P may start fairnessTick tasks of its own before
// it takes the one in the global queue, and no more.
func TestFairnessTickCount(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	started, at := 0, 0
	var ended atomic.Bool
	var respawn func(tk *Task)
	respawn = func(tk *Task) {
		if started++; at == 0 && started < 10*fairnessTick {
			tk.Go(respawn)
			return
		}
		ended.Store(true)
	}
	runTask(t, s, func(tk *Task) {
		tk.Go(respawn)
		s.Go(func(*Task) { at = started })
	})
	awaitTrue(t, "the respawning tasks end", ended.Load)
	if at == 0 || at > fairnessTick {
		t.Errorf("the task in the global queue ran after %d others, want 1 to %d", at, fairnessTick)
	}
}

// TestNoLostWakeUp lets the scheduler go idle, or be about to, again and again, and
// submits one task each time: each must run without another's help. A pause of
// varying length moves the submission across the steps of going idle.
func TestNoLostWakeUp(t *testing.T) {
	rounds := 5000
	if testing.Short() {
		rounds = 1000
	}
	for _, procs := range []int{1, 2, 4} {
		s := newTest(t, Config{Procs: procs, TraceBuffer: manyEvents})
		ran := make(chan int)
		stuck := time.NewTimer(patience)
		for i := range rounds {
			s.Go(func(*Task) { ran <- i })
			stuck.Reset(patience)
			select {
			case got := <-ran:
				if got != i {
					t.Fatalf("%d Ps: task %d ran in place of %d", procs, got, i)
				}
			case <-stuck.C:
				t.Fatalf("%d Ps: submission %d was never run\n%v", procs, i, s.SnapshotCheap())
			}
			for range i % 64 {
				spinALittle()
			}
		}
	}
}

//go:noinline
func spinALittle() {
	for range 50 {
	}
}

// TestNoLostWakeUpInside is the same for tasks that others ready or spawn, and which
// only another P can run, since the one that did computes until they have.
func TestNoLostWakeUpInside(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	runTask(t, s, func(tk *Task) {
		for i := range 300 {
			var ran atomic.Bool
			if i%3 == 0 {
				tk.Yield()
			}
			tk.Go(func(*Task) { ran.Store(true) })
			for !ran.Load() {
				runtime.Gosched()
			}
		}
	})
}

// TestWrongGuess checks the repair of wakeAfterPut's guess: a task that has always
// handed over and waited now readies another one and computes on; sysmon must find
// the readied one and set an M on it.
func TestWrongGuess(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	var a, b signal
	var done, ran atomic.Bool
	s.Go(func(tk *Task) {
		for !done.Load() {
			a.give(s, tk.m)
			b.wait(tk)
		}
		ran.Store(true)
	})
	runTask(t, s, func(tk *Task) {
		a.wait(tk)
		for range 10 * localStreak {
			b.give(s, tk.m)
			a.wait(tk)
		}
		done.Store(true)
		b.give(s, tk.m)
		for !ran.Load() {
			runtime.Gosched()
		}
	})
}

// TestIdleEverywhere checks that a scheduler without work has no M with a P and none
// that searches.
func TestIdleEverywhere(t *testing.T) {
	s := newTest(t, Config{Procs: 4})
	for range 20 {
		g, _ := NewGroup(nil, s)
		for range 100 {
			g.Go(func(tk *Task) error { tk.Yield(); return nil })
		}
		if err := g.Wait(nil); err != nil {
			t.Error(err)
		}
		awaitTrue(t, "every P is idle and nobody searches", func() bool {
			return s.fore.idle.IdlePs() == 4 && s.fore.idle.Searching() == 0
		})
	}
	for _, p := range s.Snapshot().Procs {
		if p.Queue != 0 {
			t.Errorf("idle P %d has %d tasks in its queue", p.ID, p.Queue)
		}
	}
}

// TestSpawnStorm lets tasks spawn trees of tasks over all Ps: each runs, once.
func TestSpawnStorm(t *testing.T) {
	const depth = 14
	for _, procs := range []int{1, 2, 5} {
		s := newTest(t, Config{Procs: procs, TraceBuffer: manyEvents})
		var ran atomic.Int64
		var tree func(d int) func(tk *Task)
		tree = func(d int) func(tk *Task) {
			return func(tk *Task) {
				ran.Add(1)
				if d > 0 {
					tk.Go(tree(d - 1))
					tk.Go(tree(d - 1))
				}
			}
		}
		s.Go(tree(depth))
		awaitTrue(t, "the tree has run", func() bool { return s.Stats().Finished >= 1<<(depth+1)-1 })
		if n := ran.Load(); n != 1<<(depth+1)-1 {
			t.Errorf("%d Ps: %d tasks ran, want %d", procs, n, 1<<(depth+1)-1)
		}
	}
}

// TestIDsUnique checks that no two tasks have one id, however they were started.
func TestIDsUnique(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	var ids [4000]uint64
	var begun, n atomic.Int64
	note := func(tk *Task) {
		ids[begun.Add(1)-1] = tk.ID()
		n.Add(1)
	}
	runTask(t, s, func(tk *Task) {
		for i := range len(ids) / 2 {
			tk.Go(note)
			s.Go(note)
			if i%100 == 0 {
				tk.Yield()
			}
		}
	})
	awaitTrue(t, "all tasks have run", func() bool { return n.Load() == int64(len(ids)) })
	seen := make(map[uint64]bool)
	for _, id := range ids {
		if id == 0 || seen[id] {
			t.Fatalf("id %d is zero or used twice", id)
		}
		seen[id] = true
	}
}
