//go:build model

package runq

import (
	"context"
	"errors"
	"testing"

	"github.com/runq-go/runq/internal/model"
)

// checkClose explores what f does with a scheduler of one P.
func checkClose(t *testing.T, preemptions int, want []string, f func(x *model.Execution, s *Scheduler, seen outcomes)) {
	t.Helper()
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: preemptions}, Config{Procs: 1}, still,
		func(x *model.Execution, s *Scheduler) { f(x, s, seen) })
	seen.want(t, r, want...)
}

// TestModelClose: tasks from outside all run, and Close returns when they have ended.
// 68,000 schedules with up to two preemptions, 7 s.
func TestModelClose(t *testing.T) {
	checkEngine(t, model.Config{Preemptions: 2}, 2, func(x *model.Execution, s *Scheduler) {
		ran := 0
		for range 2 {
			s.Go(func(*Task) { ran++ })
		}
		s.Close()
		if ran != 2 {
			x.Failf("%d of 2 tasks have run", ran)
		}
	})
}

// TestModelCloseRefuses: a task that is submitted while somebody closes the scheduler
// runs when it was accepted, and doesn't when it was refused. Invariant 7. 55,000
// schedules with up to three preemptions, 4 s.
func TestModelCloseRefuses(t *testing.T) {
	checkClose(t, 3, []string{"accepted", "refused"}, func(x *model.Execution, s *Scheduler, seen outcomes) {
		ran := 0
		x.Go("submitter", func() {
			err := s.Run(context.Background(), func(*Task) error {
				ran++
				return nil
			})
			switch {
			case err == nil && ran == 1:
				seen["accepted"]++
			case err == ErrClosed && ran == 0 && s.closingNow():
				seen["refused"]++
			default:
				x.Failf("%v; the task has run %d times", err, ran)
			}
		})
		s.Close()
		x.Join()
		if err := s.Run(context.Background(), func(*Task) error { return nil }); err != ErrClosed {
			x.Failf("after Close: %v", err)
		}
	})
}

// closingNow tells whether Close has been called.
func (s *Scheduler) closingNow() bool { return s.normal.admit.closed }

// TestModelCloseTwice: two close, a third submits; whoever has closed sees that what
// was accepted has ended. 12,000 schedules with up to two preemptions, less than a
// second.
func TestModelCloseTwice(t *testing.T) {
	checkClose(t, 2, []string{"accepted", "refused"}, func(x *model.Execution, s *Scheduler, seen outcomes) {
		accepted, ran := 0, 0
		closer := func() {
			s.Close()
			if accepted != ran {
				x.Failf("%d tasks were accepted, %d have run", accepted, ran)
			}
		}
		x.Go("submitter", func() {
			if s.normal.submit(fresh(func(*Task) { ran++ }, s.detached)) {
				accepted++
				seen["accepted"]++
			} else {
				seen["refused"]++
			}
		})
		x.Go("closer", closer)
		s.Close()
		x.Join()
		if accepted != ran {
			x.Failf("%d tasks were accepted, %d have run", accepted, ran)
		}
	})
}

// TestModelShutdown: the limit of a Shutdown may be over before the tasks are; a Close
// waits for the rest. 140,000 schedules with up to two preemptions, 12 s.
func TestModelShutdown(t *testing.T) {
	checkClose(t, 2, []string{"in time", "too late"}, func(x *model.Execution, s *Scheduler, seen outcomes) {
		ctx, cancel := context.WithCancel(context.Background())
		ran := 0
		s.Go(func(*Task) { ran++ })
		x.Go("canceller", func() {
			s.gone.IsOpen() // a moment
			cancel()
		})
		switch err := s.Shutdown(ctx); {
		case err == nil && ran == 1:
			seen["in time"]++
		case errors.Is(err, context.Canceled):
			seen["too late"]++
		default:
			x.Failf("%v; the task has run %d times", err, ran)
		}
		s.Close()
		if ran != 1 {
			x.Failf("the task has run %d times", ran)
		}
	})
}

// TestModelCloseSpawn: a task spawns another one, which spawns a third, while the
// scheduler is closed: all run. 25,000 schedules with up to three preemptions, 2 s.
func TestModelCloseSpawn(t *testing.T) {
	checkClose(t, 3, []string{"spawned while open", "spawned while closing"}, func(x *model.Execution, s *Scheduler, seen outcomes) {
		ran := 0
		var spawn func(t *Task)
		spawn = func(t *Task) {
			if ran++; ran == 3 {
				return
			}
			if s.closingNow() {
				seen["spawned while closing"]++
			} else {
				seen["spawned while open"]++
			}
			t.Go(spawn)
		}
		s.Go(spawn)
		s.Close()
		if ran != 3 {
			x.Failf("%d of 3 tasks have run", ran)
		}
	})
}

// TestModelCloseGroup: a task of a group comes from outside while the scheduler is
// closed: either it runs, or Wait says that it hasn't. 320,000 schedules with up to
// two preemptions, 19 s.
func TestModelCloseGroup(t *testing.T) {
	want := []string{"accepted while open", "accepted while closing", "refused"}
	checkClose(t, 2, want, func(x *model.Execution, s *Scheduler, seen outcomes) {
		g, _ := NewGroup(context.Background(), s)
		ran := 0
		s.Go(func(*Task) {})
		x.Go("outside", func() {
			closing := s.closingNow()
			g.Go(func(*Task) error {
				ran++
				return nil
			})
			switch err := g.Wait(nil); {
			case err == nil && ran == 1 && !closing:
				seen["accepted while open"]++
			case err == nil && ran == 1:
				seen["accepted while closing"]++
			case err == ErrClosed && ran == 0:
				seen["refused"]++
			default:
				x.Failf("%v; the task has run %d times", err, ran)
			}
		})
		s.Close()
		x.Join()
	})
}
