package runq

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

func TestSemaphoreMisuse(t *testing.T) {
	s := NewSemaphore(3)
	wantPanic(t, func() { NewSemaphore(-1) }, "runq: NewSemaphore: the size is -1")
	wantPanic(t, func() { s.Release(nil, 1) }, "runq: Semaphore.Release: 1 units released; 0 of 3 are taken")
	wantPanic(t, func() { s.Release(nil, -1) }, "runq: Semaphore.Release: -1 units released")
	wantPanic(t, func() { s.Acquire(nil, -1) }, "runq: Semaphore.Acquire: -1 units wanted")
	wantPanic(t, func() { s.TryAcquire(-1) }, "runq: Semaphore.TryAcquire: -1 units wanted")
	if err := s.Acquire(nil, 4); !errors.Is(err, ErrSemaphoreSize) {
		t.Errorf("Acquire of too many: %v", err)
	}
	if err := new(Semaphore).Acquire(nil, 1); !errors.Is(err, ErrSemaphoreSize) {
		t.Errorf("Acquire of an empty semaphore: %v", err)
	}
	if s.TryAcquire(4) || !s.TryAcquire(2) || s.TryAcquire(2) || !s.TryAcquire(1) || !s.TryAcquire(0) {
		t.Error("TryAcquire goes wrong")
	}
	s.state.Or(semWaited)
	wantPanic(t, func() { s.Release(nil, 4) }, "runq: Semaphore.Release: 4 units released; 3 of 3 are taken")
	s.Release(nil, 3)
	if err := s.Acquire(nil, 3); err != nil {
		t.Error(err)
	}
}

func TestSemaphoreContext(t *testing.T) {
	s := NewSemaphore(1)
	s.Acquire(nil, 1)
	endsWithContext(t, &s.mu, &s.queue, func(tk *Task) error { return s.Acquire(tk, 1) })
	s.Release(nil, 1)
	if !s.TryAcquire(1) {
		t.Error("the unit is lost")
	}
}

func TestSemaphoreOrder(t *testing.T) {
	s := NewSemaphore(1)
	s.Acquire(nil, 1)
	inOrder(t, &s.mu, &s.queue, func(tk *Task) { s.Acquire(tk, 1) }, func() { s.Release(nil, 1) })
}

// TestSemaphoreLargeFirst: small requests wait behind a large one, and go on when it
// gives up.
func TestSemaphoreLargeFirst(t *testing.T) {
	s := NewSemaphore(3)
	s.Acquire(nil, 1)
	c := newCrowd(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	c.start(0, ctx, func(tk *Task) {
		if err := s.Acquire(tk, 3); err != errEnough {
			t.Errorf("the large request: %v", err)
		}
	})
	awaitTrue(t, "the large one waits", func() bool { return queued(&s.mu, &s.queue) == 1 })
	for i := range 2 {
		c.start(i, context.Background(), func(tk *Task) {
			if err := s.Acquire(tk, 1); err != nil {
				t.Error(err)
			}
		})
	}
	awaitTrue(t, "the small ones wait", func() bool { return queued(&s.mu, &s.queue) == 3 })
	if s.TryAcquire(1) {
		t.Error("TryAcquire has overtaken")
	}
	cancel(errEnough)
	c.wait()
	s.Release(nil, 3)
}

func TestSemaphoreStress(t *testing.T) {
	const size = 4
	s := NewSemaphore(size)
	var used atomic.Int64
	c := newCrowd(t)
	c.stress(8, 200, func(tk *Task, r *rand.Rand) {
		for range 5 {
			n := r.Int64N(size + 1)
			if err := s.Acquire(tk, n); err != nil {
				if err != errEnough {
					t.Error(err)
				}
				continue
			}
			if u := used.Add(n); u > size {
				t.Errorf("%d of %d units are used", u, size)
			}
			if tk != nil {
				tk.Yield()
			}
			used.Add(-n)
			s.Release(tk, n)
		}
	})
	if v := s.state.Load(); v != size*semOne || queued(&s.mu, &s.queue) != 0 {
		t.Errorf("at the end the state is %d", v)
	}
}

// TestSyncNoAllocations: waiting allocates nothing in the steady state.
func TestSyncNoAllocations(t *testing.T) {
	const warmUp, runs = 500, 2000
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "context": ctx} {
		t.Run(name, func(t *testing.T) {
			s := openScheduler(t, Config{Procs: 1})
			var (
				m    Mutex
				rw   RWMutex
				ping Event
				pong Event
				wg   WaitGroup
				over bool
			)
			sem, cond := NewSemaphore(1), NewCond(&m)
			turn := false
			run := func(f func(tk *Task)) func(tk *Task) error {
				return func(tk *Task) error { f(tk); return nil }
			}
			g, _ := NewGroup(ctx, s)
			g.Go(run(func(tk *Task) { // whom the other one waits for
				for ping.Wait(tk); !over; ping.Wait(tk) {
					ping.Reset()
					pong.Set(tk)
					m.LockOrDone(tk)
					turn = true
					cond.Signal(tk)
					m.Unlock(tk)
					rw.Lock(tk)
					rw.Unlock(tk)
					sem.Acquire(tk, 1)
					sem.Release(tk, 1)
					wg.Done(tk)
				}
			}))
			g.Go(run(func(tk *Task) {
				round := func() {
					wg.Add(1)
					m.Lock(tk)
					rw.RLock(tk)
					sem.Acquire(tk, 1)
					ping.Set(tk)
					pong.Wait(tk)
					pong.Reset()
					tk.Yield()
					for !turn {
						cond.Wait(tk)
					}
					turn = false
					m.Unlock(tk)
					rw.RUnlock(tk)
					sem.Release(tk, 1)
					wg.Wait(tk)
				}
				for range warmUp {
					round()
				}
				if n := testing.AllocsPerRun(runs, round); n != 0 {
					t.Errorf("a round allocates %v times", n)
				}
				over = true
				ping.Set(tk)
			}))
			if err := g.Wait(nil); err != nil {
				t.Error(err)
			}
		})
	}
}
