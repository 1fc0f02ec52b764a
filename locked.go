package runq

// Locked tasks.
//
// A coroutine must be switched to under the thread lock that it was made under, or
// the Go runtime throws. So while a task is locked to its thread nothing on its M
// is switched: the task waits natively, asleep on its M's note with its P handed
// off, as a locked goroutine does in Go. When it is scheduled, the M that has found
// it in a queue gives its own P to the task's M and goes on without.

import (
	"runtime"
	"unsafe"

	"github.com/runq-go/runq/event"
)

// LockThread wires the task to its present operating system thread until as many
// calls of UnlockThread, or its end. No other task runs on that thread meanwhile.
// A locked task's waits cost a thread switch each. Tasks must use LockThread, never
// runtime.LockOSThread: the runtime crashes the process when a task that has
// called that waits.
func (t *Task) LockThread() {
	m := t.enter("LockThread")
	runtime.LockOSThread()
	t.cold = true
	t.locks++
	t.lock = m
}

// UnlockThread undoes one LockThread.
func (t *Task) UnlockThread() {
	t.enter("UnlockThread")
	if t.locks == 0 {
		panic("runq: Task.UnlockThread: the task isn't locked to its thread")
	}
	runtime.UnlockOSThread()
	if t.locks--; t.locks == 0 {
		t.lock = t.home
	}
}

// unlockAll undoes what a task that has ended left locked.
func (t *Task) unlockAll() {
	for ; t.locks > 0; t.locks-- {
		runtime.UnlockOSThread()
	}
	t.lock = t.home
}

// waitLocked parks a locked task: commit, hand off, sleep until somebody who has
// found the task in a queue brings a P.
func (m *m) waitLocked(t *Task, commit func(*Task, unsafe.Pointer) bool, arg unsafe.Pointer) {
	m.d.waiting.Add(1) // only a domain whose tasks have threads looks at it
	t.waitBegins()
	m.afterPark(t, commit, arg)
	m.handOffP()
	m.awaitP(t)
	m.d.waiting.Add(-1)
	t.waitEnds()
}

// requeueLocked queues a locked task and gives its P away.
func (m *m) requeueLocked(t *Task, why event.Reason) {
	t.status = gRunnable
	t.cold = true
	t.reason = why
	if m.p.events != nil {
		t.event(event.KindTaskYielded, why, 0)
	}
	m.curg = nil
	lost := why == event.ReasonLostP
	switch {
	case t.home != nil && why == event.ReasonStopTheWorld:
		m.p.keep(t)
	case lost: // it may have been a stop that has taken it
		m.s.putAgain(t)
		t.waitBegins() // perhaps for long
	default:
		m.s.put(begun(t))
	}
	m.handOffP()
	m.d.wake() // an unseated P starts nobody
	m.awaitP(t)
	if lost {
		t.waitEnds()
	}
}

// waitLockedQueued queues a locked task that came back from a blocking call to
// find no P.
func (m *m) waitLockedQueued(t *Task) {
	m.curg = nil
	t.waitBegins()
	m.s.enqueue(begun(t))
	m.awaitP(t)
	t.waitEnds()
}

// awaitP sleeps until somebody hands m, for its locked task t, a P.
func (m *m) awaitP(t *Task) {
	s := m.s
	s.lock.Lock()
	m.setState(event.ThreadParked, event.KindThreadParked)
	for m.nextP == nil {
		s.lock.Unlock()
		m.note.Sleep()
		s.lock.Lock()
	}
	m.takeNextP()
	s.lock.Unlock()
	t.c.m = m
	m.p.serveTask(t)
	t.resumed()
}

// handOffTo gives m's P to the M of the locked task t, which m has taken from a
// queue.
func (m *m) handOffTo(t *Task) {
	m.handTo = nil
	s := m.s
	s.lock.Lock()
	if m.p.state == pUnseated { // since t was picked
		s.putAgain(t) // first, or nothing would seem to go on
		s.leaveSeat(m)
		s.lock.Unlock()
		m.d.wake()
		return
	}
	m.p.c.handoffs++
	to := t.lock
	to.nextP = m.release(pRunning, event.ReasonHandoffLocked)
	s.lock.Unlock()
	to.note.Wake() // t may be unlocked by now
}

// handOffP gives m's P to another M if there is anything to do for it.
func (m *m) handOffP() {
	s := m.s
	s.lock.Lock()
	defer s.lock.Unlock()
	if m.p.state == pUnseated {
		s.leaveSeat(m)
		return
	}
	s.handOff(m.release(pRunning, event.ReasonHandoffLocked))
}
