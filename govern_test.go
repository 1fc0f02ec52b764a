package runq

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/cgroup"
)

const ms = int64(time.Millisecond)

// TestBucket: what is paid comes in at the rate; little is saved, and any debt is kept.
func TestBucket(t *testing.T) {
	var b bucket
	pay := func(used, now, want int64, what string) {
		t.Helper()
		if got := int64(b.pay(used, now, false)); got < want || got > want+2 {
			t.Errorf("%s: wait for %v, want %v", what, time.Duration(got), time.Duration(want))
		}
	}
	b.set(-1, 10*ms)
	if b.limited.Load() {
		t.Error("no limit is one")
	}
	pay(1000*ms, 20*ms, 0, "no limit")
	b.set(0.5, 1000*ms)
	pay(ms, 1000*ms, 2*ms, "nothing is there at first")
	pay(0, 1002*ms, 0, "paid off")
	pay(int64(bucketTime)/2, 2000*ms, 0, "saved up")
	pay(2*ms, 2000*ms, 4*ms, "more than can be saved")
	pay(100*ms, 2000*ms, 204*ms, "in advance")
	b.set(0.25, 2004*ms)
	pay(0, 2004*ms, 400*ms, "a debt is a debt at another rate")
	b.set(-1, 2005*ms)
	pay(ms, 2005*ms, 0, "no limit any more")
	b.set(1, 3000*ms)
	pay(0, 3000*ms, 0, "no debt from the limit before")
}

// TestBucketRate: threads that take what they get, get the rate, in all. If checkpoints are
// far apart they get less, since little can be saved for what will be found to have been
// used.
func TestBucketRate(t *testing.T) {
	for _, rate := range []float64{0.02, 0.5, 1, 1.7} {
		for _, step := range []int64{ms / 10, 3 * ms, 30 * ms} { // between checkpoints
			var b bucket
			b.set(rate, 0)
			var until [2]int64 // when each thread may go on
			used := int64(0)
			const end = 60_000 * ms
			for now := int64(0); now < end; {
				next := int64(math.MaxInt64)
				for i := range until {
					if until[i] <= now {
						used += step
						wait := int64(b.pay(step, now+step, false))
						until[i] = now + step + min(wait, int64(holdMost))
						for wait > int64(holdMost) && until[i] < end { // and asks again
							wait = int64(b.pay(0, until[i], false))
							until[i] += min(wait, int64(holdMost))
						}
					}
					next = min(next, until[i])
				}
				now = next
			}
			least := rate * 0.98
			if step > int64(bucketTime) {
				least = rate * 0.5
			}
			if got := float64(used) / float64(end); got > rate*1.02+0.002 || got < least-0.002 {
				t.Errorf("rate %v, checkpoints after %v: %.3f CPUs were used", rate, time.Duration(step), got)
			}
		}
	}
}

// use is what a simulated machine has used until now.
type use struct {
	now          int64
	others, back time.Duration
	q            quotaControl
	limit        cgroup.Limit
}

// beat lets the CPUs be used for a beat, and returns what the control allows then.
func (u *use) beat(others, back float64) float64 {
	u.now += governEvery
	u.others += time.Duration(others * governEvery)
	u.back += time.Duration(back * governEvery)
	return u.q.step(u.now, u.others+u.back, u.back, u.limit)
}

func near(a, b float64) bool { return math.Abs(a-b) < 0.011 }

// TestQuotaControl: what is left of a quota by the others' worst period of the last second.
func TestQuotaControl(t *testing.T) {
	for _, period := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
		u := &use{limit: cgroup.Limit{Quota: period, Period: period}}
		settle := func(others, back float64) (allowed float64) {
			for range 250 {
				allowed = u.beat(others, back)
			}
			return allowed
		}
		if got := settle(0, 0); !near(got, 0.9) {
			t.Errorf("period %v: %v allowed when nobody uses anything", period, got)
		}
		if got := settle(0, 2); !near(got, 0.9) {
			t.Errorf("period %v: %v allowed when only background work uses much", period, got)
		}
		if got := settle(0.3, 0.6); !near(got, 0.6) {
			t.Errorf("period %v: %v allowed when others use 0.3", period, got)
		}
		if got := settle(1.5, 0.1); got != 0 {
			t.Errorf("period %v: %v allowed when others use all", period, got)
		}
		settle(0, 0.5)
		beats := int(period / governEvery)
		least := 1.0
		for range beats { // one period full of others
			least = min(least, u.beat(0.8, 0))
		}
		for range 80 { // which counts for a second
			least = max(u.beat(0, 0), least)
		}
		if !near(least, 0.1) {
			t.Errorf("period %v: %v allowed after a period in which others used 0.8", period, least)
		}
		if got := settle(0, 0); !near(got, 0.9) {
			t.Errorf("period %v: %v allowed when that is long ago", period, got)
		}
		u.limit.Quota *= 3
		if got := u.beat(0, 0); !near(got, 2.7) {
			t.Errorf("period %v: %v allowed with three times the quota", period, got)
		}
	}
}

