package queue

import (
	"math"

	"github.com/runq-go/runq/internal/sx"
)

// segmentCap is how many entries a segment of the global queue holds: half a ring,
// so that what a full ring gives away is one segment, and so is what a P gets.
const segmentCap = half

// segment is a stretch of the global queue, and what work enters and leaves it in:
// a whole one is linked or unlinked under the lock, and filled or emptied outside of
// it. Entries are kept in arrays and not in a chain: to cut a batch off a chain one
// must walk it, under the lock, at a cache miss each.
type segment[T any] struct {
	entries    [segmentCap]T
	read, free int // entries[read:free] are queued
	next       *segment[T]
}

func (s *segment[T]) len() int { return s.free - s.read }

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

	// size is the number of queued entries: written under mu, read by anyone. Partner:
	// the re-check of an M that goes to sleep. The unlocking that follows each store is
	// a barrier, so that it is ordered before whatever the writer looks at next. Half a
	// word is enough: see grow.
	size sx.Published32
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
	g.grown(1)
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
	g.grown(len(batch))
	g.mu.Unlock()
}

// PutFirst puts a batch before everything else, in its order: what has been taken out
// and was not run after all.
func (g *Global[T]) PutFirst(batch []T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.grown(len(batch))
	for len(batch) > 0 {
		n := (len(batch)-1)%segmentCap + 1 // what is over makes a segment of its own
		s := g.takeSpare()
		if s == nil {
			s = new(segment[T])
		}
		s.read, s.free = 0, copy(s.entries[:], batch[len(batch)-n:])
		batch = batch[:len(batch)-n]
		s.next = g.head
		if g.head = s; g.tail == nil {
			g.tail = s
		}
	}
}

// grown publishes that n entries more are queued, or fewer. The lock is held.
func (g *Global[T]) grown(n int) { g.size.Publish(uint32(g.Len() + n)) }

// putSegment appends a segment that somebody has filled, and returns an empty one in
// exchange if there is a spare one.
func (g *Global[T]) putSegment(s *segment[T]) (spare *segment[T]) {
	g.mu.Lock()
	g.link(s)
	g.grown(s.len())
	spare = g.takeSpare()
	g.mu.Unlock()
	return spare
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
	if g.Len() > math.MaxUint32-segmentCap {
		panic("runq: four thousand million tasks are queued, which is the limit: spawn them as they can run")
	}
	s := g.takeSpare()
	if s == nil {
		s = new(segment[T])
	}
	g.link(s)
	return s
}

// link appends a segment.
func (g *Global[T]) link(s *segment[T]) {
	if g.tail == nil {
		g.head = s
	} else {
		g.tail.next = s
	}
	g.tail = s
}

// unlink removes the first segment.
func (g *Global[T]) unlink() *segment[T] {
	s := g.head
	g.head, s.next = s.next, nil
	if g.head == nil {
		g.tail = nil
	}
	return s
}

// takeSpare returns an empty segment if one is kept, or nil.
func (g *Global[T]) takeSpare() *segment[T] {
	s := g.spare
	if s != nil {
		g.spare, s.next = s.next, nil
		g.spares--
	}
	return s
}

// keepSpare keeps an empty segment, or lets it go; s may be nil.
func (g *Global[T]) keepSpare(s *segment[T]) {
	if s != nil && g.spares < spareSegments {
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
	g.grown(-1)
	s := g.head
	var none T
	*e, s.entries[s.read] = s.entries[s.read], none
	s.read++
	if s.len() == 0 {
		s.read, s.free = 0, 0
		g.keepSpare(g.unlink())
	}
	return true
}

// GetBatch moves a P's fair share of the queue: the first entry to e, the rest into
// dst's ring. It tells whether there was any. The share is the queue's length
// divided by the number of Ps, so that one P doesn't empty it under the eyes of the
// others; but a segment is not cut for less than half of it.
//
// Only the owner of dst may call it, and dst's ring must be empty.
func (g *Global[T]) GetBatch(e *T, dst *Local[T], procs int) bool {
	if g.Len() == 0 {
		return false
	}
	g.mu.Lock()
	size := g.Len()
	if size == 0 {
		g.mu.Unlock()
		return false
	}
	s := g.head
	n := min(size/procs+1, s.len())
	if n <= s.len()/2 {
		g.grown(-n)
		dst.fill(e, s, n)
		g.mu.Unlock()
		return true
	}
	g.grown(-s.len())
	g.unlink()
	g.keepSpare(dst.spare)
	dst.spare = nil
	g.mu.Unlock()
	dst.fill(e, s, s.len())
	s.read, s.free = 0, 0
	dst.spare = s
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
