//go:build model

package runq

import (
	"context"
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// The checks of this file and of retake, stw and procs_model_test.go are exhaustive
// with two preemptions. They have no sysmon: a thread does what a beat of it would,
// at any moment. The figures are of a machine with two cores that others use too.

// outcomes counts what the executions of a check have come to, so that a check which
// never reaches its race is noticed.
type outcomes map[string]int

// or counts one of two outcomes.
func (o outcomes) or(first bool, yes, no string) {
	if first {
		o[yes]++
	} else {
		o[no]++
	}
}

// want fails the test if one of the outcomes has never been seen. A single schedule
// that is repeated needs none of them.
func (o outcomes) want(t *testing.T, r model.Report, names ...string) {
	t.Helper()
	t.Logf("outcomes: %v", o)
	for _, name := range names {
		if o[name] == 0 && r.Schedules > 1 {
			t.Errorf("no schedule has come to this: %s", name)
		}
	}
}

// onPs counts the tasks that are on a P by their own account.
type onPs struct {
	x       *model.Execution
	most    int32
	tasks   sx.Int32
	stopped bool // none may be
	others  sx.WaitGroup
}

// work is something that a task does on a P.
func (o *onPs) work() {
	if n := o.tasks.Add(1); n > o.most || o.stopped {
		o.x.Failf("%d tasks run on %d Ps; the world is stopped: %v", n, o.most, o.stopped)
	}
	o.tasks.Add(-1)
}

// workIf is work of a task that is known to be on a P, or of one that may overrun.
func (o *onPs) workIf(onP bool) {
	if onP {
		o.work()
	} else {
		o.tasks.Add(0) // a place to be preempted at
	}
}

// beside starts a thread for f that goes on at any moment of the tasks' work: it looks
// at what they write there, or it would make no difference to preempt them.
func (o *onPs) beside(name string, f func()) {
	o.others.Add(1)
	o.x.Go(name, func() {
		o.tasks.Load()
		f()
		o.others.Done()
	})
}

// run is s.Run for a check: its task can't fail.
func run(x *model.Execution, s *Scheduler, f func(tk *Task)) {
	if err := s.Run(context.Background(), func(tk *Task) error { f(tk); return nil }); err != nil {
		x.Failf("%v", err)
	}
}

// takeCall takes the P of a blocking call, as sysmon does when it has seen it
// before. It tells whether it did; inCall is the number of the present call.
func takeCall(x *model.Execution, s *Scheduler, inCall *int) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	p := s.fore.seated()[0]
	if p.state != pRunning || p.m == nil {
		return false
	}
	phase, seen := p.m.phase.Load(), *inCall
	if phase&phaseMask != phaseBlocked || !s.takeFromCall(p, phase) {
		return false
	}
	if seen != *inCall {
		x.Failf("call %d has lost its P, when it was call %d that was looked at", *inCall, seen)
	}
	s.handOff(p)
	return true
}

// TestModelBlock: sysmon looks twice at a task in a call, while another task waits
// for its P. The task loses it or not; both run, one at a time. 96,000 schedules, 2
// s.
func TestModelBlock(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		other, first := false, false
		run(x, s, func(tk *Task) {
			tk.Go(func(*Task) { on.work(); other = true })
			on.beside("sysmon", func() {
				s.retake(1)
				seen.or(s.retake(2) > 0, "taken", "not taken")
			})
			tk.Block(func() {})
			first = other
			on.work()
		})
		seen.or(first, "the other first", "the caller first")
	})
	seen.want(t, r, "taken", "not taken", "the other first")
}

// still returns a clock that stands still.
func still() clock { return stillClock{} }

// TestModelBlockCalls: sysmon takes the P of the call that it has looked at, and not
// of a later one. 34,000 schedules, 1 s.
func TestModelBlockCalls(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		var tried sx.Gate
		tried.Init()
		run(x, s, func(tk *Task) {
			call := 1
			x.Go("sysmon", func() {
				seen.or(takeCall(x, s, &call), "taken", "not taken")
				tried.Open()
			})
			tk.Block(func() {})
			call = 2
			tk.Block(tried.Wait)
			call = 3
		})
	})
	seen.want(t, r, "taken", "not taken")
}

// TestModelBlockAlone: nobody else wants the P of a call, so it becomes idle when it
// was taken; the task takes it back, or is queued while another M looks around with
// it. 59,000 schedules, 1 s.
func TestModelBlockAlone(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		on := onPs{x: x, most: 1}
		run(x, s, func(tk *Task) {
			call := 1
			taken := false
			on.beside("sysmon", func() { taken = takeCall(x, s, &call) })
			tk.cold = false // leaving its stack makes it cold again
			tk.Block(func() {})
			switch {
			case !taken:
				seen["not taken"]++
			case tk.cold:
				seen["queued"]++
			default:
				seen["taken back"]++
			}
			tk.cold = true
			on.work()
		})
	})
	seen.want(t, r, "taken back", "queued", "not taken")
}
