//go:build model

package runq

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

var errFirst, errSecond = errors.New("first"), errors.New("second")

// checkGroup explores what f does with a group on two driven Ms.
func checkGroup(t *testing.T, preemptions int, want []string, f func(d *driver, g *Group, ctx context.Context)) {
	t.Helper()
	checkDriven(t, preemptions, 2, still, want, func(d *driver) {
		g, ctx := NewGroup(context.Background(), d.s)
		model.Name(&g.mu, "group")
		f(d, g, ctx)
		d.settle()
		if g.pending+g.running+g.coming+g.inside+len(g.queue)+len(g.waiters) != 0 {
			d.x.Failf("in the end the group has %d pending, %d running, %d coming, %d inside, %d queued, %d waiters",
				g.pending, g.running, g.coming, g.inside, len(g.queue), len(g.waiters))
		}
	})
}

// TestModelGroup: a task waits for another one of a group, and is readied. The Ms are
// woken for that and go to sleep again. 160,000 schedules with up to two preemptions,
// 6 s.
func TestModelGroup(t *testing.T) {
	checkEngine(t, model.Config{Preemptions: 2}, 2, func(x *model.Execution, s *Scheduler) {
		ran := 0
		err := s.Run(context.Background(), func(t *Task) error {
			g, _ := NewGroup(context.Background(), s)
			g.Go(func(*Task) error {
				ran++
				return nil
			})
			return g.Wait(t)
		})
		if err != nil || ran != 1 {
			x.Failf("%v, %d tasks have run", err, ran)
		}
	})
}

// TestModelGroupWait: two tasks and an ordinary goroutine wait for a group's one task,
// which runs on another M: all go on when it has ended, and have its error. 62,000
// schedules with up to two preemptions, 2 s.
func TestModelGroupWait(t *testing.T) {
	want := []string{"came in time", "came too late"}
	checkGroup(t, 2, want, func(d *driver, g *Group, _ context.Context) {
		ended, waits := false, 0
		g.Go(func(*Task) error {
			ended = true
			return errFirst
		})
		wait := func(t *Task) {
			if ended {
				d.seen["came too late"]++
			} else {
				d.seen["came in time"]++
			}
			if err := g.Wait(t); err != errFirst || !ended {
				d.x.Failf("Wait returns %v, ended: %t", err, ended)
			}
			waits++
		}
		d.put(1, wait)
		d.put(1, wait)
		d.x.Go("goroutine", func() { wait(nil) })
		d.drive(0, 1)
		d.drive(1, 3)
		d.x.Join()
		d.settle()
		if waits != 3 {
			d.x.Failf("%d of 3 waits have ended", waits)
		}
	})
}

// TestModelGroupLimit: of three tasks under a limit of one, which come from a task and
// from outside, never two run at once. 72,000 schedules with up to two preemptions, 2
// s.
func TestModelGroupLimit(t *testing.T) {
	checkGroup(t, 2, []string{"queued", "not queued"}, func(d *driver, g *Group, _ context.Context) {
		g.SetLimit(1)
		on := sx.Int32{}
		ran := 0
		work := func(*Task) error {
			if on.Add(1) != 1 {
				d.x.Failf("two tasks run, with a limit of one")
			}
			on.Add(-1)
			ran++
			return nil
		}
		d.put(0, func(t *Task) {
			g.Go(work)
			g.Go(work)
			g.Wait(t)
		})
		d.x.Go("outside", func() {
			if g.running > 0 {
				d.seen["queued"]++
			} else {
				d.seen["not queued"]++
			}
			g.Go(work)
		})
		d.drive(0, 2)
		d.drive(1, 2)
		d.settle()
		if ran != 3 {
			d.x.Failf("%d of 3 tasks have run", ran)
		}
	})
}

