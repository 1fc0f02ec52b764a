package runq

import (
	"sync/atomic"
	"testing"
	"time"
)

// leaser is a scheduler whose leases a test asks for, with all Ps busy and background
// classes that have work. Nobody finds out that its tasks wait in ordinary Go: so they can
// keep Ps busy, and leave the processors to the test.
type leaser struct {
	*Scheduler
	t    *testing.T
	clk  *fakeClock
	stop chan struct{}
	used time.Duration // by background threads, as far as the leases know
	laps atomic.Int64  // of the ordinary tasks
}

func newLeaser(t *testing.T, procs, busy int, floors ...float64) *leaser {
	t.Helper()
	needThreads(t)
	l := &leaser{t: t, clk: newFakeClock(), stop: make(chan struct{})}
	l.Scheduler = newBackgroundIn(t, Config{Procs: procs, TraceBuffer: manyEvents}, surroundings{clock: l.clk, noSysmon: true})
	for i, f := range floors {
		c, err := l.Class(string(rune('a'+i)), ClassConfig{Background: true, Floor: f})
		if err != nil {
			t.Fatal(err)
		}
		c.Go(func(*Task) {
			for !isClosed(l.stop) { // it computes, without a checkpoint
			}
		})
		awaitTrue(t, "background work runs", func() bool { return c.Stats().Serving == 1 })
	}
	for range busy {
		l.Go(func(tk *Task) {
			for !isClosed(l.stop) {
				l.laps.Add(1)
				tk.Yield()
				tk.Checkpoint()
				time.Sleep(10 * time.Microsecond)
			}
		})
	}
	awaitTrue(t, "the Ps are busy", func() bool { return l.fore.idle.IdlePs() == max(procs-busy, 0) })
	t.Cleanup(l.end) // before it is closed
	return l
}

// end lets the tasks end, and all Ps be given back.
func (l *leaser) end() {
	if !isClosed(l.stop) {
		close(l.stop)
	}
	awaitTrue(l.t, "the tasks end, and all is given back for good", func() bool {
		l.beat(0)
		return l.Stats().Live == 0 && l.leasing.want == 0 && l.countLent() == 0
	})
}

// beat lets a beat pass in which background threads used some CPUs' time.
func (l *leaser) beat(cpus float64) {
	l.clk.advance(governEvery)
	l.used += time.Duration(cpus * governEvery)
	l.leases(l.clk.Now(), l.used)
}

// awaitLent returns when so many Ps are lent. Beats go on, in which background work gets
// what the number says.
func (l *leaser) awaitLent(n int, cpus float64) {
	l.t.Helper()
	awaitTrue(l.t, "Ps are lent or given back", func() bool {
		if l.countLent() == n { // the next beat may change it again
			return true
		}
		l.beat(cpus)
		return false
	})
}

// progress returns when the ordinary tasks have run some more.
func (l *leaser) progress(when string) {
	l.t.Helper()
	laps := l.laps.Load()
	awaitTrue(l.t, "ordinary tasks run "+when, func() bool { return l.laps.Load() > laps+10 })
}

// TestLease: a P is lent when background work is below its floor, and given back when it
// has got it; the tasks that were on it run elsewhere.
func TestLease(t *testing.T) {
	l := newLeaser(t, 2, 4, 0.1)
	for range 5 {
		l.awaitLent(1, 0)
		l.progress("on the other P")
		var done atomic.Int32
		runTask(t, l.Scheduler, func(tk *Task) {
			for range 20 {
				tk.Go(func(*Task) { done.Add(1) })
			}
		})
		awaitTrue(t, "all tasks run", func() bool { return done.Load() == 20 })
		if n := l.countLent(); n != 1 {
			t.Errorf("%d Ps are lent, and nobody has given one back", n)
		}
		l.awaitLent(0, 1)
		l.progress("on both")
	}
}

