package runq

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestClassStatsAddUp: with Config.Times every task is counted once: its time from spawn
// to end, every stretch in which it ran, and every wait before one.
func TestClassStatsAddUp(t *testing.T) {
	const rounds, children = 30, 10
	for _, procs := range []int{1, 3} {
		s := newTest(t, Config{Procs: procs, Times: true, TraceBuffer: manyEvents})
		edf, err := s.Class("edf", ClassConfig{Deadline: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		classes := []*Class{s.Interactive(), s.Normal(), edf}
		for i := range rounds {
			c, other := classes[i%3], classes[(i+1)%3]
			runClass(t, c, func(tk *Task) {
				g, _ := NewGroup(other.context(tk.Context()), s)
				for j := range children {
					tk.Go(func(tk *Task) { tk.Yield() })
					g.Go(func(tk *Task) error {
						switch j % 5 {
						case 0:
							tk.Sleep(time.Microsecond)
						case 1:
							tk.Block(func() { time.Sleep(50 * time.Microsecond) })
						case 2:
							tk.LockThread()
							tk.Yield()
						case 3:
							runtime.Goexit()
						}
						return nil
					})
				}
				g.Wait(tk) //nolint:errcheck // it tells of the Goexit
			})
		}
		s.Close()
		for _, c := range classes {
			st := c.Stats()
			const tasks = rounds / 3 * (1 + 2*children) // of each class
			if n := st.Latency.Count(); n != tasks {
				t.Errorf("%d Ps: class %s: %d tasks have ended, want %d", procs, c.Name(), n, tasks)
			}
			if st.Stretch.Count() < tasks || st.Wait.Count() < tasks || st.Wait.Count() > st.Stretch.Count() {
				t.Errorf("%d Ps: class %s: %d waits, %d stretches of %d tasks", procs, c.Name(), st.Wait.Count(), st.Stretch.Count(), tasks)
			}
			if st.Run != st.StretchSum || st.Run <= 0 || st.LatencySum < st.WaitSum/10 {
				t.Errorf("%d Ps: class %s: %v on Ps, stretches of %v, waits of %v, latencies of %v",
					procs, c.Name(), st.Run, st.StretchSum, st.WaitSum, st.LatencySum)
			}
		}
	}
}

// TestClassStatsExact: the times are those that have passed, also when the Ps are idle in
// between.
func TestClassStatsExact(t *testing.T) {
	const tasks = 20
	l := newLockstep(t, Config{Procs: 1, Times: true}, time.Hour)
	a := l.newClass("a", ClassConfig{})
	for _, w := range []*load{a, {lockstep: l, c: l.s.Normal()}} {
		for range tasks {
			runClass(t, w.c, func(tk *Task) { w.compute(tk, 4*computeStep, true, &w.had) })
			awaitTrue(t, "the P is idle", func() bool { return l.s.Stats().Idle == 1 })
			l.clk.advance(computeStep)
		}
		st := w.c.Stats()
		want := tasks * 4 * computeStep
		if st.Run < want || st.Run > want+want/100 || st.StretchSum != st.Run || st.LatencySum < want || st.LatencySum > want+want/100 {
			t.Errorf("class %s: %v on the P, stretches of %v, latencies of %v, want %v", w.c.Name(), st.Run, st.StretchSum, st.LatencySum, want)
		}
		if n := st.Latency.Count(); n != tasks || st.Stretch.Count() != n || st.Wait.Count() != n || st.WaitSum > want/100 {
			t.Errorf("class %s: %d tasks, %d stretches, %d waits of %v, want %d", w.c.Name(), n, st.Stretch.Count(), st.Wait.Count(), st.WaitSum, tasks)
		}
	}
}

// TestClassStatsPreempted: a task that has been interrupted waits from then on, and not
// since it began.
func TestClassStatsPreempted(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1}, 200*time.Millisecond)
	release := l.hold()
	a := l.newClass("a", ClassConfig{}).busy(1, []time.Duration{time.Second})
	b := l.newClass("b", ClassConfig{}).busy(1, []time.Duration{time.Second})
	release()
	l.awaitEnd()
	l.s.Close()
	for _, w := range []*load{a, b} {
		st := w.c.Stats()
		want := time.Duration(l.until) - st.Run // it either runs or waits
		if st.WaitSum < want-want/50 || st.WaitSum > want+want/50 || st.Wait.Count() != st.Stretch.Count() {
			t.Errorf("class %s has run for %v, and waited %d times, for %v of %v", w.c.Name(), st.Run, st.Wait.Count(), st.WaitSum, want)
		}
	}
}

