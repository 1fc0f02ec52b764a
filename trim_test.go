package runq

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// peak lets n tasks wait at once and end.
func peak(t *testing.T, s *Scheduler, n int, end func()) {
	t.Helper()
	var arrived, ended atomic.Int64
	for range n {
		s.Go(func(tk *Task) {
			defer ended.Add(1)
			arrived.Add(1)
			for arrived.Load() < int64(n) {
				tk.Yield()
			}
			end()
		})
	}
	awaitTrue(t, "the peak is over", func() bool { return ended.Load() == int64(n) })
}

// carriers returns how many carriers there are.
func carriers(s *Scheduler) int {
	st := s.Stats()
	return int(st.CarriersMade - st.CarriersEnded)
}

// stay returns how many carriers may stay after a trim: those that the pools of so
// many Ps keep and those in use, and as many again that are in the places of these.
func stay(ps, inUse int) int { return 2 * (trimKeep + ps*carriersPerP + inUse + 1) }

// TestTrimWhenIdle is hazard 6: the carriers of a peak are ended although nothing
// happens after it; some are kept.
func TestTrimWhenIdle(t *testing.T) {
	const tasks, procs = 2000, 2
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: procs}, clk)
	for range 2 {
		peak(t, s, tasks, func() {})
		if n := carriers(s); n < tasks {
			t.Fatalf("%d carriers for %d tasks that wait at once", n, tasks)
		}
		awaitTrue(t, "the carriers are ended", func() bool {
			clk.advance(time.Duration(trimEvery))
			return carriers(s) <= stay(procs, procs)
		})
		if carriers(s) == 0 {
			t.Error("no carrier is kept")
		}
	}
}

// TestTrimUnderLoad trims while tasks switch stacks as fast as they can, so that the
// free carriers' places are in use by others.
func TestTrimUnderLoad(t *testing.T) {
	const load, procs = 20, 3
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: procs, Slice: calm}, clk)
	var done atomic.Bool
	var loads atomic.Int64
	for range load {
		s.Go(func(tk *Task) {
			for !done.Load() {
				tk.Yield()
			}
			loads.Add(1)
		})
	}
	for range 5 {
		peak(t, s, 1000, func() {})
		awaitTrue(t, "the carriers are ended", func() bool {
			clk.advance(time.Duration(trimEvery))
			return carriers(s) <= stay(procs, load+procs)
		})
	}
	done.Store(true)
	awaitTrue(t, "the load ends", func() bool { return loads.Load() == load })
}

// TestTrimRacesOverruns is the same with tasks that lose their Ps meanwhile, and run
// on beside everything that is done to free carriers.
func TestTrimRacesOverruns(t *testing.T) {
	const load, procs, overruns = 8, 2, 4
	manyThreads(t)
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: procs, Slice: calm}, clk)
	var done atomic.Bool
	var loads atomic.Int64
	for range load {
		s.Go(func(tk *Task) {
			for !done.Load() {
				tk.Yield()
				tk.Block(runtime.Gosched)
			}
			loads.Add(1)
		})
	}
	_, stop := unseatAlways(s, overruns)
	for range 5 {
		peak(t, s, 1500, func() {})
		awaitTrue(t, "the carriers are ended", func() bool {
			clk.advance(time.Duration(trimEvery))
			return carriers(s) <= stay(procs+overruns, load+procs+overruns)
		})
	}
	stop()
	done.Store(true)
	awaitTrue(t, "the load ends", func() bool { return loads.Load() == load })
}

// TestZombiesEnd checks that many carriers used up by Goexit are ended without
// waiting for the time of the next trim.
func TestZombiesEnd(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	peak(t, s, 10*zombiesMax, runtime.Goexit)
	awaitTrue(t, "most zombies are ended although no time has passed", func() bool {
		return zombies(s) < zombiesMax+s.carriersStayed()
	})
}

// zombies returns how many carriers wait for their end.
func zombies(s *Scheduler) int {
	s.carriers.mu.Lock()
	defer s.carriers.mu.Unlock()
	return s.carriers.zombies.Len()
}

// carriersStayed returns how many of them the last trim couldn't end.
func (s *Scheduler) carriersStayed() int {
	s.carriers.mu.Lock()
	defer s.carriers.mu.Unlock()
	return s.carriers.stayed
}

// TestCloseEndsAll checks that Close ends all goroutines that a scheduler has had,
// wherever their stacks have come to be.
func TestCloseEndsAll(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 10 {
		s, err := New(Config{Procs: i%4 + 1})
		if err != nil {
			t.Fatal(err)
		}
		peak(t, s, 200, func() {
			if i%2 == 0 {
				runtime.Goexit()
			}
		})
		closeInTime(t, s)
	}
	awaitTrue(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}