// TestModelGroupRaise: the limit is raised from zero to one, and then done away with,
// while tasks come and one waits. 42,000 schedules with up to two preemptions, a
// second.
func TestModelGroupRaise(t *testing.T) {
	checkGroup(t, 2, []string{"came before", "came between", "came after"}, func(d *driver, g *Group, _ context.Context) {
		ran := 0
		g.SetLimit(0)
		work := func(*Task) error {
			ran++
			return nil
		}
		g.Go(work)
		raised := "came before"
		d.put(0, func(t *Task) {
			d.seen[raised]++
			g.Go(work)
			if err := g.Wait(t); err != nil || ran != 2 {
				d.x.Failf("Wait returns %v; %d of 2 tasks have run", err, ran)
			}
		})
		d.x.Go("raiser", func() {
			g.SetLimit(1)
			raised = "came between"
			g.SetLimit(-1)
			raised = "came after"
		})
		d.drive(0, 2)
		d.drive(1, 2)
		d.settle()
		if ran != 2 {
			d.x.Failf("%d of 2 tasks have run", ran)
		}
	})
}

// TestModelGroupCancel: two tasks fail. The one whose error Wait returns has cancelled
// the context with it. 18,000 schedules with up to two preemptions, less than a
// second.
func TestModelGroupCancel(t *testing.T) {
	checkGroup(t, 2, []string{"first", "second"}, func(d *driver, g *Group, ctx context.Context) {
		for _, err := range []error{errFirst, errSecond} {
			g.Go(func(*Task) error { return err })
		}
		d.x.Go("goroutine", func() {
			err := g.Wait(nil)
			if err == nil || context.Cause(ctx) != err {
				d.x.Failf("Wait returns %v, the context's cause is %v", err, context.Cause(ctx))
			}
			d.seen[err.Error()]++
		})
		d.drive(0, 1)
		d.drive(1, 1)
	})
}

// TestModelGroupPanic: a Wait returns a panic while another task still runs; a second
// Wait waits for that. 64,000 schedules with up to two preemptions, 2 s.
func TestModelGroupPanic(t *testing.T) {
	checkGroup(t, 2, []string{"waited for the panic", "panicked before"}, func(d *driver, g *Group, _ context.Context) {
		var told sx.Gate
		told.Init()
		ended := false
		g.Go(func(*Task) error { panic("the panic") })
		g.Go(func(*Task) error {
			told.Wait()
			ended = true
			return nil
		})
		d.x.Go("goroutine", func() {
			if g.panic == nil {
				d.seen["waited for the panic"]++
			} else {
				d.seen["panicked before"]++
			}
			var p *PanicError
			if err := g.Wait(nil); !errors.As(err, &p) || ended {
				d.x.Failf("Wait returns %v, ended: %t", err, ended)
			}
			told.Open()
			if g.Wait(nil); !ended {
				d.x.Failf("the second Wait has not waited")
			}
		})
		d.drive(0, 2)
		d.drive(1, 2)
	})
}

// TestModelGroupTryGo: two try to start a task under a limit of one. What is accepted
// runs, never two at once, and what is refused doesn't. 64,000 schedules with up to
// two preemptions, 2 s.
func TestModelGroupTryGo(t *testing.T) {
	checkGroup(t, 2, []string{"both", "one"}, func(d *driver, g *Group, _ context.Context) {
		g.SetLimit(1)
		accepted, ran := 0, 0
		var on sx.Int32
		try := func() {
			if g.TryGo(func(*Task) error {
				if on.Add(1) != 1 {
					d.x.Failf("two tasks run, with a limit of one")
				}
				on.Add(-1)
				ran++
				return nil
			}) {
				accepted++
			}
		}
		d.x.Go("try 1", try)
		d.x.Go("try 2", try)
		d.drive(0, 1)
		d.drive(1, 1)
		d.settle()
		if accepted != ran || accepted < 1 {
			d.x.Failf("%d were accepted, %d have run", accepted, ran)
		}
		d.seen[[]string{"one", "both"}[accepted-1]]++
	})
}

