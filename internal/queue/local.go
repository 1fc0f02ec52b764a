package queue

// A P's local run queue: a ring of tasks with one next slot before it.
//
// The tension: putting and taking happen for every task and must cost a few
// nanoseconds, yet another P that has run dry must be able to take half of what is
// here at any moment. A lock would make the common case pay for the rare one. A
// deque that its owner uses as a stack (Chase-Lev) needs a fence on every pop and
// starves the oldest task.
//
// The choice, as in Go's runtime: a bounded ring, first in, first out. The owner
// alone writes slots and the tail, so that putting is a plain store and a
// publication. Everybody, the owner included, takes by compare-and-swap on the
// head. A task that has just been made ready goes into the next slot and moves the
// one that stood there to the ring's tail.
//
// The race it avoids: a thief copies slots and only then tries to move the head.
// Meanwhile the owner may have wrapped around and written over those slots. But it
// can only do so after the head has moved, so the thief's compare-and-swap fails
// and it throws its copies away. The README has the proof.

import "github.com/runq-go/runq/internal/sx"

// cacheLine separates words that different threads write. 128, not 64, because
// the adjacent-line prefetcher of amd64 pulls lines in pairs.
const cacheLine = 128

// half of a ring is what an overflow moves, and what a batch may be.
const half = sx.RingCap / 2

// Local is a P's run queue. Its owner is the one M that holds the P.
type Local struct {
	// head is the index of the next node to take. Owner and thieves move it by
	// compare-and-swap; partner: the load of head in put, which decides that a
	// slot is free to be written.
	head sx.Uint32
	_    [cacheLine - 4]byte

	// tail is the index of the next free slot. Only the owner stores it; partner:
	// the load of tail in take, grab and Empty, which makes the slots visible.
	tail sx.Uint32

	// next is the next slot: the task to run before the ring. The owner swaps it;
	// a thief may take it by compare-and-swap once it has aged.
	next sx.Pointer[Node]

	slots [sx.RingCap]sx.Slot[Node]

	// Owner only: room for a batch on its way to or from the global queue, which
	// would be too much for a small stack; see warm; and whether the ring has
	// overflowed since the last Overflowed.
	scratch    [half + 1]*Node
	warmth     int
	overflowed bool
	_          [cacheLine]byte
}

// Put appends n to the ring; when it is full, half of the ring and n go to the
// global queue. Owner only.
func (q *Local) Put(n *Node, global *Global) {
	h := q.head.Load()
	t := q.tail.Load()
	if t-h < uint32(len(q.slots)) {
		q.slots[t%uint32(len(q.slots))].Put(n)
		q.tail.Store(t + 1)
		return
	}
	q.putSlow(n, h, t, global)
}

// PutNext makes n the task to run next and moves the one that stood in the next
// slot to the ring. It tells whether the slot was free. Owner only.
func (q *Local) PutNext(n *Node, global *Global) bool {
	old := q.next.Swap(n)
	if old == nil {
		return true
	}
	q.Put(old, global)
	return false
}

// putSlow moves half of a full ring, and n behind it, to the global queue in one
// batch. When a thief has made room meanwhile, it puts n into the ring after all.
func (q *Local) putSlow(n *Node, h, t uint32, global *Global) {
	for {
		if t-h < uint32(len(q.slots)) {
			q.slots[t%uint32(len(q.slots))].Put(n)
			q.tail.Store(t + 1)
			return
		}
		batch := &q.scratch
		for i := range uint32(half) {
			batch[i] = q.slots[(h+i)%uint32(len(q.slots))].Get()
		}
		if q.head.CompareAndSwap(h, h+half) {
			batch[half] = n
			global.PutAll(batch[:])
			q.overflowed = true
			return
		}
		h = q.head.Load()
	}
}

// Overflowed tells whether the ring has overflowed since the last call. Owner only.
func (q *Local) Overflowed() bool {
	was := q.overflowed
	q.overflowed = false
	return was
}

// PutAll appends a batch to the ring; what has no room goes to the global queue.
// Owner only.
func (q *Local) PutAll(batch []*Node, global *Global) {
	for i, n := range batch {
		h := q.head.Load()
		t := q.tail.Load()
		if t-h == uint32(len(q.slots)) {
			global.PutAll(batch[i:])
			return
		}
		q.slots[t%uint32(len(q.slots))].Put(n)
		q.tail.Store(t + 1)
	}
}

