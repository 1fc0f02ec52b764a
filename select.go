package runq

// Select: waiting for the first of several things.
//
// As in Go: all the channels are locked, in the order of their addresses; the cases are
// tried in random order, so that none starves; if none is ready, a node goes into the
// list of each channel, and whoever wins the waiter's claim has served the one case.
// The task leaves its stack with all the locks held. When it is back it takes them
// again and removes the other nodes: so no node outlives its Select, and none is left
// behind in a channel that nobody else uses.
//
// A timer and a context end the wait from outside: see outsider.go. Registering with a
// context calls its methods, which may do anything, so it is done with nothing locked;
// then all begins anew, since meanwhile a case may have become ready.
//
// The cases, and what they point to, are on the caller's stack, and Select must not make
// that escape: it hides them from the compiler (noescape). So no pointer to a case, or
// to a variable of one, may be kept in an object; and only the waiter, never who serves
// it, uses them.

import (
	"context"
	"math/rand/v2"
	"time"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Case is one of the things that a Select waits for. Chan.SendCase, Chan.RecvCase,
// After, Done and Otherwise make one. The zero Case is never ready.
type Case struct {
	kind caseKind
	ch   selectable      // of send and recv; nil: it is never ready
	v    unsafe.Pointer  // the variable, a *T
	ok   *bool           // of recv; nil: not wanted
	d    time.Duration   // of After
	ctx  context.Context // of Done
	done <-chan struct{} // of Done: ctx.Done()
}

type caseKind uint8

const (
	caseNever caseKind = iota
	caseSend
	caseRecv
	caseAfter
	caseDone
	caseOtherwise
)

// selectable is a channel of any type.
type selectable interface {
	core() *chanCore

	// tryCase sends *v, or receives into v, if that needs no waiting, and returns the
	// waiter to be woken, if there is one. The core's lock is held, in the other two
	// methods as well. got is false when it was the channel's end that was received.
	tryCase(kind caseKind, v unsafe.Pointer) (wake *waiter, done, got bool)

	// waitCase puts a node for w into the list.
	waitCase(kind caseKind, v unsafe.Pointer, w *waiter) *waitNode

	// endCase removes the node from the list if it is still there. If it was served, the
	// value that was received goes to v, and got is as for tryCase; a send has got false
	// if the channel was closed.
	endCase(kind caseKind, v unsafe.Pointer, n *waitNode, served bool) (got bool)
}

// SendCase is a case that sends *v, as it is when Select is called. It is chosen also
// when the channel is closed, and Select then panics, as Send does. It is never ready
// if the channel is nil. v must not be nil.
func (c *Chan[T]) SendCase(v *T) Case {
	if v == nil {
		panic("runq: Chan.SendCase: the pointer to the value is nil")
	}
	if c == nil {
		return Case{}
	}
	if neverTrue {
		shared, sent = c, *v
	}
	return Case{kind: caseSend, ch: c, v: unsafe.Pointer(v)}
}

// RecvCase is a case that receives a value into *v, and sets *ok to true; when the
// channel is closed and nothing is left in it, *v becomes zero and *ok false. Either
// may be nil when it isn't wanted. Nothing is written when another case is chosen. It
// is never ready if the channel is nil.
func (c *Chan[T]) RecvCase(v *T, ok *bool) Case {
	if c == nil {
		return Case{}
	}
	if neverTrue {
		shared = c
	}
	return Case{kind: caseRecv, ch: c, v: unsafe.Pointer(v), ok: ok}
}

// After is a case that is ready when Select has waited for d; at once, if d is zero or
// less. The time begins anew with each Select, and nothing is left of it afterwards.
func After(d time.Duration) Case { return Case{kind: caseAfter, d: d} }

// Done is a case that is ready when ctx has ended. It is for contexts other than the
// task's own, which ends the Select anyhow, and for ordinary goroutines. A Select that
// waits registers with the context, which allocates. A nil ctx never ends.
func Done(ctx context.Context) Case {
	if ctx == nil {
		return Case{}
	}
	done := ctx.Done()
	if done == nil {
		return Case{}
	}
	if neverTrue {
		shared = ctx
	}
	return Case{kind: caseDone, ctx: ctx, done: done}
}

// Otherwise is a case that is chosen when no other is ready, as default is in Go: with
// it, Select doesn't wait. Of several, the first is chosen.
func Otherwise() Case { return Case{kind: caseOtherwise} }

// Select waits until one of the cases can go on, does it, and returns its index; when
// several can, it chooses one at random. t is the calling task, nil if an ordinary
// goroutine calls. When the wait is ended by t's context, Select returns -1 and the
// context's cause, and no case has been done. A case that need not wait is done even
// if the context has ended.
//
// A channel may be in several cases. Without a case that can ever be ready, Select
// waits for ever, as for a nil *Chan. Up to eight cases cost a task no allocation.
func Select(t *Task, of ...Case) (int, error) {
	if t != nil {
		t.enter("Select")
	}
	w := newWaiter(t)
	s := w.selection()
	cases := *(*[]Case)(noescape(unsafe.Pointer(&of)))
	var ends []*selectEnd
	for registered := false; ; registered = true {
		other := s.plan(t, cases)
		s.lock()
		i, wake, got := s.try(cases)
		if i < 0 {
			i = other
		}
		if i >= 0 {
			s.unlock()
			w.free()
			if wake != nil {
				wake.wake(t)
			}
			unwatchEnds(ends)
			return i, cases[i].finish(got)
		}
		if len(s.order) == 0 {
			s.unlock()
			w.free()
			return -1, waitForEver(t, event.ReasonWaitSelect)
		}
		if registered || !s.foreign && (t == nil || !t.unwatched()) {
			break
		}
		s.unlock()
		ends = watchEnds(t, cases)
	}
	s.enqueue(w, cases, ends)
	w.by = nil
	w.contested = true
	if t == nil {
		s.sleep(w)
	} else {
		t.park(event.ReasonWaitSelect, commitSelect, nil)
	}
	i, got := s.dequeue(w, cases)
	w.free()
	unwatchEnds(ends)
	if i < 0 {
		return i, w.cause()
	}
	return i, cases[i].finish(got)
}

// try does the first case that needs no waiting, and returns its index, -1 if there is
// none. The locks are held.
func (s *selection) try(cases []Case) (chosen int, wake *waiter, got bool) {
	for _, i := range s.order {
		if wake, done, got := cases[i].try(); done {
			return int(i), wake, got
		}
	}
	return -1, nil, false
}

// try does the case if that needs no waiting. The locks are held.
func (k *Case) try() (wake *waiter, done, got bool) {
	switch k.kind {
	case caseSend, caseRecv:
		return k.ch.tryCase(k.kind, k.v)
	case caseAfter:
		return nil, k.d <= 0, false
	case caseDone:
		return nil, isEnded(k.done), false
	}
	return nil, false, false
}

// finish ends the Select that has chosen the case, when all locks are free.
func (k *Case) finish(got bool) error {
	switch k.kind {
	case caseSend:
		if !got {
			panic(sendOnClosed("Select"))
		}
	case caseRecv:
		if k.ok != nil {
			*k.ok = got
		}
	}
	return nil
}

// isEnded tells whether done, which a context's Done has returned, is closed.
func isEnded(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// selectCases is how many cases cost no allocation after a waiter's first Select.
const selectCases = 8

// selection is what a waiter needs for waits for several things. It is the waiter's,
// from plan to the end of dequeue; in between, commitSelect reads it, while the waiter
// may be running again already, but then needs the locks that commitSelect still holds.
type selection struct {
	order []uint32    // the cases that may be ready, in the order in which they are tried
	nodes []*waitNode // of the cases, nil for those that have none
	locks []*sx.Mutex // those of the channels, in the order of their addresses, once each
	rest  []*sx.Mutex // locks without the last
	none  sx.Mutex    // stands for the locks when there are none
	timer selectTimer
	ends  []*selectEnd // of the Done cases

	foreign bool // there are Done cases

	orders [selectCases]uint32 // where the slices begin
	held   [selectCases]*sx.Mutex
	waits  [selectCases]*waitNode
}

// selection returns w's.
func (w *waiter) selection() *selection {
	if w.sel == nil {
		s := new(selection)
		s.order, s.locks, s.nodes = s.orders[:0], s.held[:0], s.waits[:0]
		w.sel = s
	}
	return w.sel
}

// selectRandom returns a number below n, for the task t or an ordinary goroutine.
// Tests that need a certain order set it.
var selectRandom = func(t *Task, n uint32) uint32 {
	if t == nil {
		return rand.Uint32N(n)
	}
	return uint32(uint64(t.m.random()) * uint64(n) >> 32)
}

// plan chooses the order in which the cases are tried and that of the locks. It
// returns the index of the first Otherwise, -1 if there is none.
func (s *selection) plan(t *Task, cases []Case) (other int) {
	other = -1
	s.order, s.locks, s.foreign = s.order[:0], s.locks[:0], false
	for i := range cases {
		k := &cases[i]
		switch k.kind {
		case caseNever:
			continue
		case caseOtherwise:
			if other < 0 {
				other = i
			}
			continue
		case caseSend, caseRecv:
			s.addLock(&k.ch.core().mu)
		case caseDone:
			s.foreign = true
		}
		s.order = append(s.order, uint32(i))
		if n := uint32(len(s.order)); n > 1 {
			j := selectRandom(t, n)
			s.order[n-1], s.order[j] = s.order[j], s.order[n-1]
		}
	}
	return other
}

// addLock puts mu into its place among the locks, unless it is there.
func (s *selection) addLock(mu *sx.Mutex) {
	at := uintptr(unsafe.Pointer(mu))
	i := len(s.locks)
	for i > 0 && uintptr(unsafe.Pointer(s.locks[i-1])) > at {
		i--
	}
	if i > 0 && s.locks[i-1] == mu {
		return
	}
	s.locks = append(s.locks, nil)
	copy(s.locks[i+1:], s.locks[i:])
	s.locks[i] = mu
}

func (s *selection) lock() {
	if len(s.locks) == 0 {
		s.locks = append(s.locks, &s.none)
	}
	for _, mu := range s.locks {
		mu.Lock()
	}
}

func (s *selection) unlock() {
	for i := len(s.locks) - 1; i >= 0; i-- {
		s.locks[i].Unlock()
	}
	clear(s.locks)
}

// enqueue makes w wait for all cases. The locks are held. ends are what watchEnds has
// returned.
func (s *selection) enqueue(w *waiter, cases []Case, ends []*selectEnd) {
	s.nodes, s.ends = s.nodes[:0], ends
	after := -1
	for i := range cases {
		k := &cases[i]
		var n *waitNode
		switch k.kind {
		case caseSend, caseRecv:
			n = k.ch.waitCase(k.kind, k.v, w)
		case caseAfter:
			if after < 0 || k.d < cases[after].d {
				after = i
			}
		case caseDone:
			n, ends = &ends[0].node, ends[1:]
		}
		s.nodes = append(s.nodes, n)
	}
	if after >= 0 {
		s.timer.plan(w, cases[after].d)
		s.nodes[after] = &s.timer.node
	}
	last := len(s.locks) - 1
	s.rest = s.locks[:last]
	w.mu, w.also = s.locks[last], &s.rest
}

// dequeue ends the wait for the cases, and returns the index of the one that was
// served, -1 if none was.
func (s *selection) dequeue(w *waiter, cases []Case) (chosen int, got bool) {
	chosen = -1
	s.lock()
	for i := range cases {
		k, n := &cases[i], s.nodes[i]
		if n == nil {
			continue
		}
		served := n == w.by
		var ok bool
		if k.ch != nil {
			ok = k.ch.endCase(k.kind, k.v, n, served)
		}
		if served {
			chosen, got = i, ok
		}
	}
	s.unlock()
	s.timer.stop()
	clear(s.nodes)
	s.ends, w.by = nil, nil
	return chosen, got
}

// commitSelect lets others find the task that has left, unless a context has ended.
func commitSelect(t *Task, _ unsafe.Pointer) bool {
	w := &t.c.wait
	m := t.m // as soon as the claim is open, t may run elsewhere
	w.claim.Store(claimOpen)
	ended := w.sel.arm(w, m) || w.cancelled.Load() && w.claim.CompareAndSwap(claimOpen, claimTaken) // partner: watch.fire
	w.unlock()
	return !ended
}

// sleep is the wait of an ordinary goroutine.
func (s *selection) sleep(w *waiter) {
	w.claim.Store(claimOpen)
	ended := s.arm(w, nil)
	w.unlock()
	if !ended {
		w.note.Sleep()
	}
}

// The channel, what a value that is sent leads to, and a context are shared with
// others: they must be on the heap, though noescape makes it look as if they needn't.
// To the compiler they are stored here.
var (
	neverTrue    bool
	shared, sent any
	_            = [...]*any{&shared, &sent} // nobody reads them
)

// noescape returns p, but the compiler doesn't know it: it would else move to the heap
// what p leads to, because that is passed to methods of an interface.
func noescape(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&x))
}

func (c *chanCore) core() *chanCore { return c }

func (c *Chan[T]) tryCase(kind caseKind, v unsafe.Pointer) (w *waiter, done, got bool) {
	if kind == caseSend {
		w, done = c.sendNow(*(*T)(v))
		return w, done || c.closed, done
	}
	value, w, done := c.recvNow()
	if v != nil && (done || c.closed) {
		*(*T)(v) = value
	}
	return w, done || c.closed, done
}

func (c *Chan[T]) waitCase(kind caseKind, v unsafe.Pointer, w *waiter) *waitNode {
	n := c.takeNode()
	if kind == caseSend {
		n.v = *(*T)(v)
		c.sendq.push(&n.waitNode, w)
	} else {
		c.recvq.push(&n.waitNode, w)
	}
	return &n.waitNode
}

func (c *Chan[T]) endCase(kind caseKind, v unsafe.Pointer, n *waitNode, served bool) (got bool) {
	node := (*chanNode[T])(unsafe.Pointer(n))
	switch {
	case !served && n.in != nil:
		n.in.remove(n)
	case served && kind == caseRecv && v != nil:
		*(*T)(v) = node.v
	}
	got = node.ok
	c.putNode(node)
	return got
}
