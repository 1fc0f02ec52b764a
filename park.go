package runq

// Park and ready.
//
// The tension: a task that waits must first say where it can be found and then
// leave its stack; a waker that finds it in between would resume a stack that is
// still in use. Locking the wait list until the switch is over would tie every
// waker to the scheduler's speed.
//
// The choice, as in Go's runtime: the task decides to wait, leaves, and only then
// does the stack that it has switched to run the commit function that publishes
// the wait. If the commit finds that there is nothing to wait for any more, the
// task is made ready at once.
//
// Invariant 5: whoever removes the task from its wait list, and nobody else,
// readies it, once.

import (
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// park makes the task wait. commit, which runs after the task has left its stack,
// publishes the wait and returns true, or returns false when there is nothing to
// wait for. It must not wait itself, and must not touch t after publishing. park
// returns when the task has been readied, and returns what the waker left in
// t.err.
func (t *Task) park(why event.Reason, commit func(*Task, unsafe.Pointer) bool, arg unsafe.Pointer) error {
	m := t.m
	t.status = gWaiting
	t.cold = true
	t.reason = why
	t.object = uintptr(arg) // a number: to be looked at doesn't keep it alive
	if t.err != nil {
		t.err = nil
	}
	t.since = m.s.coarse.Load()
	p := m.p
	p.c.parks++
	if t.hopeless() {
		p.c.hopelessWaits++
	}
	if t.lock != nil {
		m.waitLocked(t, commit, arg)
	} else {
		l := &m.leave
		l.kind, l.g, l.commit, l.arg = leavePark, t, commit, arg
		// switchTo, written out: after a switch each return costs a misprediction, since
		// the processor expects to return to where the other stack was called from. A
		// waiting task has no errands.
		from, to := &t.c.stack, m.nextStack()
		to.m = m
		at := to.in
		from.in = at
		if at.out {
			at.out = false
			at.yield(struct{}{})
		} else {
			at.out = true
			at.next()
		}
		from.m.after()
		t.resumed()
	}
	return t.err
}

// nextStack picks the next task and returns the stack to switch to for it: g0, if
// there is none at hand.
func (m *m) nextStack() *stack {
	if !m.pick(&m.found) {
		return &m.g0
	}
	return m.foundStack()
}

// foundStack returns the stack to switch to for what has been picked: g0, if a
// carrier has to be made for it.
func (m *m) foundStack() *stack {
	to := m.stackFor(&m.found)
	if to == nil {
		m.held = true
		return &m.g0
	}
	return to
}

// resumed puts a task that has been switched to back to work, on the M that did.
func (t *Task) resumed() {
	m := t.c.m
	if t.status != gRunnable {
		bug("resumed: task %d is %v", t.id, t.status)
	}
	t.status = gRunning
	t.reason = event.ReasonNone
	t.m = m
	m.cur = t.c
	m.curg = t
	if m.p.events != nil {
		t.event(event.KindTaskResumed, event.ReasonNone, 0)
	}
}

// afterPark commits the wait of a task that has left its stack.
func (m *m) afterPark(t *Task, commit func(*Task, unsafe.Pointer) bool, arg unsafe.Pointer) {
	m.curg = nil
	if m.p.events != nil {
		t.eventOn(m, event.KindTaskParked, t.reason, uint64(shownObject(t.reason, t.object)))
	}
	if !commit(t, arg) {
		m.s.ready(m, t, event.ReasonWakeTask)
	}
}

// ready makes a waiting task runnable. The caller has removed it from its wait
// list. m is the caller's M; nil for an ordinary goroutine. The task goes into the
// caller's next slot, since what has been waited for is in the cache now.
func (s *Scheduler) ready(m *m, t *Task, why event.Reason) {
	if t.status != gWaiting {
		bug("ready: task %d is %v", t.id, t.status)
	}
	hopeless := t.hopeless()
	t.status = gRunnable
	t.waker = 0
	if m == nil || m.p == nil {
		s.out.wakes.Add(1)
		if hopeless {
			s.out.hopelessWakes.Add(1)
		}
		s.eventOut(t, event.KindTaskReadied, why)
		if t.e.env.class.d.fair.Load() {
			t.readied = s.clock.Now()
		}
		s.enqueue(begun(t))
		return
	}
	if m.curg != nil && why == event.ReasonWakeTask {
		t.waker = m.curg.id
	}
	p := m.p
	p.c.wakes++
	if hopeless {
		p.c.hopelessWakes++
	}
	if p.events != nil {
		t.eventOn(m, event.KindTaskReadied, why, t.waker)
	}
	if t.e.env.class != p.class || p.attn.Load()&attnFair != 0 {
		if !m.readyFair(t) {
			return
		}
	}
	var old *Task
	if !p.next.TryPut(t) {
		if old = p.next.Replace(t); old != nil {
			e := begun(old)
			p.run.Put(&e, &p.class.queue)
		}
	}
	m.d.wakeAfterPut(p, old == nil)
}

// Yield lets other tasks run: the caller goes to the end of its P's queue, and
// continues when its turn comes. It returns at once when nobody else is runnable.
func (t *Task) Yield() {
	m := t.enter("Yield")
	p := m.p
	if p.attn.Load()&attnAsked != 0 {
		t.attend()
		return
	}
	p.c.yields++
	if t.lock != nil {
		if (p.hasWork() || m.d.queued()) && (t.home == nil || !m.d.manyThreads()) {
			t.requeue(event.ReasonYield)
		}
		return
	}
	if !m.pick(&m.found) {
		if p.attn.Load()&attnAsked != 0 {
			t.attend()
		}
		return
	}
	t.leaveRunnable(leaveYield, m.foundStack(), event.ReasonYield)
}

// leaveRunnable switches to the stack to; the task is queued as kind says.
func (t *Task) leaveRunnable(kind leaveKind, to *stack, why event.Reason) {
	m := t.m
	t.status = gRunnable
	t.cold = true
	t.reason = why
	m.leave.kind, m.leave.g, m.leave.why = kind, t, why
	t.c.switchTo(to, m)
	t.resumed()
}

// peekStatus is the task's status as an observer may read it.
func (t *Task) peekStatus() status { return status(sx.PeekUint8((*uint8)(&t.status))) }
