package runq

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// TestRetakeRaces is hazard 1: the P of a task is taken again and again, at any
// moment, while the task does nothing but call into the scheduler. Whatever it
// spawns must run once, and whatever it waits for must end.
func TestRetakeRaces(t *testing.T) {
	const tasks, rounds, retakes = 4, 100, 20
	var l waitList
	kinds := map[string]func(t *testing.T, tk *Task, ran *atomic.Int64){
		"Go": func(t *testing.T, tk *Task, ran *atomic.Int64) {
			var once atomic.Bool
			tk.Go(func(*Task) {
				if once.Swap(true) {
					t.Error("a task ran twice")
				}
				ran.Add(1)
			})
		},
		"Yield": func(t *testing.T, tk *Task, ran *atomic.Int64) { tk.Yield(); ran.Add(1) },
		"Sleep": func(t *testing.T, tk *Task, ran *atomic.Int64) { tk.Sleep(1); ran.Add(1) },
		"Block": func(t *testing.T, tk *Task, ran *atomic.Int64) { tk.Block(runtime.Gosched); ran.Add(1) },
		"park": func(t *testing.T, tk *Task, ran *atomic.Int64) {
			l.wakeOne(tk.Scheduler(), tk.m)
			l.wait(tk)
			ran.Add(1)
		},
		"Group": func(t *testing.T, tk *Task, ran *atomic.Int64) {
			g, _ := NewGroup(nil, tk.Scheduler())
			g.Go(func(*Task) error { return nil })
			if err := g.Wait(tk); err != nil {
				t.Error(err)
			}
			ran.Add(1)
		},
		"locked": func(t *testing.T, tk *Task, ran *atomic.Int64) {
			tk.LockThread()
			tk.Yield()
			tk.UnlockThread()
			ran.Add(1)
		},
	}
	manyThreads(t)
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			s := newTest(t, Config{Procs: 2, TraceBuffer: manyEvents}) // for a great many tasks
			var left atomic.Int64
			left.Store(tasks)
			taken, stop := unseatAlways(s, 6)
			for range tasks {
				s.Go(func(tk *Task) {
					var ran atomic.Int64
					n := int64(0)
					for ; n < rounds || taken.Load() < retakes; n++ {
						kind(t, tk, &ran)
					}
					for ran.Load() < n {
						tk.Yield()
					}
					if ran.Load() != n {
						t.Errorf("%d of %d have run", ran.Load(), n)
					}
					left.Add(-1)
				})
			}
			stopWaking := func() {}
			if name == "park" {
				stopWaking = always(func() { l.wakeOne(s, nil) })
			}
			awaitTrue(t, "all tasks end", func() bool { return left.Load() == 0 })
			stopWaking()
			stop()
		})
	}
}

// TestRetakeRacesLocked mixes locked tasks with others: a P on its way to a locked
// task's M may be taken too.
func TestRetakeRacesLocked(t *testing.T) {
	const tasks, rounds, retakes = 6, 100, 20
	manyThreads(t)
	s := newTest(t, Config{Procs: 2})
	var left atomic.Int64
	left.Store(tasks)
	taken, stop := unseatAlways(s, 6)
	for i := range tasks {
		s.Go(func(tk *Task) {
			if i%2 == 0 {
				tk.LockThread()
			}
			for n := 0; n < rounds || taken.Load() < retakes; n++ {
				tk.Yield()
				tk.Sleep(1)
			}
			left.Add(-1)
		})
	}
	awaitTrue(t, "all tasks end", func() bool { return left.Load() == 0 })
	stop()
	awaitTrue(t, "no task runs over", func() bool { return s.overruns.Load() == 0 })
}

// TestOverrunsBounded is hazard 2: as many hogs as are allowed run on without a P;
// the next keeps its P, so that no more run than there are Ps and overruns.
func TestOverrunsBounded(t *testing.T) {
	const procs, limit, hogs = 2, 1, 6
	clk := newBeatClock()
	s := newTestClock(t, Config{Procs: procs, MaxOverruns: limit, Slice: minSlice}, clk)
	var running, done atomic.Int64
	var release atomic.Bool
	for range hogs {
		s.Go(func(*Task) {
			running.Add(1)
			for !release.Load() {
			}
			done.Add(1)
		})
	}
	awaitTrue(t, "as many hogs run as may", func() bool { return running.Load() == procs+limit })
	target := clk.beats.Load() + 100
	awaitTrue(t, "sysmon has looked at them often", func() bool { return clk.beats.Load() >= target })
	if r, o := running.Load(), s.overruns.Load(); r != procs+limit || o != limit {
		t.Errorf("%d hogs run, %d of them without a P, want %d and %d", r, o, procs+limit, limit)
	}
	release.Store(true)
	awaitTrue(t, "all hogs end", func() bool { return done.Load() == hogs })
}