// TestQuotaControlOdd: gaps in the samples, counters of another group, the first samples.
func TestQuotaControlOdd(t *testing.T) {
	u := &use{limit: cgroup.Limit{Quota: 100 * time.Millisecond, Period: 100 * time.Millisecond}}
	if got := u.beat(1, 0); !near(got, 0.9) {
		t.Errorf("%v allowed when nothing is known", got)
	}
	if got := u.beat(1, 0); !near(got, 0.8) {
		t.Errorf("%v allowed when others have used a tenth of a period so far", got)
	}
	u.now += 10_000 * ms // sysmon slept
	if got := u.beat(0, 0); got < 0.79 || got > 0.9 {
		t.Errorf("%v allowed after a long sleep", got)
	}
	for range 20 {
		u.beat(0.2, 0)
	}
	u.others = 0 // another group, whose account is younger
	for range 30 {
		if got := u.beat(0.2, 0); got < 0.6 || got > 0.9 {
			t.Errorf("%v allowed after a jump back", got)
		}
	}
	u.others += time.Hour // and one that is older
	if got := u.beat(0.2, 0); got != 0 {
		t.Errorf("%v allowed after a jump", got)
	}
	for range 250 {
		u.beat(0.2, 0)
	}
	if got := u.beat(0.2, 0); !near(got, 0.7) {
		t.Errorf("%v allowed when it is long over", got)
	}
}

// TestLatencyControl: a server misses its target as soon as background work has more than
// a certain share. The control comes to that and stays close to it.
func TestLatencyControl(t *testing.T) {
	for _, noise := range []float64{0, 0.01} { // windows missed for no reason
		for _, bound := range []float64{0.04, 0.1, 0.3, 0.5, 0.9} {
			r := rand.New(rand.NewPCG(1, 2))
			l := latencyControl{share: 1}
			missed, sum := 0, 0.0
			const settle, windows = 60, 1000
			for i := range windows {
				late := l.share > bound || r.Float64() < noise
				if why := l.step(late); (why == event.ReasonLatencyMissed) != late {
					t.Errorf("the reason is %v; missed: %v", why, late)
				}
				if i < settle {
					continue
				}
				if late {
					missed++
				}
				sum += l.share
				if noise == 0 && (l.share < bound*0.85 || l.share > bound*1.15) {
					t.Errorf("bound %v: the share is %.3f", bound, l.share)
				}
			}
			if missed > (windows-settle)/15 {
				t.Errorf("bound %v, noise %v: missed in %d of %d windows", bound, noise, missed, windows-settle)
			}
			if mean := sum / (windows - settle); mean < 0.85*bound || mean > bound*1.05 {
				t.Errorf("bound %v, noise %v: the share is %.3f on average", bound, noise, mean)
			}
		}
	}
}

// TestLatencyRecovery: everything is given when nothing is missed, and little when all is.
func TestLatencyRecovery(t *testing.T) {
	l := latencyControl{share: 1}
	for range 15 {
		l.step(true)
	}
	if l.share != shareLeast {
		t.Errorf("the share is %v when every window is missed", l.share)
	}
	last := l.share
	for range 80 {
		if l.step(false); l.share < last {
			t.Errorf("the share falls from %v to %v although the target is met", last, l.share)
		}
		last = l.share
	}
	if l.share != 1 {
		t.Errorf("the share is %v when no window has been missed for long", l.share)
	}
}

func TestTooMany(t *testing.T) {
	for _, tt := range []struct {
		late, n uint64
		want    bool
	}{
		{0, 0, false}, {0, 1000, false}, {1, 1, false}, {1, 50, false}, {2, 2, true}, {30, 30, true},
		{2, 150, true}, {2, 200, false}, {3, 200, true}, {10, 1000, false}, {11, 1000, true},
	} {
		if got := tooMany(tt.late, tt.n); got != tt.want {
			t.Errorf("%d of %d late is too many: %v", tt.late, tt.n, got)
		}
	}
}

