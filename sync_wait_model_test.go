//go:build model

package runq

import (
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// TestModelSemaphore: requests of one and of two for two units.
func TestModelSemaphore(t *testing.T) {
	checkNative(t, 3, 1, []string{"waited", "at once"}, func(x *model.Execution, seen outcomes) {
		s := NewSemaphore(2)
		var used sx.Int64
		for _, n := range []int64{1, 2, 1} {
			x.Go("user", func() {
				seen.or(s.state.Load()/semOne >= n, "at once", "waited")
				if err := s.Acquire(nil, n); err != nil {
					x.Failf("%v", err)
				}
				if u := used.Add(n); u > 2 {
					x.Failf("%d of 2 units are used", u)
				}
				used.Add(-n)
				s.Release(nil, n)
			})
		}
		x.Join()
		if v := s.state.Load(); v != 2*semOne || s.queue.first != nil {
			x.Failf("at the end the state is %d", v)
		}
	})
}

// TestModelSemaphoreContext: a large request gives up, and the small one that waits
// behind it goes on.
func TestModelSemaphoreContext(t *testing.T) {
	checkEnding(t, 2, []string{"acquired", "gave up", "behind"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		s := NewSemaphore(2)
		for range 2 {
			x.Go("small", func() {
				if s.queue.first != nil {
					seen["behind"]++
				}
				s.Acquire(nil, 1)
				s.Release(nil, 1)
			})
		}
		if gaveUp(x, s.Acquire(tk, 2)) {
			seen["gave up"]++
		} else {
			seen["acquired"]++
			s.Release(tk, 2)
		}
		return func() {
			if v := s.state.Load(); v != 2*semOne || s.queue.first != nil {
				x.Failf("at the end the state is %d", v)
			}
		}
	})
}

// store is something to be consumed, guarded by a lock, with a condition.
type store struct {
	mu    Locker
	cond  *Cond
	items int
}

// plainLock is a lock of few operations, for checks that aren't about the lock.
type plainLock struct{ mu sx.Mutex }

func (l *plainLock) Lock(*Task)   { l.mu.Lock() }
func (l *plainLock) Unlock(*Task) { l.mu.Unlock() }

func newStore() *store {
	s := &store{mu: new(plainLock)}
	s.cond = NewCond(s.mu)
	return s
}

func (s *store) put(tk *Task) {
	s.mu.Lock(tk)
	s.items++
	s.mu.Unlock(tk)
	s.cond.Signal(tk)
}

func (s *store) get(tk *Task, seen outcomes) error {
	s.mu.Lock(tk)
	defer s.mu.Unlock(tk)
	for s.items == 0 {
		seen["waits"]++
		if err := s.cond.Wait(tk); err != nil {
			return err
		}
	}
	s.items--
	return nil
}

// TestModelCond: two consume what two others produce; no signal is lost.
func TestModelCond(t *testing.T) {
	checkNative(t, 2, 1, []string{"waits", "announced"}, func(x *model.Execution, seen outcomes) {
		s := newStore()
		for range 2 {
			x.Go("consumer", func() { s.get(nil, seen) })
			x.Go("producer", func() {
				s.put(nil)
				if n := s.cond.queue.first; n != nil && n.num == condAnnounced {
					seen["announced"]++
				}
			})
		}
		x.Join()
		if s.items != 0 || s.cond.queue.first != nil {
			x.Failf("%d items are left", s.items)
		}
	})
}

// TestModelCondBroadcast: all who wait go on.
func TestModelCondBroadcast(t *testing.T) {
	checkNative(t, 3, 1, []string{"waits"}, func(x *model.Execution, seen outcomes) {
		s := newStore()
		for range 2 {
			x.Go("consumer", func() { s.get(nil, seen) })
		}
		x.Go("producer", func() {
			s.mu.Lock(nil)
			s.items = 2
			s.cond.Broadcast(nil)
			s.mu.Unlock(nil)
		})
		x.Join()
	})
}

// TestModelCondContext: one who waits gives up just when one item comes: the other
// one gets it then.
func TestModelCondContext(t *testing.T) {
	checkEnding(t, 2, []string{"waits", "got it", "gave up"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		s := newStore()
		x.Go("consumer", func() { s.get(nil, seen) })
		x.Go("producer", func() { s.put(nil) })
		if gaveUp(x, s.get(tk, seen)) {
			seen["gave up"]++
		} else {
			seen["got it"]++
			s.put(tk)
		}
		return func() {
			if s.items != 0 || s.cond.queue.first != nil {
				x.Failf("%d items are left", s.items)
			}
		}
	})
}

// TestModelWaitGroup: who waits again, for the next round, isn't woken by the end of the
// last.
func TestModelWaitGroup(t *testing.T) {
	checkNative(t, 3, 1, []string{"waited", "at once"}, func(x *model.Execution, seen outcomes) {
		var wg WaitGroup
		var first, second sx.Bool
		wg.Add(2)
		for range 2 {
			x.Go("done", func() {
				seen.or(wg.queue.first != nil, "waited", "at once")
				wg.Done(nil)
			})
		}
		x.Go("waiter", func() {
			wg.Wait(nil)
			first.Store(true)
			wg.Add(1)
			x.Go("second", func() {
				second.Store(true)
				wg.Done(nil)
			})
			wg.Wait(nil)
			if !second.Load() {
				x.Failf("Wait has returned before the end of the second round")
			}
		})
		x.Join()
		if s := wg.state.Load(); s != 0 || wg.queue.first != nil || !first.Load() {
			x.Failf("at the end the state is %d", s)
		}
	})
}

// TestModelEvent: whoever waits goes on when the event is set, though it is reset at
// once.
func TestModelEvent(t *testing.T) {
	checkNative(t, 3, 1, []string{"waited", "nobody waited"}, func(x *model.Execution, seen outcomes) {
		var e Event
		for range 2 {
			x.Go("waiter", func() { e.Wait(nil) })
		}
		x.Go("setter", func() {
			seen.or(e.queue.first != nil, "waited", "nobody waited")
			e.Set(nil)
			e.Reset()
			e.Set(nil)
		})
		x.Join()
		if !e.IsSet() || e.queue.first != nil {
			x.Failf("at the end it is set: %v", e.IsSet())
		}
	})
}

// TestModelEventContext: the event is set just when the context of one who waits ends.
func TestModelEventContext(t *testing.T) {
	checkEnding(t, 2, []string{"set", "gave up"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		var e Event
		x.Go("setter", func() { e.Set(nil) })
		seen.or(gaveUp(x, e.Wait(tk)), "gave up", "set")
		return func() {
			if e.queue.first != nil {
				x.Failf("a node is left")
			}
		}
	})
}
