// Package queue has the run queues of the scheduler: each P's ring and next slot,
// and the global queue that they overflow into. README.md has the protocol of the
// ring and why no task is lost.
package queue

import "github.com/runq-go/runq/internal/sx"

// Node is the link by which an object hangs in a list. It is embedded as the
// object's first field, so that the object and its Node have the same address; the
// lists then need neither type parameters nor allocation.
type Node struct{ next *Node }

// List is a chain of nodes. It isn't safe for concurrent use.
type List struct {
	head, tail *Node
	n          int
}

// Len returns the number of nodes in the list.
func (l *List) Len() int { return l.n }

// Push appends n, which must not be in any list or queue.
func (l *List) Push(n *Node) {
	n.next = nil
	if l.tail == nil {
		l.head = n
	} else {
		l.tail.next = n
	}
	l.tail = n
	l.n++
}

// PushFront puts n before all others: free lists are stacks, because what was freed
// last is still in the cache.
func (l *List) PushFront(n *Node) {
	n.next = l.head
	l.head = n
	if l.tail == nil {
		l.tail = n
	}
	l.n++
}

// Pop removes and returns the first node, or nil.
func (l *List) Pop() *Node {
	n := l.head
	if n == nil {
		return nil
	}
	l.head = n.next
	if l.head == nil {
		l.tail = nil
	}
	n.next = nil
	l.n--
	return n
}

// Append moves all of from to the end of l and leaves from empty.
func (l *List) Append(from *List) {
	if from.n == 0 {
		return
	}
	if l.tail == nil {
		l.head = from.head
	} else {
		l.tail.next = from.head
	}
	l.tail = from.tail
	l.n += from.n
	*from = List{}
}

// Take cuts the first n nodes off (all, when there are fewer) and returns them.
func (l *List) Take(n int) List {
	if n >= l.n {
		all := *l
		*l = List{}
		return all
	}
	if n <= 0 {
		return List{}
	}
	last := l.head
	for range n - 1 {
		last = last.next
	}
	cut := List{head: l.head, tail: last, n: n}
	l.head = last.next
	l.n -= n
	last.next = nil
	return cut
}

// Each calls f for every node, first to last. f must not change the list.
func (l *List) Each(f func(*Node)) {
	for n := l.head; n != nil; n = n.next {
		f(n)
	}
}

// PeekLen returns the number of nodes as an observer may read it who doesn't own
// the list.
func (l *List) PeekLen() int { return sx.PeekInt(&l.n) }
