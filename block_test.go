package runq

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestBlockFast checks that a call which is over soon leaves task, M and P as they
// were.
func TestBlockFast(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	runTask(t, s, func(tk *Task) {
		kept := 0
		for range 1000 {
			m, p := tk.m, tk.m.p
			retakes := p.c.retakesBlocked
			tk.Block(func() {})
			if tk.m != m && p.c.retakesBlocked == retakes {
				t.Error("the task has moved, and its P was never taken")
			}
			if tk.m.p == p && tk.m == m {
				kept++
			}
			if tk.status != gRunning || tk.m.phase.Load() != phaseRun {
				t.Fatalf("after the call: status %v, phase %d", tk.status, tk.m.phase.Load())
			}
		}
		if kept == 0 {
			t.Error("no call of a thousand kept its P")
		}
	})
	if n := s.Stats().Blocks; n != 1000 {
		t.Errorf("%d calls counted, want 1000", n)
	}
}

// TestBlockGivesPAway lets the only P's task wait in a call for what another task
// does: sysmon must hand the P over.
func TestBlockGivesPAway(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	runTask(t, s, func(tk *Task) {
		for range 20 {
			c := make(chan int)
			tk.Go(func(*Task) { close(c) })
			tk.Block(func() { <-c })
		}
	})
	if n := s.Stats().RetakesBlocked; n < 20 {
		t.Errorf("%d Ps taken from calls, want 20 at least", n)
	}
}

// TestBlockQueues lets a call end while the only P is taken: the task must queue,
// and run only when the other one has let the P go.
func TestBlockQueues(t *testing.T) {
	for _, locked := range []bool{false, true} {
		s := newTest(t, Config{Procs: 1, Slice: calm})
		call, began := make(chan int), make(chan int)
		var holds, release, back atomic.Bool
		s.Go(func(tk *Task) {
			if locked {
				tk.LockThread()
				defer tk.UnlockThread()
			}
			tk.Go(func(tk *Task) {
				holds.Store(true)
				computeUntil(&release)
				holds.Store(false)
			})
			tk.Block(func() { close(began); <-call })
			if holds.Load() {
				t.Errorf("locked=%v: the task is back on a P that another one holds", locked)
			}
			back.Store(true)
		})
		<-began
		awaitTrue(t, "the other task has the P", holds.Load)
		close(call)
		awaitTrue(t, "the task is queued", func() bool { return s.normal.queue.Len() == 1 })
		if back.Load() {
			t.Errorf("locked=%v: the task went on without a P", locked)
		}
		release.Store(true)
		awaitTrue(t, "the task goes on", back.Load)
	}
}

// TestBlockTakesOldP checks that a task whose old P is idle at the end of its call
// gets that one and not another.
func TestBlockTakesOldP(t *testing.T) {
	s := newTest(t, Config{Procs: 4, Slice: calm})
	runTask(t, s, func(tk *Task) {
		for range 10 {
			old := tk.m.p
			tk.Block(func() {
				// Nobody else has work: all four Ps become idle.
				awaitTrue(t, "every P is idle", func() bool { return s.fore.idle.IdlePs() == 4 })
			})
			if tk.m.p != old {
				t.Errorf("the task had P %d and got P %d, though both were idle", old.id, tk.m.p.id)
			}
		}
	})
}

// TestBlockMeetsStop ends calls while the world is stopped: the tasks must wait for
// its start.
func TestBlockMeetsStop(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for range 20 {
		call := make(chan int)
		var began, back atomic.Int64
		const tasks = 4
		for range tasks {
			s.Go(func(tk *Task) {
				tk.Block(func() { began.Add(1); <-call })
				back.Add(1)
			})
		}
		awaitTrue(t, "all calls have begun", func() bool { return began.Load() == tasks })
		s.stopTheWorld()
		close(call)
		awaitTrue(t, "all tasks are queued", func() bool { return s.normal.queue.Len() == tasks })
		if back.Load() != 0 {
			t.Error("a task went on while the world was stopped")
		}
		s.startTheWorld()
		awaitTrue(t, "all tasks go on", func() bool { return back.Load() == tasks })
	}
}

