package queue

import "github.com/runq-go/runq/internal/sx"

// Next is a P's next slot: the one task to run before the ring's, because what it
// waited for is in the cache now. The owner swaps; a thief may take a task that has
// stayed for long. Both do it by one atomic operation on the pointer, so that one
// of them gets it. It keeps nobody alive: who puts a task must do so. Only the owner puts, so into an empty slot he just publishes.
type Next[G any] struct{ p sx.PublishedPointer[G] }

// TryPut sets the slot if that is empty and can be done by a plain store, and tells
// whether it did; else it takes Replace. Owner only.
func (n *Next[G]) TryPut(g *G) bool { return n.p.TryPublish(g) }

// Replace sets the slot and returns the task that stood in it, or nil: it has to go
// to the ring. Owner only.
func (n *Next[G]) Replace(g *G) (old *G) { return n.p.Swap(g) }

// Take empties the slot and returns what stood in it, or nil.
func (n *Next[G]) Take() *G {
	if g := n.p.Load(); g != nil && n.p.CompareAndSwap(g, nil) {
		return g
	}
	return nil
}

// Empty tells whether nothing stands in it.
func (n *Next[G]) Empty() bool { return n.p.IsNil() }

// Peek returns what stands in the slot, or nil.
func (n *Next[G]) Peek() *G { return n.p.Load() }

// Steal takes g out of the slot if it is still there.
func (n *Next[G]) Steal(g *G) bool { return n.p.CompareAndSwap(g, nil) }
