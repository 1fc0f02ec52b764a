//go:build model

package runq

import (
	"fmt"
	"testing"

	"github.com/runq-go/runq/internal/model"
)

// driver has the Ms of a check that drives them itself: each holds a P, looks for
// work as often as it is told to, and never rests. An execution is then a tenth as
// long as one of Ms that go to sleep and are woken, which have checks of their own.
type driver struct {
	x       *model.Execution
	s       *Scheduler
	ms      []*m
	seen    outcomes
	settled bool
}

// checkDriven explores what f does with as many driven Ms as there are Ps, and ends
// what is left.
func checkDriven(t *testing.T, preemptions, procs int, clk func() clock, want []string, f func(d *driver)) {
	t.Helper()
	seen := make(outcomes)
	of := Config{Procs: procs, StealOrder: upward{}}
	r := checkTimed(t, model.Config{Preemptions: preemptions}, of, clk, func(x *model.Execution, s *Scheduler) {
		d := &driver{x: x, s: s, seen: seen}
		s.lock.Lock()
		for i := range procs {
			m := &m{id: int32(i), s: s, d: &s.fore}
			m.g0.m = m
			m.note.Init()
			m.acquire(s.fore.idleP())
			d.ms = append(d.ms, m)
		}
		s.lock.Unlock()
		f(d)
		d.settle()
	})
	seen.want(t, r, want...)
}

// upward is a StealOrder without chance.
type upward struct{}

func (upward) Order(_, thief int, _ uint32) (start, step int) { return thief + 1, 1 }

// settle runs what is left and gives the Ps back, when all threads but the caller
// have ended. A second
// call does nothing.
func (d *driver) settle() {
	if d.settled {
		return
	}
	d.settled = true
	d.x.Join()
	for again := true; again; {
		again = false
		for _, m := range d.ms {
			again = m.turn() || again
		}
	}
	d.s.lock.Lock()
	for _, m := range d.ms {
		if m.p.hasWork() {
			d.x.Failf("P %d still has tasks", m.p.id)
		}
		d.s.fore.idle.PutP(m.release(pIdle, 0))
	}
	d.s.lock.Unlock()
}

// drive starts a thread in which the M i takes up to n turns.
func (d *driver) drive(i, n int) {
	d.x.Go(fmt.Sprint("M ", i), func() {
		for range n {
			d.ms[i].turn()
		}
	})
}

// put puts a fresh task into the ring of M i.
func (d *driver) put(i int, fn func(*Task)) {
	p := d.ms[i].p
	p.c.spawned++
	e := fresh(fn, d.s.detached)
	p.run.Put(&e, &d.s.normal.queue)
}

// turn is what find does once for an M that needs neither rest nor stop: it runs what
// is found, until nothing can be gone on with.
func (m *m) turn() bool {
	if !m.held && !m.pick(&m.found) && !m.stealRound(&m.found, true) {
		return false
	}
	m.held = false
	to := m.stackFor(&m.found)
	if to == nil {
		to = m.newStack()
	}
	m.g0.switchTo(to, m)
	m.cur = nil
	return true
}
