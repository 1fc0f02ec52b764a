package runq

// Channels.
//
// A channel is a lock, a ring and two wait lists, as in Go. What differs is where a
// value is while somebody waits. Go copies it from stack to stack; code outside the
// runtime can't point into a stack that may be moved meanwhile. So the value goes
// through the waiter's node, which therefore has a type: a waiter keeps the node of
// its last wait at a channel for the next one of the same type, and the channel pools
// the others under its lock.
//
// Invariant: receivers wait only when the ring is empty and no sender waits; senders
// only when the ring is full and no receiver waits.

import (
	"errors"
	"iter"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// ErrChanClosed is what receiving from a closed channel returns when all values that
// were sent have been received.
var ErrChanClosed = errors.New("runq: the channel is closed, and nothing is left in it")

// ErrChanEmpty is what Chan.TryRecv returns when it would have to wait.
var ErrChanEmpty = errors.New("runq: nothing can be received from the channel now")

// Chan is a channel of values of type T, for tasks, of any schedulers, and ordinary
// goroutines. It is a Go channel but for this:
//
//   - Send and Recv take the caller's task, nil for an ordinary goroutine. A task's
//     wait ends with an error when its context does, and then nothing has been sent
//     or received.
//   - Recv returns an error where Go's second result is false, so that one test finds
//     every reason why there is no value.
//
// As in Go, those who wait are served in the order in which they came; sending on a
// closed channel panics; and a nil *Chan blocks for ever, or until the context ends, or,
// of a task whose context can't end, until there is nothing else left to do: that is a
// deadlock, see DeadlockError.
// The send of a value happens before the return of the Recv that gets it; with a
// capacity of n, the k-th Recv happens before the return of the k+n-th Send; and Close
// happens before a Recv that returns ErrChanClosed.
//
// A Chan is made by NewChan and must not be copied.
type Chan[T any] struct {
	chanCore
	ring []T          // values, count of them from head on; guarded by mu
	free *chanNode[T] // nodes for waiters, linked by waitNode.next; guarded by mu
}

// freeNodes bounds a channel's pool. A Select, or a goroutine, that waits takes a node
// from there and gives it back, so it is enough that those who come and go find one;
// who ends a wait of a hundred thousand at once must not leave as many nodes behind.
const freeNodes = 64

// chanCore is the part of a channel that doesn't depend on the type.
type chanCore struct {
	mu     sx.Mutex
	recvq  waitQueue // the rest is guarded by mu
	sendq  waitQueue
	count  int // values in the ring
	head   int // the oldest of them
	closed bool
	nfree  int // nodes in Chan.free
}

// chanNode is a waitNode with the value that is being passed. The holder of the
// waitNode has the rest, too: the list, then who has claimed the node, then the waiter.
type chanNode[T any] struct {
	waitNode      // first: a pointer to it is one to the whole
	v        T    // what a sender wants to send; what a receiver gets
	ok       bool // the value has been passed; false: the channel was closed
}

// spareSize bounds the values, in bytes, whose nodes waiters keep: a task that waits
// needs a few kilobytes anyhow, beside which one such node is nothing.
const spareSize = 256

// NewChan returns a channel with room for capacity values; with 0, each Send waits
// for its Recv. The memory for the values is allocated here. A negative capacity
// panics.
func NewChan[T any](capacity int) *Chan[T] {
	if capacity < 0 {
		panic("runq: NewChan: the capacity is negative")
	}
	return &Chan[T]{ring: make([]T, capacity)}
}

// Send sends v. It waits until a receiver takes the value, or there is room for it in
// the buffer. t is the calling task, nil if an ordinary goroutine calls. When the
// wait is ended by t's context, Send returns the context's cause, and v has not been
// sent. A send that need not wait succeeds even if the context has ended. Sending on a
// closed channel panics, and so does a wait that Close ends.
func (c *Chan[T]) Send(t *Task, v T) error {
	if t != nil {
		t.enter("Chan.Send")
	}
	if c == nil {
		return waitForEver(t, event.ReasonWaitChanSend)
	}
	c.mu.Lock()
	if c.count < len(c.ring) || c.recvq.first != nil {
		if w, done := c.sendNow(v); done {
			c.mu.Unlock()
			if w != nil {
				w.wake(t)
			}
			return nil
		}
	}
	if c.closed {
		c.mu.Unlock()
		panic(sendOnClosed("Chan.Send"))
	}
	if t != nil && t.unwatched() {
		c.mu.Unlock()
		t.watchContext() // which may do anything
		return c.Send(t, v)
	}
	w := newWaiter(t)
	n := c.newNode(w)
	n.v = v
	c.sendq.push(&n.waitNode, w)
	c.prepare(w)
	// w.sleep, written out, for the reason that is given in park.
	if t == nil {
		w.sleep(event.ReasonWaitChanSend)
	} else {
		t.park(event.ReasonWaitChanSend, commitWait, unsafe.Pointer(c))
	}
	if w.by == nil {
		return c.gaveUp(n, &c.sendq)
	}
	ok := n.ok
	c.keep(n)
	if !ok {
		panic(sendOnClosed("Chan.Send"))
	}
	return nil
}

// Recv receives a value. It waits until there is one, or until the channel is closed:
// then it returns ErrChanClosed, once all values have been received. t is the calling
// task, nil if an ordinary goroutine calls. When the wait is ended by t's context,
// Recv returns the context's cause, and has received nothing. A value that is there
// is received even if the context has ended. With an error, the value is zero.
func (c *Chan[T]) Recv(t *Task) (T, error) {
	if t != nil {
		t.enter("Chan.Recv")
	}
	if c == nil {
		var zero T
		return zero, waitForEver(t, event.ReasonWaitChanRecv)
	}
	c.mu.Lock()
	if c.count != 0 || c.sendq.first != nil {
		if v, w, done := c.recvNow(); done {
			c.mu.Unlock()
			if w != nil {
				w.wake(t)
			}
			return v, nil
		}
	}
	if c.closed {
		c.mu.Unlock()
		var zero T
		return zero, ErrChanClosed
	}
	if t != nil && t.unwatched() {
		c.mu.Unlock()
		t.watchContext()
		return c.Recv(t)
	}
	w := newWaiter(t)
	n := c.newNode(w)
	c.recvq.push(&n.waitNode, w)
	c.prepare(w)
	if t == nil {
		w.sleep(event.ReasonWaitChanRecv)
	} else {
		t.park(event.ReasonWaitChanRecv, commitWait, unsafe.Pointer(c))
	}
	if w.by == nil {
		var zero T
		return zero, c.gaveUp(n, &c.recvq)
	}
	v, ok := n.v, n.ok
	c.keep(n)
	if !ok {
		return v, ErrChanClosed
	}
	return v, nil
}

// sendNow sends v if that needs no waiting, and returns the receiver to be woken, if
// there is one. c.mu is held.
func (c *Chan[T]) sendNow(v T) (w *waiter, done bool) {
	if c.recvq.first != nil {
		if n := c.recvq.claim(); n != nil {
			r := (*chanNode[T])(unsafe.Pointer(n))
			r.v, r.ok = v, true
			return n.w, true
		}
	}
	if c.count == len(c.ring) || c.closed {
		return nil, false
	}
	i := c.head + c.count
	if i >= len(c.ring) {
		i -= len(c.ring)
	}
	c.ring[i] = v
	c.count++
	return nil, true
}

// recvNow receives a value if that needs no waiting, and returns the sender to be
// woken, if there is one. c.mu is held.
func (c *Chan[T]) recvNow() (v T, w *waiter, done bool) {
	var s *chanNode[T]
	if c.sendq.first != nil {
		s = (*chanNode[T])(unsafe.Pointer(c.sendq.claim()))
	}
	if c.count == 0 {
		if s == nil {
			return v, nil, false
		}
		s.ok = true
		return s.v, s.w, true
	}
	at := &c.ring[c.head]
	v = *at
	if c.head++; c.head == len(c.ring) {
		c.head = 0
	}
	if s == nil {
		var zero T
		*at = zero
		c.count--
		return v, nil, true
	}
	*at = s.v // the ring is full: its oldest place becomes the newest
	s.ok = true
	return v, s.w, true
}

// TrySend sends v if that needs no waiting, and tells whether it did. It panics if the
// channel is closed. A nil *Chan never has room.
func (c *Chan[T]) TrySend(v T) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	w, done := c.sendNow(v)
	closed := c.closed
	c.mu.Unlock()
	if w != nil {
		w.wake(nil)
	}
	if closed && !done {
		panic(sendOnClosed("Chan.TrySend"))
	}
	return done
}

