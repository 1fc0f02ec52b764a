// Package timerheap keeps the timers of a P: a heap of deadlines that its owner
// works through and that other threads may take timers from.
//
// The scheduler asks for the earliest deadline at every schedule, and nearly
// always the answer is "nothing is due". So that question is one atomic load;
// everything else goes through the heap's mutex. A lock-free heap would save the
// lock where it is seldom contended and cost the exact removal that the users of
// timers want; Go's own timers, with lazily deleted entries and a status word for
// each, show what that route leads to.
//
// The heap has four children a node: half the levels of a binary one, and the
// four children of a node share a cache line, because a deadline is kept beside
// the pointer and not only behind it.
//
// A node knows its heap and its place in it, so a cancelled timer leaves at once,
// in O(log n), without a search, and whoever cancels it need not know which heap
// that is: a timer follows its P's heap when that P goes away. README.md has the
// race that follows from this, and the order of the locks.
package timerheap

import (
	"fmt"
	"unsafe"

	"github.com/runq-go/runq/internal/sx"
)

// arity is the number of children of a node: four entries of sixteen bytes fill
// a cache line, so choosing the earliest child costs one miss.
const arity = 4

// earliestDeadline is the least deadline a node can have. Zero is taken: Next
// uses it for "empty".
const earliestDeadline = 1

// Node is one timer, embedded in the object that waits for it. The zero Node is
// ready for Add. A Node must not be copied or reused for another object while it
// is in a heap.
type Node struct {
	// When is the deadline given to the last Add, in the caller's nanoseconds.
	// Add writes it. It may be read by who holds the node: its owner before
	// another Add, or the receiver of PopDue.
	When int64

	// Data is the caller's: usually the object that the node is embedded in. The
	// heap never looks at it, but keeps it reachable.
	Data unsafe.Pointer

	// heap is the heap that the node is in, nil if none. It is written only by a
	// holder of that heap's mutex, and read without one: Remove must find out
	// which mutex to take.
	heap sx.Pointer[Heap]

	// index is the node's place in heap.entries, guarded by heap.mu.
	index int
}

// entry is one place of a heap. Comparing deadlines must not touch the nodes.
type entry struct {
	when int64
	node *Node
}

// Heap is a set of timers ordered by deadline. The zero Heap is empty and ready.
// All methods may be called from any goroutine. A Heap must not be copied.
type Heap struct {
	// next is the deadline of entries[0], 0 if there is none. It is written under
	// mu and read without it.
	next sx.Int64

	mu      sx.Mutex
	entries []entry // guarded by mu
}

// moveMu is held by MoveTo, the only place that holds the mutexes of two heaps.
// With one mover at a time, two moves in opposite directions can't deadlock.
var moveMu sx.Mutex

// Add puts n into the heap with the deadline when, in nanoseconds of the caller's
// clock; a deadline below 1 counts as 1. It tells whether n is now the earliest:
// then a thread that sleeps until the former earliest deadline sleeps too long,
// and the caller may have to wake it. Next shows the new deadline before Add
// returns, so a thread that announces its sleep first and reads Next second can't
// be missed by a caller that looks for sleepers after Add.
//
// Adding a node that is in a heap is a BUG and panics.
func (h *Heap) Add(n *Node, when int64) (earliest bool) {
	when = max(when, earliestDeadline)
	h.mu.Lock()
	if !n.heap.CompareAndSwap(nil, h) {
		h.mu.Unlock()
		panic(fmt.Sprintf("BUG: timerheap: Add of node %p with deadline %d: it is in a heap already; remove it first", n, when))
	}
	n.When = when
	earliest = h.push(n)
	h.mu.Unlock()
	return earliest
}

