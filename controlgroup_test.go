package runq

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
	"github.com/runq-go/runq/internal/osthread"
)

// fakeGroup notes what is done with it.
type fakeGroup struct {
	mu      sync.Mutex
	added   int
	left    int
	limits  []float64 // CPUs
	removed bool

	err              error // of everything
	addErr, limitErr error // of Add and SetLimit
	throttled        time.Duration
}

func (g *fakeGroup) note(f func()) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	return g.err
}

// seen returns what has been done with it so far.
func (g *fakeGroup) seen() (added int, limits []float64, removed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.added, slices.Clone(g.limits), g.removed
}

func (g *fakeGroup) Dir() string   { return "/fake" }
func (g *fakeGroup) Add(int) error { return cmp.Or(g.addErr, g.note(func() { g.added++ })) }
func (g *fakeGroup) Throttled() (t cgroup.Throttled, err error) {
	return t, g.note(func() { t.Time = g.throttled })
}
func (g *fakeGroup) Leave() error  { return g.note(func() { g.left++ }) }
func (g *fakeGroup) Remove() error { return g.note(func() { g.removed = true }) }
func (g *fakeGroup) SetLimit(l cgroup.Limit) error {
	var refused error
	err := g.note(func() { g.limits, refused = append(g.limits, l.CPUs()), g.limitErr })
	return cmp.Or(refused, err)
}

// refuse lets SetLimit fail; nil: no longer.
func (g *fakeGroup) refuse(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limitErr = why
}

// grouped returns a scheduler whose group is g, and what it logs.
func grouped(t *testing.T, g *fakeGroup, made error) (*Scheduler, *strings.Builder) {
	t.Helper()
	needThreads(t)
	var log strings.Builder
	s := newBackgroundIn(t, Config{Procs: 2, NoHeadroom: true, ControlGroup: true, Logger: slog.New(slog.NewTextHandler(&log, nil))},
		surroundings{clock: newFakeClock(), noSysmon: true})
	s.makeGroup = func() (childGroup, error) {
		if made != nil {
			return nil, made
		}
		return g, nil
	}
	return s, &log
}

