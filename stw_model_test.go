//go:build model

package runq

import (
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// hastyClock is a clock whose time goes on by more than a stop's grace whenever
// it is asked for: a stop that times out unseats.
type hastyClock struct {
	stillClock
	now int64
}

func (c *hastyClock) Now() int64 {
	c.now += int64(stopGrace) + 1
	return c.now
}

func hasty() clock { return new(hastyClock) }

// stopFor stops the world for as long as the others like, and looks whether it stands
// still: no M has a P, and no task that on knows of runs.
func stopFor(x *model.Execution, s *Scheduler, on *onPs) {
	s.stopTheWorld()
	on.stopped = true
	look := func() (ticks uint32) {
		for _, p := range s.fore.seated() {
			if p.state != pStopped || p.m != nil {
				x.Failf("the world is stopped, and P %d is %v, with an M: %v", p.id, p.state, p.m != nil)
			}
			ticks += p.tick
		}
		return ticks
	}
	before := look()
	on.tasks.Load() // others go on
	if n := look() - before; n != 0 {
		x.Failf("the world is stopped, and its Ps have looked for tasks %d times", n)
	}
	on.stopped = false
	s.startTheWorld()
}

// checkStop explores a stop of the world at any moment of what the task f does.
func checkStop(t *testing.T, procs int, clk func() clock, f func(tk *Task, on *onPs), want ...string) {
	t.Helper()
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: procs}, clk, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: int32(procs)}
		run(x, s, func(tk *Task) {
			on.beside("stopper", func() { stopFor(x, s, &on) })
			f(tk, &on)
		})
		st := s.Stats()
		seen.or(st.Stops > 0, "stopped before the end", "not stopped before the end")
		seen.or(st.RetakesBlocked > 0, "taken from a call", "not taken from a call")
		on.others.Wait() // Close is another check's
	})
	seen.want(t, r, append(want, "stopped before the end", "not stopped before the end")...)
}

// TestModelStopRunning: a stop against tasks that run, spawn and yield. 32,000
// schedules, 3 s.
func TestModelStopRunning(t *testing.T) {
	checkStop(t, 1, still, func(tk *Task, on *onPs) {
		tk.Go(func(*Task) { on.work() })
		on.work()
		tk.Yield()
		on.work()
	})
}

// TestModelStopCheckpoint: a stop against a task that only reaches checkpoints.
// 19,000 schedules, 2 s.
func TestModelStopCheckpoint(t *testing.T) {
	checkStop(t, 1, still, func(tk *Task, on *onPs) {
		for range 3 {
			tk.Checkpoint()
			on.work()
		}
	})
}

// TestModelStopSearching: a stop against an M that searches, finds nothing and goes
// idle. The task is in a call, and its P the stop's, as long as that lasts. 44,000
// schedules, 4 s.
func TestModelStopSearching(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 2}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 2}
		var over sx.Gate
		over.Init()
		run(x, s, func(tk *Task) {
			x.Go("stopper", func() {
				seen.or(s.fore.idle.Searching() > 0, "while an M searches", "while none searches")
				stopFor(x, s, &on)
				over.Open()
			})
			tk.Block(over.Wait)
		})
	})
	seen.want(t, r, "while an M searches", "while none searches")
}

// TestModelStopBlock: a stop against a task that goes into a blocking call and comes
// back. 18,000 schedules, 1 s.
func TestModelStopBlock(t *testing.T) {
	checkStop(t, 1, still, func(tk *Task, on *onPs) {
		tk.Block(func() {})
		on.work()
	}, "taken from a call", "not taken from a call")
}

// TestModelStopRetake: a stop and sysmon both want the P of a task in a call. 79,000
// schedules, 6 s.
func TestModelStopRetake(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		run(x, s, func(tk *Task) {
			var over sx.Gate
			over.Init()
			on.beside("sysmon", func() {
				s.retake(1)
				seen.or(s.retake(2) > 0, "sysmon took it", "sysmon didn't take it")
			})
			x.Go("stopper", func() {
				stopFor(x, s, &on)
				over.Open()
			})
			tk.Block(over.Wait)
			on.work()
		})
		on.others.Wait()
	})
	seen.want(t, r, "sysmon took it", "sysmon didn't take it")
}

