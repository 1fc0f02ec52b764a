package queue

import "github.com/runq-go/runq/internal/sx"

// Deadlines is a queue in order of deadline; entries with the same deadline come in the
// order in which they were put. It is a binary heap under a lock: where deadlines
// matter, there is one order for all Ps, and no batch to be had.
type Deadlines[T any] struct {
	mu   sx.Mutex
	heap []dueEntry[T] // guarded by mu
	seq  uint64        // entries put so far; guarded by mu

	// size is len(heap): written under mu, read by anyone. Partner: the re-check of an M
	// that goes to sleep, as for Global.size.
	size sx.Uint32
}

// dueEntry is an entry and its place in the order.
type dueEntry[T any] struct {
	due int64
	seq uint64
	e   T
}

func (a *dueEntry[T]) before(b *dueEntry[T]) bool {
	return a.due < b.due || a.due == b.due && a.seq < b.seq
}

// Len returns the number of entries, without the lock: exact at some moment.
func (q *Deadlines[T]) Len() int { return int(q.size.Load()) }

// Put adds an entry.
func (q *Deadlines[T]) Put(e T, due int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	q.heap = append(q.heap, dueEntry[T]{due, q.seq, e})
	h := q.heap
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(&h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	q.size.Store(uint32(len(h)))
}

// Get moves the entry with the earliest deadline to e, and tells whether there was one.
func (q *Deadlines[T]) Get(e *T) bool {
	if q.Len() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.heap) - 1
	if last < 0 {
		return false
	}
	h := q.heap
	*e = h[0].e
	h[0], h[last] = h[last], dueEntry[T]{}
	h = h[:last]
	q.heap = h
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if r := down + 1; r < last && h[r].before(&h[down]) {
			down = r
		}
		if !h[down].before(&h[i]) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	if last == 0 {
		q.heap = nil // the memory of a backlog that is over
	}
	q.size.Store(uint32(last))
	return true
}

// Each calls f for every entry, in no order, under the lock; f must be short.
func (q *Deadlines[T]) Each(f func(*T)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.heap {
		f(&q.heap[i].e)
	}
}
