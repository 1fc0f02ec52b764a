package runq

import (
	"testing"
	"time"
)

// unwatched returns a scheduler with one P and without sysmon, whose clock is clk.
func unwatched(t *testing.T, clk *fakeClock) *Scheduler {
	t.Helper()
	s, err := surroundings{clock: clk, noSysmon: true}.newScheduler(Config{Procs: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeInTime(t, s) })
	return s
}

// step is how far apart the checkpoints of these tests are, and slack how much later
// than it should a task may look at the clock: it goes by what was before.
const (
	step  = 10 * time.Microsecond
	slack = 2 * lookEvery
)

// TestCheckpointRunsTimers checks that a task which comes to checkpoints runs the timers
// that are due without being asked to, and lets who was woken go first.
func TestCheckpointRunsTimers(t *testing.T) {
	for _, locked := range []bool{false, true} {
		clk := newFakeClock()
		s := unwatched(t, clk)
		woken := 0
		runIn(t, s, func(tk *Task) {
			if locked {
				tk.LockThread()
				defer tk.UnlockThread()
			}
			for _, d := range []time.Duration{5 * time.Millisecond, time.Millisecond} {
				tk.Go(func(tk *Task) {
					due := clk.Now() + int64(d)
					tk.Sleep(d)
					if late := clk.Now() - due; late > int64(slack+step) {
						t.Errorf("woken %v late", time.Duration(late))
					}
					woken++
				})
			}
			tk.AfterFunc(3*time.Millisecond, func(*Task) { woken++ })
			tk.Yield()
			for end := clk.Now() + int64(6*time.Millisecond); clk.Now() < end; {
				clk.advance(step)
				tk.Checkpoint()
			}
			if woken != 3 {
				t.Errorf("%d of 3 have been woken", woken)
			}
		})
	}
}

// TestCheckpointEndsSlice checks that tasks which come to checkpoints take turns, a
// slice each, without being asked to.
func TestCheckpointEndsSlice(t *testing.T) {
	clk := newFakeClock()
	s := unwatched(t, clk)
	runIn(t, s, func(tk *Task) {
		turn, since, turns := 0, clk.Now(), 0
		for i := range 3 {
			tk.Go(func(tk *Task) {
				for turns < 10 {
					if now := clk.Now(); turn != i {
						turn, since = i, now
						turns++
					} else if ran := now - since; ran > s.slice+int64(slack+step) {
						t.Errorf("has run for %v", time.Duration(ran))
					}
					clk.advance(step)
					tk.Checkpoint()
				}
			})
		}
	})
	closeInTime(t, s)
	if n := s.Stats().Preemptions; n < 9 {
		t.Errorf("%d preemptions", n)
	}
}

// TestPace checks how the number of checkpoints between two looks follows their pace.
func TestPace(t *testing.T) {
	pc := freshPace
	for _, c := range []struct {
		took int64
		want int32
	}{
		{0, 5 * looksFaster},
		{lookEvery / 2, 2 * (5*looksFaster + 1)},
		{lookEvery, 2*(5*looksFaster+1) + 1},
		{1000 * lookEvery, 0},
		{lookEvery / 4, 4},
	} {
		if pc.adapt(c.took); pc.granted != c.want {
			t.Errorf("after %d ns: %d, want %d", c.took, pc.granted, c.want)
		}
	}
	for range 100 {
		pc.adapt(0)
	}
	if pc.granted != looksMost {
		t.Errorf("at most %d, want %d", pc.granted, looksMost)
	}
}

// TestCheckpointFindsPace checks that a task that others had to ask begins to count
// anew: its checkpoints have become rarer than it thinks.
func TestCheckpointFindsPace(t *testing.T) {
	runIn(t, unwatched(t, newFakeClock()), func(tk *Task) {
		tk.pace = pace{looksMost, looksMost}
		tk.preempt.Store(asked)
		tk.Checkpoint()
		if tk.pace != freshPace {
			t.Errorf("the pace is %+v", tk.pace)
		}
	})
}