// TryRecv receives a value if that needs no waiting. Else it returns ErrChanEmpty, or
// ErrChanClosed when no value will ever come. A nil *Chan is empty.
func (c *Chan[T]) TryRecv() (T, error) {
	if c == nil {
		var zero T
		return zero, ErrChanEmpty
	}
	c.mu.Lock()
	v, w, done := c.recvNow()
	closed := c.closed
	c.mu.Unlock()
	if w != nil {
		w.wake(nil)
	}
	switch {
	case done:
		return v, nil
	case closed:
		return v, ErrChanClosed
	}
	return v, ErrChanEmpty
}

// Close says that nothing will be sent any more. Receivers that wait return
// ErrChanClosed; senders that wait panic. Closing a channel twice, or a nil *Chan,
// panics. Close doesn't wait.
func (c *Chan[T]) Close() {
	if c == nil {
		panic("runq: Chan.Close: the channel is nil")
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		panic("runq: Chan.Close: the channel is closed already")
	}
	c.closed = true
	receivers, _ := c.recvq.claimAll() // a node in a list has ok false
	senders, _ := c.sendq.claimAll()
	c.mu.Unlock()
	wakeAll(receivers, nil)
	wakeAll(senders, nil)
}

// Len returns how many values are in the buffer. It is 0 for a nil *Chan.
func (c *Chan[T]) Len() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// Cap returns the capacity that the channel was made with. It is 0 for a nil *Chan.
func (c *Chan[T]) Cap() int {
	if c == nil {
		return 0
	}
	return len(c.ring)
}

