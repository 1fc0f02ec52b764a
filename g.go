package runq

import (
	"context"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

// status is the state of a G. Each state answers the same questions: which queue
// or list is the task in, does an M run it, does that M hold a P for it, and who
// may change the state.
//
//	idle      in a free list; no M; changed by the P that owns the list, at spawn
//	runnable  in exactly one run queue, or in the hands of who moves it from one to
//	          another; no M; changed by the M that takes it
//	running   in no queue; on one M, which holds a P (or runs over, without one);
//	          changed by the task itself, on that M
//	waiting   on one wait list, or in the hands of who took it from there; no M (a
//	          locked task keeps its M); changed by whoever removed it from the list
//	blocked   in a blocking call on its M; the P is with the M until it is taken;
//	          changed by the task itself, when the call is over
//
// Invariant 1 follows: a G is in exactly one place, and its holder alone writes
// the status, with plain stores. The hand-over from one holder to the next is
// ordered by the queue, the wait list's lock or the switch that passes the G on.
type status uint8

const (
	gIdle status = iota
	gRunnable
	gRunning
	gWaiting
	gBlocked
)

func (s status) String() string {
	return [...]string{"idle", "runnable", "running", "waiting", "blocked"}[s]
}

// Task is a unit of work on a Scheduler: the G of the scheduler.
//
// A *Task is given to the task's function and is valid only there: only the
// function itself, or what it calls on the same goroutine, may use it, and not
// after the function has returned. Using it elsewhere is a mistake that panics
// where it is found: always after the function's end, and whenever the task waits
// or is in a blocking call at that moment.
//
// Where a function of this package takes a *Task because it may wait, a nil *Task
// stands for an ordinary goroutine, which then waits as goroutines do.
type Task struct {
	// The first cache line is what spawning and running touch.

	node queue.Node  // must be the first field; see taskOf
	fn   func(*Task) // what to run, unless efn is set
	env  *env        // what the task shares with its relatives
	m    *m          // the M that runs it; valid while running or blocked
	c    *carrier    // the stack it waits on; nil until it first waits
	id   uint64

	status  status    // written by the holder, peeked at by observers
	cold    bool      // something beyond the first cache line is in use; the holder's
	preempt sx.Uint32 // asked to yield; set by sysmon and stopTheWorld; partner: Checkpoint
	parent  uint64

	// The rest is for those that wait, fail or are looked at.

	efn    func(*Task) error // what to run, when there is an owner to tell the error to
	since  int64             // when the present wait or blocking call began, as far as known
	until  int64             // deadline of a sleep
	label  *string           // nil: none; peeked at
	err    error             // outcome of the last wait, set by the waker
	lock   *m                // the M it is locked to; nil: none
	locks  int32             // nested LockThread calls
	reason event.Reason
	waker  uint64 // task that ended the last wait; 0: none

	born    int64 // trace: when it was created, and when it began; coarse
	began   int64
	seq     uint32 // trace: number of its last event; 0: nothing written yet
	waitFor *Group // what it waits for, when that can be named
}

// env is what a task hands down to the tasks that it spawns. It doesn't change.
type env struct {
	s     *Scheduler
	ctx   context.Context
	owner owner // told how the task ended; nil for a detached one. Not inherited.
	child *env  // what children get: the same without the owner
}

// owner waits for a task's end: a Group or a Run.
type owner interface {
	// done is called once, on the M that ran the task, before the task is recycled.
	// It must not wait.
	done(t *Task, err error)
}

// newEnv returns an environment for owned tasks; their children are detached.
func newEnv(s *Scheduler, ctx context.Context, o owner) *env {
	child := &env{s: s, ctx: ctx}
	child.child = child
	if o == nil {
		return child
	}
	return &env{s: s, ctx: ctx, owner: o, child: child}
}

func taskOf(n *queue.Node) *Task { return (*Task)(unsafe.Pointer(n)) }

// The cast in taskOf and carrierOf needs the node to be the first field.
var _ = [1]struct{}{}[unsafe.Offsetof(Task{}.node)+unsafe.Offsetof(carrier{}.node)]

// begin makes m run t: the last step of scheduling a fresh task.
func (t *Task) begin(m *m) {
	if t.status != gRunnable {
		bug("begin: task %d is %v", t.id, t.status)
	}
	t.status = gRunning
	t.m = m
	m.curg = t
	if p := m.p; p.events != nil {
		t.traceBegin(p)
	}
}

// call runs the task's function. It keeps t alive across the call so that a
// traceback shows its address, by which a stuck task is found (stuck.go).
//
//go:noinline
func (t *Task) call() {
	if !t.cold || t.efn == nil {
		t.fn(t)
		return
	}
	t.err = t.efn(t)
}

// how a task ended.
type ending uint8

const (
	endReturn ending = iota
	endPanic
	endGoexit
)

// finish ends the task that m has run and recycles it.
func (m *m) finish(t *Task, how ending) {
	if t.status != gRunning {
		bug("finish: task %d is %v", t.id, t.status)
	}
	p := m.p
	if p.events != nil {
		t.traceEnd(p, m, how)
	}
	p.c.finished++
	m.curg = nil
	if t.cold {
		t.finishCold()
	}
	t.status = gIdle
	t.fn = nil
	t.env = nil
	if p.gfree.Push(&t.node) {
		m.s.gfree.overflow(p, gfreeHalf)
	}
}

// finishCold is finish for a task that did more than run: it had an owner, waited,
// had a label or was locked.
func (t *Task) finishCold() {
	if t.locks != 0 {
		t.unlockAll()
	}
	if own := t.env.owner; own != nil {
		own.done(t, t.err)
	}
	t.scrub()
}

// scrub clears what only a task that did more than run has written.
func (t *Task) scrub() {
	t.cold = false
	t.c = nil
	t.efn = nil
	t.err = nil
	t.label = nil
	t.since = 0
	t.seq = 0
	t.waker = 0
	t.reason = event.ReasonNone
}