// Remove takes n out of the heap it is in, and tells whether it did. False means
// that n was in no heap: never added, removed before, or handed out by PopDue.
// Of all the calls of Remove and PopDue that compete for a node, exactly one gets
// it for each Add. The heap may be another one than that of the Add, if MoveTo
// carried the node on.
func (n *Node) Remove() bool {
	for {
		h := n.heap.Load()
		if h == nil {
			return false
		}
		h.mu.Lock()
		if n.heap.Load() == h {
			h.removeAt(n.index)
			h.mu.Unlock()
			return true
		}
		// It was moved, or taken, before we had the lock. Each turn of this loop
		// is paid for by somebody's progress.
		h.mu.Unlock()
	}
}

// Next returns the earliest deadline, or 0 if the heap is empty: one atomic load.
func (h *Heap) Next() int64 { return h.next.Load() }

// PopDue takes out one node whose deadline is at or before now, the earliest
// first, and returns it; nil if there is none. Nodes with the same deadline come
// in no particular order. Without a due node it doesn't touch the mutex.
func (h *Heap) PopDue(now int64) *Node {
	if next := h.next.Load(); next == 0 || next > now {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Another thread may have been faster: look again.
	if len(h.entries) == 0 || h.entries[0].when > now {
		return nil
	}
	n := h.entries[0].node
	h.removeAt(0)
	return n
}

// MoveTo moves all nodes to other and tells whether one of them became its
// earliest, as Add does. A node is in one of the two heaps at every moment, as
// seen by Remove. A node added to h later stays there: the caller sees to it that
// somebody still looks. Moving a heap to itself does nothing.
func (h *Heap) MoveTo(other *Heap) (earliest bool) {
	if h == other {
		return false
	}
	moveMu.Lock()
	defer moveMu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	other.mu.Lock()
	defer other.mu.Unlock()

	for _, e := range h.entries {
		e.node.heap.Store(other)
		if other.push(e.node) {
			earliest = true
		}
	}
	h.entries = nil // not kept for reuse: the P is going away
	h.next.Store(0)
	return earliest
}

// Len returns the number of nodes in the heap.
func (h *Heap) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.entries)
}

// push inserts n, whose When and heap are set, and tells whether it is the
// earliest. The caller holds h.mu.
func (h *Heap) push(n *Node) (earliest bool) {
	h.entries = append(h.entries, entry{})
	if h.siftUp(len(h.entries)-1, entry{n.When, n}) != 0 {
		return false
	}
	h.next.Store(n.When)
	return true
}

// removeAt takes out the node at index i. The caller holds h.mu.
func (h *Heap) removeAt(i int) {
	h.entries[i].node.heap.Store(nil)
	last := len(h.entries) - 1
	moved := h.entries[last]
	h.entries[last] = entry{} // for the garbage collector
	h.entries = h.entries[:last]
	if i < last && h.siftUp(i, moved) == i {
		h.siftDown(i, moved)
	}
	if i == 0 {
		h.storeNext()
	}
}

// storeNext publishes the deadline of the first entry. The caller holds h.mu.
func (h *Heap) storeNext() {
	if len(h.entries) == 0 {
		h.next.Store(0)
		return
	}
	h.next.Store(h.entries[0].when)
}

// siftUp puts e at index i or, as long as e is earlier than the parent there,
// further up, and returns where it came to rest. What was at i is overwritten.
func (h *Heap) siftUp(i int, e entry) int {
	for i > 0 {
		parent := (i - 1) / arity
		if h.entries[parent].when <= e.when {
			break
		}
		h.place(i, h.entries[parent])
		i = parent
	}
	h.place(i, e)
	return i
}

// siftDown puts e at index i or, as long as a child there is earlier than e,
// further down. What was at i is overwritten.
func (h *Heap) siftDown(i int, e entry) {
	for {
		first := i*arity + 1
		if first >= len(h.entries) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(h.entries)); c++ {
			if h.entries[c].when < h.entries[least].when {
				least = c
			}
		}
		if h.entries[least].when >= e.when {
			break
		}
		h.place(i, h.entries[least])
		i = least
	}
	h.place(i, e)
}

// place writes e at index i and tells its node.
func (h *Heap) place(i int, e entry) {
	h.entries[i] = e
	e.node.index = i
}
