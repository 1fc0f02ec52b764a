package runq

// Preemption by consent, and attending to what others ask.
//
// Tasks run on ordinary goroutines, so that a task can't be stopped from outside
// at any instruction. What can be done from outside is to ask, and to take the P
// away from a task that doesn't answer (retake.go). Asking is a flag on the task,
// since the task is what a checkpoint has at hand: one load, no pointer to follow.
// The flag may reach the next task on that memory instead, when the first has just
// ended; a yield too many does no harm.

import "github.com/runq-go/runq/event"

// Checkpoint yields if the scheduler has asked the task to: its slice is over and
// others wait, or the world is to be stopped. It costs about a nanosecond when it
// hasn't, so that it can stand in inner loops. It doesn't check that t is the
// caller's own task.
func (t *Task) Checkpoint() {
	if t.preempt.Load() != 0 {
		t.preempted()
	}
}

// preempted is the rest of Checkpoint.
func (t *Task) preempted() {
	m := t.enter("Checkpoint")
	t.preempt.Store(0)
	p := m.p
	if p.attn.Load()&^attnPreempt != 0 {
		t.attend()
		return
	}
	p.c.preemptions++
	t.requeue(event.ReasonPreempted)
}

// attend answers what has been asked of the M, at the end of a slow call. It
// returns when the task may go on: on a P.
func (t *Task) attend() {
	a := t.m.p.attn.Load()
	switch {
	case a&attnUnseat != 0:
		t.requeue(event.ReasonLostP)
	case a&attnStop != 0:
		t.requeue(event.ReasonStopTheWorld)
	}
}

// requeue sends the task to the global queue, behind everything that waits, and
// lets the M look for other work. A task in the middle of a stop goes to its P's
// own queue, so that it stays where it was.
func (t *Task) requeue(why event.Reason) {
	if t.lock != nil {
		t.m.requeueLocked(t, why)
		return
	}
	kind := leaveGlobal
	if why == event.ReasonStopTheWorld {
		kind = leaveYield
	}
	t.leaveRunnable(kind, &t.m.g0, why)
}

// enter begins a call into the scheduler that needs a P: it checks that the
// caller's task is one that runs. It is the place where misuse of a *Task is found.
func (t *Task) enter(call string) *m {
	if t == nil || t.status != gRunning {
		misused(t, call)
	}
	return t.m
}
