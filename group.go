package runq

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Group runs tasks that belong together and waits for all of them. The first error
// wins and cancels the group's context. Waits may be nested to any depth, with
// limits too: a task that waits holds neither a P nor a thread, and Go never waits.
//
// A Group is made by NewGroup. All methods may be called by any task or goroutine.
// After a Wait has returned, the group can be used again, but its context stays
// cancelled and its error is kept.
type Group struct {
	s      *Scheduler
	env    *env
	cancel context.CancelCauseFunc

	mu      sx.Mutex
	limit   int                 // tasks that may run at once; negative: no limit
	running int                 // tasks that count against the limit
	pending int                 // tasks not ended, queued ones included
	coming  int                 // those of them that are being submitted from outside
	inside  int                 // those of them that wait for this very group
	queue   []func(*Task) error // tasks beyond the limit, oldest first
	waiters []groupWaiter
	err     error       // the first error
	panic   *PanicError // the first panic; it goes before the error
	told    bool        // a Wait has returned the panic
}

// groupWaiter is a task or, with a gate, an ordinary goroutine that waits.
type groupWaiter struct {
	t      *Task
	gate   *sx.Gate
	inside bool
}

// NewGroup returns a group whose tasks run on s, and the context that they are
// given: it is cancelled by the first error, by the first panic, and when Wait
// returns. If ctx comes from a task of s, or of a Class's Run, the group's tasks are of
// that class; else of "normal". s nil means Default(), ctx nil context.Background().
func NewGroup(ctx context.Context, s *Scheduler) (*Group, context.Context) {
	if s == nil {
		s = Default()
	}
	if ctx == nil {
		ctx = context.Background()
	}
	g := &Group{s: s, limit: -1}
	ctx, g.cancel = context.WithCancelCause(ctx)
	g.env = newEnv(classOf(ctx, s), ctx, g)
	return g, ctx
}

// SetLimit bounds how many tasks of the group run at once; what is beyond waits in
// the group's queue. A negative n means no limit. Zero lets no task start until the
// limit is raised. A task that waits for its own group doesn't count meanwhile.
func (g *Group) SetLimit(n int) {
	g.mu.Lock()
	g.limit = n
	start := g.startable()
	g.coming += len(start)
	g.mu.Unlock()
	g.come(start...)
}

// Go runs fn in a task of the group. It never waits: when the limit is reached, the
// task queues inside the group. fn must not be nil. When the scheduler is closed,
// fn doesn't run and Wait returns ErrClosed.
func (g *Group) Go(fn func(t *Task) error) {
	if fn == nil {
		panic("runq: Group.Go: the function is nil")
	}
	g.mu.Lock()
	g.pending++
	if g.limit >= 0 && g.running >= g.limit {
		g.queue = append(g.queue, fn)
		g.mu.Unlock()
		return
	}
	g.running++
	g.coming++
	g.mu.Unlock()
	g.come(fn)
}

// TryGo runs fn in a task of the group if the limit allows it to start at once, and
// tells whether it did.
func (g *Group) TryGo(fn func(t *Task) error) bool {
	if fn == nil {
		panic("runq: Group.TryGo: the function is nil")
	}
	g.mu.Lock()
	if g.limit >= 0 && g.running >= g.limit {
		g.mu.Unlock()
		return false
	}
	g.pending++
	g.running++
	g.coming++
	g.mu.Unlock()
	g.come(fn)
	return true
}

// come submits tasks from outside that have been counted in coming.
func (g *Group) come(fns ...func(*Task) error) {
	g.start(nil, fns)
	g.mu.Lock()
	g.coming -= len(fns)
	g.mu.Unlock()
}

// startable removes from the queue what the limit allows to start. g.mu is held.
func (g *Group) startable() []func(*Task) error {
	n := len(g.queue)
	if g.limit >= 0 {
		n = min(n, max(g.limit-g.running, 0))
	}
	start := g.queue[:n:n]
	g.queue = g.queue[n:]
	if len(g.queue) == 0 {
		g.queue = nil
	}
	g.running += n
	return start
}

// start submits tasks, from the running task t if that isn't nil.
func (g *Group) start(t *Task, fns []func(*Task) error) {
	for i, fn := range fns {
		fns[i] = nil // the array may live for as long as the queue does
		if t != nil && t.e.env.s == g.s {
			e := owned(fn, g.env)
			e.parent = t.id
			t.m.spawnInside(&e)
		} else if !g.env.class.submit(owned(fn, g.env)) {
			g.ended(nil, ErrClosed)
		}
	}
}

// done implements owner.
func (g *Group) done(t *Task, err error) { g.ended(t, err) }

// ended takes note of the end of a task; t is that task if it has run.
func (g *Group) ended(t *Task, err error) {
	g.mu.Lock()
	first := g.note(err)
	g.pending--
	g.running--
	start := g.startable()
	wake := g.finished()
	g.mu.Unlock()
	if first != nil {
		g.cancel(first)
	}
	g.start(t, start)
	if t == nil {
		g.wake(nil, wake)
		return
	}
	g.wake(t.m, wake)
}

