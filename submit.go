package runq

import (
	"context"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// admission decides who may submit tasks of a class from outside. It is guarded by the
// class queue's lock, under which the tasks are queued: a submission comes either before
// Close, and is waited for, or after, and is refused.
type admission struct {
	closed  bool   // see close.go
	drained bool   // closed, and no task lives any more
	spawned uint64 // tasks submitted
}

// closedToOthers tells whether Close has begun, and nothing new comes from outside.
func (s *Scheduler) closedToOthers() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.closed
}

// submitted returns how many tasks have been submitted from outside.
func (s *Scheduler) submitted() (n uint64) {
	for _, c := range s.allClasses() {
		if c.engaged.Load() {
			c.queue.Lock()
			n += c.admit.spawned
			c.queue.Unlock()
		}
	}
	return n
}

// lockClasses keeps tasks from being submitted. Classes that have had none need no lock:
// before their first one they need the scheduler's, which is held (engage).
func (s *Scheduler) lockClasses() {
	for _, c := range s.classesLocked() {
		if c.d != nil {
			c.queue.Lock()
		}
	}
}

// unlockClasses undoes lockClasses.
func (s *Scheduler) unlockClasses() {
	for _, c := range s.classesLocked() {
		if c.d != nil {
			c.queue.Unlock()
		}
	}
}

// submit queues a task from outside. It returns false when the scheduler is
// closed. What belongs to a Group is taken for as long as any task lives, since it
// may come from one.
func (c *Class) submit(e entry) bool {
	if !c.engaged.Load() {
		c.engage()
	}
	if c.d.fair.Load() {
		e.born = c.s.clock.Now()
	} else if c.s.cfg.Trace {
		e.born = c.s.coarse.Load()
	}
	c.queue.Lock()
	if c.admit.drained || c.admit.closed && !e.grouped() {
		c.queue.Unlock()
		return false
	}
	c.admit.spawned++
	first := c.queued() == 0
	if c.edf == nil {
		c.queue.PutLocked(e)
	} else {
		c.putDue(e)
	}
	c.queue.Unlock()
	c.arrived(first)
	return true
}

// grouped tells whether the fresh task belongs to a Group.
func (e *entry) grouped() bool {
	_, ok := e.env.owner.(*Group)
	return ok
}

// spawn queues a task on m's P. It tells whether the P's ring has overflowed.
func (m *m) spawn(e *entry) (full bool) {
	p := m.p
	p.c.spawned++
	if p.attn.Load()&attnFair != 0 {
		return m.spawnFair(e)
	}
	if p.events != nil {
		e.born = m.s.coarse.Load()
	}
	full = p.run.Put(e, &p.class.queue)
	if m.d.idle.NeedWake() {
		m.d.wake()
	}
	return full
}

// spawnInside is spawn for a task of any class.
func (m *m) spawnInside(e *entry) {
	if c := e.env.class; c != m.p.class {
		m.p.c.spawned++
		e.born = m.s.clock.Now()
		c.arrive(*e)
		return
	}
	m.spawn(e)
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. After Close, Go panics. It never blocks. A task that spawns another
// should use Task.Go, which is faster.
func (s *Scheduler) Go(fn func(t *Task)) {
	if fn == nil {
		panic("runq: Scheduler.Go: the function is nil")
	}
	if !s.normal.submit(fresh(fn, s.detached)) {
		panic("runq: Scheduler.Go: the scheduler is closed")
	}
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. The new task inherits t's context. It goes to the end of t's P's
// queue, and may run before or after t goes on, on any P.
//
// Go doesn't wait for anything, but it may let other tasks run first: when t's P
// has been taken, because t ran for too long, and when t's children have filled the
// P's queue. A task that spawns a million others so keeps some hundred of them
// waiting, which stay in the cache, and not all.
func (t *Task) Go(fn func(t *Task)) {
	m := t.enter("Go")
	if fn == nil {
		panic("runq: Task.Go: the function is nil")
	}
	e := fresh(fn, t.e.env.child)
	e.parent = t.id
	full := m.spawn(&e)
	if full || m.p.attn.Load() != 0 {
		t.afterGo(full)
	}
}

// afterGo is the rare end of Go.
func (t *Task) afterGo(full bool) {
	m := t.m
	if m.p.attn.Load()&attnAsked != 0 {
		t.attend()
		return
	}
	if full && t.lock == nil {
		t.leaveRunnable(leaveGlobal, m.nextStack(), event.ReasonYield)
	}
}

// Run runs fn in a task and waits for it. It returns fn's error, a *PanicError when
// fn panics, ErrGoexit when fn calls runtime.Goexit, ErrClosed when the scheduler
// is closed, and the context's error when that has ended before fn began. ctx is
// what the task's Context returns; nil means context.Background. Tasks that fn has
// spawned aren't waited for: that is what a Group is for.
//
// Run is for ordinary goroutines. In a task it blocks the thread like any wait that
// runq doesn't know of.
func (s *Scheduler) Run(ctx context.Context, fn func(t *Task) error) error {
	return s.normal.run("Scheduler.Run", ctx, fn)
}

// runWaiter is who waits for a Run's task.
type runWaiter struct {
	over sx.Gate
	err  error // the result; written before over is opened
}

// done implements owner.
func (w *runWaiter) done(_ *Task, err error) {
	w.err = err
	w.over.Open()
}