// TestControlGroupReal: the kernel has background threads, and no others, in a group of their own, which
// Close removes.
func TestControlGroupReal(t *testing.T) {
	needThreads(t)
	s := newBackground(t, Config{Procs: 2, ControlGroup: true})
	if b := s.Stats().Background; b.Group != "" || b.Ungrouped != nil {
		t.Errorf("before anybody has asked: %+v", b)
	}
	useBackground(t, s)
	b := s.Stats().Background
	if b.Group == "" {
		t.Skip(b.Ungrouped)
	}
	name := b.Group[strings.LastIndexByte(b.Group, '/'):] + "\n"
	floor, err := s.Class("floor", ClassConfig{Background: true, Floor: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for what, in := range map[string]struct {
		run  func(f func())
		want bool
	}{
		"a background task": {func(f func()) { inBackground(t, s.Background(), 4, func(*Task, int) error { f(); return nil }) }, true},
		"one with a floor":  {func(f func()) { inBackground(t, floor, 1, func(*Task, int) error { f(); return nil }) }, false},
		"a normal task":     {func(f func()) { runIn(t, s, func(*Task) { f() }) }, false},
		"a goroutine of a background task": {func(f func()) {
			inBackground(t, s.Background(), 1, func(*Task, int) error { <-async(func() error { f(); return nil }); return nil })
		}, false},
	} {
		in.run(func() {
			groups, err := os.ReadFile("/proc/thread-self/cgroup")
			if got := strings.Contains(string(groups), name); got != in.want || err != nil {
				t.Errorf("%s is in the group: %v, %v; want %v", what, got, err, in.want)
			}
		})
	}
	closeInTime(t, s)
	if _, err := os.Stat(b.Group); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close there is %s: %v", b.Group, err)
	}
	if after := s.Stats().Background; after.Group != "" || after.Ungrouped != nil {
		t.Errorf("after Close: %+v", after)
	}
}

// TestControlGroupThrottles: a task that never comes to a checkpoint gets what is allowed, and no more.
func TestControlGroupThrottles(t *testing.T) {
	needThreads(t)
	s := newBackgroundIn(t, Config{Procs: 2, ControlGroup: true}, surroundings{clock: newClock(), noSysmon: true})
	child := make(chan *cgroup.Child, 1)
	s.makeGroup = func() (childGroup, error) {
		g, err := makeChildGroup()
		if c, ok := g.(*cgroup.Child); ok {
			child <- c
		}
		return g, err
	}
	useBackground(t, s)
	if b := s.Stats().Background; b.Group == "" {
		t.Skip(b.Ungrouped)
	}
	var stop atomic.Bool
	defer stop.Store(true)
	s.Background().Go(func(*Task) {
		for !stop.Load() {
		}
	})
	s.limitGroup(leastAllowed, s.clock.Now())
	c, from, used := <-child, time.Now(), backgroundUsed(s)
	throttled, starved := false, false
	awaitTrue(t, "the kernel throttles it", func() bool {
		th, err := c.Throttled()
		throttled = err == nil && th.ThrottledPeriods > 3 && th.Time > 0
		past := time.Since(from)
		starved = past > patience/4 && float64(backgroundUsed(s)-used) < leastAllowed*float64(past)
		return throttled || starved
	})
	if !throttled {
		t.Skip("other programs leave it less than the limit")
	}
	s.limitGroup(-1, s.clock.Now())
	before := backgroundUsed(s)
	awaitTrue(t, "it runs on", func() bool { return backgroundUsed(s) > before })
	if err := s.Stats().Background.Ungrouped; err != nil {
		t.Error(err)
	}
}

// TestControlGroupLimit: the limit follows the allowance, but not every hair, and what is
// raised waits for a while.
func TestControlGroupLimit(t *testing.T) {
	g := &fakeGroup{}
	s, _ := grouped(t, g, nil)
	s.limitGroup(0.7, 0) // nobody to keep to it yet
	useBackground(t, s)
	want := []float64{}
	for _, c := range []struct {
		at      int64
		allowed float64
		quota   float64 // of the process
		limit   float64 // 0: nothing is set
	}{
		{10 * ms, 0.7, 1, 0.735}, // made later than the limit
		{20 * ms, 0.71, 1, 0},    // a hair
		{30 * ms, 0.69, 1, 0},
		{40 * ms, 0.6, 1, 0.63}, // lowered at once
		{50 * ms, 0.5, 1, 0.525},
		{60 * ms, 0.6, 1, 0}, // raised too soon
		{149 * ms, 0.6, 1, 0},
		{150 * ms, 0.6, 1, 0.63},
		{160 * ms, 0.001, 1, leastAllowed * groupSlack}, // a shorter quota than the kernel has
		{170 * ms, -1, 1, -1},
		{180 * ms, -1, 1, 0},
		{190 * ms, 0.98, 1, 1}, // not more than the process has
		{300 * ms, 1.5, 0, 1.575},
	} {
		s.setLimit(cgroup.Limit{})
		if c.quota != 0 {
			s.setLimit(cgroup.LimitOf(c.quota, 100*time.Millisecond))
		}
		s.limitGroup(c.allowed, c.at)
		if c.limit != 0 {
			want = append(want, max(c.limit, 0))
		}
		if _, got, _ := g.seen(); !slices.EqualFunc(got, want, near) {
			t.Fatalf("%v allowed at %d ms: the limits were %v, want %v", c.allowed, c.at/ms, got, want)
		}
	}
	if added, _, removed := g.seen(); added == 0 || removed {
		t.Errorf("%d threads were added; removed: %v", added, removed)
	}
	closeInTime(t, s)
	if _, _, removed := g.seen(); !removed {
		t.Error("Close doesn't remove the group")
	}
}

// TestControlGroupRefused: without the right to make groups, background tasks run all the same, and it
// is said why they have none, once.
func TestControlGroupRefused(t *testing.T) {
	no := errors.New("no groups today")
	s, log := grouped(t, nil, no)
	for range 2 {
		useBackground(t, s)
		other, err := s.Class("other", ClassConfig{Background: true})
		if err == nil {
			err = runBackground(t, other, func(*Task) error { return nil })
		}
		if err != nil && !strings.Contains(err.Error(), "other") { // the name is in use, the second time
			t.Error(err)
		}
	}
	s.limitGroup(0.5, 0)
	b := s.Stats().Background
	if b.Group != "" || b.Ungrouped != no || b.Weak != nil || b.Threads == 0 {
		t.Errorf("Stats: %+v", b)
	}
	closeInTime(t, s)
	if l := log.String(); strings.Count(l, "\n") != 1 || !strings.Contains(l, no.Error()) || !strings.Contains(l, "control group") {
		t.Errorf("the log says %q", l)
	}
}

// TestControlGroupFails: a group that can't be used, or removed, costs nothing but itself.
func TestControlGroupFails(t *testing.T) {
	g := &fakeGroup{err: syscall.EINVAL}
	s, log := grouped(t, g, nil)
	useBackground(t, s)
	s.limitGroup(0.5, 10*ms)
	s.limitGroup(0.3, 20*ms)
	if _, limits, _ := g.seen(); len(limits) != 1 {
		t.Errorf("limits that the kernel refuses: %v; it is asked at each beat", limits)
	}
	s.limitGroup(0.3, 10*ms+limitEvery)
	_, limits, _ := g.seen()
	if b := s.Stats().Background; len(limits) != 2 || !errors.Is(b.Ungrouped, syscall.EINVAL) || b.Group != "/fake" {
		t.Errorf("limits: %v; Stats: %+v", limits, b)
	}
	closeInTime(t, s)
	if l := log.String(); strings.Count(l, "\n") != 3 || !strings.Contains(l, "thread isn't in") || !strings.Contains(l, "another limit") || !strings.Contains(l, "can't be removed") {
		t.Errorf("the log says %q", l)
	}
}

// TestControlGroupAgain: a limit is set again every second, whoever has changed it.
func TestControlGroupAgain(t *testing.T) {
	g := &fakeGroup{}
	s, _ := grouped(t, g, nil)
	useBackground(t, s)
	for _, now := range []int64{ms, ms + 1, limitEvery, ms + limitEvery, ms + limitEvery + 1} {
		s.limitGroup(0.5, now)
	}
	if _, limits, _ := g.seen(); len(limits) != 2 {
		t.Errorf("limits set: %v; want the same one twice", limits)
	}
}

// TestControlGroupRecovers: a limit that is refused for a time is told of for that long.
func TestControlGroupRecovers(t *testing.T) {
	g := &fakeGroup{}
	s, log := grouped(t, g, nil)
	useBackground(t, s)
	for i, refused := range []error{nil, syscall.EINVAL, syscall.EACCES, nil, syscall.EBUSY, nil} {
		g.refuse(refused)
		s.limitGroup(0.5+float64(i)/10, 10*ms+int64(i)*limitEvery)
		if told := s.Stats().Background.Ungrouped; told != refused {
			t.Errorf("limit %d: %v; Stats say %v", i+1, refused, told)
		}
	}
	closeInTime(t, s)
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("told %d times: %s", n, log)
	}
}

