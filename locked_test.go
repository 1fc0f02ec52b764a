package runq

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// onOneThread returns a function that reports an error when it is not called on
// the thread that onOneThread was called on.
func onOneThread(t *testing.T) func(where string) {
	tid := threadID()
	return func(where string) {
		t.Helper()
		if now := threadID(); now != tid {
			t.Errorf("after %s: the task is on thread %d and was locked to %d", where, now, tid)
		}
	}
}

// TestLockedWaits is hazard 3: a locked task may do everything that waits, and stays
// on its thread; other tasks run meanwhile.
func TestLockedWaits(t *testing.T) {
	for _, procs := range []int{1, 3} {
		s := newTest(t, Config{Procs: procs})
		var l waitList
		var others atomic.Int64
		var done atomic.Bool
		s.Go(func(tk *Task) {
			for !done.Load() {
				l.wakeOne(s, tk.m)
				others.Add(1)
				tk.Yield()
			}
		})
		g, _ := NewGroup(nil, s)
		for range 3 {
			g.Go(func(tk *Task) error {
				tk.LockThread()
				same := onOneThread(t)
				for range 30 {
					tk.Yield()
					same("Yield")
					tk.Sleep(20 * time.Microsecond)
					same("Sleep")
					tk.Block(func() {})
					same("Block")
					tk.Block(func() { sleepInKernel() })
					same("a long Block")
					l.wait(tk)
					same("park")
					inner, _ := NewGroup(nil, s)
					inner.Go(func(tk *Task) error { tk.Yield(); return nil })
					if err := inner.Wait(tk); err != nil {
						t.Error(err)
					}
					same("Group.Wait")
					tk.Checkpoint()
					tk.Go(func(*Task) {})
					same("Go")
				}
				tk.UnlockThread()
				tk.Yield()
				return nil
			})
		}
		if err := awaitClosed(t, "the locked tasks end", async(func() error { return g.Wait(nil) })); err != nil {
			t.Error(err)
		}
		if others.Load() == 0 {
			t.Error("no other task ran meanwhile")
		}
		done.Store(true)
	}
}

// TestLockNests checks that as many UnlockThreads as LockThreads are needed, and
// that one too many is a panic.
func TestLockNests(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	runTask(t, s, func(tk *Task) {
		tk.LockThread()
		tk.LockThread()
		tk.UnlockThread()
		if tk.lock == nil {
			t.Error("two locks, one unlock: the task isn't locked any more")
		}
		same := onOneThread(t)
		tk.Yield()
		tk.Sleep(time.Microsecond)
		same("Sleep")
		tk.UnlockThread()
		if tk.lock != nil {
			t.Error("two locks, two unlocks: the task is still locked")
		}
		wantPanic(t, tk.UnlockThread, "UnlockThread", "isn't locked")
		tk.Yield()
		tk.LockThread() // once more
		tk.Yield()
		tk.UnlockThread()
	})
}

// TestLockedEnds lets tasks end while they are locked, in every way; the Ms and
// carriers must be good for other tasks afterwards.
func TestLockedEnds(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for i := range 60 {
		err := s.Run(nil, func(tk *Task) error {
			for range i%3 + 1 {
				tk.LockThread()
			}
			if i%2 == 0 {
				tk.Yield()
			}
			if i%5 == 0 {
				panic("locked")
			}
			return nil
		})
		if p := (*PanicError)(nil); errors.As(err, &p) != (i%5 == 0) {
			t.Errorf("run %d: %v", i, err)
		}
		g, _ := NewGroup(nil, s)
		for range 10 {
			g.Go(func(tk *Task) error { // moves carriers to other Ms
				tk.Yield()
				tk.Sleep(time.Microsecond)
				return nil
			})
		}
		if err := g.Wait(nil); err != nil {
			t.Error(err)
		}
	}
}

// TestLockedAlone checks that no other task runs on a locked task's thread.
func TestLockedAlone(t *testing.T) {
	if threadID() == 0 {
		t.Skip("a thread's id can't be asked for on this system")
	}
	s := newTest(t, Config{Procs: 1})
	runTask(t, s, func(tk *Task) {
		tk.LockThread()
		tid := threadID()
		g, _ := NewGroup(nil, s)
		for range 50 {
			g.Go(func(tk *Task) error {
				for range 3 {
					if threadID() == tid {
						t.Error("another task runs on the locked task's thread")
					}
					tk.Yield()
				}
				return nil
			})
		}
		for range 10 {
			tk.Yield()
		}
		if err := g.Wait(tk); err != nil {
			t.Error(err)
		}
		tk.UnlockThread()
	})
}

// TestLockedEverywhere lets more locked tasks than Ps wake each other, while the
// world is stopped and the number of Ps changes.
func TestLockedEverywhere(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	lists := make([]waitList, 6)
	var left atomic.Int64
	left.Store(int64(len(lists)))
	for i := range lists {
		g.Go(func(tk *Task) error {
			tk.LockThread()
			same := onOneThread(t)
			for range 50 {
				lists[(i+1)%len(lists)].wakeOne(s, tk.m)
				tk.Yield()
				if i%2 == 0 {
					lists[i].wait(tk)
				}
				same("a wait")
			}
			left.Add(-1)
			return nil
		})
	}
	n := 0
	stop := always(func() {
		for i := range lists {
			lists[i].wakeOne(s, nil)
		}
		n++
		if err := s.SetProcs(n%3 + 1); err != nil {
			t.Error(err)
		}
	})
	awaitTrue(t, "all tasks end", func() bool { return left.Load() == 0 })
	stop()
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}
