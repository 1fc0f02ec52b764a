package runq

// Cond.
//
// The race it avoids: who waits must be in the queue before it unlocks the lock, or a
// Signal could come in between and be lost; but it can't hold the queue's lock while it
// unlocks another, which may do anything. So a waiter is first announced, then unlocks,
// then sleeps. Who signals an announced waiter just takes it off the queue, and it
// doesn't sleep.

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Locker is what Cond needs of a lock. Mutex and RWMutex have it.
type Locker interface {
	// Lock locks, on behalf of the task t; nil stands for an ordinary goroutine.
	Lock(t *Task)
	// Unlock undoes Lock. When a Cond uses it, it must not wait.
	Unlock(t *Task)
}

// Cond lets tasks, of any schedulers, and ordinary goroutines wait until something
// that a lock guards has changed. It must not be copied after its first use.
//
// A Signal or Broadcast happens before the return of the Wait that it ends.
type Cond struct {
	mu    sx.Mutex // first, see TaskInfo.Object
	queue waitQueue

	// L is held by who calls Wait. It must not be changed after the first use.
	L Locker
}

// What num says of a Cond's waiter in the queue.
const (
	condAnnounced = iota // it will look at the queue before it sleeps
	condAsleep
)

// NewCond returns a Cond with the lock l, which must not be nil.
func NewCond(l Locker) *Cond { return &Cond{L: l} }

// Wait unlocks c.L, waits for a Signal or Broadcast, and locks c.L again. t is the
// calling task, nil for an ordinary goroutine. Between the two, others may have changed
// everything, so the caller looks again in a loop:
//
//	c.L.Lock(t)
//	for !condition() {
//		if err := c.Wait(t); err != nil {
//			c.L.Unlock(t)
//			return err
//		}
//	}
//
// When t's context ends before a signal has come, Wait returns its cause, and the next
// Signal is for somebody else. c.L is locked in any case, for which Wait may have to
// wait although the context has ended. With a nil t the error is always nil.
func (c *Cond) Wait(t *Task) error {
	if t != nil {
		t.enter("Cond.Wait")
	}
	if c.L == nil {
		panic("runq: Cond.Wait: the field L is nil: it must be the lock that guards the condition")
	}
	t.beforeWait(true)
	w := newWaiter(t)
	n := &w.node
	n.num = condAnnounced
	c.mu.Lock()
	c.queue.push(n, w)
	c.mu.Unlock()

	c.unlock(t, w)
	c.mu.Lock()
	var err error
	if n.in == nil {
		c.mu.Unlock() // signalled already
	} else {
		n.num = condAsleep
		err = w.wait(&c.mu, n, event.ReasonWaitCond, true)
	}
	w.free()
	c.L.Lock(t)
	return err
}

// unlock unlocks L. If that panics, because the caller hasn't locked it, w no longer
// waits.
func (c *Cond) unlock(t *Task, w *waiter) {
	w.announced = true
	done := false
	defer func() {
		w.announced = false
		if !done {
			c.mu.Lock()
			c.queue.remove(&w.node)
			c.mu.Unlock()
			w.free()
		}
	}()
	c.L.Unlock(t)
	done = true
}

// Signal ends the wait of the one who has waited longest, if anybody waits. The caller
// may hold c.L, but needn't. t is the calling task, nil for an ordinary goroutine; a
// task that is woken runs next where t runs now. Signal never waits.
func (c *Cond) Signal(t *Task) {
	if t != nil {
		t.enter("Cond.Signal")
	}
	c.mu.Lock()
	n, _ := c.next()
	c.mu.Unlock()
	wakeAll(n, t)
}

// Broadcast ends the waits of all who wait. The caller may hold c.L, but needn't. t is
// the calling task, nil for an ordinary goroutine; one of the tasks that are woken runs
// next where t runs now. Broadcast never waits.
func (c *Cond) Broadcast(t *Task) {
	if t != nil {
		t.enter("Cond.Broadcast")
	}
	var first *waitNode
	end := &first
	c.mu.Lock()
	for n, more := c.next(); more; n, more = c.next() {
		if n != nil {
			*end, end = n, &n.next
		}
	}
	c.mu.Unlock()
	wakeAll(first, t)
}

// next takes the first waiter off the queue whose wait can be ended; more is false when
// there is none. It returns the waiter's node if it sleeps and must be woken. c.mu is
// held.
func (c *Cond) next() (n *waitNode, more bool) {
	for n := c.queue.first; n != nil; n = c.queue.first {
		if n.num == condAnnounced {
			c.queue.remove(n)
			return nil, true
		}
		if c.queue.take(n) {
			return n, true
		}
	}
	return nil, false
}
