package runq

// Wait lists: what channels, locks and events have in common.
//
// The tension: whoever waits must be found by whoever can serve it, but not before
// it has left its stack; and a wait may be ended by several, the object that it is
// for, another object of the same select, the end of its context, of which exactly
// one must succeed.
//
// The choice, as in Go's channels: every object has a lock and a list. A waiter
// appends its node under the lock and leaves its stack with the lock held; the stack
// that it has switched to releases the lock (commitWait). So nobody finds a waiter
// that hasn't left. Who serves it removes its node under the object's lock. That
// settles it for a wait that nobody else can end; where others may, the server must
// win the waiter's claim word, too, and leaves it alone when it doesn't. A loser's
// node is removed by the waiter itself when it is back, before it does anything else.
//
// The race it avoids: the context's end comes on a goroutine of its own, perhaps when
// the task is just about to wait. It sets a flag and then tries the claim; the task
// opens the claim and then looks at the flag (partner: watch.fire). One of the two
// sees the other.

import (
	"context"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// The claim word of a waiter.
const (
	claimClosed = iota // it doesn't wait, or nobody but the server of its one node may end the wait
	claimOpen          // whoever moves it to claimTaken ends the wait
	claimTaken         // the wait has been ended
)

// waiter is a task, or an ordinary goroutine, that waits. A task's is part of its
// carrier; an ordinary goroutine's is made for the one wait.
type waiter struct {
	t    *Task   // nil: an ordinary goroutine
	note sx.Note // where that sleeps

	claim     sx.Uint32 // partner: waitQueue.take, watch.fire, commitWait
	contested bool      // claim decides; written before the wait begins
	announced bool      // node is in a Cond's list and the task doesn't wait yet; the waiter's
	cancelled sx.Bool   // the task's context has ended; partner: commitWait

	by    *waitNode    // what has ended the wait, nil: its context; written by who won the claim
	mu    *sx.Mutex    // what commitWait releases; the waiter's
	also  *[]*sx.Mutex // and these, if not nil
	node  waitNode     // for waits for one thing; the waiter's, or guarded by the object's lock
	spare any          // a channel's node, kept for the next wait; the waiter's
	sel   *selection   // for waits for several things; the waiter's, but see there
}

// waitNode is a waiter's place in the list of one object. Guarded by the object's
// lock while it is in the list.
type waitNode struct {
	next, prev *waitNode
	in         *waitQueue // nil: in none
	w          *waiter
	data       unsafe.Pointer // the object's
	num        int64          // the object's
}

// waitQueue is the waiters of an object, in the order in which they came.
type waitQueue struct{ first, last *waitNode }

// newWaiter returns what the caller waits with: t's own waiter, or a new one for an
// ordinary goroutine. Its node is in no list. Goroutines' waiters aren't pooled: their
// channels and timers belong to the synctest bubble that they were made in, if any, and
// must not come to light in another.
func newWaiter(t *Task) *waiter {
	if t == nil {
		w := new(waiter)
		w.note.Init()
		return w
	}
	w := &t.c.wait
	w.t = t
	return w
}

// free forgets what the wait was for, so that an idle carrier doesn't keep it.
func (w *waiter) free() { w.by = nil }

// push appends n, which w waits with. The object's lock is held.
func (l *waitQueue) push(n *waitNode, w *waiter) {
	if n.in != nil {
		bug("push: a node is in a list already")
	}
	n.w, n.in = w, l
	n.prev, n.next = l.last, nil
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
}

// pushFront is push for a waiter that has been at the front before.
func (l *waitQueue) pushFront(n *waitNode, w *waiter) {
	if l.first == nil {
		l.push(n, w)
		return
	}
	n.w, n.in = w, l
	n.prev, n.next = nil, l.first
	l.first.prev = n
	l.first = n
}

// remove takes n out of the list, if it is there. The object's lock is held.
func (l *waitQueue) remove(n *waitNode) {
	if n.in != l {
		return
	}
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.next, n.prev, n.in = nil, nil, nil
}

// claim removes the first waiter whose wait nobody else has ended, and returns its
// node; nil when there is none. Who has called it must call wake, after having
// released the object's lock. The lock is held.
func (l *waitQueue) claim() *waitNode {
	for n := l.first; n != nil; n = l.first {
		if l.take(n) {
			return n
		}
	}
	return nil
}

// take is claim for a certain node of the list; it tells whether n was to be had.
func (l *waitQueue) take(n *waitNode) bool {
	l.remove(n)
	w := n.w
	if w.contested && !w.claim.CompareAndSwap(claimOpen, claimTaken) {
		return false
	}
	w.by = n
	return true
}

// claimAll claims all waiters and returns their nodes, linked by next. They are woken
// by wakeAll. The lock is held.
func (l *waitQueue) claimAll() (first *waitNode, count int) {
	end := &first
	for n := l.claim(); n != nil; n = l.claim() {
		*end, end = n, &n.next
		count++
	}
	return first, count
}

// unlink takes n off the front of a chain of claimed nodes. It returns n's waiter, who
// may be woken then, and the rest of the chain.
func (n *waitNode) unlink() (w *waiter, rest *waitNode) {
	w, rest, n.next = n.w, n.next, nil
	return w, rest
}

// wakeAll wakes the waiters of the nodes that are linked by next.
func wakeAll(n *waitNode, by *Task) {
	for n != nil {
		var w *waiter
		w, n = n.unlink()
		w.wake(by)
	}
}

// wake resumes a waiter that the caller has claimed. by is the caller's task, nil
// for an ordinary goroutine. The waiter must not be touched afterwards.
func (w *waiter) wake(by *Task) {
	if w.t != nil && by != nil && by.e.env.s == w.t.e.env.s {
		w.resume(by.m, event.ReasonWakeTask)
		return
	}
	w.resume(nil, event.ReasonWakeOutside)
}

// resume is wake for any reason. m is the caller's M, of the same scheduler as the
// waiter's task, or nil.
func (w *waiter) resume(m *m, why event.Reason) {
	if w.t == nil {
		w.note.Wake()
		return
	}
	w.t.e.env.s.ready(m, w.t, why)
}

// wait waits for one object: mu is its lock, which is held, and n is in its list.
// It returns when somebody has served the node, with nil, or, if cancellable, when
// the task's context has ended, with the context's cause; then n is in no list. In
// any case mu has been released. An ordinary goroutine has no context.
//
// beforeWait must have been called before mu was locked.
func (w *waiter) wait(mu *sx.Mutex, n *waitNode, why event.Reason, cancellable bool) error {
	if w.waitLocking(mu, n, why, cancellable) {
		return nil
	}
	mu.Unlock()
	return w.cause()
}

// waitLocking is wait, except that it returns false when the context has ended the
// wait, and mu is held then: for what is to be put right in the same breath as n goes.
func (w *waiter) waitLocking(mu *sx.Mutex, n *waitNode, why event.Reason, cancellable bool) (served bool) {
	w.contested = cancellable && w.t != nil && w.t.watched()
	w.mu, w.also = mu, nil
	if w.sleep(why) {
		return true
	}
	mu.Lock()
	if n.in != nil {
		n.in.remove(n)
	}
	return false
}

// cause is why the task's context has ended. It is the context's own code that knows,
// so no lock may be held.
func (w *waiter) cause() error { return context.Cause(w.t.e.env.ctx) }

// beforeWait is called by who may have to wait, before any lock is taken: the first
// wait of a task calls methods of its context, and those may do anything, even use the
// same object, or panic. t may be nil.
func (t *Task) beforeWait(cancellable bool) {
	if t == nil {
		return
	}
	if t.c.wait.announced {
		panic("runq: Cond.Wait: the method Unlock of the lock L waits; with a Cond it must not")
	}
	if cancellable {
		t.watchContext()
	}
}

// sleep waits until the wait is over; w.mu and w.also are held and will be released, w's
// nodes are in the lists that they guard, and w.contested says whether the claim
// decides. It returns false when the context has ended the wait.
func (w *waiter) sleep(why event.Reason) bool {
	w.by = nil
	if w.t == nil {
		if w.contested {
			w.claim.Store(claimOpen)
		}
		w.unlock()
		w.note.Sleep()
		return w.by != nil
	}
	var of unsafe.Pointer // what the task is seen to wait for
	if w.also == nil {
		of = unsafe.Pointer(w.mu) // objects begin with their locks
	}
	w.t.park(why, commitWait, of)
	return w.by != nil
}

// commitWait lets others find the task that has left, unless its context has ended.
func commitWait(t *Task, _ unsafe.Pointer) bool {
	w := &t.c.wait
	if w.contested {
		w.claim.Store(claimOpen) // partner: watch.fire
		if w.cancelled.Load() && w.claim.CompareAndSwap(claimOpen, claimTaken) {
			w.unlock()
			return false
		}
	}
	w.unlock()
	return true
}

// unlock releases the locks. The waiter may be resumed as soon as one of them is
// free, but it needs all of them before it can wait for something else.
func (w *waiter) unlock() {
	mu, also := w.mu, w.also
	w.mu, w.also = nil, nil // an idle carrier must not keep the object
	if also != nil {
		for _, mu := range *also {
			mu.Unlock()
		}
	}
	mu.Unlock()
}

// watch ends a task's waits when its context ends: one registration for all waits of
// a task, made when the first begins. It is an object of its own because the context
// may come late, when the memory of the task is another one's.
type watch struct {
	mu   sx.Mutex
	t    *Task // nil: the task has ended; guarded by mu
	stop func() bool
}

// neverEnds is the watch of the tasks whose contexts can't end.
var neverEnds = new(watch)

// watchContext makes sure that the end of t's context is noticed. It tells whether
// the context can end at all. The first time, it calls the context's methods: see
// beforeWait.
func (t *Task) watchContext() bool {
	if t.unwatched() {
		t.watchNow()
	}
	return t.watched()
}

// watched tells whether the end of t's context is noticed.
func (t *Task) watched() bool { return t.watch != nil && t.watch != neverEnds }

// unwatched tells whether watchContext would call methods of t's context.
func (t *Task) unwatched() bool { return t.watch == nil && t.e.env.ctx != nil }

func (t *Task) watchNow() {
	ctx, c := t.e.env.ctx, neverEnds
	if ctx.Done() != nil {
		c = &watch{t: t}
		c.stop = context.AfterFunc(ctx, c.fire) // the context's own code, which may panic
	}
	t.cold = true
	t.watch = c
}

// fire ends the wait of the task whose context has ended, if there is one, and all
// later ones.
func (c *watch) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.t
	if t == nil {
		return
	}
	w := &t.c.wait
	w.cancelled.Store(true) // partner: commitWait
	if w.claim.CompareAndSwap(claimOpen, claimTaken) {
		t.e.env.s.ready(nil, t, event.ReasonWakeContext)
	}
}

// unwatch undoes watchContext at the end of the task.
func (t *Task) unwatch() {
	c := t.watch
	t.watch = nil
	if c == neverEnds {
		return
	}
	c.mu.Lock()
	c.t = nil
	c.mu.Unlock()
	t.c.wait.cancelled.Store(false)
	c.stop()
}
