//go:build !model

package sx

import "sync"

// Gate is an event that comes once, for any number of threads to wait for.
type Gate struct{ c chan struct{} }

// Init makes the gate usable.
func (g *Gate) Init() { g.c = make(chan struct{}) }

// Open lets everyone through who waits or will. It must be called once only.
func (g *Gate) Open() { close(g.c) }

// IsOpen tells whether Open has been called.
func (g *Gate) IsOpen() bool {
	select {
	case <-g.c:
		return true
	default:
		return false
	}
}

// Wait waits for Open.
func (g *Gate) Wait() { <-g.c }

// WaitOr waits for Open or until done is closed, and tells whether the gate is open.
func (g *Gate) WaitOr(done <-chan struct{}) bool {
	if g.IsOpen() {
		return true
	}
	select {
	case <-g.c:
		return true
	case <-done:
		return false
	}
}

// WaitGroup waits for a number of threads to end.
type WaitGroup struct{ sync.WaitGroup }
