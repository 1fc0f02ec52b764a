//go:build model

package runq

import (
	"testing"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// latch is something to wait for: once it is open, nobody waits any more.
type latch struct {
	mu         sx.Mutex
	open       bool     // guarded by mu
	waiters    []*Task  // guarded by mu
	committing sx.Int32 // commits that have published a wait and not returned
	seen       outcomes
}

func newLatch(seen outcomes) *latch {
	l := &latch{seen: seen}
	model.Name(&l.mu, "latch")
	model.Name(&l.committing, "committing")
	return l
}

// wait parks t until the latch is open.
func (l *latch) wait(t *Task) {
	m := t.m
	t.park(event.ReasonWaitPark, commitLatch, unsafe.Pointer(l))
	if t.m == m {
		l.seen["goes on where it was"]++
	} else {
		l.seen["goes on elsewhere"]++
	}
}

func commitLatch(t *Task, arg unsafe.Pointer) bool {
	l := (*latch)(arg)
	l.mu.Lock()
	defer l.committing.Add(-1) // the task may be on its way already
	defer l.mu.Unlock()
	l.committing.Add(1)
	if l.open {
		l.seen["opened before the commit"]++
		return false
	}
	l.waiters = append(l.waiters, t)
	return true
}

// release opens the latch, on behalf of m if that isn't nil.
func (l *latch) release(s *Scheduler, m *m) {
	l.mu.Lock()
	l.open = true
	waiters := l.waiters
	l.waiters = nil
	l.mu.Unlock()
	if len(waiters) > 1 {
		l.seen["two readied at once"]++
	}
	for _, w := range waiters {
		if l.committing.Load() > 0 {
			l.seen["opened during the commit"]++
		} else {
			l.seen["opened after the commit"]++
		}
		s.ready(m, w, event.ReasonWakeTask)
	}
}

// whenOpened is what a latch must have been seen in.
var whenOpened = []string{"opened before the commit", "opened during the commit", "opened after the commit", "goes on where it was", "goes on elsewhere"}

// TestModelPark: a task waits for what another one does on another M, before, while
// and after the wait is published. 240,000 schedules with up to four preemptions, 7 s.
func TestModelPark(t *testing.T) {
	checkDriven(t, 4, 2, still, whenOpened, func(d *driver) {
		l := newLatch(d.seen)
		ended := false
		d.put(0, func(t *Task) {
			l.wait(t)
			ended = true
		})
		d.put(1, func(t *Task) { l.release(d.s, t.m) })
		d.drive(0, 2)
		d.drive(1, 1)
		d.settle()
		if !ended {
			d.x.Failf("the task has not gone on")
		}
	})
}

// TestModelParkOutside: an ordinary goroutine readies the task. 150,000 schedules with
// up to three preemptions, 8 s.
func TestModelParkOutside(t *testing.T) {
	checkDriven(t, 3, 2, still, whenOpened, func(d *driver) {
		l := newLatch(d.seen)
		ended := false
		d.put(0, func(t *Task) {
			l.wait(t)
			ended = true
		})
		d.x.Go("waker", func() { l.release(d.s, nil) })
		d.drive(0, 2)
		d.drive(1, 1)
		d.settle()
		if !ended {
			d.x.Failf("the task has not gone on")
		}
	})
}

// TestModelParkTwo: two tasks are readied at once, so that one of them displaces the
// other from the next slot, while another M looks for work. 80,000 schedules with up
// to three preemptions, 7 s.
func TestModelParkTwo(t *testing.T) {
	want := []string{"two readied at once", "opened before the commit", "goes on elsewhere"}
	checkDriven(t, 3, 2, still, want, func(d *driver) {
		l := newLatch(d.seen)
		ran := 0
		for range 2 {
			d.put(0, func(t *Task) {
				l.wait(t)
				ran++
			})
		}
		d.put(0, func(t *Task) { l.release(d.s, t.m) })
		d.drive(0, 2)
		d.drive(1, 2)
		d.settle()
		if ran != 2 {
			d.x.Failf("%d of 2 tasks have gone on", ran)
		}
	})
}

// TestModelYield: a task yields to another one while an M looks for work, which may
// get hold of either. 190,000 schedules with up to four preemptions, 11 s.
func TestModelYield(t *testing.T) {
	want := []string{"stolen after its yield", "goes on where it was", "the other one was stolen", "nobody to yield to"}
	checkDriven(t, 4, 2, still, want, func(d *driver) {
		var other *m
		ended := false
		d.put(0, func(t *Task) {
			here := t.m
			t.Yield()
			ended = true
			switch {
			case t.m != here:
				d.seen["stolen after its yield"]++
			case other == nil:
				d.seen["nobody to yield to"]++
			case other != here:
				d.seen["the other one was stolen"]++
			default:
				d.seen["goes on where it was"]++
			}
		})
		d.put(0, func(t *Task) {
			if other != nil {
				d.x.Failf("the other task runs twice")
			}
			other = t.m
		})
		d.drive(0, 2)
		d.drive(1, 2)
		d.settle()
		if other == nil || !ended {
			d.x.Failf("not all have ended")
		}
	})
}
