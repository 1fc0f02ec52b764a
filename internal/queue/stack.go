package queue

import "github.com/runq-go/runq/internal/sx"

// StackCap is how many nodes a Stack holds: Go's bound for a P's free Gs.
const StackCap = 64

// Stack is a P's list of free nodes: the one that was freed last is the warmest and
// is used first. It has an owner, who alone may call its methods, PeekLen excepted.
type Stack struct {
	nodes [StackCap]*Node
	n     int

	warmth int // see warm
}

// Pop removes and returns the last node, or nil.
func (s *Stack) Pop() *Node {
	if s.n == 0 {
		return nil
	}
	s.n--
	return s.nodes[s.n%StackCap]
}

// Push adds a node and tells whether the stack is full now. It must not be full.
func (s *Stack) Push(n *Node) (full bool) {
	s.nodes[s.n%StackCap] = n
	s.n++
	return s.n == StackCap
}

// Give moves the n nodes that were freed first to the end of pool: they are the
// coldest.
func (s *Stack) Give(pool []*Node, n int) []*Node {
	n = min(n, s.n)
	pool = append(pool, s.nodes[:n]...)
	copy(s.nodes[:], s.nodes[n:s.n])
	clear(s.nodes[s.n-n : s.n])
	s.n -= n
	return pool
}

// Take moves up to n nodes from the end of pool to the stack.
func (s *Stack) Take(pool []*Node, n int) []*Node {
	n = min(n, len(pool), StackCap-s.n)
	from := pool[len(pool)-n:]
	copy(s.nodes[s.n:], from)
	clear(from)
	s.n += n
	s.warmth += warm(s.nodes[s.n-n : s.n])
	return pool[:len(pool)-n]
}

// warm loads the nodes into the cache. What comes out of a long list has been out
// of it for long; touched all at once the misses overlap, touched one by one, each
// at the head of a chain of stores and locked instructions, they add up. The
// result only keeps the compiler from dropping the loads.
func warm(nodes []*Node) (links int) {
	for _, n := range nodes {
		if n.next != nil {
			links++
		}
	}
	return links
}

// PeekLen returns the number of nodes as an observer may read it.
func (s *Stack) PeekLen() int { return sx.PeekInt(&s.n) }
