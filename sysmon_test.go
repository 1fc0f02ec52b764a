package runq

import (
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestSysmonSleeps checks that sysmon makes no beat while every P is idle, and wakes
// up when one isn't.
func TestSysmonSleeps(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2}, clk)
	for range 20 {
		clk.awaitIdle(t)
		beats := clk.beats.Load()
		for range 100 {
			runtime.Gosched()
		}
		if n := clk.beats.Load() - beats; n != 0 {
			t.Errorf("%d beats of an idle scheduler", n)
		}
		var done atomic.Bool
		s.Go(func(tk *Task) { computeUntil(&done) })
		clk.awaitBeats(t, 3)
		if until := clk.asleepUntil(); until != 0 {
			t.Errorf("a task runs, and sysmon sleeps until %d", until)
		}
		done.Store(true)
	}
}

// TestSysmonDuringOverrun checks that sysmon doesn't sleep while a task runs without
// a P, though every P is idle: the task may leave something behind.
func TestSysmonDuringOverrun(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1, Slice: calm}, clk)
	var began, done atomic.Bool
	s.Go(func(*Task) {
		began.Store(true)
		computeUntil(&done)
	})
	awaitTrue(t, "the task runs", began.Load)
	unseatAll(s)
	awaitTrue(t, "the P is idle", func() bool { return s.fore.idle.IdlePs() == 1 })
	clk.awaitBeats(t, 10)
	done.Store(true)
	clk.awaitIdle(t)
}

// TestSysmonBeat checks how the beat slows down, without waiting for it.
func TestSysmonBeat(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want time.Duration
	}{
		{Config{}, defaultSlice / beatsPerSlice},
		{Config{Slice: calm}, sysmonSlowest},
		{Config{Slice: minSlice}, minSlice / beatsPerSlice},
		{Config{Slice: calm, Trace: true}, traceBeat},
	} {
		s, err := New(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.slowestBeat(); got != c.want {
			t.Errorf("%+v: the slowest beat is %v, want %v", c.cfg, got, c.want)
		}
		closeInTime(t, s)
	}
}

// pauseClock notes the pauses that sysmon makes.
type pauseClock struct {
	clock
	longest, shortest, pauses atomic.Int64
}

func (c *pauseClock) Pause(d time.Duration) {
	if int64(d) > c.longest.Load() {
		c.longest.Store(int64(d))
	}
	if int64(d) < c.shortest.Load() {
		c.shortest.Store(int64(d))
	}
	c.pauses.Add(1)
	c.clock.Pause(min(d, 20*time.Microsecond))
}

// TestSysmonSlowsDown checks that sysmon's beat slows down while a task runs that
// nobody waits for, and is fast again after a sleep.
func TestSysmonSlowsDown(t *testing.T) {
	clk := &pauseClock{clock: newClock()}
	clk.shortest.Store(math.MaxInt64)
	s, err := surroundings{clock: clk, seed: 1}.newScheduler(Config{Procs: 2, Slice: calm})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeInTime(t, s) })
	for range 3 {
		clk.longest.Store(0)
		clk.shortest.Store(math.MaxInt64)
		var done atomic.Bool
		s.Go(func(*Task) { computeUntil(&done) })
		awaitTrue(t, "the beat is as slow as it gets", func() bool { return clk.longest.Load() == int64(sysmonSlowest) })
		if d := clk.shortest.Load(); d != int64(sysmonFastest) {
			t.Errorf("the fastest beat was %v, want %v", time.Duration(d), sysmonFastest)
		}
		done.Store(true)
		awaitTrue(t, "sysmon sleeps", func() bool { return s.sysmonUntil.Load() != 0 })
	}
}

// TestSysmonNeedsNoTimer is hazard 8: sysmon's beat goes on although goroutines hold
// every Go P, which is when Go's timers are late.
func TestSysmonNeedsNoTimer(t *testing.T) {
	clk := newBeatClock()
	s := newTestClock(t, Config{Procs: 1, Slice: time.Millisecond}, clk)
	var done, other atomic.Bool
	for range runtime.GOMAXPROCS(0) + 1 {
		go func() {
			for !done.Load() {
			}
		}()
	}
	defer done.Store(true)
	s.Go(func(tk *Task) {
		tk.Go(func(*Task) { other.Store(true) })
		for !other.Load() {
		}
	})
	awaitTrue(t, "the hog's child has got its P", other.Load)
	if clk.beats.Load() == 0 {
		t.Error("sysmon has made no beat")
	}
}

// TestCoarseClock checks that the coarse clock follows the clock, and is set when
// sysmon has slept.
func TestCoarseClock(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1}, clk)
	for range 10 {
		clk.awaitIdle(t)
		clk.advance(time.Hour)
		want := clk.now.Load()
		runTask(t, s, func(*Task) {
			for s.coarse.Load() < want {
				runtime.Gosched()
			}
		})
	}
}
