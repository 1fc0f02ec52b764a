//go:build model

package runq

import (
	"errors"
	"testing"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// longCall is an M in a blocking call that lasts. It has no thread, and its task
// isn't seen: what is checked is what becomes of its P.
type longCall struct {
	s *Scheduler
	m *m
}

// beginCall takes the idle P of a seat for a long call. f, if it isn't nil, is queued
// on it.
func beginCall(s *Scheduler, seat int, f func(*Task)) longCall {
	s.lock.Lock()
	p := s.fore.seated()[seat]
	if !s.fore.idle.TakeP(p) {
		bug("beginCall: P %d is %v", p.id, p.state)
	}
	m := s.newM(&s.fore, nil, false)
	m.acquire(p)
	s.lock.Unlock()
	if f != nil {
		e := fresh(f, s.detached)
		p.c.spawned++
		p.run.Put(&e, &s.normal.queue)
	}
	m.phase.Store(phaseBlocked)
	return longCall{s, m}
}

// end ends the call, and the M. It gives the P back if it has it still, and tells
// whether it hadn't.
func (c longCall) end() (taken bool) {
	s, m := c.s, c.m
	s.lock.Lock()
	defer s.threads.Done()
	defer s.lock.Unlock()
	taken = !m.phase.CompareAndSwap(phaseBlocked, phaseRun)
	if taken {
		s.blocked--
		s.maybeQuiesced()
	} else {
		s.handOff(m.release(pRunning, event.ReasonHandoffIdle))
	}
	m.exit()
	return taken
}

// checkProcs explores SetProcs at any moment of what the task f does. If there are
// two Ps, the second belongs to a long call, and goes away with it.
func checkProcs(t *testing.T, from, to int, f func(tk *Task, on *onPs), want ...string) {
	t.Helper()
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: from}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 2}
		call := longCall{}
		if from > 1 {
			call = beginCall(s, from-1, func(*Task) { on.work() })
		}
		set := false
		run(x, s, func(tk *Task) {
			on.beside("setter", func() {
				if err := s.SetProcs(to); err != nil || s.Procs() != to {
					x.Failf("SetProcs(%d): %v, and there are %d Ps", to, err, s.Procs())
				}
				on.most = int32(to)
				set = true
			})
			f(tk, &on)
		})
		seen.or(set, "before the end", "not before the end")
		on.others.Wait()
		if from > 1 && !call.end() {
			x.Failf("the call has kept its P")
		}
	})
	seen.want(t, r, append(want, "before the end", "not before the end")...)
}

// TestModelProcsShrink: one of two Ps goes away, with a task queued on it, while
// another task runs on the other P, spawns and yields. 77,000 schedules, 3 s.
func TestModelProcsShrink(t *testing.T) {
	checkProcs(t, 2, 1, func(tk *Task, on *onPs) {
		tk.Go(func(*Task) { on.work() })
		tk.Yield()
		on.work()
	})
}

// TestModelProcsGrow: a second P comes while a task spawns another. 143,000
// schedules, 5 s.
func TestModelProcsGrow(t *testing.T) {
	checkProcs(t, 1, 2, func(tk *Task, on *onPs) {
		tk.Go(func(*Task) { on.work() })
		on.work()
	})
}

// TestModelProcsPark: one of two Ps goes away while a task waits and is readied.
// 86,000 schedules, 3 s.
func TestModelProcsPark(t *testing.T) {
	checkProcs(t, 2, 1, func(tk *Task, on *onPs) {
		var sg signal
		tk.Go(func(tk *Task) {
			sg.give(tk.m.s, tk.m)
			on.work()
		})
		sg.wait(tk)
		on.work()
	})
}

// TestModelProcsBlock: one of two Ps goes away while the tasks of both are in calls.
// 53,000 schedules, 2 s.
func TestModelProcsBlock(t *testing.T) {
	checkProcs(t, 2, 1, func(tk *Task, on *onPs) {
		tk.Block(func() {})
		on.work()
	})
}

// checkSeatLost explores SetProcs while the task f doesn't answer, whose seat goes
// away: the stop has unseated it, and can't give it the seat back. beats is called
// when that is done.
func checkSeatLost(t *testing.T, f func(tk *Task), beats func(s *Scheduler, done *bool)) {
	t.Helper()
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 2}, hasty, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		call := beginCall(s, 0, nil)
		run(x, s, func(tk *Task) {
			p := tk.m.p
			done := false
			on.beside("setter", func() {
				if err := s.SetProcs(1); err != nil {
					x.Failf("%v", err)
				}
				beats(s, &done)
			})
			for s.overruns.Load() == 0 {
				sx.Gosched()
			}
			f(tk)
			on.work()
			done = true
			seen.or(p.state == pDead, "seat left", "seat not left yet")
		})
		on.others.Wait()
		call.end()
	})
	seen.want(t, r, "seat left")
}

// TestModelProcsOverrun: the task spawns another when its seat goes away. 164,000
// schedules, 6 s.
func TestModelProcsOverrun(t *testing.T) {
	checkSeatLost(t, func(tk *Task) { tk.Go(func(*Task) {}) }, func(*Scheduler, *bool) {})
}

// TestModelProcsSleep: the task sleeps when its seat goes away, with its timers.
// 228,000 schedules, 13 s.
func TestModelProcsSleep(t *testing.T) {
	checkSeatLost(t, func(tk *Task) { tk.Sleep(1) }, func(s *Scheduler, done *bool) {
		for !*done {
			s.lateTimers(s.clock.Now())
			sx.Gosched()
		}
	})
}

// TestModelProcsClose: SetProcs against Close. 325,000 schedules, 11 s.
func TestModelProcsClose(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		gone := false
		s.Go(func(*Task) {})
		x.Go("setter", func() {
			before := gone
			err := s.SetProcs(2)
			if err != nil && !errors.Is(err, ErrClosed) || before && err == nil {
				x.Failf("closed before: %v; %v", before, err)
			}
			seen.or(err == nil, "done", "refused")
		})
		s.Close()
		gone = true
	})
	seen.want(t, r, "done", "refused")
}
