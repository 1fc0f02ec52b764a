package runq

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// computeStep is the time between two moves of the clock by tasks that compute: short
// against the turns of classes, and long enough for seconds to pass soon.
const computeStep = 50 * time.Microsecond

// lockstep is fake time that passes only when all Ps compute: every task that computes
// waits for those on the other Ps before the clock moves on. So time passes for all alike,
// whatever the kernel does with their threads.
type lockstep struct {
	t     *testing.T
	s     *Scheduler
	clk   *fakeClock
	until int64 // the end, when nobody computes any more

	arrived atomic.Int32  // of those who wait for the next step
	round   atomic.Uint64 // steps taken
	over    atomic.Bool
	onStep  atomic.Pointer[func(now time.Duration)] // called after each step; nobody computes meanwhile
}

// newLockstep returns a scheduler without sysmon, so that only the tasks' own calls and
// the time decide, and the time for it, which ends after d.
func newLockstep(t *testing.T, cfg Config, d time.Duration) *lockstep {
	clk := newFakeClock()
	l := &lockstep{t: t, clk: clk, until: int64(d)}
	l.s = newTestIn(t, cfg, surroundings{clock: clk, seed: 1, noSysmon: true})
	t.Cleanup(l.end) // before the scheduler is closed
	return l
}

// end lets everybody who computes be done.
func (l *lockstep) end() { l.over.Store(true) }

// awaitEnd returns when the time is over.
func (l *lockstep) awaitEnd() {
	l.t.Helper()
	defer func() {
		if !l.over.Load() {
			l.t.Logf("a P doesn't compute:\n%v", l.s.SnapshotCheap())
		}
	}()
	awaitTrue(l.t, "the time passes", l.over.Load)
}

// at lets f be called at the time when, by a task that computes, while nobody computes.
// There can be one such call at a time.
func (l *lockstep) at(when time.Duration, f func()) {
	l.onStep.Store(new(func(now time.Duration) {
		if now >= when {
			l.onStep.Store(nil)
			f()
		}
	}))
}

// compute lets t compute for d, with a checkpoint every computeStep or without, and adds
// what it has had to had.
func (l *lockstep) compute(t *Task, d time.Duration, check bool, had *atomic.Int64) {
	for ; d > 0 && !l.over.Load(); d -= computeStep {
		l.step()
		had.Add(int64(computeStep))
		if check {
			t.Checkpoint()
		}
	}
}

// step waits for the other Ps and moves the clock on.
func (l *lockstep) step() {
	round := l.round.Load()
	if int(l.arrived.Add(1)) == l.s.Procs() {
		l.arrived.Store(0)
		l.clk.advance(computeStep)
		if f := l.onStep.Load(); f != nil {
			(*f)(time.Duration(l.clk.now.Load()))
		}
		if l.clk.now.Load() >= l.until {
			l.end()
		}
		l.round.Add(1)
		return
	}
	for l.round.Load() == round && !l.over.Load() {
		runtime.Gosched()
	}
}

// load is the work of a class.
type load struct {
	*lockstep
	c   *Class
	had atomic.Int64 // the time its tasks have computed for
}