// TestNoOverruns checks that a hog keeps its P when overruns aren't allowed, and
// that what waits for it runs after it.
func TestNoOverruns(t *testing.T) {
	clk := newBeatClock()
	s := newTestClock(t, Config{Procs: 1, MaxOverruns: -1, Slice: minSlice}, clk)
	var other atomic.Bool
	runTask(t, s, func(tk *Task) {
		tk.Go(func(*Task) { other.Store(true) })
		target := clk.beats.Load() + 100
		for clk.beats.Load() < target { // a goroutine that yields could pass for one that waits
		}
		if other.Load() {
			t.Error("the other task ran although the hog may not lose its P")
		}
	})
	awaitTrue(t, "the other task runs", other.Load)
	if n := s.Stats().Overruns; n != 0 {
		t.Errorf("%d overruns, want none", n)
	}
}

// TestOverrunChildren checks that what an overrun task has spawned, before or after
// it lost its P, runs elsewhere while the task itself computes on.
func TestOverrunChildren(t *testing.T) {
	const children = min(10, sx.RingCap-1) // a full ring would let them run
	s := newTest(t, Config{Procs: 1, Slice: minSlice})
	runTask(t, s, func(tk *Task) {
		for range 5 {
			var ran atomic.Int64
			for range children {
				tk.Go(func(*Task) { ran.Add(1) })
			}
			for ran.Load() < children { // no call into the scheduler: it must lose its P
				runtime.Gosched()
			}
		}
	})
	if s.Stats().Overruns == 0 {
		t.Error("nobody ran over: nothing was tried")
	}
}

// TestOverrunWaitsForP checks that an overrun task needs a P again at its next slow
// call, whichever that is.
func TestOverrunWaitsForP(t *testing.T) {
	var l waitList
	calls := map[string]func(tk *Task){
		"Go":    func(tk *Task) { tk.Go(func(*Task) {}) },
		"Yield": func(tk *Task) { tk.Yield() },
		"Block": func(tk *Task) { tk.Block(func() {}) },
		"Sleep": func(tk *Task) { tk.Sleep(1) },
		"park":  func(tk *Task) { l.wait(tk) },
		"locked": func(tk *Task) {
			tk.LockThread()
			tk.Yield()
			tk.UnlockThread()
		},
		"Checkpoint": func(tk *Task) {
			tk.preempt.Store(asked) // as who unseats it does
			tk.Checkpoint()
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			s := newTest(t, Config{Procs: 1, Slice: calm})
			var overrun, onP, release atomic.Bool
			var began, back atomic.Bool
			s.Go(func(tk *Task) {
				began.Store(true)
				computeUntil(&overrun)
				call(tk)
				if onP.Load() {
					t.Error("the task went on while another one had the only P")
				}
				back.Store(true)
			})
			awaitTrue(t, "the task runs", began.Load)
			s.Go(func(tk *Task) {
				onP.Store(true)
				computeUntil(&release)
				onP.Store(false)
			})
			if unseatAll(s) != 1 {
				t.Fatal("the task isn't there to be unseated")
			}
			awaitTrue(t, "another task has the P", onP.Load)
			if st := s.Stats(); st.Overrun != 1 {
				t.Errorf("%d tasks run over, want 1", st.Overrun)
			}
			overrun.Store(true)
			awaitTrue(t, "the task has left its seat", func() bool { return s.overruns.Load() == 0 })
			if back.Load() {
				t.Error("the task went on without a P")
			}
			release.Store(true)
			awaitTrue(t, "the task goes on", func() bool {
				l.wakeOne(s, nil)
				return back.Load()
			})
		})
	}
}

// TestOverrunEndsLast lets the last task of all be one that runs over and ends, or
// waits, while every P is idle: Close must come to know.
func TestOverrunEndsLast(t *testing.T) {
	ends := map[string]func(tk *Task){
		"return": func(tk *Task) {},
		"Goexit": func(tk *Task) { runtime.Goexit() },
		"Sleep":  func(tk *Task) { tk.Sleep(time.Microsecond) },
		"locked": func(tk *Task) { tk.LockThread(); tk.Yield() },
		"deadlock": func(tk *Task) {
			knot(tk.Scheduler()).Wait(tk) //nolint:errcheck // the end of the wait is enough
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			s := newTest(t, Config{Procs: 2, Slice: calm, OnDeadlock: func(*DeadlockError) {}})
			var began, release atomic.Bool
			s.Go(func(tk *Task) {
				began.Store(true)
				computeUntil(&release)
				end(tk)
			})
			awaitTrue(t, "the task runs", began.Load)
			unseatAll(s)
			awaitTrue(t, "every P is idle", func() bool { return s.Stats().Idle == 2 })
			closed := async(s.Close)
			awaitTrue(t, "Close has begun", func() bool {
				s.lock.Lock()
				defer s.lock.Unlock()
				return s.closing
			})
			release.Store(true)
			awaitClosed(t, "Close returns", closed)
		})
	}
}

