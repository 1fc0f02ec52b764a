package runq

import (
	"context"

	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

// submission is the way in for ordinary goroutines: they have no P, so they share
// one lock, a stock of free tasks, and a batch of ids.
type submission struct {
	mu      sx.Mutex
	closed  bool        // guarded by mu; see close.go
	drained bool        // guarded by mu; closed, and no task lives any more
	free    queue.Stack // guarded by mu; free tasks
	nextID  uint64      // guarded by mu; like a P's
	lastID  uint64
	spawned uint64 // guarded by mu; tasks submitted
}

// submitTask queues a task for fn or efn. It returns false when the scheduler is
// closed. What belongs to a Group is taken for as long as any task lives, since it
// may come from one.
func (s *Scheduler) submitTask(e *env, fn func(*Task), efn func(*Task) error) bool {
	_, grouped := e.owner.(*Group)
	sub := &s.submit
	sub.mu.Lock()
	if sub.drained || sub.closed && !grouped {
		sub.mu.Unlock()
		return false
	}
	n := sub.free.Pop()
	if n == nil {
		s.gfree.refill(&sub.free)
		n = sub.free.Pop()
	}
	if sub.nextID == sub.lastID {
		sub.lastID = s.lastID.Add(idBatch)
		sub.nextID = sub.lastID - idBatch
	}
	sub.nextID++
	t := taskOf(n)
	t.id, t.parent = sub.nextID, 0
	t.fn, t.env = fn, e
	if efn != nil {
		t.efn, t.cold = efn, true
	}
	t.status = gRunnable
	if s.cfg.Trace {
		t.born = s.coarse.Load()
	}
	sub.spawned++
	s.global.Put(&t.node)
	sub.mu.Unlock()
	s.wake()
	return true
}

// spawn queues a task for fn or efn on the P of the running task t.
func (t *Task) spawn(m *m, e *env, fn func(*Task), efn func(*Task) error) {
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
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. After Close, Go panics. It never blocks. A task that spawns another
// should use Task.Go, which is faster.
func (s *Scheduler) Go(fn func(t *Task)) {
	if fn == nil {
		panic("runq: Scheduler.Go: the function is nil")
	}
	if !s.submitTask(s.detached, fn, nil) {
		panic("runq: Scheduler.Go: the scheduler is closed")
	}
}

// Go runs fn in a task of its own, detached: nobody waits for it but Close. fn must
// not be nil. The new task inherits t's context. It is put where t's P will look
// next, and may run before or after t goes on, on any P. Go never blocks, but when
// t's own P has been taken because t ran for too long; then it waits for another.
func (t *Task) Go(fn func(t *Task)) {
	m := t.enter("Go")
	if fn == nil {
		panic("runq: Task.Go: the function is nil")
	}
	t.spawn(m, t.env.child, fn, nil)
	if m.p.attn.Load() != 0 {
		t.attend()
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
	if !s.submitTask(newEnv(s, ctx, w), nil, fn) {
		return ErrClosed
	}
	return <-w
}

// runWaiter is who waits for a Run's task. It has room for the result.
type runWaiter chan error

func (w runWaiter) done(_ *Task, err error) { w <- err }