// newClass makes a class of l's scheduler, with no work yet.
func (l *lockstep) newClass(name string, cfg ClassConfig) *load {
	l.t.Helper()
	c, err := l.s.Class(name, cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	return &load{lockstep: l, c: c}
}

// lengths of tasks, in turn; those that are negative are of tasks that never check.
var (
	evenLengths   = []time.Duration{time.Millisecond}
	unevenLengths = []time.Duration{50 * time.Microsecond, 700 * time.Microsecond, 3 * time.Millisecond, 30 * time.Millisecond}
	rudeLengths   = []time.Duration{50 * time.Microsecond, -700 * time.Microsecond, 3 * time.Millisecond, -30 * time.Millisecond}
)

// busy lets n tasks of the class compute until the end: each computes for one of the
// lengths, and spawns its successor then. It returns when nothing but time is missing.
func (w *load) busy(n int, lengths []time.Duration) *load {
	for i := range n {
		var run func(t *Task)
		run = func(t *Task) {
			d := lengths[i%len(lengths)]
			i++
			w.compute(t, d.Abs(), d > 0, &w.had)
			if !w.over.Load() {
				t.Go(run)
			}
		}
		w.c.Go(run)
	}
	return w
}

// hold keeps all Ps until the function that it returns is called: what is submitted
// meanwhile begins at the same time. Nothing must take Ps from tasks.
func hold(t *testing.T, s *Scheduler) (release func()) {
	t.Helper()
	var begun atomic.Int32
	var free atomic.Bool
	for range s.Procs() {
		s.Go(func(*Task) {
			begun.Add(1)
			computeUntil(&free)
		})
	}
	awaitTrue(t, "all Ps are held", func() bool { return int(begun.Load()) == s.Procs() })
	return func() { free.Store(true) }
}

func (l *lockstep) hold() (release func()) { return hold(l.t, l.s) }

// wantShares checks what the classes have had, all together and in parts, within the part
// of itself that tolerance says, and slack.
func wantShares(t *testing.T, all []*load, want []float64, tolerance float64, slack time.Duration) {
	t.Helper()
	sum := int64(0)
	for _, w := range all {
		sum += w.had.Load()
	}
	for i, w := range all {
		got, want := float64(w.had.Load()), want[i]*float64(sum)
		if math.Abs(got-want) > tolerance*want+float64(slack) {
			t.Errorf("class %s has had %v of %v: %.4f of it, want %.4f",
				w.c.Name(), time.Duration(got), time.Duration(sum), got/float64(sum), want/float64(sum))
		}
	}
}

// TestShares: classes with the weights 1, 2 and 4 and enough work share the Ps in these
// proportions, however long their tasks are, within 2 % after two seconds. What a task that
// never checks has had too much is less than its length on each P.
func TestShares(t *testing.T) {
	for _, procs := range []int{1, 2} {
		for name, tt := range map[string]struct {
			lengths []time.Duration
			slack   time.Duration
		}{
			"even":   {evenLengths, 0},
			"uneven": {unevenLengths, 0},
			"rude":   {rudeLengths, 30 * time.Millisecond},
		} {
			t.Run(name, func(t *testing.T) {
				l := newLockstep(t, Config{Procs: procs}, 2*time.Second)
				release := l.hold()
				var all []*load
				for i, weight := range []int{100, 200, 400} {
					all = append(all, l.newClass(string(rune('a'+i)), ClassConfig{Weight: weight}).busy(5+i, tt.lengths))
				}
				release()
				l.awaitEnd()
				wantShares(t, all, []float64{1. / 7, 2. / 7, 4. / 7}, 0.02, tt.slack*time.Duration(procs))
			})
		}
	}
}

// forget lets all have had nothing.
func forget(all ...*load) {
	for _, w := range all {
		w.had.Store(0)
	}
}

// TestSharesChange: a new weight counts from the moment on in which it is set.
func TestSharesChange(t *testing.T) {
	for _, procs := range []int{1, 2} {
		l := newLockstep(t, Config{Procs: procs}, 4*time.Second)
		release := l.hold()
		a := l.newClass("a", ClassConfig{Weight: 100}).busy(6, unevenLengths)
		b := l.newClass("b", ClassConfig{Weight: 300}).busy(6, unevenLengths)
		both := []*load{a, b}
		l.at(2*time.Second, func() {
			wantShares(t, both, []float64{0.25, 0.75}, 0.02, 0)
			if err := a.c.SetWeight(900); err != nil {
				t.Error(err)
			}
			forget(both...)
		})
		release()
		l.awaitEnd()
		wantShares(t, both, []float64{0.75, 0.25}, 0.02, 0)
	}
}

// TestNarrowClass: a class that can't use more than one of two Ps gets one, and doesn't
// save up the time that it couldn't use: when it can use both, it gets no more than
// its share.
func TestNarrowClass(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg       ClassConfig
		later     []float64
		tolerance float64
	}{
		"weight": {ClassConfig{Weight: 300}, []float64{0.75, 0.25}, 0.02},
		"floor":  {ClassConfig{Weight: 1, Floor: 0.7}, []float64{0.7, 0.3}, 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLockstep(t, Config{Procs: 2}, 3*time.Second)
			release := l.hold()
			narrow := l.newClass("narrow", tt.cfg).busy(1, evenLengths)
			wide := l.newClass("wide", ClassConfig{Weight: 100}).busy(8, evenLengths)
			both := []*load{narrow, wide}
			l.at(2*time.Second, func() {
				wantShares(t, both, []float64{0.5, 0.5}, 0.02, 0)
				narrow.busy(7, evenLengths)
				forget(both...)
			})
			release()
			l.awaitEnd()
			wantShares(t, both, tt.later, tt.tolerance, defaultSlice*5/4)
		})
	}
}