// TestModelStopPark: a stop against a task that waits and another one that readies
// it. 34,000 schedules, 4 s.
func TestModelStopPark(t *testing.T) {
	checkStop(t, 1, still, func(tk *Task, on *onPs) {
		var sg signal
		tk.Go(func(tk *Task) {
			sg.give(tk.m.s, tk.m)
			on.work()
		})
		sg.wait(tk)
		on.work()
	})
}

// TestModelStopReady: a stop against a task that waits and is readied from outside.
// 176,000 schedules, 14 s.
func TestModelStopReady(t *testing.T) {
	checkStop(t, 1, still, func(tk *Task, on *onPs) {
		var sg signal
		s := tk.m.s
		on.beside("waker", func() { sg.give(s, nil) })
		sg.wait(tk)
		on.work()
	})
}

// TestModelStopHog: a stop that doesn't wait for a task to answer takes its P, and
// gives it back, unless the task has noticed meanwhile. 13,000 schedules, 1 s.
func TestModelStopHog(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, hasty, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		run(x, s, func(tk *Task) {
			tk.Go(func(*Task) { on.work() })
			p := tk.m.p
			var stopped sx.Gate
			stopped.Init()
			on.beside("stopper", func() {
				s.stopTheWorld()
				if p.state != pUnseated {
					x.Failf("the task's P is %v", p.state)
				}
				stopped.Open()
				on.stopped = true
				on.tasks.Load()
				on.stopped = false
				s.startTheWorld()
			})
			stopped.Wait()
			before := p.state
			tk.Yield()
			on.work()
			seen.or(before == pUnseated, "unseated before Yield", "given back before Yield")
			seen.or(tk.m.p == p, "given back", "not given back")
		})
	})
	seen.want(t, r, "unseated before Yield", "given back before Yield", "given back", "not given back")
}

// TestModelStopOverrun: a stop while a task overruns. 502,000 schedules, 15 s.
func TestModelStopOverrun(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		run(x, s, func(tk *Task) {
			unseatOnce(s)
			for s.fore.idle.IdlePs() == 0 { // nobody wants the P
				sx.Gosched()
			}
			stops := 0
			on.beside("stopper", func() {
				stopFor(x, s, &on)
				stops = 1
			})
			before := stops
			tk.Yield()
			on.work()
			seen.or(stops > before, "stopped in Yield", "not stopped in Yield")
		})
		on.others.Wait()
	})
	seen.want(t, r, "stopped in Yield", "not stopped in Yield")
}

// TestModelStopProcs: a stop against SetProcs, which stops the world too. Tasks run
// afterwards. 59,000 schedules, 5 s.
func TestModelStopProcs(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 2}
		on.beside("setter", func() {
			if err := s.SetProcs(2); err != nil {
				x.Failf("%v", err)
			}
		})
		stopFor(x, s, &on)
		seen.or(s.Procs() == 2, "SetProcs first", "SetProcs last")
		on.others.Wait()
		s.Go(func(*Task) { on.work() })
	})
	seen.want(t, r, "SetProcs first", "SetProcs last")
}

// TestModelStopClose: a stop against Close. 127,000 schedules, 11 s.
func TestModelStopClose(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		s.Go(func(*Task) { on.work() })
		gone := false
		on.beside("stopper", func() {
			before := gone
			stopFor(x, s, &on)
			seen.or(before, "stopped after Close", "begun before its end")
			seen.or(gone, "ended after Close", "ended before its end")
		})
		s.Close()
		gone = true
	})
	seen.want(t, r, "stopped after Close", "begun before its end", "ended after Close", "ended before its end")
}