// TestThrottledIsNoPressure: a thread that the kernel keeps to the limit of its group doesn't rest for that.
func TestThrottledIsNoPressure(t *testing.T) {
	for _, c := range []struct {
		throttled time.Duration // in a second in which it has waited for half of one
		rests     bool
	}{{0, true}, {time.Second / 2, false}, {time.Second, false}} {
		g := &fakeGroup{}
		s, _ := grouped(t, g, nil)
		now := osthread.Account{Ran: time.Second, Waited: time.Second, Times: 1}
		s.account = func() (osthread.Account, error) { return now, nil }
		runBackground(t, s.Background(), func(tk *Task) error { //nolint:errcheck // there is none
			tk.m.giveRoom()
			now = osthread.Account{Ran: now.Ran + time.Second/4, Waited: now.Waited + time.Second/2, Times: 2}
			g.throttled = c.throttled
			tk.m.pressure.next = 0
			tk.m.giveRoom()
			return nil
		})
		if rested := s.Stats().Background.Rested; (rested > 0) != c.rests {
			t.Errorf("throttled for %v, it rests for %v", c.throttled, rested)
		}
		closeInTime(t, s)
	}
}

// TestControlGroupWithout: a thread that isn't in the group keeps to the allowance at checkpoints, with all
// its debt, and Stats go on to say so when limits are refused and then aren't.
func TestControlGroupWithout(t *testing.T) {
	g := &fakeGroup{addErr: syscall.ENOSPC}
	s, _ := grouped(t, g, nil)
	runBackground(t, s.Background(), func(tk *Task) error { //nolint:errcheck // there is none
		if tk.m.grouped {
			t.Error("it counts as being in the group")
		}
		return nil
	})
	for i, refused := range []error{syscall.EINVAL, nil} {
		g.refuse(refused)
		s.limitGroup(0.5, 10*ms+int64(i)*limitEvery)
		if told := s.Stats().Background.Ungrouped; !errors.Is(told, syscall.ENOSPC) || errors.Is(told, syscall.EINVAL) != (refused != nil) {
			t.Errorf("Stats say %v; the limit: %v", told, refused)
		}
	}
	closeInTime(t, s)
	if g.left != 0 {
		t.Errorf("%d threads have left it", g.left)
	}
}

