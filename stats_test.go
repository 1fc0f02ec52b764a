package runq

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// After any amount of work the counters add up, and say what was done.
func TestStatsAddUp(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		s := openScheduler(t, Config{Procs: procs, Slice: 100 * time.Microsecond, OnPanic: func(*PanicError) {}})
		const rounds, yields, sleeps, blocks = 50, 3, 2, 4
		for i := range rounds {
			s.Go(func(tk *Task) {
				for range yields {
					tk.Yield()
				}
				for range sleeps {
					tk.Sleep(time.Duration(i+1) * time.Microsecond)
				}
				for range blocks {
					tk.Block(func() {})
				}
				g, _ := NewGroup(nil, s)
				g.Go(func(tk *Task) error { tk.LockThread(); tk.Yield(); return nil })
				g.Wait(tk)
				tk.Go(func(*Task) { panic("x") })
				tk.Go(func(*Task) { runtime.Goexit() })
			})
		}
		closeInTime(t, s)
		st := s.Stats()
		if st.Spawned != 4*rounds || st.Finished != st.Spawned || st.Live != 0 {
			t.Errorf("spawned %d, finished %d, live %d; want %d, the same, 0", st.Spawned, st.Finished, st.Live, 4*rounds)
		}
		if st.Parks != st.Wakes || st.Parks < sleeps*rounds {
			t.Errorf("%d parks, %d wakes; want as many, at least %d", st.Parks, st.Wakes, sleeps*rounds)
		}
		if st.Blocks != blocks*rounds || st.RetakesBlocked > st.Blocks {
			t.Errorf("%d calls of Block, %d Ps retaken; want %d, at most as many", st.Blocks, st.RetakesBlocked, blocks*rounds)
		}
		if st.StolenTasks < st.Steals {
			t.Errorf("%d tasks stolen in %d steals", st.StolenTasks, st.Steals)
		}
		if procs == 1 && st.Steals != 0 {
			t.Errorf("%d steals with one P", st.Steals)
		}
		if st.CarriersEnded != st.CarriersMade {
			t.Errorf("%d carriers made, %d ended", st.CarriersMade, st.CarriersEnded)
		}
		if st.Procs != procs || st.Idle != procs || st.Threads != 0 || st.Blocked != 0 || st.Overrun != 0 {
			t.Errorf("procs %d, idle %d, threads %d, blocked %d, overrun %d after Close; want %d, %d, 0, 0, 0",
				st.Procs, st.Idle, st.Threads, st.Blocked, st.Overrun, procs, procs)
		}
	}
}

// While work goes on, Live is never negative and counters never go back.
func TestStatsUnderLoad(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	stop := keepBusy(s)
	var last Stats
	for range 500 {
		st := s.Stats()
		if st.Spawned != st.Finished+st.Live || st.Live > st.Spawned {
			t.Fatalf("spawned %d, finished %d, live %d", st.Spawned, st.Finished, st.Live)
		}
		if st.Finished < last.Finished || st.Parks < last.Parks || st.Wakes < last.Wakes || st.Yields < last.Yields || st.Spins < last.Spins {
			t.Fatalf("a counter went back: %+v after %+v", st, last)
		}
		last = st
		runtime.Gosched()
	}
	close(stop)
}

func TestStatsOfBlockedAndOverrun(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Slice: 100 * time.Microsecond, MaxBlocked: 2})
	release := make(chan struct{})
	for range 2 {
		s.Go(func(tk *Task) { tk.Block(func() { <-release }) })
	}
	awaitTrue(t, "two Ps taken from blocking calls", func() bool {
		st := s.Stats()
		return st.Blocked == 2 && st.RetakesBlocked == 2
	})
	var stop atomic.Bool
	s.Go(func(tk *Task) { tk.Go(func(*Task) {}); spinsHere(&stop) })
	awaitTrue(t, "a task overruns", func() bool {
		st := s.Stats()
		return st.Overrun == 1 && st.Overruns == 1
	})
	// The third blocking call keeps its P.
	s.Go(func(tk *Task) { tk.Block(func() { <-release }) })
	awaitTrue(t, "a P isn't taken", func() bool { return s.Stats().BlockedFull > 0 })
	if n := s.Stats().Blocked; n != 2 {
		t.Errorf("%d tasks are blocked without a P, the limit is 2", n)
	}
	stop.Store(true)
	close(release)
	closeInTime(t, s)
}