// TestClassStatsOff: as long as there is one class, and nobody has asked for times, none
// are kept.
func TestClassStatsOff(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for range 10 {
		runTask(t, s, func(tk *Task) {
			tk.Go(func(*Task) {})
			tk.Yield()
		})
	}
	s.Close()
	st := s.Normal().Stats()
	want := ClassStats{Name: "normal", Weight: weightNormal}
	if st != want {
		t.Errorf("%+v, want %+v", st, want)
	}
}

// TestClassStatsLive: the figures can be read while all goes on, and show what is queued,
// served and blocked.
func TestClassStatsLive(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	c, err := s.Class("c", ClassConfig{Weight: 5, MaxBlocked: 1})
	if err != nil {
		t.Fatal(err)
	}
	var begun, release atomic.Bool
	unblock := make(chan struct{})
	var calls atomic.Int32
	for range 2 {
		c.Go(func(tk *Task) {
			tk.Block(func() {
				calls.Add(1)
				<-unblock
			})
		})
	}
	awaitTrue(t, "one call has lost its P, and the other one waits", func() bool {
		return c.Stats().Blocked == 1 && calls.Load() == 1 && s.SnapshotCheap().Global == 0
	})
	close(unblock)
	awaitTrue(t, "no call is left", func() bool { return s.Stats().Live == 0 })
	s.Interactive().Go(func(*Task) {
		begun.Store(true)
		computeUntil(&release)
	})
	awaitTrue(t, "the P is held", begun.Load)
	for range 3 {
		c.Go(func(*Task) {})
	}
	if st := c.Stats(); st.Queued != 3 || st.Serving != 0 || st.Blocked != 0 || st.Name != "c" || st.Weight != 5 || st.Background {
		t.Errorf("the class is shown as %+v", st)
	}
	if st := s.Interactive().Stats(); st.Queued != 0 || st.Serving != 1 {
		t.Errorf("the other one as %+v", st)
	}
	st := s.Stats()
	if len(st.Classes) != 4 || st.Classes[3].Queued != 3 || st.Classes[3].Name != "c" {
		t.Errorf("Stats has them as %+v", st.Classes)
	}
	if g := s.SnapshotCheap().Global; g != 3 {
		t.Errorf("a snapshot has %d queued tasks, want 3", g)
	}
	release.Store(true)
}

// TestClassCallWhileStopped: a class isn't charged, nor counted as served, for the time after
// its task has lost its P in a call because the world was stopped.
func TestClassCallWhileStopped(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2, Times: true}, clk)
	c, err := s.Class("c", ClassConfig{})
	if err != nil {
		t.Fatal(err)
	}
	release, in := make(chan struct{}), make(chan struct{})
	c.Go(func(tk *Task) {
		tk.Block(func() { close(in); <-release })
	})
	awaitClosed(t, "the call", in)
	s.stopTheWorld()
	s.startTheWorld()
	awaitTrue(t, "both Ps are idle", func() bool { return s.Stats().Idle == 2 })
	if n := c.Stats().Serving; n != 0 {
		t.Errorf("%d Ps serve the class; all are idle", n)
	}
	clk.advance(time.Minute)
	close(release)
	awaitNone(t, s)
	if ran := c.Stats().Run; ran > time.Second {
		t.Errorf("the class was charged for %v", ran)
	}
}

// TestClassCallAndResize: a P that goes away while its task is in a call takes the class's
// count with it.
func TestClassCallAndResize(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Times: true})
	c, err := s.Class("c", ClassConfig{})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	var in [2]chan struct{}
	for i := range in {
		in[i] = make(chan struct{})
		c.Go(func(tk *Task) {
			tk.Block(func() { close(in[i]); <-release })
		})
	}
	awaitClosed(t, "one call", in[0])
	awaitClosed(t, "the other", in[1])
	if err := s.SetProcs(1); err != nil {
		t.Fatal(err)
	}
	close(release)
	awaitNone(t, s)
	awaitTrue(t, "nobody serves the class", func() bool { return c.Stats().Serving == 0 })
}
