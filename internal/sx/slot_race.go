//go:build race && !model

package sx

import "sync"

// Slot is a place in a ring; see slot_plain.go.
type Slot[T any] struct {
	mu sync.Mutex
	v  T
}

// Put writes the slot. Only the ring's owner may call it.
func (s *Slot[T]) Put(v T) {
	s.mu.Lock()
	s.v = v
	s.mu.Unlock()
}

// Get reads the slot.
func (s *Slot[T]) Get() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.v
}