// shares returns the events about the allowance that s has recorded.
func shares(s *Scheduler) (all []event.Event) {
	events, _ := s.ReadEvents()
	return slices.DeleteFunc(events, func(e event.Event) bool { return e.Kind != event.KindShareChanged })
}

// TestShareEvents: every change of the allowance is told, with its reason.
func TestShareEvents(t *testing.T) {
	s := newBackgroundIn(t, Config{Procs: 2}, surroundings{clock: newFakeClock(), noSysmon: true})
	now := s.clock.Now()
	for _, c := range []struct {
		allowed float64
		why     event.Reason
	}{
		{-1, event.ReasonNone}, // as it is
		{1.5, event.ReasonLatencyMissed},
		{1.505, event.ReasonLatencyMet}, // a hair
		{1.6, event.ReasonLatencyMet},
		{0.5, event.ReasonQuota},
		{0.6, event.ReasonQuota},
		{-1, event.ReasonNone}, // the quota is gone
		{1.2, event.ReasonLatencyMissed},
		{-1, event.ReasonNone}, // so is the target's miss: fewer Ps, perhaps
	} {
		s.allow(c.allowed, c.why, now)
		if got := s.bucket.limited.Load(); got != (c.allowed >= 0) {
			t.Errorf("%v allowed, and there is a limit: %v", c.allowed, got)
		}
	}
	const all = ^uint64(0)
	want := []struct {
		why event.Reason
		arg uint64
	}{
		{event.ReasonLatencyMissed, 1_500_000}, {event.ReasonLatencyMet, 1_600_000},
		{event.ReasonQuota, 500_000}, {event.ReasonQuota, 600_000}, {event.ReasonQuota, all},
		{event.ReasonLatencyMissed, 1_200_000}, {event.ReasonLatencyMet, all},
	}
	got := shares(s)
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d: %v", len(got), len(want), got)
	}
	for i, e := range got {
		if e.Reason != want[i].why || e.Arg != want[i].arg {
			t.Errorf("event %d: %v, %d; want %v, %d", i, e.Reason, e.Arg, want[i].why, want[i].arg)
		}
	}
}

// TestLatencyTarget: probes and interactive tasks that wait for too long cost background
// work its share, window by window, and it comes back.
func TestLatencyTarget(t *testing.T) {
	needThreads(t)
	clk := newFakeClock()
	s := newBackgroundIn(t, Config{Procs: 2, LatencyTarget: time.Millisecond}, surroundings{clock: clk, noSysmon: true})
	hold := make(chan int)
	s.Background().Go(func(*Task) { <-hold })
	awaitTrue(t, "latency is measured", func() bool { return s.gov.probe.Load() != nil })
	pr := s.gov.probe.Load()
	awaitTrue(t, "probes come back", func() bool { n, _ := pr.counts(); return n > 5 })
	close(hold)
	awaitTrue(t, "none is sent without background work", func() bool { return pr.rests.Load() && pr.sent.Load() == 0 })
	window := func() float64 {
		clk.advance(time.Duration(latencyEvery))
		s.govern(clk.Now())
		return s.Stats().Background.Allowed
	}
	window()
	if a := window(); a != -1 {
		t.Errorf("%v allowed at first", a)
	}
	last := 2.0
	for i := range 6 { // by probes, then by tasks
		if i < 3 {
			pr.n.Add(100)
			pr.over.Add(10)
		} else {
			lateTasks(t, s, clk, 3)
		}
		a := window()
		if a < 0 || a >= last {
			t.Errorf("%v allowed after %v, and the target was missed", a, last)
		}
		last = a
	}
	for range 60 {
		a := window()
		if a >= 0 && a < last {
			t.Errorf("%v allowed after %v, and the target was met", a, last)
		}
		last = a
	}
	if last != -1 {
		t.Errorf("%v allowed after a long time in which the target was met", last)
	}
	got := shares(s)
	for i, e := range got {
		want := event.ReasonLatencyMet
		if i < 6 {
			want = event.ReasonLatencyMissed
		}
		if e.Reason != want {
			t.Errorf("event %d of %d: %v", i, len(got), e)
		}
	}
}

