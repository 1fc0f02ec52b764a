//go:build model

package runq

import (
	"testing"
	"time"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// unseatOnce takes the P of the task that runs on seat 0, as sysmon and a stop of the
// world do. It tells whether it has found one.
func unseatOnce(s *Scheduler) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	p := s.fore.seated()[0]
	if s.stopping || p.state != pRunning || p.m == nil || sx.PeekPointer(&p.m.curg) == nil {
		return false
	}
	s.overrun(p)
	return true
}

// TestModelOverrun: a task's P is taken at any moment while it spawns another and
// yields. It is on a P again when it has called; all run, once. 100,000 schedules, 6
// s.
func TestModelOverrun(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		var unseated bool
		run(x, s, func(tk *Task) {
			on.beside("sysmon", func() { unseated = unseatOnce(s) })
			tk.Go(func(*Task) { on.work() })
			before := unseated
			tk.Yield()
			on.workIf(before)
			seen.or(unseated, "unseated", "not unseated")
			seen.or(before, "before Yield", "not before Yield")
		})
		s.Close()
		if n := s.overruns.Load(); n != 0 || len(s.unseated) != 0 {
			x.Failf("%d overruns are left", n)
		}
	})
	seen.want(t, r, "unseated", "not unseated", "before Yield", "not before Yield")
}

// TestModelOverrunChild: a task spawns another while its P is taken. If it doesn't
// notice and waits for the other one in ordinary Go, that one runs, without another
// beat of sysmon. 57,000 schedules, 3 s.
func TestModelOverrunChild(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		var ran sx.Gate
		ran.Init()
		run(x, s, func(tk *Task) {
			x.Go("sysmon", func() {
				for !unseatOnce(s) {
					sx.Gosched()
				}
			})
			p := tk.m.p
			tk.Go(func(*Task) { ran.Open() })
			switch {
			case tk.m.p != p:
				seen["noticed"]++
				for !ran.IsOpen() {
					tk.Yield()
				}
				return
			case p.state == pUnseated:
				seen["not noticed"]++
			default:
				seen["taken later"]++
			}
			ran.Wait()
		})
	})
	seen.want(t, r, "noticed", "not noticed", "taken later")
}

// TestModelOverrunPark: a task waits for another one of a group when its P is taken.
// 115,000 schedules, 7 s.
func TestModelOverrunPark(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		var sg signal
		unseated := false
		run(x, s, func(tk *Task) {
			on.beside("sysmon", func() { unseated = unseatOnce(s) })
			tk.Go(func(tk *Task) {
				on.work()
				sg.give(s, tk.m)
			})
			before := unseated
			sg.wait(tk)
			on.workIf(before)
			seen.or(before, "unseated before", "not before")
		})
		seen.or(unseated, "unseated", "not unseated")
	})
	seen.want(t, r, "unseated before", "not before", "not unseated")
}

// TestModelOverrunBlock: a task begins a blocking call while its P is taken. 147,000
// schedules, 10 s.
func TestModelOverrunBlock(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		unseated := false
		run(x, s, func(tk *Task) {
			on.beside("sysmon", func() {
				unseated = unseatOnce(s)
				s.retake(1)
				s.retake(2)
			})
			tk.Go(func(*Task) { on.work() })
			before := unseated
			tk.Block(func() {})
			on.workIf(before)
			seen.or(before, "unseated before", "not before")
		})
		seen.or(unseated, "unseated", "not unseated")
	})
	seen.want(t, r, "unseated before", "not before", "not unseated")
}

// TestModelRetakeRunning: sysmon's own beats: it sees a task past its slice, asks it
// to yield, and takes its P when it doesn't. The task reaches a checkpoint before
// that or after it. 112,000 schedules, 8 s.
func TestModelRetakeRunning(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1, Slice: time.Millisecond}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		overrun := false
		run(x, s, func(tk *Task) {
			tk.Go(func(*Task) { on.work() })
			on.beside("sysmon", func() {
				for beat := range int64(3) {
					overrun = s.retake(1+beat*s.slice) > 0
				}
			})
			on.workIf(false)
			tk.Checkpoint()
			before := overrun
			tk.Checkpoint()
			on.workIf(before)
			seen.or(before, "taken between two", "not between two")
		})
		c := s.Stats()
		seen.or(overrun, "taken", "not taken")
		seen.or(c.Preemptions > 0, "asked", "not asked")
	})
	seen.want(t, r, "taken", "not taken", "asked", "not asked")
}

// TestModelSomeoneWaits: the figures say that a task waits in ordinary Go: its P is
// taken long before its slice is over. 119,000 schedules, 8 s.
func TestModelSomeoneWaits(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		taken := false
		run(x, s, func(tk *Task) {
			tk.Go(func(*Task) { on.work() })
			on.beside("sysmon", func() {
				for beat := range int64(2) {
					now := 1 + beat*waitsAfter
					s.lock.Lock()
					s.running = runningSamples{at: now} // nobody runs
					s.lock.Unlock()
					taken = s.retake(now) > 0
				}
			})
			tk.Block(func() {})
			before := taken
			tk.Yield()
			on.workIf(before)
		})
		seen.or(taken, "taken", "not taken")
		seen.or(s.out.overruns.Load() > 0, "overrun", "no overrun")
	})
	seen.want(t, r, "taken", "not taken", "overrun", "no overrun")
}
