package runq

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
	"github.com/runq-go/runq/internal/osthread"
)

// TestPressureStep: the sleeps of a thread, by what the kernel says of it.
func TestPressureStep(t *testing.T) {
	const ms = time.Millisecond
	type look struct { // since the look before
		ran, waited time.Duration
		times       int64
		want        time.Duration
	}
	for name, looks := range map[string][]look{
		"room":             {{10 * ms, 0, 1, 0}, {9 * ms, ms, 9, 0}, {5 * ms, 5 * ms, 4, 0}},
		"asleep":           {{0, 0, 0, 0}, {0, 0, 1, 0}},
		"little to do":     {{ms, 3 * ms, 40, 0}, {ms / 10, ms, 20, 0}, {ms / 10, ms * 9 / 10, 3, 0}},
		"more and more":    {{4 * ms, 6 * ms, 3, 10 * ms}, {ms, 2 * ms, 1, 20 * ms}, {ms, 3 * ms, 1, 40 * ms}, {ms, 4 * ms, 2, 80 * ms}, {ms, 5 * ms, 1, 100 * ms}, {ms, 5 * ms, 1, 100 * ms}},
		"room again":       {{4 * ms, 6 * ms, 3, 10 * ms}, {ms, 2 * ms, 1, 20 * ms}, {ms, ms, 1, 0}, {10 * ms, 0, 0, 0}, {4 * ms, 6 * ms, 3, 10 * ms}},
		"room for once":    {{4 * ms, 6 * ms, 3, 10 * ms}, {ms, 2 * ms, 1, 20 * ms}, {ms, 2 * ms, 1, 40 * ms}, {ms, 0, 1, 0}, {ms, 2 * ms, 1, 40 * ms}},
		"no processor":     {{ms, 50 * ms, 1, 50 * ms}, {ms, 50 * ms, 1, 100 * ms}, {ms, 50 * ms, 1, 200 * ms}, {ms, 50 * ms, 1, 400 * ms}, {ms, 50 * ms, 1, 500 * ms}, {ms, 40 * ms, 1, 400 * ms}},
		"none for an hour": {{ms, time.Hour, 1, restUsual}, {ms, time.Hour, 1, 2 * restUsual}, {ms, time.Hour, 1, 4 * restUsual}, {ms, time.Hour, 1, 8 * restUsual}, {ms, time.Hour, 1, time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			var g pressure
			a := osthread.Account{Ran: time.Second, Waited: time.Hour, Times: 1}
			if got := g.step(1, a); got != 0 {
				t.Errorf("what the thread has waited before anybody looked counts: sleeps %v", got)
			}
			for i, l := range looks {
				a.Ran, a.Waited, a.Times = a.Ran+l.ran, a.Waited+l.waited, a.Times+l.times
				if got := g.step(1, a); got != l.want {
					t.Errorf("look %d, %v run and %v waited in %d times: sleeps %v, want %v", i, l.ran, l.waited, l.times, got, l.want)
				}
			}
		})
	}
}

// pressed is a kernel's account of threads that never get a processor, until there is room.
type pressed struct {
	room  atomic.Bool
	asked atomic.Int64
	fail  error
}

func (a *pressed) account() (osthread.Account, error) {
	n := a.asked.Add(1)
	if a.room.Load() {
		return osthread.Account{Ran: time.Duration(n) * time.Hour, Waited: time.Hour, Times: n}, a.fail
	}
	return osthread.Account{Waited: time.Duration(n) * 20 * time.Millisecond, Times: n}, a.fail
}

// underPressure runs f beside a background task that comes to checkpoints all the time.
func underPressure(t *testing.T, a *pressed, cfg Config, class ClassConfig, f func(s *Scheduler)) *Scheduler {
	t.Helper()
	needThreads(t)
	cfg.Procs = 1
	s := newBackgroundIn(t, cfg, surroundings{clock: newClock(), seed: 1, account: a.account})
	class.Background = true
	c, err := s.Class("pressed", class)
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	done := async(func() error {
		return c.Run(nil, func(tk *Task) error {
			for !stop.Load() {
				tk.Checkpoint()
			}
			return nil
		})
	})
	awaitTrue(t, "it runs", func() bool { return c.Stats().Serving == 1 })
	f(s)
	stop.Store(true)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
	return s
}

