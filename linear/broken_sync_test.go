package linear

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/runq-go/runq"
)

// Locks, semaphores, events and wait groups with mistakes.

// poll calls try until it returns true or, with orDone, until t's context has ended.
func poll(t *runq.Task, orDone bool, try func() bool) error {
	for !try() {
		if t == nil {
			runtime.Gosched()
			continue
		}
		if ctx := t.Context(); orDone && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		t.Yield()
		t.Block(runtime.Gosched)
	}
	return nil
}

// twoIn lets one in for nothing now and then.
type twoIn struct {
	*runq.Mutex
	tries atomic.Int64
}

func (m *twoIn) TryLock() bool { return m.Mutex.TryLock() || m.tries.Add(1)%4 == 0 }

// lockedAnyhow locks although it has given up.
type lockedAnyhow struct{ *runq.Mutex }

func (m *lockedAnyhow) LockOrDone(t *runq.Task) error {
	err := m.Mutex.LockOrDone(t)
	if err != nil {
		m.Mutex.TryLock()
	}
	return err
}

// pollRW is a lock that is sound but for one of two mistakes.
type pollRW struct {
	overtake     bool // readers don't care for writers that wait
	besideWriter bool // nor do they for one that is inside, if they only try

	mu      sync.Mutex
	writer  bool // the rest is guarded by mu
	readers int
	waiting int // writers
}

func (rw *pollRW) TryLock() bool {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	free := !rw.writer && rw.readers == 0 && rw.waiting == 0
	rw.writer = rw.writer || free
	return free
}

func (rw *pollRW) LockOrDone(t *runq.Task) error { return rw.lock(t, true) }

func (rw *pollRW) Lock(t *runq.Task) { rw.lock(t, false) }

func (rw *pollRW) lock(t *runq.Task, orDone bool) error {
	if rw.TryLock() {
		return nil
	}
	rw.mu.Lock()
	rw.waiting++
	rw.mu.Unlock()
	err := poll(t, orDone, func() bool {
		rw.mu.Lock()
		defer rw.mu.Unlock()
		if rw.writer || rw.readers > 0 {
			return false
		}
		rw.writer = true
		rw.waiting--
		return true
	})
	if err != nil {
		rw.mu.Lock()
		rw.waiting--
		rw.mu.Unlock()
	}
	return err
}

func (rw *pollRW) Unlock(*runq.Task) {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	rw.writer = false
}

func (rw *pollRW) tryRead(mistaken bool) bool {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	free := !rw.writer && rw.waiting == 0
	if rw.overtake && mistaken {
		free = !rw.writer
	}
	if rw.besideWriter && !mistaken {
		free = rw.waiting == 0
	}
	if free {
		rw.readers++
	}
	return free
}

func (rw *pollRW) TryRLock() bool { return rw.tryRead(false) }

func (rw *pollRW) RLockOrDone(t *runq.Task) error {
	return poll(t, true, func() bool { return rw.tryRead(true) })
}

func (rw *pollRW) RLock(t *runq.Task) { poll(t, false, func() bool { return rw.tryRead(true) }) }

func (rw *pollRW) RUnlock(*runq.Task) {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	rw.readers--
}

// pollSemaphore serves whoever comes when there is enough.
type pollSemaphore struct {
	mu      sync.Mutex
	free    int64 // guarded by mu
	waiting int   // guarded by mu
}

func (s *pollSemaphore) take(n int64, first bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free < n || first && s.waiting > 0 {
		return false
	}
	s.free -= n
	return true
}

func (s *pollSemaphore) TryAcquire(n int64) bool { return s.take(n, true) }

func (s *pollSemaphore) Acquire(t *runq.Task, n int64) error {
	if n > semSize {
		return fmt.Errorf("%d units: %w", n, runq.ErrSemaphoreSize)
	}
	if s.take(n, false) {
		return nil
	}
	s.mu.Lock()
	s.waiting++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}()
	return poll(t, true, func() bool { return s.take(n, false) })
}

func (s *pollSemaphore) Release(_ *runq.Task, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free+n > semSize {
		panic("more than there is")
	}
	s.free += n
}

// acquiredAnyhow acquires although it has given up.
type acquiredAnyhow struct{ *runq.Semaphore }

func (s *acquiredAnyhow) Acquire(t *runq.Task, n int64) error {
	err := s.Semaphore.Acquire(t, n)
	if err != nil && !errors.Is(err, runq.ErrSemaphoreSize) {
		s.Semaphore.TryAcquire(n)
	}
	return err
}

// wakeOne is an event of which only the first wait is ended.
type wakeOne struct {
	mu      sync.Mutex
	set     bool          // guarded by mu
	waiting []*runq.Event // guarded by mu
}

func (e *wakeOne) Set(t *runq.Task) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = true
	if len(e.waiting) > 0 {
		e.waiting[0].Set(t)
		e.waiting = e.waiting[1:]
	}
}

func (e *wakeOne) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = false
}

func (e *wakeOne) IsSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

func (e *wakeOne) Wait(t *runq.Task) error {
	e.mu.Lock()
	if e.set {
		e.mu.Unlock()
		return nil
	}
	w := new(runq.Event)
	e.waiting = append(e.waiting, w)
	e.mu.Unlock()
	return w.Wait(t)
}

// seenLate tells what it was when it was asked before.
type seenLate struct {
	runq.Event
	last atomic.Bool
}

func (e *seenLate) IsSet() bool { return e.last.Swap(e.Event.IsSet()) }

// forgetOne ends the waits when the counter is one.
type forgetOne struct{ n atomic.Int64 }

func (wg *forgetOne) Add(delta int) {
	for {
		n := wg.n.Load()
		if n+int64(delta) < 0 {
			panic("less than zero")
		}
		if wg.n.CompareAndSwap(n, n+int64(delta)) {
			return
		}
	}
}

func (wg *forgetOne) Done(*runq.Task) { wg.Add(-1) }

func (wg *forgetOne) Wait(t *runq.Task) error {
	return poll(t, true, func() bool { return wg.n.Load() <= 1 })
}
