package runq

import (
	"context"
	"runtime"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// A task that hasn't begun is only an entry: what it takes to begin, kept by value
// in a queue. It gets a G, and the stack that goes with it, when an M begins to run
// it. A G is part of a carrier (carrier.go), so that tasks which never wait share
// one, hot in the cache, and a million queued tasks cost no more than a list.

// entry is a runnable task in a queue: one that has begun, or one that hasn't. It is
// half a cache line, because queued tasks travel from one processor's cache to
// another's, and that costs more than all else.
type entry struct {
	// what is the G of a task that has begun: env is nil then. Else it is what to
	// run: a func(*Task), or a func(*Task) error when the env has an owner.
	what   unsafe.Pointer
	env    *env
	parent uint64 // id of the task that spawned it, 0 for none
	born   int64  // trace: when it was spawned, coarse
}

// begun returns the entry of a task that has begun.
func begun(g *Task) entry { return entry{what: unsafe.Pointer(g)} }

// fresh returns the entry of a task to run fn in env, which has no owner.
func fresh(fn func(*Task), env *env) entry {
	return entry{what: *(*unsafe.Pointer)(unsafe.Pointer(&fn)), env: env}
}

// owned returns the entry of a task to run fn in env, which has an owner.
func owned(fn func(*Task) error, env *env) entry {
	return entry{what: *(*unsafe.Pointer)(unsafe.Pointer(&fn)), env: env}
}

// g returns the task if it has begun, else nil.
func (e *entry) g() *Task {
	if e.env != nil {
		return nil
	}
	return (*Task)(e.what)
}

// fn returns what a fresh task without an owner runs.
func (e *entry) fn() func(*Task) { return *(*func(*Task))(unsafe.Pointer(&e.what)) }

// efn returns what a fresh task with an owner runs.
func (e *entry) efn() func(*Task) error { return *(*func(*Task) error)(unsafe.Pointer(&e.what)) }

// status is the state of a G. Each state answers the same questions: which queue
// or list is the task in, does an M run it, does that M hold a P for it, and who
// may change the state.
//
//	idle      runs no task: its carrier is free, or looks for one; changed by begin
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
// where it is found: after the function's end until the memory is used for another
// task, and whenever the task waits or is in a blocking call at that moment.
//
// Where a function of this package takes a *Task because it may wait, a nil *Task
// stands for an ordinary goroutine, which then waits as goroutines do.
type Task struct {
	// What spawning and running touch.

	m       *m           // the M that runs it; valid while running or blocked
	c       *carrier     // the carrier that it is part of; never changes
	status  status       // written by the holder, peeked at by observers
	cold    bool         // something of the second part is in use; the holder's
	reason  event.Reason // why it left its stack last; the holder's, peeked at by observers
	preempt sx.Uint32    // asked, begged or 0; set by sysmon, stopTheWorld and hungry Ms; partner: Checkpoint
	pace    pace         // of its checkpoints and forks
	fork    uintptr      // the frame for its next fork (fork.go)
	id      uint64
	e       entry // what it runs; what keeps its place, which is nobody's, when it has ended
	began   int64 // trace: when it began, coarse

	// The rest is for those that wait, fail or are looked at.

	readied int64              // when it was last made runnable; not kept while there is but one class
	since   int64              // when the present wait or blocking call began, as far as known
	label   sx.Pointer[string] // nil: none
	err     error              // outcome of the last wait, set by the waker; or of the task
	lock    *m                 // the M it is locked to; nil: none
	home    *m                 // the M whose stack it always runs on (thread.go); nil: it has a carrier's. Never changes
	locks   int32              // nested LockThread calls
	seq     uint32             // trace: number of its last event; 0: nothing written yet
	waker   uint64             // task that ended the last wait; 0: none
	object  uintptr            // address of what it waits for, 0: none; kept when the wait is over
	waitFor sx.Pointer[Group]  // what it waits for, when that can be named
	watch   *watch             // ends its waits when its context ends; nil: nothing has been cancellable yet
}

// env is what a task hands down to the tasks that it spawns. It doesn't change.
type env struct {
	s     *Scheduler
	class *Class
	due   int64 // the deadline of ctx, if the class goes by deadlines; 0: none
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

// newEnv returns an environment for owned tasks of the class; their children are
// detached.
func newEnv(c *Class, ctx context.Context, o owner) *env {
	child := &env{s: c.s, class: c, due: c.deadlineOf(ctx), ctx: ctx}
	child.child = child
	if o == nil {
		return child
	}
	return &env{s: c.s, class: c, due: child.due, ctx: ctx, owner: o, child: child}
}

// begin makes m run the fresh task that t.e describes.
func (t *Task) begin(m *m) {
	if t.status != gIdle {
		bug("begin: task %d is %v", t.id, t.status)
	}
	p := m.p
	t.id = p.newID()
	t.status = gRunning
	t.pace = freshPace
	t.m = m
	m.curg = t
	if p.events != nil {
		t.began = m.s.coarse.Load()
	}
	if p.profiled {
		t.profile()
	}
}

// call runs the task's function. It keeps t alive across the call so that a
// traceback shows its address, by which a stuck task is found (stuck.go).
//
//go:noinline
func (t *Task) call() {
	if t.e.env.owner == nil {
		t.e.fn()(t)
	} else {
		t.cold = true
		t.err = t.e.efn()(t)
	}
	runtime.KeepAlive(t)
}

// how a task ended.
type ending uint8

const (
	endReturn ending = iota
	endPanic
	endGoexit
)

// finish ends the task that m has run; its G is idle then.
func (m *m) finish(t *Task, how ending) {
	if t.status != gRunning {
		bug("finish: task %d is %v", t.id, t.status)
	}
	p := m.p
	// Written out here, because a call would cost as much as the rest of it.
	if w := p.events; w != nil && (how != endReturn || t.seq|p.attn.Load()&^attnFair != 0 ||
		!w.RanAgain(t.e.born, m.s.coarse.Load(), event.TaskID(t.id), event.TaskID(t.e.parent), t.code())) {
		t.traceEnd(p, m, how)
	}
	p.c.finished++
	m.curg = nil
	if p.attn.Load()&attnFair != 0 {
		p.turn.ended = t.e.born
	}
	if t.cold {
		t.finishCold()
	}
	t.status = gIdle
}

// finishCold is finish for a task that did more than run: it had an owner, waited,
// had a label or was locked.
func (t *Task) finishCold() {
	if t.locks != 0 {
		t.unlockAll()
	}
	if own := t.e.env.owner; own != nil {
		own.done(t, t.err)
	}
	if t.watch != nil {
		t.unwatch()
	}
	t.cold = false
	t.err = nil
	if t.label.Load() != nil {
		t.label.Store(nil)
	}
	t.since = 0
	t.seq = 0
	t.waker = 0
	t.readied = 0
	t.reason = event.ReasonNone
}
