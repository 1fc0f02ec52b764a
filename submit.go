package runq

import (
	"context"

	"github.com/runq-go/runq/event"
)

// spawn queues a task for fn or efn on the P of the running task t. It tells whether
// the P's ring has overflowed.
func (t *Task) spawn(m *m, e *env, fn func(*Task), efn func(*Task) error) (full bool) {
	p := m.p
	n := p.newTask()
	n.id, n.parent = p.newID(), t.id
	n.fn, n.env = fn, e
	if efn != nil {
		n.efn, n.cold = efn, true
	}
	n.status = gRunnable
	if p.events != nil {
		n.born = p.coarseNow()
	}
	p.c.spawned++
	p.run.PutNext(&n.node, &m.s.global)
	m.s.wake()
	return p.run.Overflowed()
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. After Close, Go panics. It never blocks. A task that spawns another
// should use Task.Go, which is faster.
func (s *Scheduler) Go(fn func(t *Task)) {
	if fn == nil {
		panic("runq: Scheduler.Go: the function is nil")
	}
	if !s.submit(s.detached, fn, nil) {
		panic("runq: Scheduler.Go: the scheduler is closed")
	}
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. The new task inherits t's context. It is put where t's P will look
// next, and may run before or after t goes on, on any P.
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
	full := t.spawn(m, t.env.child, fn, nil)
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
		t.leaveRunnable(leaveGlobal, m.pick(), event.ReasonYield)
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
	w := make(runWaiter, 1)
	if !s.submit(newEnv(s, ctx, w), nil, fn) {
		return ErrClosed
	}
	return <-w
}

// runWaiter is who waits for a Run's task. It has room for the result.
type runWaiter chan error

func (w runWaiter) done(_ *Task, err error) { w <- err }
