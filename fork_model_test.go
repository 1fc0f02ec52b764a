//go:build model

package runq

import (
	"testing"

	"github.com/runq-go/runq/internal/sx"
)

// forkRun counts how often a forked function has run, and who ran it.
type forkRun struct {
	d     *driver
	times int
	on    *Task
}

func (r *forkRun) run(t *Task) {
	if r.times++; r.times > 1 {
		r.d.x.Failf("run %d times", r.times)
	}
	r.on = t
}

// checkForks explores f, a task of the first of several driven Ms, while the others look
// for work. f must have ended, and every P have nothing to do.
func checkForks(t *testing.T, preemptions, procs int, want []string, f func(d *driver, tk *Task)) {
	t.Helper()
	checkDriven(t, preemptions, procs, still, want, func(d *driver) {
		ended := false
		d.put(0, func(tk *Task) { f(d, tk); ended = true })
		for i := range procs {
			d.drive(i, 2)
		}
		d.settle()
		if !ended {
			d.x.Failf("the task hasn't ended")
		}
	})
}

// how tells how the fork that r counts was run for tk.
func (r *forkRun) how(tk *Task) string {
	switch {
	case r.times != 1:
		r.d.x.Failf("run %d times before Join has returned", r.times)
	case r.on == tk && tk.m.p.c.forksTakenBack > 0:
		return "taken back"
	case r.on == tk:
		return "here"
	}
	return "elsewhere"
}

// TestModelForkJoin: a promoted fork is joined while another M looks for work.
func TestModelForkJoin(t *testing.T) {
	checkForks(t, 3, 2, []string{"taken back", "elsewhere"}, func(d *driver, tk *Task) {
		r := &forkRun{d: d}
		x := Fork(tk, func(t *Task, n int) int { r.run(t); return n + 1 }, 1)
		eager(tk)
		if v := x.Join(tk); v != 2 {
			d.x.Failf("the result is %d", v)
		}
		d.seen[r.how(tk)]++
	})
}

// TestModelForkTwo: two promoted forks, of which the younger is joined first.
func TestModelForkTwo(t *testing.T) {
	checkForks(t, 3, 2, []string{"both here", "one each", "both elsewhere"}, func(d *driver, tk *Task) {
		a, b := &forkRun{d: d}, &forkRun{d: d}
		x := Fork(tk, func(t *Task, n int) int { a.run(t); return n }, 1)
		y := Fork(tk, func(t *Task, n int) int { b.run(t); return n }, 2)
		eager(tk)
		eager(tk)
		if v := y.Join(tk); v != 2 {
			d.x.Failf("the result is %d", v)
		}
		if v := x.Join(tk); v != 1 {
			d.x.Failf("the result is %d", v)
		}
		switch {
		case a.on == tk && b.on == tk:
			d.seen["both here"]++
		case a.on == tk || b.on == tk:
			d.seen["one each"]++
		default:
			d.seen["both elsewhere"]++
		}
	})
}

// TestModelLeapfrog: a fork that is run elsewhere has a fork of its own promoted, which
// may be run by that one, by a third, or by the task that waits.
func TestModelLeapfrog(t *testing.T) {
	checkForks(t, 2, 3, []string{"leapfrogged", "by its own", "by a third"}, leapfrogs)
}

// TestModelLeapfrogTwo is the same without a third, and one preemption more.
func TestModelLeapfrogTwo(t *testing.T) {
	checkForks(t, 3, 2, []string{"leapfrogged", "by its own"}, leapfrogs)
}

func leapfrogs(d *driver, tk *Task) {
	in, out := &forkRun{d: d}, &forkRun{d: d}
	x := Fork(tk, func(t *Task, n int) int {
		out.run(t)
		y := Fork(t, func(t *Task, n int) int {
			in.run(t)
			sx.Gosched() // others may come to it meanwhile
			return n
		}, n)
		for t.c.forks.promoted < t.forks() {
			eager(t)
		}
		return y.Join(t) + 1
	}, 1)
	for tk.c.forks.promoted < tk.forks() {
		eager(tk)
	}
	if v := x.Join(tk); v != 2 || in.times != 1 {
		d.x.Failf("the result is %d, the inner fork has run %d times", v, in.times)
	}
	switch {
	case in.on == out.on:
		d.seen["by its own"]++
	case in.on == tk:
		d.seen["leapfrogged"]++
	default:
		d.seen["by a third"]++
	}
}

// TestModelForkPanic: a promoted fork panics, and the task recovers.
func TestModelForkPanic(t *testing.T) {
	checkForks(t, 3, 2, []string{"here", "elsewhere"}, func(d *driver, tk *Task) {
		defer func() {
			v := recover()
			if p, ok := v.(*PanicError); ok {
				v = p.Value
				d.seen["elsewhere"]++
			} else {
				d.seen["here"]++
			}
			if v != "enough" || tk.forks() != 0 {
				d.x.Failf("the panic is %v, with %d forks left", v, tk.forks())
			}
		}()
		x := Fork(tk, failing, 1)
		eager(tk)
		x.Join(tk)
		d.x.Failf("Join has returned")
	})
}

// TestModelForkDropped: a task ends by a panic with a promoted fork, which either never
// begins or has ended when the task has.
func TestModelForkDropped(t *testing.T) {
	want := []string{"never begun", "waited for"}
	checkForks(t, 3, 2, want, func(d *driver, tk *Task) {
		r := &forkRun{d: d}
		over := false
		Fork(tk, func(t *Task, n int) int { r.run(t); t.Yield(); over = true; return n }, 1)
		eager(tk)
		tk.endForks(nil)
		if r.times > 0 && !over {
			d.x.Failf("the fork still runs")
		}
		d.seen.or(over, "waited for", "never begun")
	})
}

// TestModelBeg: a task is begged for a fork while it is asked to yield. It yields, or the word
// that asks it to is still there when it has ended.
func TestModelBeg(t *testing.T) {
	checkDriven(t, 3, 2, still, []string{"has yielded", "has ended before"}, func(d *driver) {
		p, q := d.ms[0].p, d.ms[1].p
		var tk *Task
		d.put(0, func(t *Task) {
			tk = t
			d.x.Go("beggar", func() { p.begForFork() })
			d.x.Go("asker", func() { t.preempt.Store(asked) })
			t.Checkpoint()
			t.Checkpoint()
		})
		d.drive(0, 2)
		d.settle()
		yields := p.c.preemptions + q.c.preemptions
		if yields == 0 && tk.preempt.Load() != asked {
			d.x.Failf("the task was asked to yield, and hasn't")
		}
		d.seen.or(yields > 0, "has yielded", "has ended before")
	})
}