// note records an error and returns it if it is the first. g.mu is held.
func (g *Group) note(err error) (first error) {
	if p, ok := err.(*PanicError); ok && g.panic == nil {
		g.panic = p
		if g.err == nil {
			g.err = err
		}
		return err
	}
	if err == nil || g.err != nil {
		return nil
	}
	g.err = err
	return err
}

// finished returns the waiters to be woken and takes them off the list: all of
// them, when no task is left or there is a panic to tell; those inside the group,
// when only such are left. g.mu is held.
func (g *Group) finished() (wake []groupWaiter) {
	all := g.over(false)
	if !all && !g.over(true) {
		return nil
	}
	stay := g.waiters[:0]
	for _, w := range g.waiters {
		if !all && !w.inside {
			stay = append(stay, w)
			continue
		}
		wake = append(wake, w)
	}
	clear(g.waiters[len(stay):])
	g.waiters = stay
	g.running += g.inside
	g.inside = 0
	if len(wake) > 0 && g.panic != nil {
		g.told = true
	}
	return wake
}

// over tells whether a Wait, of one of the group's tasks or from elsewhere, has
// nothing to wait for. g.mu is held.
func (g *Group) over(inside bool) bool {
	if g.panic != nil && !g.told || g.pending == 0 {
		return true
	}
	return inside && g.pending == g.inside
}

// wake readies waiters, on behalf of m if that isn't nil.
func (g *Group) wake(m *m, waiters []groupWaiter) {
	for _, w := range waiters {
		switch {
		case w.gate != nil:
			w.gate.Open()
		case m == nil:
			w.t.e.env.s.ready(nil, w.t, event.ReasonWakeOutside)
		case m.s == w.t.e.env.s:
			m.s.ready(m, w.t, event.ReasonWakeTask)
		default:
			w.t.e.env.s.ready(nil, w.t, event.ReasonWakeOutside)
		}
	}
}

// Wait waits until all tasks of the group have ended, and returns the first error.
// t is the calling task; nil means that an ordinary goroutine calls.
//
// When a task has panicked, Wait returns its *PanicError at once, while others that
// have been cancelled may still run: a panic must not stay unseen because they
// don't end. Another Wait waits for those. A task of the group may call Wait: it
// waits for the tasks that don't. A function that it has forked shouldn't: run elsewhere,
// it would wait for the task that waits for it. When the tasks wait for each other for ever, Wait
// returns a *DeadlockError.
func (g *Group) Wait(t *Task) error {
	if t == nil {
		g.waitNative()
	} else {
		t.enter("Group.Wait")
		if err := g.waitTask(t); err != nil {
			g.cancel(err)
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.err
	if g.panic != nil {
		g.told = true
		err = g.panic
	}
	g.cancel(err)
	return err
}

// waitNative blocks an ordinary goroutine.
func (g *Group) waitNative() {
	g.mu.Lock()
	if g.over(false) {
		g.mu.Unlock()
		return
	}
	gate := new(sx.Gate)
	gate.Init()
	g.waiters = append(g.waiters, groupWaiter{gate: gate})
	g.mu.Unlock()
	gate.Wait()
}

// waitTask parks the task. The error is that of a wait that was ended.
func (g *Group) waitTask(t *Task) error {
	g.mu.Lock()
	over := g.over(false)
	g.mu.Unlock()
	if over {
		return nil
	}
	t.waitFor.Store(g)
	defer t.waitFor.Store(nil)
	return t.park(event.ReasonWaitGroup, commitGroup, unsafe.Pointer(g))
}

// commitGroup puts the task on the group's wait list, unless all is over. A task of
// the group itself gives its place under the limit back, so that those it waits for
// can run.
func commitGroup(t *Task, arg unsafe.Pointer) bool {
	g := (*Group)(arg)
	m := t.m
	w := groupWaiter{t: t, inside: t.e.env.owner == owner(g)}
	g.mu.Lock()
	if g.over(false) {
		g.mu.Unlock()
		return false
	}
	if w.inside {
		g.inside++
		g.running--
	}
	g.waiters = append(g.waiters, w)
	start := g.startable()
	wake := g.finished() // t was perhaps the last that all the others waited for
	g.mu.Unlock()
	g.start(nil, start)
	g.wake(m, wake)
	return true
}

// hope tells what somebody outside may do for those who wait for g: submit the task
// that he is just submitting, or start queued ones by SetLimit.
func (g *Group) hope() hope {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.coming > 0:
		return hopeComing
	case len(g.queue) > 0 && g.limit == 0:
		return hopeOutside
	}
	return hopeNone
}

// abandon ends t's wait for g with an error, if it still waits: then it is true, and t is to
// be readied.
func (g *Group) abandon(t *Task, err error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiters {
		if w.t == t {
			g.waiters = append(g.waiters[:i], g.waiters[i+1:]...)
			if w.inside {
				g.inside--
				g.running++
			}
			t.err = err
			return true
		}
	}
	return false
}

// describe says what a task that waits for g waits for.
func (g *Group) describe() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fmt.Sprintf("a group with %d tasks, %d of them queued behind its limit of %d", g.pending, len(g.queue), g.limit)
}
