//go:build race

package sx

import "sync/atomic"

// Slot is a word of a ring that holds a pointer; see slot_plain.go.
type Slot[T any] struct{ p atomic.Pointer[T] }

// Put writes the slot. Only the ring's owner may call it.
func (s *Slot[T]) Put(p *T) { s.p.Store(p) }

// Get reads the slot.
func (s *Slot[T]) Get() *T { return s.p.Load() }