// TestAloneFirst: what a class had while nobody else wanted it isn't held against it.
func TestAloneFirst(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1}, 2*time.Second)
	a, b := l.newClass("a", ClassConfig{}), l.newClass("b", ClassConfig{})
	runClass(t, a.c, func(tk *Task) { a.compute(tk, time.Second, true, &a.had) })
	runClass(t, b.c, func(tk *Task) { b.compute(tk, time.Millisecond, true, &b.had) })
	forget(a, b)
	release := l.hold()
	b.busy(3, evenLengths)
	a.busy(3, evenLengths)
	l.at(1100*time.Millisecond, func() {
		wantShares(t, []*load{a, b}, []float64{0.5, 0.5}, 0, defaultSlice)
	})
	release()
	l.awaitEnd()
	wantShares(t, []*load{a, b}, []float64{0.5, 0.5}, 0.02, 0)
}

// runClass runs fn in the class and waits, but not for ever.
func runClass(t *testing.T, c *Class, fn func(tk *Task)) {
	t.Helper()
	err := awaitClosed(t, "Run returns", async(func() error {
		return c.Run(context.Background(), func(tk *Task) error { fn(tk); return nil })
	}))
	if err != nil {
		t.Error(err)
	}
}

// TestFloor: classes with a floor get it, within 20 %, from a class of the greatest weight
// that always has work, and so do two of them. A task that never checks may get more, by
// less than its length on each P.
func TestFloor(t *testing.T) {
	for _, procs := range []int{1, 2} {
		for name, tt := range map[string]struct {
			lengths []time.Duration
			slack   time.Duration
		}{
			"uneven": {unevenLengths, 0},
			"rude":   {rudeLengths, 30 * time.Millisecond},
		} {
			t.Run(name, func(t *testing.T) {
				l := newLockstep(t, Config{Procs: procs}, 2*time.Second)
				release := l.hold()
				all := []*load{
					l.newClass("a", ClassConfig{Weight: 1, Floor: 0.1}).busy(4, unevenLengths),
					l.newClass("b", ClassConfig{Weight: 1, Floor: 0.05}).busy(4, tt.lengths),
					l.newClass("heavy", ClassConfig{Weight: maxWeight}).busy(4, unevenLengths),
				}
				release()
				l.awaitEnd()
				// On two Ps both change classes at the same steps here, and whoever doesn't see
				// the other class's tasks, on their way from a P to the queue, serves somebody
				// else. So there can be more than the floor, but not less.
				for i, floor := range []float64{0.1, 0.05} {
					want := floor * float64(l.until) * float64(procs)
					got := float64(all[i].had.Load())
					if got < 0.8*want || procs == 1 && got > 1.2*want+float64(tt.slack) {
						t.Errorf("class %s has had %v, want %v", all[i].c.Name(), time.Duration(got), time.Duration(want))
					}
				}
			})
		}
	}
}