// TestBlockBarrier lets many more tasks than Ps wait in calls for each other.
func TestBlockBarrier(t *testing.T) {
	const tasks, rounds = 50, 10
	s := newTest(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	barriers := make([]sync.WaitGroup, rounds)
	for i := range barriers {
		barriers[i].Add(tasks)
	}
	for range tasks {
		g.Go(func(tk *Task) error {
			for i := range barriers {
				barriers[i].Done()
				tk.Block(barriers[i].Wait)
			}
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}

// TestMaxBlocked lets more tasks block than may be without a P: the one beyond keeps
// its own, and the last P still works.
func TestMaxBlocked(t *testing.T) {
	s := newTest(t, Config{Procs: 2, MaxBlocked: 2, Slice: calm})
	call := make(chan int)
	var began atomic.Int64
	block := func(tk *Task) { tk.Block(func() { began.Add(1); <-call }) }
	for range 3 {
		s.Go(block)
	}
	awaitTrue(t, "three calls have begun", func() bool { return began.Load() == 3 })
	for range 100 {
		runTask(t, s, func(*Task) {}) // on the P that is left
	}
	awaitTrue(t, "two Ps have been taken, and no third", func() bool {
		st := s.Stats()
		return st.Blocked == 2 && st.BlockedFull > 0
	})
	close(call)
	s.Go(block) // the limit is for the moment only
	awaitTrue(t, "a fourth call begins", func() bool { return began.Load() == 4 })
}

// TestBlockUnwinds sends a panic through calls that kept their P and calls that
// didn't. (Goexit: TestGoexitContained.)
func TestBlockUnwinds(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	for _, slow := range []bool{false, true} {
		runTask(t, s, func(tk *Task) {
			c := make(chan int)
			if slow {
				tk.Go(func(*Task) { close(c) })
			} else {
				close(c)
			}
			defer func() {
				if v := recover(); v != "out" {
					t.Errorf("slow=%v: recovered %v", slow, v)
				}
				if tk.status != gRunning || tk.m.p == nil {
					t.Errorf("slow=%v: after the panic the task is %v, on P %v", slow, tk.status, tk.m.p)
				}
				tk.Yield()
			}()
			tk.Block(func() { <-c; panic("out") })
		})
	}
}

// TestShortCallsKeepP checks the number in the phase word: sysmon must not take a P
// because it finds it in a call twice, if the calls are two.
func TestShortCallsKeepP(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	runTask(t, s, func(tk *Task) {
		p, m := tk.m.p, tk.m
		seen := func() uint32 { // what retakeBlocked notes
			s.lock.Lock()
			defer s.lock.Unlock()
			return m.phase.Load()
		}
		var first, second uint32
		tk.Block(func() { first = seen() })
		tk.Block(func() {
			second = seen()
			s.lock.Lock()
			if s.takeFromCall(p, first) {
				t.Error("the P was taken from a call that is over")
				s.handOff(p)
			}
			s.lock.Unlock()
		})
		if first == second && first&phaseMask == phaseBlocked {
			t.Errorf("two calls have the same phase word %d", first)
		}
	})
}

// TestBlockRaces lets many short and some longer calls race with sysmon, which is
// given reason to take Ps by tasks that always wait.
func TestBlockRaces(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	var done atomic.Bool
	for range 2 {
		s.Go(func(tk *Task) {
			for !done.Load() {
				tk.Yield()
			}
		})
	}
	g, _ := NewGroup(nil, s)
	for range 8 {
		g.Go(func(tk *Task) error {
			for i := range 500 {
				tk.Block(func() {
					for range i % 20 {
						runtime.Gosched()
					}
				})
			}
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	done.Store(true)
	if n := s.Stats().Blocks; n != 8*500 {
		t.Errorf("%d calls counted, want %d", n, 8*500)
	}
}