// Get returns the task to run next, or nil; fromNext tells that it stood in the
// next slot, so that it shares the slice of the task before it. Owner only.
func (q *Local) Get() (n *Node, fromNext bool) {
	if n := q.next.Load(); n != nil && q.next.CompareAndSwap(n, nil) {
		return n, true
	}
	return q.take(), false
}

// take removes the oldest node of the ring, or returns nil.
func (q *Local) take() *Node {
	for {
		h := q.head.Load()
		if q.tail.Load() == h {
			return nil
		}
		n := q.slots[h%uint32(len(q.slots))].Get()
		if q.head.CompareAndSwap(h, h+1) {
			return n
		}
	}
}

// KickNext moves the task in the next slot to the ring's tail, so that a chain of
// hand-offs through the slot doesn't starve the ring. Owner only.
func (q *Local) KickNext(global *Global) {
	if n := q.next.Load(); n != nil && q.next.CompareAndSwap(n, nil) {
		q.Put(n, global)
	}
}

// StealInto takes half of q's ring, rounded up: one node is returned to be run,
// the others are put into dst. It returns nil when q's ring is empty, and how many
// nodes it took. Only the owner of dst may call it, and dst's ring must be empty.
func (q *Local) StealInto(dst *Local) (*Node, int) {
	t := dst.tail.Load()
	n := q.grab(dst, t)
	if n == 0 {
		return nil, 0
	}
	// The last one grabbed is run; it need not be published at all.
	run := dst.slots[(t+n-1)%uint32(len(dst.slots))].Get()
	if n > 1 {
		dst.tail.Store(t + n - 1)
	}
	return run, int(n)
}

// grab copies half of q's ring into dst's slots from index t on and returns how
// many it got. The copies count only if the compare-and-swap on head succeeds.
func (q *Local) grab(dst *Local, t uint32) uint32 {
	for {
		h := q.head.Load()
		n := q.tail.Load() - h
		n -= n / 2
		if n == 0 {
			return 0
		}
		if n > uint32(len(q.slots)/2) {
			continue // head and tail were read at different times
		}
		for i := range n {
			dst.slots[(t+i)%uint32(len(dst.slots))].Put(q.slots[(h+i)%uint32(len(q.slots))].Get())
		}
		if q.head.CompareAndSwap(h, h+n) {
			return n
		}
	}
}

// Next returns the task in the next slot without taking it: a thief looks twice,
// and takes it only if it is still the same after the slot's age.
func (q *Local) Next() *Node { return q.next.Load() }

// StealNext takes n out of the next slot if it is still there.
func (q *Local) StealNext(n *Node) bool { return q.next.CompareAndSwap(n, nil) }

// Drain takes everything, next slot first. Anyone may call it; what the owner puts
// meanwhile may or may not be among it.
func (q *Local) Drain() []*Node {
	var all []*Node
	if n := q.next.Swap(nil); n != nil {
		all = append(all, n)
	}
	for n := q.take(); n != nil; n = q.take() {
		all = append(all, n)
	}
	return all
}

// RingLen returns the number of nodes in the ring, without the next slot.
func (q *Local) RingLen() int {
	for {
		h := q.head.Load()
		t := q.tail.Load()
		if q.head.Load() == h { // head and tail belong together
			return int(t - h)
		}
	}
}

// Empty tells whether there is nothing here, in the ring or in the next slot. It
// must not say so of a queue that is never empty: after head and tail have been
// read as equal, the owner may move the node from the slot to the ring and run the
// one that took its place, so that the slot looks empty too. Then the tail has
// moved, and it is read again for that reason.
func (q *Local) Empty() bool {
	for {
		h := q.head.Load()
		t := q.tail.Load()
		next := q.next.Load()
		if q.tail.Load() == t {
			return h == t && next == nil
		}
	}
}

// Each calls f for every node, next slot first. The owner must be stopped.
func (q *Local) Each(f func(*Node)) {
	if n := q.next.Load(); n != nil {
		f(n)
	}
	t := q.tail.Load()
	for h := q.head.Load(); h != t; h++ {
		f(q.slots[h%uint32(len(q.slots))].Get())
	}
}