// All receives values in a range loop: until the channel is closed and empty, or until
// t's context ends while it waits, which t.Context tells. t is the task that ranges,
// nil for an ordinary goroutine.
func (c *Chan[T]) All(t *Task) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := c.Recv(t)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// prepare readies w for a wait of its own at this channel alone. c.mu is held.
func (c *chanCore) prepare(w *waiter) {
	w.contested = w.t != nil && w.t.watched()
	w.by = nil
	w.mu, w.also = &c.mu, nil
}

// newNode returns a node for w to wait with. c.mu is held.
func (c *Chan[T]) newNode(w *waiter) *chanNode[T] {
	if n, ok := w.spare.(*chanNode[T]); ok {
		w.spare = nil
		return n
	}
	return c.takeNode()
}

// takeNode returns a node from the pool. c.mu is held.
func (c *Chan[T]) takeNode() *chanNode[T] {
	n := c.free
	if n == nil {
		return new(chanNode[T])
	}
	c.free = (*chanNode[T])(unsafe.Pointer(n.next))
	c.nfree--
	n.next = nil
	return n
}

// putNode puts a node into the pool, if there is room. c.mu is held.
func (c *Chan[T]) putNode(n *chanNode[T]) {
	if c.nfree >= freeNodes {
		return
	}
	c.nfree++
	var zero T
	n.v, n.ok, n.w = zero, false, nil
	n.next = (*waitNode)(unsafe.Pointer(c.free))
	c.free = n
}

// keep ends a wait that n was served in, and keeps n for the waiter's next one, or
// else in the pool: an ordinary goroutine's waiter has no next one.
func (c *Chan[T]) keep(n *chanNode[T]) {
	w := n.w
	if w.t != nil && w.spare == nil && unsafe.Sizeof(n.v) <= spareSize {
		var zero T
		n.v, n.ok, n.w = zero, false, nil
		w.spare = n
	} else {
		c.mu.Lock()
		c.putNode(n)
		c.mu.Unlock()
	}
	w.free()
}

// gaveUp ends a wait that the task's context has ended: n is still in l, unless
// somebody has found it there and left it alone.
func (c *Chan[T]) gaveUp(n *chanNode[T], l *waitQueue) error {
	w := n.w
	c.mu.Lock()
	l.remove(&n.waitNode)
	c.putNode(n)
	c.mu.Unlock()
	return w.cause()
}

// waitForEver waits for something that never comes: only the end of the task's context
// ends it, or, if that can't end, the finding that all tasks are in a deadlock.
func waitForEver(t *Task, why event.Reason) error {
	if t != nil && !t.watchContext() {
		return t.park(event.ReasonWaitNever, commitNever, nil)
	}
	var never struct {
		mu sx.Mutex
		q  waitQueue
	}
	w := newWaiter(t)
	never.mu.Lock()
	never.q.push(&w.node, w)
	return w.wait(&never.mu, &w.node, why, true)
}

// commitNever has nothing to publish: nobody but breakDeadlock ends the wait.
func commitNever(*Task, unsafe.Pointer) bool { return true }

// sendOnClosed is what the method panics with.
func sendOnClosed(method string) string { return "runq: " + method + ": the channel is closed" }