// TestOverrunAfterResize takes the seat away that an overrun task once had: its
// children and timers must not be lost with it.
func TestOverrunAfterResize(t *testing.T) {
	s := newTest(t, Config{Procs: 4, Slice: calm})
	for range 20 {
		const tasks = 4
		var began, ended, children atomic.Int64
		var release atomic.Bool
		for range tasks {
			s.Go(func(tk *Task) {
				began.Add(1)
				computeUntil(&release)
				tk.Go(func(*Task) { children.Add(1) })
				tk.Sleep(time.Microsecond)
				ended.Add(1)
			})
		}
		awaitTrue(t, "all tasks run", func() bool { return began.Load() == tasks })
		unseatAll(s)
		if err := s.SetProcs(1); err != nil {
			t.Fatal(err)
		}
		release.Store(true)
		awaitTrue(t, "all tasks and their children end", func() bool { return ended.Load() == tasks && children.Load() == tasks })
		if err := s.SetProcs(4); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOverrunSleepsAfterResize is the same for the timer of a task that runs over
// while its seat goes away, and does nothing before it sleeps.
func TestOverrunSleepsAfterResize(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	for range 20 {
		var began, ended atomic.Int64
		var release atomic.Bool
		for range 2 {
			s.Go(func(tk *Task) {
				began.Add(1)
				computeUntil(&release)
				tk.Sleep(time.Microsecond)
				ended.Add(1)
			})
		}
		awaitTrue(t, "both tasks run", func() bool { return began.Load() == 2 })
		unseatAll(s)
		if err := s.SetProcs(1); err != nil {
			t.Fatal(err)
		}
		release.Store(true)
		awaitTrue(t, "both sleeps end", func() bool { return ended.Load() == 2 })
		if err := s.SetProcs(2); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForeignWaits lets more tasks than Ps and overruns together wait in ordinary Go
// for one that comes after them. With goroutines that compute beside them, Go's own
// figures don't say that the tasks wait, and their stacks must.
func TestForeignWaits(t *testing.T) {
	for name, busy := range map[string]int{"alone": 0, "beside others": 2} {
		t.Run(name, func(t *testing.T) {
			for i := range busy {
				stop := always(func() {
					for range 1000 * (i + 1) {
						runtime.Gosched()
					}
				})
				defer stop()
			}
			s := newTest(t, Config{Procs: 2, MaxOverruns: 2, Slice: time.Millisecond})
			const tasks = 20
			c := make(chan int)
			var mu sync.Mutex
			locked := 0
			mu.Lock()
			var back atomic.Int64
			for i := range tasks {
				s.Go(func(*Task) {
					if i%2 == 0 {
						<-c
					} else {
						mu.Lock()
						locked++
						mu.Unlock()
					}
					back.Add(1)
				})
			}
			s.Go(func(*Task) { close(c); mu.Unlock() })
			awaitTrue(t, "the waits end", func() bool { return back.Load() == tasks })
			if locked != tasks/2 {
				t.Errorf("%d tasks had the lock, want %d", locked, tasks/2)
			}
		})
	}
}

// TestUnseatUnderThieves takes seats away under the eyes of Ms that search, so that
// they visit Ps which have none any more.
func TestUnseatUnderThieves(t *testing.T) {
	const tasks, rounds = 3, 400
	manyThreads(t)
	s := newTest(t, Config{Procs: 4})
	var ran atomic.Int64
	_, stop := unseatAlways(s, 8)
	for range tasks {
		s.Go(func(tk *Task) {
			for range rounds {
				for range 3 {
					tk.Go(func(tk *Task) { ran.Add(1) })
				}
				tk.Sleep(1)
			}
		})
	}
	awaitTrue(t, "all tasks have run", func() bool { return ran.Load() == 3*tasks*rounds })
	stop()
}

// TestSweep checks that what is put into an unseated P's queue is found without its
// M's help.
func TestSweep(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	var began, late, release atomic.Bool
	s.Go(func(tk *Task) {
		began.Store(true)
		for s.overruns.Load() == 0 {
			runtime.Gosched()
		}
		// As if it had been in the middle of Go when its P was taken, and hadn't seen it.
		p := tk.m.p
		p.attn.And(^uint32(attnUnseat))
		tk.Go(func(*Task) { late.Store(true) })
		p.attn.Or(attnUnseat)
		computeUntil(&release)
	})
	awaitTrue(t, "the task runs", began.Load)
	if unseatAll(s) != 1 {
		t.Fatal("the task isn't there to be unseated")
	}
	awaitTrue(t, "its child runs", late.Load)
	release.Store(true)
}