// TestModelGroupInside: a task waits for its own group while another one comes from
// outside, under a limit of one: its place is free meanwhile, so that the other one
// can run. 24,000 schedules with up to two preemptions, less than a second.
func TestModelGroupInside(t *testing.T) {
	checkGroup(t, 2, []string{"waited for the other one", "was alone"}, func(d *driver, g *Group, _ context.Context) {
		g.SetLimit(1)
		ran, waited := false, false
		g.Go(func(t *Task) error {
			g.Wait(t)
			waited = true
			if ran {
				d.seen["waited for the other one"]++
			} else {
				d.seen["was alone"]++
			}
			return nil
		})
		d.x.Go("outside", func() {
			g.Go(func(*Task) error {
				ran = true
				return nil
			})
		})
		d.drive(0, 2)
		d.drive(1, 2)
		d.settle()
		if !ran || !waited {
			d.x.Failf("not all have ended: %t, %t", ran, waited)
		}
	})
}

// TestModelGroupNested: a task of a group waits for a group of its own. 8,900
// schedules with up to two preemptions, less than a second.
func TestModelGroupNested(t *testing.T) {
	checkGroup(t, 2, []string{"inner elsewhere", "inner here"}, func(d *driver, g *Group, _ context.Context) {
		g.SetLimit(1)
		ran := 0
		for range 2 {
			g.Go(func(t *Task) error {
				inner, _ := NewGroup(context.Background(), d.s)
				here := t.m
				inner.Go(func(t *Task) error {
					if t.m == here {
						d.seen["inner here"]++
					} else {
						d.seen["inner elsewhere"]++
					}
					return errFirst
				})
				if err := inner.Wait(t); err != errFirst {
					d.x.Failf("the inner Wait returns %v", err)
				}
				ran++
				return nil
			})
		}
		d.drive(0, 3)
		d.drive(1, 2)
		d.settle()
		if ran != 2 {
			d.x.Failf("%d of 2 tasks have ended", ran)
		}
	})
}

// pausing is stillClock that notes pauses.
type pausing struct {
	stillClock
	seen outcomes
}

func (c pausing) Pause(time.Duration) {
	c.seen["looked while one was coming"]++
	sx.Gosched()
}

// TestModelDeadlockFalse: a task waits for a group while another one is being
// submitted from outside: that is no deadlock. 140,000 schedules with up to two
// preemptions, 4 s.
func TestModelDeadlockFalse(t *testing.T) {
	seen := make(outcomes)
	var x *model.Execution
	of := Config{Procs: 1, OnDeadlock: func(e *DeadlockError) { x.Failf("it is no deadlock: %v", e) }}
	clk := func() clock { return pausing{seen: seen} }
	r := checkTimed(t, model.Config{Preemptions: 2}, of, clk, func(now *model.Execution, s *Scheduler) {
		x = now
		g, _ := NewGroup(context.Background(), s)
		ran := false
		x.Go("outside", func() {
			g.Go(func(*Task) error {
				ran = true
				return nil
			})
		})
		s.Run(context.Background(), func(t *Task) error {
			came := g.pending > 0
			if err := g.Wait(t); err != nil || came && !ran {
				x.Failf("Wait returns %v; the task has run: %t", err, ran)
			}
			return nil
		})
		for !ran {
			sx.Gosched()
		}
	})
	seen.want(t, r, "looked while one was coming")
}

// TestModelDeadlock: two tasks wait for each other's groups. It is told once, and both
// waits end. 160,000 schedules with up to two preemptions, 6 s.
func TestModelDeadlock(t *testing.T) {
	seen := make(outcomes)
	told := 0
	of := Config{Procs: 1, OnDeadlock: func(*DeadlockError) { told++ }}
	r := checkTimed(t, model.Config{Preemptions: 2}, of, still, func(x *model.Execution, s *Scheduler) {
		told = 0
		a, _ := NewGroup(context.Background(), s)
		b, _ := NewGroup(context.Background(), s)
		s.Run(context.Background(), func(*Task) error { // with the only P: neither begins before both are queued
			a.Go(func(t *Task) error { return b.Wait(t) })
			b.Go(func(t *Task) error { return a.Wait(t) })
			return nil
		})
		var d *DeadlockError
		if err := a.Wait(nil); !errors.As(err, &d) || told != 1 {
			x.Failf("Wait returns %v, told %d times", err, told)
		}
		seen[fmt.Sprint(d.Tasks, " tasks")]++
	})
	seen.want(t, r, "2 tasks")
}
