//go:build !race && !model

package sx

// Slot is a place in a ring, of one or more words. Its owner writes it with plain
// stores, which are ordered by the atomic publication that follows them (the ring's
// tail). Other threads read it with plain loads and must throw the value away
// unless a compare-and-swap on the ring's head then proves that the slot had not
// been written again meanwhile. Go's own run queue does the same. Under the race
// detector, which can't know about the proof, the slot has a lock.
type Slot[T any] struct{ v T }

// Put writes the slot. Only the ring's owner may call it.
func (s *Slot[T]) Put(v T) { s.v = v }

// Get reads the slot.
func (s *Slot[T]) Get() T { return s.v }