// TestLeaseOfQueue: what is in the queue of a P that is lent is run by others.
func TestLeaseOfQueue(t *testing.T) {
	l := newLeaser(t, 2, 1, 0.5)
	for range 20 {
		var done, lent, go2 atomic.Bool
		var ran atomic.Int32
		l.Go(func(tk *Task) {
			for range 20 {
				tk.Go(func(*Task) { ran.Add(1) })
			}
			go2.Store(true)
			for !lent.Load() {
				tk.Checkpoint()
				time.Sleep(10 * time.Microsecond)
			}
			done.Store(true)
		})
		awaitTrue(t, "it has spawned", go2.Load)
		awaitTrue(t, "a P is lent", func() bool { l.beat(0); return l.countLent() > 0 })
		lent.Store(true)
		awaitTrue(t, "all run on what is left", func() bool {
			l.beat(1) // if all Ps were lent
			return done.Load() && ran.Load() == 20
		})
	}
}

// TestLeaseNever: nothing is lent while a P is idle, when there is no floor, no work for
// it, or as much as it promises; nor when a request that nobody answered is out of date.
func TestLeaseNever(t *testing.T) {
	idle := newLeaser(t, 2, 1, 0.5)
	none := newLeaser(t, 1, 2)
	enough := newLeaser(t, 2, 2, 0.1, 0.2)
	for range 100 {
		idle.beat(0)
		none.beat(0)
		enough.beat(0.7)
		if n := idle.countLent() + none.countLent() + enough.countLent(); n != 0 {
			t.Fatalf("%d Ps were lent", n)
		}
	}

	hogs := newLeaser(t, 2, 0, 0.5)
	var began atomic.Int32
	for range 2 {
		hogs.Go(func(*Task) {
			began.Add(1)
			<-hogs.stop
		})
	}
	awaitTrue(t, "the hogs run", func() bool { return began.Load() == 2 })
	asked := func() (n int) {
		for _, p := range hogs.fore.seated() {
			if p.attn.Load()&attnLease != 0 {
				n++
			}
		}
		return n
	}
	for range 10 {
		hogs.beat(0)
	}
	if n := asked(); n != 2 {
		t.Errorf("%d Ps were asked for, want 2", n)
	}
	for range 50 {
		hogs.beat(2)
	}
	close(hogs.stop)
	runTask(t, hogs.Scheduler, func(*Task) {})
	if n := hogs.countLent(); n != 0 {
		t.Errorf("%d Ps are lent, of those that were asked for when it was needed", n)
	}
}

// TestLeaseAndStops: a P that is lent is one of those that stop, and idle or busy after it;
// it may be gone after SetProcs.
func TestLeaseAndStops(t *testing.T) {
	l := newLeaser(t, 2, 6, 0.3)
	for i := range 30 {
		l.awaitLent(1, 0)
		goOn := always(func() { // the time that a stop gives to tasks which don't answer
			l.clk.advance(stopGrace / 10)
			time.Sleep(10 * time.Microsecond)
		})
		switch i % 3 {
		case 0:
			l.Snapshot()
		case 1:
			if err := l.SetProcs(3 - i%2); err != nil {
				t.Error(err)
			}
		case 2:
			l.stopTheWorld()
			for _, p := range l.fore.seated() {
				if p.state != pStopped {
					t.Errorf("the world is stopped, and P %d is %v", p.id, p.state)
				}
			}
			l.leases(l.clk.Now(), l.used)
			l.startTheWorld()
		}
		goOn()
		l.progress("after a stop")
		if n := l.countLent(); n > 1 {
			t.Errorf("%d Ps are lent", n)
		}
	}
	l.awaitLent(1, 0)
	unseatAll(l.Scheduler)
	l.progress("after their Ps were taken")
	l.awaitLent(1, 0)
}

// TestLeaseClose: a scheduler can be closed while Ps are lent or asked for.
func TestLeaseClose(t *testing.T) {
	for _, lent := range []bool{true, false} {
		l := newLeaser(t, 2, 3, 0.3)
		if lent {
			l.awaitLent(1, 0)
		} else {
			l.beat(0)
			l.beat(0)
		}
		close(l.stop)
		closed := async(l.Close)
		awaitTrue(t, "Close returns", func() bool {
			l.beat(0) // sysmon's
			return len(closed) == 1
		})
	}
}

