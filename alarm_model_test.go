//go:build model

package runq

import (
	"testing"
	"unsafe"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// alarmClock is a clock that stands still until somebody moves it.
type alarmClock struct {
	stillClock
	now sx.Int64
}

func newAlarmClock() clock {
	c := new(alarmClock)
	c.now.Store(1)
	return c
}

func (c *alarmClock) Now() int64 { return c.now.Load() }

// alarms is a check of alarms: the Ms are driven by the check.
type alarms struct {
	*driver
	clk *alarmClock
}

func checkAlarms(t *testing.T, preemptions, procs int, want []string, f func(a alarms)) {
	t.Helper()
	checkDriven(t, preemptions, procs, newAlarmClock, want, func(d *driver) {
		f(alarms{d, d.s.clock.(*alarmClock)})
	})
}

// pass lets the time come, and an M look at its P's timers n times.
func (a alarms) pass(now int64, n int) {
	a.clk.now.Store(now)
	for range n {
		a.ms[0].runTimers(a.ms[0].p)
	}
}

// TestModelAfterFuncStop: Stop and Reset come together with the time. The function
// runs as often as what they return says.
func TestModelAfterFuncStop(t *testing.T) {
	want := []string{"stopped", "not stopped", "reset in time", "reset too late"}
	checkAlarms(t, 3, 1, want, func(a alarms) {
		ran := 0
		tm := a.s.AfterFunc(9, func(*Task) { ran++ })
		sets, stops := 1, 0
		a.x.Go("time", func() { a.pass(10, 2) })
		a.x.Go("reset", func() {
			was := tm.Reset(0)
			if !was {
				sets++
			}
			a.seen.or(was, "reset in time", "reset too late")
		})
		a.x.Go("stop", func() {
			was := tm.Stop()
			if was {
				stops++
			}
			a.seen.or(was, "stopped", "not stopped")
		})
		a.settle()
		if ran != sets-stops || tm.Stop() {
			a.x.Failf("set %d times, stopped %d times, it has run %d times", sets, stops, ran)
		}
	})
}

// wait has the timer or ticker waited for in a thread of its own.
func (a alarms) wait(waiters *sx.Int32, wait func(*Task) error, then func()) {
	waiters.Add(1)
	a.x.Go("waiter", func() {
		if err := wait(nil); err != nil {
			a.x.Failf("Wait: %v", err)
		}
		then()
		waiters.Add(-1)
	})
}

// runOff lets all times come for who still waits, when the threads of o have ended.
func (a alarms) runOff(o *others, waiters *sx.Int32) {
	o.wg.Wait()
	for waiters.Load() > 0 {
		a.pass(max(1000, a.s.nextTimer()), 1)
		sx.Gosched()
	}
	a.x.Join()
}

// TestModelTimerWait: a goroutine waits while the time comes and somebody sets the
// timer anew. It is told of the time that was set last, if that was in time.
func TestModelTimerWait(t *testing.T) {
	want := []string{"the first time", "the second time"}
	checkAlarms(t, 2, 1, want, func(a alarms) {
		o := others{x: a.x}
		tm := a.s.NewTimer(9)
		var told int64
		var was bool
		var waiters sx.Int32
		a.wait(&waiters, tm.Wait, func() { told = a.clk.Now() })
		o.start("reset", func() { was = tm.Reset(99) })
		o.start("time", func() { a.pass(10, 1); a.pass(200, 1) })
		a.runOff(&o, &waiters)
		a.seen.or(was, "the second time", "the first time")
		if told < 10 || was && told < 100 {
			a.x.Failf("told at %d; set anew in time: %v", told, was)
		}
		a.wantNothingLeft(&tm.alarm)
	})
}

// wantNothingLeft fails if the alarm is in a heap or somebody in its list.
func (a alarms) wantNothingLeft(al *alarm) {
	if al.queue.first != nil || al.node.Remove() {
		a.x.Failf("something is left: %+v", al.queue)
	}
}

// TestModelTimerStopped: a wait that Stop has left without a time is ended by Reset.
func TestModelTimerStopped(t *testing.T) {
	want := []string{"stopped", "too late"}
	checkAlarms(t, 2, 1, want, func(a alarms) {
		o := others{x: a.x}
		tm := a.s.NewTimer(9)
		done := false
		var waiters sx.Int32
		a.wait(&waiters, tm.Wait, func() { done = true })
		o.start("stop", func() {
			was := tm.Stop()
			a.seen.or(was, "stopped", "too late")
			if was && done {
				a.x.Failf("a wait was over, although Stop came before the time")
			}
			tm.Reset(9)
		})
		o.start("time", func() { a.pass(50, 1) })
		a.runOff(&o, &waiters)
		a.wantNothingLeft(&tm.alarm)
	})
}

// TestModelTicker: two come to a ticker of which there is a tick already. It is for one
// of them, and the other one isn't told before the next.
func TestModelTicker(t *testing.T) {
	want := []string{"a tick each", "late"}
	checkAlarms(t, 2, 1, want, func(a alarms) {
		o := others{x: a.x}
		tk := a.s.NewTicker(10)
		a.clk.now.Store(12)
		var told [2]int64
		var waiters sx.Int32
		for i := range told {
			a.wait(&waiters, tk.Wait, func() { told[i] = a.clk.Now() })
		}
		a.runOff(&o, &waiters)
		first, second := min(told[0], told[1]), max(told[0], told[1])
		if first < 11 || second < 21 {
			a.x.Failf("told at %d and %d", first, second)
		}
		a.seen.or(first < 21, "a tick each", "late")
		a.wantNothingLeft(&tk.alarm)
	})
}

// TestModelTimerContext: the context of the task that waits ends just when the time
// comes.
func TestModelTimerContext(t *testing.T) {
	checkEnding(t, 2, []string{"waited", "gave up"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		tm := tk.e.env.s.NewTimer(9)
		x.Go("reset", func() { // the time comes, by somebody's wish
			if tm.Reset(0) && tm.node.Remove() {
				tm.fire(tk.m, 1)
			}
		})
		seen.or(gaveUp(x, tm.Wait(tk)), "gave up", "waited")
		return func() {
			if tm.queue.first != nil {
				x.Failf("a node is left")
			}
		}
	})
}

// TestModelTimersDropped: a scheduler is closed while somebody waits for a timer of
// its, and sets another one. Nobody waits for ever.
func TestModelTimersDropped(t *testing.T) {
	seen := outcomes{}
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, newAlarmClock, func(x *model.Execution, s *Scheduler) {
		tm := s.NewTimer(9)
		o := others{x: x}
		o.start("waiter", func() {
			err := tm.Wait(nil)
			if err != ErrClosed {
				x.Failf("Wait: %v", err)
			}
			seen["waited"]++
		})
		o.start("setter", func() {
			if s.AfterFunc(9, func(*Task) { x.Failf("a function ran") }).Stop() {
				seen["set"]++
			} else {
				seen["dropped"]++
			}
		})
		s.Close()
		o.wg.Wait()
		if s.nextTimer() != 0 {
			x.Failf("a timer is left")
		}
	})
	seen.want(t, r, "waited", "set", "dropped")
}

// TestModelTimerSeatGoes: a timer is set in the heap of a seat that just goes. It is
// found in that of another.
func TestModelTimerSeatGoes(t *testing.T) {
	seen := outcomes{}
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 2}, newAlarmClock, func(x *model.Execution, s *Scheduler) {
		o := others{x: x}
		tm := new(Timer)
		tm.s, tm.seat, tm.fn, tm.env = s, 1, func(*Task) {}, s.detached
		tm.node.Data = unsafe.Pointer(&tm.alarm)
		o.start("setter", func() {
			tm.set(9, 0)
			seen.or(len(s.fore.seated()) == 2, "before", "after")
		})
		if err := s.SetProcs(1); err != nil {
			x.Failf("%v", err)
		}
		o.wg.Wait()
		if s.nextTimer() != 9 || !tm.Stop() || s.fore.timers[1].Next() != 0 {
			x.Failf("the timer isn't where it is looked for")
		}
	})
	seen.want(t, r, "before", "after")
}
