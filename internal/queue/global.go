package queue

import "github.com/runq-go/runq/internal/sx"

// segmentCap is how many nodes a segment of the global queue holds: a few batches,
// so that segments are changed seldom, in 2 KiB.
const segmentCap = 256

// segment is a stretch of the global queue. Nodes are kept in arrays and not in a
// chain: to cut a batch off a chain one must walk it, under the lock, through tasks
// that nobody has touched for long, at a cache miss each.
type segment struct {
	nodes      [segmentCap]*Node
	read, free int // nodes[read:free] are queued
	next       *segment
}

// Global is the queue that all Ps share: where ordinary goroutines put their
// tasks, where a full ring overflows to, and where tasks go that have lost their
// P. One lock guards it; work enters and leaves it in batches, so that the lock is
// rare. Segments are kept for reuse, like the tasks themselves.
type Global struct {
	mu         sx.Mutex
	head, tail *segment // guarded by mu; nil when the queue is empty
	spare      *segment // guarded by mu; a chain

	// size is the number of queued nodes; written under mu, read by anyone. Partner:
	// the re-check of an M that goes to sleep.
	size sx.Int64
}

// Len returns the number of queued nodes, without the lock: exact at some moment.
func (g *Global) Len() int { return int(g.size.Load()) }

// Put appends one node.
func (g *Global) Put(n *Node) {
	g.mu.Lock()
	g.push(n)
	g.size.Add(1)
	g.mu.Unlock()
}

// PutAll appends a batch.
func (g *Global) PutAll(batch []*Node) {
	if len(batch) == 0 {
		return
	}
	g.mu.Lock()
	for _, n := range batch {
		g.push(n)
	}
	g.size.Add(int64(len(batch)))
	g.mu.Unlock()
}

// push appends a node. The lock is held.
func (g *Global) push(n *Node) {
	s := g.tail
	if s == nil || s.free == segmentCap {
		s = g.grow()
	}
	s.nodes[s.free] = n
	s.free++
}

// grow appends an empty segment.
func (g *Global) grow() *segment {
	s := g.spare
	if s == nil {
		s = new(segment)
	} else {
		g.spare, s.next = s.next, nil
	}
	if g.tail == nil {
		g.head = s
	} else {
		g.tail.next = s
	}
	g.tail = s
	return s
}

// pop removes the first node. The lock is held and the queue not empty.
func (g *Global) pop() *Node {
	s := g.head
	n := s.nodes[s.read]
	s.nodes[s.read] = nil
	s.read++
	if s.read == s.free {
		g.shrink()
	}
	return n
}

// shrink takes the first segment, which is empty, away.
func (g *Global) shrink() {
	s := g.head
	g.head = s.next
	if g.head == nil {
		g.tail = nil
	}
	s.read, s.free = 0, 0
	s.next, g.spare = g.spare, s
}

// Get removes and returns the first node, or nil: the fairness tick's one task.
func (g *Global) Get() *Node {
	if g.Len() == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.Len() == 0 {
		return nil
	}
	g.size.Add(-1)
	return g.pop()
}

// GetBatch moves a P's fair share of the queue into its ring and returns one
// more node to run, or nil. The share is the queue's length divided by the number
// of Ps, so that one P doesn't empty it under the eyes of the others, and at most
// half a ring.
//
// Only the owner of dst may call it, and dst's ring must be empty.
func (g *Global) GetBatch(dst *Local, procs int) *Node {
	if g.Len() == 0 {
		return nil
	}
	g.mu.Lock()
	size := g.Len()
	share := min(size/procs+1, size, len(dst.scratch)-1)
	for i := range share {
		dst.scratch[i] = g.pop()
	}
	g.size.Add(-int64(share))
	g.mu.Unlock()
	if share == 0 {
		return nil
	}
	batch := dst.scratch[:share]
	dst.warmth += warm(batch)
	t := dst.tail.Load()
	for _, n := range batch[1:] {
		dst.slots[t%uint32(len(dst.slots))].Put(n)
		t++
	}
	dst.tail.Store(t)
	return batch[0]
}

// Drain removes and returns everything.
func (g *Global) Drain() []*Node {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*Node, 0, g.Len())
	for g.head != nil {
		all = append(all, g.pop())
	}
	g.size.Store(0)
	return all
}