// TestGiveRoom: a background task that gets no processor sleeps, for longer and longer, and
// goes on when there is room. Events tell it, and Stats.
func TestGiveRoom(t *testing.T) {
	a := new(pressed)
	s := underPressure(t, a, Config{}, ClassConfig{}, func(s *Scheduler) {
		rests := func() time.Duration { return s.Stats().Background.Rested }
		awaitTrue(t, "it rests", func() bool { return rests() >= 3*restLeast })
		before := rests()
		awaitTrue(t, "it rests on", func() bool { return rests() >= before+5*restUsual })
		a.room.Store(true)
		asked := a.asked.Load()
		awaitTrue(t, "it has noticed", func() bool { return a.asked.Load() > asked+1 })
		had := rests()
		awaitTrue(t, "it is looked at now and then", func() bool { return a.asked.Load() > asked+3 })
		if got := rests(); got != had {
			t.Errorf("it has rested for %v although there was room", got-had)
		}
	})
	events, _ := s.ReadEvents()
	if !slices.ContainsFunc(events, func(e event.Event) bool { return e.Kind == event.KindTaskBlocked && e.Reason == event.ReasonPressure }) {
		t.Error("no event says that it has rested")
	}
	eventtest.Check(t, events, 0)
}

// TestNoRest: who must not rest, doesn't.
func TestNoRest(t *testing.T) {
	broken := errors.New("no such file")
	for name, c := range map[string]struct {
		fail  error
		cfg   Config
		class ClassConfig
	}{
		"a floor":         {class: ClassConfig{Floor: 0.1}},
		"another nice":    {cfg: Config{BackgroundNice: 18}},
		"nothing is told": {fail: broken},
	} {
		t.Run(name, func(t *testing.T) {
			underPressure(t, &pressed{fail: c.fail}, c.cfg, c.class, func(s *Scheduler) {
				ran := s.Stats().Background.CPU
				awaitTrue(t, "it computes", func() bool {
					used, _ := s.backgroundCPU()
					return used > ran+20*time.Millisecond
				})
				if got := s.Stats().Background.Rested; got != 0 {
					t.Errorf("it has rested for %v", got)
				}
			})
		})
	}
}

// TestStopBesideRest: a stop of the world doesn't wait for who rests, and leaves it its P.
func TestStopBesideRest(t *testing.T) {
	needThreads(t)
	clk := nap{newFakeClock(), make(chan struct{}), make(chan struct{})}
	s := newBackgroundIn(t, Config{Procs: 1}, surroundings{clock: clk, seed: 1, noSysmon: true})
	done := async(func() error {
		return s.Background().Run(nil, func(tk *Task) error {
			tk.m.sleepHeldBack(napping, event.ReasonPressure)
			return nil
		})
	})
	<-clk.began
	stopped := async(func() error {
		for range 100 {
			s.stopTheWorld()
			s.startTheWorld()
		}
		return nil
	})
	awaitClosed(t, "a stop that lasts no time", stopped) //nolint:errcheck // there is none
	if n := s.Stats().Overrun; n != 0 {
		t.Errorf("%d tasks run without a P", n)
	}
	close(clk.over)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
}

// TestAskedBeforeRest: a task whose P was taken, or that is asked to stop, answers instead of sleeping.
func TestAskedBeforeRest(t *testing.T) {
	needThreads(t)
	clk := nap{newFakeClock(), make(chan struct{}), make(chan struct{})} // its pause never ends
	s := newBackgroundIn(t, Config{Procs: 1}, surroundings{clock: clk, seed: 1, noSysmon: true})
	var p *p
	began, taken := make(chan struct{}), make(chan struct{})
	done := async(func() error {
		return s.Background().Run(nil, func(tk *Task) error {
			p = tk.m.p
			close(began)
			<-taken
			if !tk.m.restrained() {
				return errors.New("it wasn't told to look at what it is asked for")
			}
			if tk.m.sleepHeldBack(napping, event.ReasonPressure) {
				return errors.New("it has slept")
			}
			return nil
		})
	})
	<-began
	s.lock.Lock()
	s.overrun(p)
	s.lock.Unlock()
	close(taken)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
}

// TestRestLeavesWork: what is queued on the P of a task that rests is for others.
func TestRestLeavesWork(t *testing.T) {
	needThreads(t)
	a := new(pressed)
	clk := restClock{newClock(), make(chan struct{}), make(chan struct{})}
	s := newBackgroundIn(t, Config{Procs: 1}, surroundings{clock: clk, seed: 1, noSysmon: true, account: a.account})
	const children = 5
	var queued atomic.Int64
	done := async(func() error {
		return s.Background().Run(nil, func(tk *Task) error {
			for range children {
				tk.Go(func(*Task) {})
			}
			for !tk.m.giveRoom() { // the first look only sees where its thread begins
				tk.m.pressure.next = 0
			}
			queued.Store(int64(tk.m.p.class.queue.Len()))
			return nil
		})
	})
	<-clk.began
	close(clk.over)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
	if queued.Load() != children {
		t.Errorf("%d of %d tasks are where others find them", queued.Load(), children)
	}
}

