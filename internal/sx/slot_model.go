//go:build model

package sx

import (
	"sync"

	"github.com/runq-go/runq/internal/model"
)

// Slot is a place in a ring; see slot_plain.go. In an execution it is written in two
// steps, and who reads in between gets zeros: some words of an entry and not the
// others, so that taking it for one shows.
type Slot[T any] struct {
	loc  model.Loc
	torn bool
	mu   sync.Mutex // when no execution is under way
	v    T
}

// Location is what the checker knows the slot by.
func (s *Slot[T]) Location() *model.Loc { return &s.loc }

// Put writes the slot. Only the ring's owner may call it.
func (s *Slot[T]) Put(v T) {
	if model.Current() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.v = v
		return
	}
	s.loc.At("Slot", model.OpPut)
	s.torn = true
	s.loc.At("Slot", model.OpPutEnd)
	s.v, s.torn = v, false
}

// Get reads the slot.
func (s *Slot[T]) Get() T {
	if model.Current() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.v
	}
	row := s.loc.At("Slot", model.OpGet)
	if s.torn {
		if row != nil {
			row.Text = "torn"
		}
		var zeros T
		return zeros
	}
	return s.v
}
