package queue

import "github.com/runq-go/runq/internal/sx"

// segmentCap is how many entries a segment of the global queue holds: as many as a
// batch at most moves, so that a lock is held over two segments at most.
const segmentCap = sx.RingCap / 2

// segment is a stretch of the global queue. Entries are kept in arrays and not in a
// chain: to cut a batch off a chain one must walk it, under the lock, at a cache
// miss each.
type segment[T any] struct {
	entries    [segmentCap]T
	read, free int // entries[read:free] are queued
	next       *segment[T]
}

// spareSegments bounds the empty segments that are kept for reuse: enough for
// bursts, without holding on to the memory of a backlog that is over.
const spareSegments = 1024

// Global is the queue that all Ps share: where ordinary goroutines put their
// tasks, where a full ring overflows to, and where tasks go that have lost their
// P. One lock guards it; work leaves it in batches, so that the lock is rare.
type Global[T any] struct {
	mu         sx.Mutex
	head, tail *segment[T] // guarded by mu; nil when the queue is empty
	spare      *segment[T] // guarded by mu; a chain
	spares     int         // guarded by mu; its length

	// size is the number of queued entries; written under mu, read by anyone.
	// Partner: the re-check of an M that goes to sleep.
	size sx.Int64
}

// Lock and Unlock guard what the caller decides together with PutLocked.
func (g *Global[T]) Lock() { g.mu.Lock() }

// Unlock undoes Lock.
func (g *Global[T]) Unlock() { g.mu.Unlock() }

// Len returns the number of queued entries, without the lock: exact at some moment.
func (g *Global[T]) Len() int { return int(g.size.Load()) }

// Put appends one entry.
func (g *Global[T]) Put(e T) {
	g.mu.Lock()
	g.PutLocked(e)
	g.mu.Unlock()
}

// PutLocked is Put for who holds the lock.
func (g *Global[T]) PutLocked(e T) {
	*g.push() = e
	g.size.Add(1)
}

// PutAll appends a batch.
func (g *Global[T]) PutAll(batch []T) {
	if len(batch) == 0 {
		return
	}
	g.mu.Lock()
	for i := range batch {
		*g.push() = batch[i]
	}
	g.size.Add(int64(len(batch)))
	g.mu.Unlock()
}

// push returns a new place at the end. The lock is held.
func (g *Global[T]) push() *T {
	s := g.tail
	if s == nil || s.free == segmentCap {
		s = g.grow()
	}
	s.free++
	return &s.entries[s.free-1]
}

// grow appends an empty segment.
func (g *Global[T]) grow() *segment[T] {
	s := g.spare
	if s == nil {
		s = new(segment[T])
	} else {
		g.spare, s.next = s.next, nil
		g.spares--
	}
	if g.tail == nil {
		g.head = s
	} else {
		g.tail.next = s
	}
	g.tail = s
	return s
}

// pop removes the first entry. The lock is held and the queue not empty.
func (g *Global[T]) pop() (e T) {
	s := g.head
	e, s.entries[s.read] = s.entries[s.read], e
	s.read++
	if s.read == s.free {
		g.shrink()
	}
	return e
}

// shrink takes the first segment, which is empty, away.
func (g *Global[T]) shrink() {
	s := g.head
	g.head = s.next
	if g.head == nil {
		g.tail = nil
	}
	s.read, s.free, s.next = 0, 0, nil
	if g.spares < spareSegments {
		s.next, g.spare = g.spare, s
		g.spares++
	}
}

// Get moves the first entry to e, and tells whether there was one: the fairness
// tick's one task.
func (g *Global[T]) Get(e *T) bool {
	if g.Len() == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.Len() == 0 {
		return false
	}
	*e = g.pop()
	g.size.Add(-1)
	return true
}

// GetBatch moves a P's fair share of the queue: the first entry to e, the rest into
// dst's ring. It tells whether there was any. The share is the queue's length
// divided by the number of Ps, so that one P doesn't empty it under the eyes of the
// others, and at most half a ring.
//
// Only the owner of dst may call it, and dst's ring must be empty.
func (g *Global[T]) GetBatch(e *T, dst *Local[T], procs int) bool {
	if g.Len() == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	size := g.Len()
	if size == 0 {
		return false
	}
	share := min(size/procs+1, size, len(dst.slots)/2)
	g.size.Add(-int64(share))
	*e = g.pop()
	t := dst.tail.Load()
	for range share - 1 {
		dst.slots[t%uint32(len(dst.slots))].Put(g.pop())
		t++
	}
	dst.tail.Publish(t)
	return true
}

// Each calls f for every queued entry under the lock; f must be short.
func (g *Global[T]) Each(f func(*T)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := g.head; s != nil; s = s.next {
		for i := s.read; i < s.free; i++ {
			f(&s.entries[i])
		}
	}
}
