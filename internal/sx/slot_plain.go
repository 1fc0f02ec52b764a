//go:build !race

package sx

// Slot is a word of a ring that holds a pointer. Its owner writes it with a plain
// store; the store is ordered by the atomic publication that follows it (the
// ring's tail). Other threads read it with a plain load and must throw the value
// away unless a compare-and-swap on the ring's head then proves that the slot had
// not been reused. Go's own run queue does the same. Under the race detector,
// which can't know about the proof, the slot is atomic.
type Slot[T any] struct{ p *T }

// Put writes the slot. Only the ring's owner may call it.
func (s *Slot[T]) Put(p *T) { s.p = p }

// Get reads the slot.
func (s *Slot[T]) Get() *T { return s.p }