// lateTasks lets n interactive tasks wait for longer than the target.
func lateTasks(t *testing.T, s *Scheduler, clk *fakeClock, n int) {
	t.Helper()
	s.stopTheWorld()
	done := make(chan int, n)
	for range n {
		s.Interactive().Go(func(*Task) { done <- 0 })
	}
	clk.advance(2 * s.cfg.LatencyTarget)
	s.startTheWorld()
	for range n {
		awaitClosed(t, "an interactive task", done)
	}
}

// TestHoldBack: who has used up the allowance is held back at a checkpoint, keeps its P,
// and goes on when there is more.
func TestHoldBack(t *testing.T) {
	needThreads(t)
	s := newBackgroundIn(t, Config{Procs: 1}, surroundings{clock: newClock(), noSysmon: true})
	var stop, other atomic.Bool
	useBackground(t, s)
	done := async(func() error {
		return s.Background().Run(nil, func(tk *Task) error {
			for !stop.Load() {
				tk.Checkpoint()
			}
			return nil
		})
	})
	awaitTrue(t, "it runs", func() bool { return s.Background().Stats().Serving == 1 })
	p := s.Background().d.seated()[0]
	held := func() bool {
		s.lock.Lock()
		defer s.lock.Unlock()
		return p.m != nil && p.m.heldBack.Load()
	}
	if held() {
		t.Error("held back without a limit")
	}
	s.bucket.set(leastAllowed, s.clock.Now())
	awaitTrue(t, "it is held back", held)
	s.Background().Go(func(*Task) { other.Store(true) })
	for range 5 { // and isn't taken for one that waits in ordinary Go
		awaitTrue(t, "it is held back again", held)
		s.retake(s.clock.Now())
	}
	if other.Load() || s.Background().d.seated()[0] != p {
		t.Error("the P of a task that is held back was taken")
	}
	runIn(t, s, func(*Task) {}) // others aren't
	s.bucket.set(-1, s.clock.Now())
	stop.Store(true)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
	awaitTrue(t, "the next one runs", other.Load)
	if cpu, _ := s.backgroundCPU(); cpu <= 0 || s.Stats().Background.CPU != cpu {
		t.Errorf("background work has used %v, Stats say %v", cpu, s.Stats().Background.CPU)
	}
}

// TestHoldBackIsNoWait: a background task that is held back isn't taken for one of the
// others' Ps that waits in ordinary Go, so that nobody who computes loses a P for it.
func TestHoldBackIsNoWait(t *testing.T) {
	needThreads(t)
	s := newBackgroundIn(t, Config{Procs: 1, Slice: calm}, surroundings{clock: newClock(), noSysmon: true})
	useBackground(t, s)
	s.bucket.set(leastAllowed, s.clock.Now())
	var stop, began atomic.Bool
	s.Background().Go(func(tk *Task) {
		for !stop.Load() {
			tk.Checkpoint()
		}
	})
	s.Go(func(*Task) {
		began.Store(true)
		for !stop.Load() {
		}
	})
	s.Go(func(*Task) {}) // who waits for the P
	awaitTrue(t, "they run", func() bool { return began.Load() && s.Background().Stats().Serving == 1 })
	p := s.Background().d.seated()[0]
	for end := s.clock.Now() + 50*waitsAfter; s.clock.Now() < end; {
		awaitTrue(t, "it is held back", func() bool {
			s.lock.Lock()
			defer s.lock.Unlock()
			return p.m.heldBack.Load()
		})
		s.retake(s.clock.Now())
	}
	if n := s.Stats().Overruns; n != 0 {
		t.Errorf("%d Ps were taken from a task that computes", n)
	}
	stop.Store(true)
	s.bucket.set(-1, s.clock.Now())
}

// TestPayKept: who was kept to the rate by the kernel has no debt to speak of.
func TestPayKept(t *testing.T) {
	var b bucket
	b.set(0.5, 1)
	used, now := int64(30*time.Second), int64(time.Minute)
	if got := b.pay(used, now, true); got > 2*bucketTime {
		t.Errorf("kept to the rate, it waits for %v", got)
	}
	if got := b.pay(used, now, false); got < 30*time.Second {
		t.Errorf("not kept to it, it waits for %v only", got)
	}
	before := b.saved
	if b.pay(int64(time.Millisecond), now, true); b.saved != before {
		t.Errorf("who was kept to the rate has changed what another one owes by %v ns", b.saved-before)
	}
}
