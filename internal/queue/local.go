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
// head. The next slot holds one task that goes before the ring's.
//
// What differs from Go: an entry is a value of several words, so that a task that
// hasn't begun needs no memory of its own. And only tasks that were waiting go into
// the next slot; new ones go to the ring's tail. That saves a locked instruction on
// each spawn, a fifth of its cost.
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

// Local is a P's run queue of entries. Its owner is the one M that holds the P.
type Local[T any] struct {
	// head is the index of the next entry to take. Owner and thieves move it by
	// compare-and-swap; partner: the load of head in putSlow, which decides that
	// slots are free to be written.
	head sx.Uint32
	_    [cacheLine - 4]byte

	// tail is the index of the next free slot. Only the owner publishes it; partner:
	// the load of tail in Take, grab and RingLen, which makes the slots visible.
	tail sx.Published32

	slots [sx.RingCap]sx.Slot[T]

	// spare is an empty segment for the next overflow, or nil. Owner only.
	spare *segment[T]

	// taken is a head that the owner has seen: head is there or further on. While
	// that leaves room, Put needn't look at head, whose line thieves write. Owner only.
	taken uint32

	// forgot is the tail up to which slots have been cleared. Owner only.
	forgot uint32
	_      [cacheLine]byte
}

// Put appends e to the ring; when that is full, its older half goes to the global
// queue first. It tells whether that was so. Owner only.
func (q *Local[T]) Put(e *T, global *Global[T]) (full bool) {
	t := q.tail.Load()
	if t-q.taken < uint32(len(q.slots)) {
		q.slots[t%uint32(len(q.slots))].Put(*e)
		q.tail.Publish(t + 1)
		return false
	}
	return q.putSlow(e, t, global)
}

// putSlow is Put for a ring that is full as far as known.
func (q *Local[T]) putSlow(e *T, t uint32, global *Global[T]) (full bool) {
	q.taken = q.head.Load()
	if t-q.taken == uint32(len(q.slots)) {
		full = q.overflow(q.taken, global)
		q.taken = q.head.Load()
	}
	q.slots[t%uint32(len(q.slots))].Put(*e)
	q.tail.Publish(t + 1)
	return full
}

// overflow moves the older half of the ring, whose head is h, to the global queue in
// one segment. It returns false if somebody else has made room in the meantime.
func (q *Local[T]) overflow(h uint32, global *Global[T]) bool {
	s := q.spare
	if s == nil {
		s = new(segment[T])
	}
	q.spare = nil
	for i := range uint32(segmentCap) {
		s.entries[i] = q.slots[(h+i)%uint32(len(q.slots))].Get()
	}
	if !q.head.CompareAndSwap(h, h+segmentCap) {
		clear(s.entries[:])
		q.spare = s
		return false
	}
	s.free = segmentCap
	q.spare = global.putSegment(s)
	return true
}

// fill moves the first n entries of s: one to e, the others to the ring, which is
// empty. Owner only.
func (q *Local[T]) fill(e *T, s *segment[T], n int) {
	batch := s.entries[s.read : s.read+n]
	s.read += n
	*e = batch[0]
	t := q.tail.Load()
	for i := range batch[1:] {
		q.slots[t%uint32(len(q.slots))].Put(batch[1+i])
		t++
	}
	q.tail.Publish(t)
	clear(batch)
}

// PutAll appends a batch to the ring; what has no room goes to the global queue.
// Owner only.
func (q *Local[T]) PutAll(batch []T, global *Global[T]) {
	for i := range batch {
		h := q.head.Load()
		t := q.tail.Load()
		if t-h == uint32(len(q.slots)) {
			global.PutAll(batch[i:])
			return
		}
		q.slots[t%uint32(len(q.slots))].Put(batch[i])
		q.tail.Publish(t + 1)
	}
}

// Take moves the oldest entry of the ring to e, and tells whether there was one.
// Anyone may call it.
func (q *Local[T]) Take(e *T) bool {
	for {
		h := q.head.Load()
		if q.tail.Load() == h {
			return false
		}
		v := q.slots[h%uint32(len(q.slots))].Get()
		if q.head.CompareAndSwap(h, h+1) {
			*e = v
			return true
		}
	}
}

// StealInto takes half of q's ring, rounded up: one entry is moved to e, to be run,
// the others are put into dst. It returns how many it took. Only the owner of dst
// may call it, and dst's ring must be empty.
func (q *Local[T]) StealInto(e *T, dst *Local[T]) int {
	t := dst.tail.Load()
	n := q.grab(dst, t)
	if n == 0 {
		return 0
	}
	// The last one grabbed is run; it need not be published at all.
	*e = dst.slots[(t+n-1)%uint32(len(dst.slots))].Get()
	if n > 1 {
		dst.tail.Publish(t + n - 1)
	}
	return int(n)
}

// grab copies half of q's ring into dst's slots from index t on and returns how
// many it got. The copies count only if the compare-and-swap on head succeeds.
func (q *Local[T]) grab(dst *Local[T], t uint32) uint32 {
	for {
		h := q.head.Load()
		n := q.tail.Load() - h
		n -= n / 2
		if n == 0 {
			return 0
		}
		if n > half {
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

// Drain takes everything. Anyone may call it; what the owner puts meanwhile may or
// may not be among it.
func (q *Local[T]) Drain() (all []T) {
	var e T
	for q.Take(&e) {
		all = append(all, e)
	}
	return all
}

// Forget clears the slots of entries that have been taken, so that what those
// refer to can be freed. The ring must be empty. Owner only.
func (q *Local[T]) Forget() {
	t := q.tail.Load()
	var none T
	for i := range min(t-q.forgot, uint32(len(q.slots))) {
		q.slots[(t-1-i)%uint32(len(q.slots))].Put(none)
	}
	q.forgot = t
}

// RingLen returns the number of entries in the ring.
func (q *Local[T]) RingLen() int {
	for {
		h := q.head.Load()
		t := q.tail.Load()
		if q.head.Load() == h { // head and tail belong together
			return int(t - h)
		}
	}
}

// Each calls f for a copy of every entry. The owner must be stopped.
func (q *Local[T]) Each(f func(*T)) {
	t := q.tail.Load()
	for h := q.head.Load(); h != t; h++ {
		e := q.slots[h%uint32(len(q.slots))].Get()
		f(&e)
	}
}
