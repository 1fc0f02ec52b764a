//go:build !model

package sx

import "time"

// Note is a place for one thread to sleep until another wakes it: the runtime's
// note. A wake that comes first is kept, so that the order of Sleep and Wake
// doesn't matter; a second one before the sleeper has gone is dropped.
type Note struct{ c chan struct{} }

// Init makes the note usable.
func (n *Note) Init() { n.c = make(chan struct{}, 1) }

// Wake ends the present or the next Sleep. It never blocks.
func (n *Note) Wake() {
	select {
	case n.c <- struct{}{}:
	default:
	}
}

// Sleep waits for Wake.
func (n *Note) Sleep() { <-n.c }

// SleepFor waits for Wake, at most d, and tells whether Wake came.
func (n *Note) SleepFor(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-n.c:
		return true
	case <-t.C:
		return false
	}
}