// TestControlGroupNotAsked: nobody makes a group that isn't wanted.
func TestControlGroupNotAsked(t *testing.T) {
	made := errors.New("made")
	s, _ := grouped(t, nil, made)
	runIn(t, s, func(*Task) {})
	floor, err := s.Class("floor", ClassConfig{Background: true, Floor: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	inBackground(t, floor, 1, func(*Task, int) error { return nil })
	if err := s.Stats().Background.Ungrouped; err != nil {
		t.Errorf("a group was made for who isn't in it: %v", err)
	}
	plain := newBackground(t, Config{Procs: 1})
	plain.makeGroup = s.makeGroup
	useBackground(t, plain)
	if err := plain.Stats().Background.Ungrouped; err != nil {
		t.Errorf("a group was made that nobody has asked for: %v", err)
	}
	if _, err := New(Config{ControlGroup: true, BackgroundNice: 12}); err == nil || !strings.Contains(err.Error(), "BackgroundNice of 12") {
		t.Errorf("a priority that the group can't have: %v", err)
	}
}

// backgroundUsed is the CPU time of background threads so far.
func backgroundUsed(s *Scheduler) time.Duration {
	used, _ := s.backgroundCPU()
	return used
}

// TestControlGroupLogger: a Logger that submits background work itself doesn't hang.
func TestControlGroupLogger(t *testing.T) {
	needThreads(t)
	var s *Scheduler
	told := make(chan struct{}, 1)
	s = newBackgroundIn(t, Config{Procs: 1, NoHeadroom: true, ControlGroup: true, Logger: slog.New(submitting{slog.DiscardHandler, func() {
		s.Background().Go(func(*Task) { told <- struct{}{} })
	}})}, surroundings{clock: newFakeClock(), noSysmon: true})
	s.makeGroup = func() (childGroup, error) { return nil, errors.New("forbidden") }
	done := async(func() error { useBackground(t, s); return nil })
	awaitClosed(t, "a background task", done) //nolint:errcheck // there is none
	awaitClosed(t, "the logger's task", told)
}

// submitting is a handler that does something at each record.
type submitting struct {
	slog.Handler
	do func()
}

func (h submitting) Enabled(context.Context, slog.Level) bool  { return true }
func (h submitting) Handle(context.Context, slog.Record) error { h.do(); return nil }

// TestControlGroupLeave: threads leave the group before they end.
func TestControlGroupLeave(t *testing.T) {
	g := &fakeGroup{}
	s, _ := grouped(t, g, nil)
	useBackground(t, s)
	closeInTime(t, s)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left != g.added || g.added == 0 || !g.removed {
		t.Errorf("%d threads came, %d left, removed: %v", g.added, g.left, g.removed)
	}
}

// TestControlGroupSameLimit: allowances below the least one there is don't set the limit anew
// each time: that would give the group new time each time.
func TestControlGroupSameLimit(t *testing.T) {
	g := &fakeGroup{}
	s, _ := grouped(t, g, nil)
	useBackground(t, s)
	for i, allowed := range []float64{0.015, 0.01, 0.005, 0, 0.005} {
		s.limitGroup(allowed, int64(i)*raiseEvery)
	}
	if _, limits, _ := g.seen(); len(limits) != 1 {
		t.Errorf("limits were set: %v", limits)
	}
}