// restClock is a clock whose first pause lasts until a channel is closed.
type restClock struct {
	clock
	began, over chan struct{}
}

func (c restClock) Pause(time.Duration) {
	select {
	case <-c.began:
	default:
		close(c.began)
	}
	<-c.over
}

// nap is a clock that lasts for one pause until a channel is closed.
type nap struct {
	clock
	began, over chan struct{}
}

const napping = time.Hour // the length of that pause

func (n nap) Pause(d time.Duration) {
	if d != napping {
		n.clock.Pause(d)
		return
	}
	close(n.began)
	<-n.over
}

// TestLittleToDo: threads that sleep because they have little to do don't rest, though they
// wait for longer than they run: each wake takes its time.
func TestLittleToDo(t *testing.T) {
	needThreads(t)
	var looks atomic.Int64
	s := newBackgroundIn(t, Config{Procs: 2}, surroundings{clock: newClock(), seed: 1, account: func() (osthread.Account, error) {
		n := looks.Add(1)
		return osthread.Account{Ran: time.Duration(n), Waited: time.Duration(n) * time.Millisecond, Times: 20 * n}, nil
	}})
	for range 50 {
		runBackground(t, s.Background(), func(tk *Task) error { //nolint:errcheck // there is none
			tk.Sleep(time.Millisecond)
			return nil
		})
	}
	if looks.Load() == 0 {
		t.Error("nobody has looked")
	}
	if got := s.Stats().Background.Rested; got != 0 {
		t.Errorf("it has rested for %v", got)
	}
}

// TestRecordBesideRest: the events of threads that rest are read while they do, so that they
// hold up nobody else's.
func TestRecordBesideRest(t *testing.T) {
	needThreads(t)
	clk := nap{newFakeClock(), make(chan struct{}), make(chan struct{})}
	s := newBackgroundIn(t, Config{Procs: 1}, surroundings{clock: clk, seed: 1, noSysmon: true})
	c := new(collector)
	c.start(s, true)
	done := async(func() error {
		return s.Background().Run(nil, func(tk *Task) error {
			tk.m.sleepHeldBack(napping, event.ReasonPressure)
			return nil
		})
	})
	<-clk.began
	stopped := async(func() error { // and for that no time passes: nobody is waited for
		c.mu.Lock()
		defer c.mu.Unlock()
		if events := c.round(); c.held != 0 || !slices.ContainsFunc(events, func(e event.Event) bool { return e.Reason == event.ReasonPressure }) {
			return fmt.Errorf("%d events, %d held back; none says that it rests", len(events), c.held)
		}
		return nil
	})
	if err := awaitClosed(t, "a round", stopped); err != nil {
		t.Error(err)
	}
	close(clk.over)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
}

// TestRestIsNobodysTime: a class isn't charged for a rest, not even for the time being: another
// one that gets work meanwhile isn't put behind it.
func TestRestIsNobodysTime(t *testing.T) {
	needThreads(t)
	clk := newFakeClock()
	naps := nap{clk, make(chan struct{}), make(chan struct{})}
	s := newBackgroundIn(t, Config{Procs: 1}, surroundings{clock: naps, seed: 1, noSysmon: true})
	other, err := s.Class("other", ClassConfig{Background: true})
	if err != nil {
		t.Fatal(err)
	}
	runBackground(t, other, func(*Task) error { return nil }) //nolint:errcheck // there is none
	done := async(func() error {
		return s.Background().Run(nil, func(tk *Task) error {
			tk.m.sleepHeldBack(napping, event.ReasonPressure)
			return nil
		})
	})
	<-naps.began
	before := s.Background().vnow(clk.Now())
	clk.advance(time.Second)
	if after := s.Background().vnow(clk.Now()); after != before {
		t.Errorf("asleep for a second, it was charged with %v", time.Duration(after-before))
	}
	close(naps.over)
	if err := awaitClosed(t, "it ends", done); err != nil {
		t.Error(err)
	}
	if run := s.Background().Stats().Run; run >= time.Millisecond {
		t.Errorf("it has run for %v", run)
	}
}
