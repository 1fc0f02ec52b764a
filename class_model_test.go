//go:build model

package runq

import (
	"context"
	"fmt"
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// leaping returns a clock by which every turn of a class is over at the next look.
func leaping() clock { return &steppingClock{step: int64(defaultSlice)} }

// TestModelClassSubmit: the first tasks of a second class come while the only P serves the
// first, goes to sleep, or sleeps: they run. 119,000 schedules with up to two preemptions,
// 6 s.
func TestModelClassSubmit(t *testing.T) {
	checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		ran := 0
		var submitter sx.WaitGroup
		submitter.Add(1)
		s.Go(func(*Task) { ran++ })
		x.Go("submitter", func() {
			s.Interactive().Go(func(*Task) { ran++ })
			submitter.Done()
		})
		submitter.Wait()
		s.Close()
		if ran != 2 {
			x.Failf("%d of 2 tasks have run", ran)
		}
	})
}

// TestModelClassBatch: a P fetches a batch of tasks that another one could run, just when that
// goes to sleep: it must not sleep on, for the tasks wait for each other. The first 60,000
// schedules of 460,000 with up to two preemptions, 4 s.
func TestModelClassBatch(t *testing.T) {
	of := Config{Procs: 2, StealOrder: upward{}}
	checkTimed(t, model.Config{Preemptions: 2, Limit: 60_000}, of, still, func(x *model.Execution, s *Scheduler) {
		c := s.Interactive()
		c.engage()
		var begun sx.Int32
		meet := func(*Task) {
			for begun.Add(1); begun.Load() < 2; {
				sx.Gosched()
			}
		}
		s.Go(func(t *Task) {
			c.queue.Lock()
			c.admit.spawned += 2
			c.queue.PutLocked(fresh(meet, c.detached))
			c.queue.PutLocked(fresh(meet, c.detached))
			c.queue.Unlock()
			c.arrived(true)
		})
		s.Close()
	})
}

// TestModelClassEngage: two submit the first tasks of a class at once. 127,000 schedules with up to
// two preemptions, 5 s.
func TestModelClassEngage(t *testing.T) {
	checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, still, func(x *model.Execution, s *Scheduler) {
		ran := 0
		var submitter sx.WaitGroup
		submitter.Add(1)
		x.Go("submitter", func() {
			s.Interactive().Go(func(*Task) { ran++ })
			submitter.Done()
		})
		s.Interactive().Go(func(*Task) { ran++ })
		submitter.Wait()
		s.Close()
		if ran != 2 {
			x.Failf("%d of 2 tasks have run", ran)
		}
	})
}

// TestModelClassClose: a task of a second class that is submitted while the scheduler is
// closed runs when it was accepted, and doesn't when it was refused.
// 152,000 schedules with up to two preemptions, 5 s.
func TestModelClassClose(t *testing.T) {
	checkClose(t, 2, []string{"accepted", "refused"}, func(x *model.Execution, s *Scheduler, seen outcomes) {
		ran, first := 0, 0
		s.Go(func(*Task) { first++ })
		x.Go("submitter", func() {
			err := s.Interactive().Run(context.Background(), func(*Task) error {
				ran++
				return nil
			})
			switch {
			case err == nil && ran == 1:
				seen["accepted"]++
			case err == ErrClosed && ran == 0:
				seen["refused"]++
			default:
				x.Failf("%v; the task has run %d times", err, ran)
			}
		})
		s.Close()
		x.Join()
		if first != 1 {
			x.Failf("the first task has run %d times", first)
		}
	})
}

// putClass puts a fresh task into the class's queue.
func (d *driver) putClass(c *Class, fn func(*Task)) {
	c.queue.Lock()
	c.admit.spawned++
	c.queue.PutLocked(fresh(fn, c.detached))
	c.queue.Unlock()
}

// turnFair is turn where Ps choose among classes: what has been stolen is served as such.
func (m *m) turnFair() bool {
	if !m.held && !m.pick(&m.found) {
		if !m.stealRound(&m.found, true) {
			return false
		}
		m.stolen(&m.found)
	}
	m.held = true
	return m.turn()
}

// driveFair lets every M take up to n turns, and then all that are left to be taken.
func (d *driver) driveFair(n int) {
	for _, m := range d.ms {
		d.x.Go(fmt.Sprint("M ", m.id), func() {
			for range n {
				m.turnFair()
			}
		})
	}
	d.x.Join()
	for again := true; again; {
		again = false
		for _, m := range d.ms {
			again = m.turnFair() || again
		}
	}
	d.settle()
}

// TestModelClassSteal: an M steals from a P just when that changes from one class to
// another: every task runs once, on a P that serves its class. 39,000
// schedules with up to two preemptions, 2 s.
func TestModelClassSteal(t *testing.T) {
	want := []string{"normal here", "normal elsewhere", "interactive here", "interactive elsewhere"}
	checkDriven(t, 2, 2, leaping, want, func(d *driver) {
		d.s.interactive.engage()
		ran := 0
		task := func(c *Class) func(*Task) {
			return func(t *Task) {
				ran++
				if p := t.m.p; t.Class() != c || p.class != c || !p.turn.serves {
					d.x.Failf("a task of class %s runs on a P that serves %s", c.name, p.class.name)
				}
				d.seen.or(t.m == d.ms[0], c.name+" here", c.name+" elsewhere")
			}
		}
		for range 2 {
			d.put(0, task(d.s.normal))
		}
		for range 2 {
			d.putClass(d.s.interactive, task(d.s.interactive))
		}
		d.driveFair(2)
		if ran != 4 {
			d.x.Failf("%d of 4 tasks have run", ran)
		}
	})
}

// TestModelClassPreempt: a class far behind asks for the P just when the task there waits,
// is readied by what comes, or has ended. 5,000 schedules with up to two preemptions, less than a
// second.
func TestModelClassPreempt(t *testing.T) {
	want := []string{"asked before the wait", "asked after the wait", "the wait was over"}
	checkDriven(t, 2, 1, leaping, want, func(d *driver) {
		d.s.interactive.engage()
		l := newLatch(make(outcomes))
		ended, came, waits := false, false, false
		d.put(0, func(t *Task) {
			waits = true
			l.wait(t)
			waits = false
			ended = true
		})
		d.x.Go("submitter", func() {
			d.putClass(d.s.interactive, func(t *Task) {
				came = true
				l.release(d.s, t.m)
			})
			d.s.interactive.arrived(true)
			switch {
			case ended:
				d.seen["the wait was over"]++
			case waits:
				d.seen["asked after the wait"]++
			default:
				d.seen["asked before the wait"]++
			}
		})
		d.driveFair(3)
		if !ended || !came {
			d.x.Failf("the task has gone on: %v; the other one has run: %v", ended, came)
		}
	})
}