// TestLeaseShare reckons what is lent over a long time, if the kernel gives it to
// background work, if others take it, and after a time in which nothing was to be lent.
func TestLeaseShare(t *testing.T) {
	for _, tt := range []struct {
		procs  int
		floors []float64
	}{{1, []float64{0.1}}, {2, []float64{0.1}}, {2, []float64{0.05, 0.45}}, {4, []float64{0.3}}} {
		l := newLeaser(t, tt.procs, tt.procs, tt.floors...)
		floor := 0.0
		for _, f := range tt.floors {
			floor += f
		}
		now, used, lent := int64(1), time.Duration(0), 0
		beats := func(n int, gets func(lent int) float64) (share float64) {
			sum := 0
			for range n {
				now += governEvery
				used += time.Duration(gets(lent) * governEvery)
				lent = l.leasesWanted(now, used)
				l.leasing.lent = make([]*p, lent)
				sum += lent
			}
			return float64(sum) / float64(n*tt.procs)
		}
		within := func(what string, got, least, most float64) {
			if got < least || got > most {
				t.Errorf("%+v: %s: %.3f of the Ps were lent; want between %.3f and %.3f", tt, what, got, least, most)
			}
		}
		within("the kernel gives it", beats(1000, func(lent int) float64 { return float64(lent) }), floor*0.8, floor*1.2)
		within("it had half of it anyway", beats(1000, func(lent int) float64 {
			return max(float64(lent), floor/2*float64(tt.procs))
		}), floor*0.3, floor*1.2)
		within("others take it", beats(1000, func(int) float64 { return 0 }), floor*0.8, floor*1.2)
		within("it has plenty", beats(1000, func(int) float64 { return float64(tt.procs) }), 0, 0.05)
		within("and then nothing", beats(1000, func(int) float64 { return 0 }), floor*0.75, floor*1.2)
		l.gov.allowed = floor * float64(tt.procs) / 4
		within("it is allowed a quarter", beats(1000, func(int) float64 { return 0 }), floor*0.2, floor*0.3)
		l.gov.allowed = -1
		l.leasing.lent = nil
	}
}

// TestLeaseWaits: nothing is lent for background work that only waits, in ordinary Go.
func TestLeaseWaits(t *testing.T) {
	l := newLeaser(t, 2, 4)
	c, err := l.Class("waits", ClassConfig{Background: true, Floor: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	c.Go(func(*Task) { <-l.stop })
	awaitTrue(t, "it runs", func() bool { return c.Stats().Serving == 1 })
	l.beat(0) // which sees its thread for the first time
	awaitTrue(t, "it is known to wait", func() bool {
		l.clk.advance(time.Duration(restsLong)) // until then it may have been interrupted
		return !c.computes()
	})
	l.awaitLent(0, 0)
	for range 20 {
		l.beat(0)
		if n := l.countLent(); n != 0 {
			t.Fatalf("%d Ps are lent", n)
		}
	}
}

// TestLeaseTimer: a P that is lent comes back when a timer of it is due.
func TestLeaseTimer(t *testing.T) {
	l := newLeaser(t, 1, 0, 0.5)
	var over atomic.Bool
	l.Go(func(tk *Task) {
		tk.Sleep(time.Hour)
		over.Store(true)
	})
	l.Go(func(tk *Task) {
		for !isClosed(l.stop) {
			tk.Yield()
			time.Sleep(10 * time.Microsecond)
		}
	})
	l.awaitLent(1, 0)
	l.clk.advance(time.Hour)
	if !l.lateTimers(l.clk.Now()) || l.countLent() != 0 {
		t.Errorf("%d Ps are lent, and a timer is due", l.countLent())
	}
	awaitTrue(t, "the sleeper goes on", over.Load)
}
