//go:build model

package sx

import (
	"sync"
	"time"

	"github.com/runq-go/runq/internal/model"
)

// Mutex is a mutual exclusion lock. It may be unlocked by another goroutine than
// the one that locked it, which the switch between carriers relies on.
type Mutex struct {
	e  model.Event // shut: it is locked
	mu sync.Mutex  // when no execution is under way
}

// Location is what the checker knows the lock by.
func (m *Mutex) Location() *model.Loc { return &m.e.Loc }

func (m *Mutex) Lock() {
	if model.Current() == nil {
		m.mu.Lock()
		return
	}
	m.e.Await("Mutex", model.OpLock, false, nil)
	m.e.Shut = true
}

func (m *Mutex) TryLock() bool {
	if model.Current() == nil {
		return m.mu.TryLock()
	}
	m.e.At("Mutex", model.OpTryLock)
	locked := m.e.Shut
	m.e.Shut = true
	return !locked
}

func (m *Mutex) Unlock() {
	x := model.Current()
	if x == nil {
		m.mu.Unlock()
		return
	}
	m.e.At("Mutex", model.OpUnlock)
	if !m.e.Shut {
		x.Failf("Unlock of a lock that isn't locked")
	}
	m.e.Shut = false
}

// Note is a place for one thread to sleep until another wakes it; see note.go.
type Note struct {
	e model.Event // shut: no wake-up has come
	c chan struct{}
}

// Location is what the checker knows the note by.
func (n *Note) Location() *model.Loc { return &n.e.Loc }

// Init makes the note usable.
func (n *Note) Init() {
	n.e.Shut = true
	n.c = make(chan struct{}, 1)
}

// Wake ends the present or the next Sleep. It never blocks.
func (n *Note) Wake() {
	if model.Current() == nil {
		select {
		case n.c <- struct{}{}:
		default:
		}
		return
	}
	n.e.At("Note", model.OpWake)
	n.e.Shut = false
}

// Sleep waits for Wake.
func (n *Note) Sleep() {
	if model.Current() == nil {
		<-n.c
		return
	}
	n.e.Await("Note", model.OpSleep, false, nil)
	n.e.Shut = true
}

// SleepFor waits for Wake, at most d, and tells whether Wake came. For the checker d
// means nothing: the time may be over at any moment.
func (n *Note) SleepFor(d time.Duration) bool {
	if model.Current() != nil {
		woken := n.e.Await("Note", model.OpSleep, true, nil)
		n.e.Shut = true
		return woken
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-n.c:
		return true
	case <-t.C:
		return false
	}
}

// Gate is an event that comes once, for any number of threads to wait for.
type Gate struct {
	e model.Event
	c chan struct{}
}

// Location is what the checker knows the gate by.
func (g *Gate) Location() *model.Loc { return &g.e.Loc }

// Init makes the gate usable.
func (g *Gate) Init() {
	g.e.Shut = true
	g.c = make(chan struct{})
}

// Open lets everyone through who waits or will. It must be called once only.
func (g *Gate) Open() {
	if x := model.Current(); x != nil {
		g.e.At("Gate", model.OpOpen)
		if !g.e.Shut {
			x.Failf("a Gate is opened for the second time")
		}
		g.e.Shut = false
	}
	close(g.c)
}

// IsOpen tells whether Open has been called.
func (g *Gate) IsOpen() bool {
	g.e.At("Gate", model.OpLoad)
	return closed(g.c)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Wait waits for Open.
func (g *Gate) Wait() {
	if model.Current() != nil {
		g.e.Await("Gate", model.OpWait, false, nil)
	}
	<-g.c
}

// WaitOr waits for Open or until done is closed, and tells whether the gate is open.
func (g *Gate) WaitOr(done <-chan struct{}) bool {
	if model.Current() != nil {
		g.e.Await("Gate", model.OpWait, false, func() bool { return closed(done) })
		return closed(g.c)
	}
	if closed(g.c) {
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
type WaitGroup struct {
	e  model.Event // shut: not all have ended
	n  int
	wg sync.WaitGroup
}

// Location is what the checker knows the group by.
func (w *WaitGroup) Location() *model.Loc { return &w.e.Loc }

func (w *WaitGroup) Add(delta int) {
	if model.Current() == nil {
		w.wg.Add(delta)
		return
	}
	w.e.At("WaitGroup", model.OpAdd)
	w.n += delta
	w.e.Shut = w.n > 0
}

func (w *WaitGroup) Done() { w.Add(-1) }

func (w *WaitGroup) Wait() {
	if model.Current() == nil {
		w.wg.Wait()
		return
	}
	w.e.Await("WaitGroup", model.OpWait, false, nil)
}