// TestFloorAfterPlenty: what a class got beyond its floor when nobody else had work isn't
// held against it.
func TestFloorAfterPlenty(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1}, 2*time.Second)
	a := l.newClass("a", ClassConfig{Weight: 1, Floor: 0.1})
	heavy := l.newClass("heavy", ClassConfig{Weight: maxWeight})
	runClass(t, heavy.c, func(*Task) {})
	both := []*load{a, heavy}
	l.at(time.Second, func() {
		heavy.busy(4, unevenLengths)
		forget(both...)
	})
	a.busy(4, unevenLengths)
	l.awaitEnd()
	wantShares(t, both, []float64{0.1, 0.9}, 0.2, 0)
}

// TestFloorSleeper: a class with a floor that sleeps gets what it wants of its floor while
// it is awake, and nothing afterwards for the time for which it has slept.
func TestFloorSleeper(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1}, 2*time.Second)
	release := l.hold()
	heavy := l.newClass("heavy", ClassConfig{Weight: maxWeight}).busy(4, evenLengths)
	a := l.newClass("a", ClassConfig{Weight: 1, Floor: 0.2})
	var awake atomic.Int64 // time for which it had work
	var ended atomic.Bool
	a.c.Go(func(tk *Task) {
		for !l.over.Load() {
			tk.Sleep(200 * time.Millisecond)
			began := l.clk.now.Load()
			a.compute(tk, 20*time.Millisecond, true, &a.had)
			awake.Add(l.clk.now.Load() - began)
		}
		ended.Store(true)
	})
	release()
	l.awaitEnd()
	l.clk.advance(time.Second)
	awaitTrue(t, "the sleeper ends", func() bool {
		l.s.lateTimers(l.clk.Now()) // nobody else wakes it
		return ended.Load()
	})
	want := 0.2 * float64(awake.Load())
	// It begins a slice ahead, and a turn is a quarter of a slice.
	slack := float64(l.until) / float64(220*time.Millisecond) * 1.25 * float64(defaultSlice)
	if got := float64(a.had.Load()); got < 0.8*want || got > 1.2*want+slack {
		t.Errorf("the class has had %v, %v of it with a floor of 0.2", time.Duration(got), time.Duration(awake.Load()))
	}
	if heavy.had.Load() < int64(l.until)*7/10 {
		t.Errorf("the other class has had %v of %v", time.Duration(heavy.had.Load()), time.Duration(l.until))
	}
}

// TestWakesAhead: a class that has slept for long gets about one slice ahead of the others,
// and no more.
func TestWakesAhead(t *testing.T) {
	for _, procs := range []int{1, 2} {
		l := newLockstep(t, Config{Procs: procs}, 2*time.Second)
		sleeper := l.newClass("sleeper", ClassConfig{Weight: 400})
		runClass(t, sleeper.c, func(*Task) {})
		release := l.hold()
		others := l.newClass("others", ClassConfig{Weight: 100}).busy(4, evenLengths)
		both := []*load{sleeper, others}
		ahead := int64(0) // the most that the sleeper has had more than its share
		l.at(time.Second, func() {
			forget(both...)
			sleeper.busy(4, evenLengths)
			l.onStep.Store(new(func(time.Duration) {
				ahead = max(ahead, sleeper.had.Load()-4*others.had.Load())
			}))
		})
		release()
		l.awaitEnd()
		turns := defaultSlice / turnsPerSlice * time.Duration(procs) // that aren't over when it has got there
		if least, most := defaultSlice/2, defaultSlice+turns; ahead < int64(least) || ahead > int64(most) {
			t.Errorf("%d Ps: the class was ahead by %v, want %v to %v", procs, time.Duration(ahead), least, most)
		}
		wantShares(t, both, []float64{0.8, 0.2}, 0.02, 0)
	}
}
