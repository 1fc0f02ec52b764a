package runq

import (
	"context"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// admission decides who may submit tasks from outside. It is guarded by the global
// queue's lock, under which the tasks are queued: a submission comes either before
// Close, and is waited for, or after, and is refused.
type admission struct {
	closed  bool   // see close.go
	drained bool   // closed, and no task lives any more
	spawned uint64 // tasks submitted
}

// closedToOthers tells whether Close has begun, and nothing new comes from outside.
func (s *Scheduler) closedToOthers() bool {
	s.global.Lock()
	defer s.global.Unlock()
	return s.admit.closed
}

// submit queues a task from outside. It returns false when the scheduler is
// closed. What belongs to a Group is taken for as long as any task lives, since it
// may come from one.
func (s *Scheduler) submit(e entry) bool {
	if s.cfg.Trace {
		e.born = s.coarse.Load()
	}
	s.global.Lock()
	if s.admit.drained || s.admit.closed && !e.grouped() {
		s.global.Unlock()
		return false
	}
	s.admit.spawned++
	s.global.PutLocked(e)
	s.global.Unlock()
	s.wake()
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
	if p.events != nil {
		e.born = m.s.coarse.Load()
	}
	p.c.spawned++
	full = p.run.Put(e, &m.s.global)
	if m.s.idle.NeedWake() {
		m.s.wake()
	}
	return full
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. After Close, Go panics. It never blocks. A task that spawns another
// should use Task.Go, which is faster.
func (s *Scheduler) Go(fn func(t *Task)) {
	if fn == nil {
		panic("runq: Scheduler.Go: the function is nil")
	}
	if !s.submit(fresh(fn, s.detached)) {
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
	if m.p.attn.Load()&^attnPreempt != 0 {
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
	if fn == nil {
		panic("runq: Scheduler.Run: the function is nil")
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := new(runWaiter)
	w.over.Init()
	if !s.submit(owned(fn, newEnv(s, ctx, w))) {
		return ErrClosed
	}
	w.over.Wait()
	return w.err
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
