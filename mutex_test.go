package runq

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/runq-go/runq/event"
)

func TestMutexMisuse(t *testing.T) {
	var m Mutex
	wantPanic(t, func() { m.Unlock(nil) }, "runq: Mutex.Unlock: the mutex isn't locked")
	m.Lock(nil)
	if m.TryLock() {
		t.Error("TryLock has locked a locked mutex")
	}
	m.Unlock(nil)
	if !m.TryLock() {
		t.Error("TryLock hasn't locked a free mutex")
	}
	m.Unlock(nil)
	wantPanic(t, func() { m.Unlock(nil) }, "runq: Mutex.Unlock: the mutex isn't locked")
	if err := m.LockOrDone(nil); err != nil {
		t.Error(err)
	}
	var old *Task
	s := newTest(t, Config{})
	runIn(t, s, func(tk *Task) { old = tk })
	closeInTime(t, s)
	wantPanic(t, func() { m.Lock(old) }, "runq: Mutex.Lock: the task")
}

func TestMutexContext(t *testing.T) {
	var m Mutex
	m.Lock(nil)
	endsWithContext(t, &m.mu, &m.queue, m.LockOrDone)
	m.Unlock(nil)
	if !m.TryLock() {
		t.Error("the mutex isn't free")
	}
}

// TestMutexLockIgnoresContext: Lock waits on when the context has ended.
func TestMutexLockIgnoresContext(t *testing.T) {
	var m Mutex
	m.Lock(nil)
	c := newCrowd(t)
	ctx, cancel := context.WithCancel(context.Background())
	c.start(0, ctx, func(tk *Task) {
		m.Lock(tk)
		m.Unlock(tk)
	})
	awaitTrue(t, "it waits", func() bool { return queued(&m.mu, &m.queue) == 1 })
	cancel()
	m.Unlock(nil)
	c.wait()
}

// TestMutexFair: a waiter that has lost for long is handed the mutex, though its holder
// locks it again at once. Nobody hands it over before.
func TestMutexFair(t *testing.T) {
	old := nativeClock
	defer func() { nativeClock = old }()
	nativeClock = newClock()
	for i := range 4 {
		var m Mutex
		c := newCrowd(t)
		m.Lock(nil)
		got := make(chan struct{})
		c.start(i, context.Background(), func(tk *Task) {
			m.Lock(tk)
			close(got)
			m.Unlock(tk)
		})
		for !isClosed(got) { // for ever, if it were never handed over
			m.Unlock(nil)
			m.Lock(nil)
		}
		m.Unlock(nil)
		c.wait()
	}
}

// TestMutexOrder: a mutex that is handed over goes to those who wait in their order.
func TestMutexOrder(t *testing.T) {
	var m Mutex
	m.Lock(nil)
	inOrder(t, &m.mu, &m.queue, m.Lock, func() {
		m.state.Or(mutexStarving)
		m.Unlock(nil)
	})
	m.Unlock(nil)
}

func TestMutexStress(t *testing.T) {
	var m Mutex
	var sum, plain int
	c := newCrowd(t)
	c.stress(8, 200, func(tk *Task, r *rand.Rand) {
		for range 5 {
			if r.IntN(2) == 0 {
				m.Lock(tk)
			} else if err := m.LockOrDone(tk); err != nil {
				if err != errEnough {
					t.Error(err)
				}
				continue
			}
			sum++
			if tk != nil && r.IntN(4) == 0 {
				tk.Yield()
			}
			plain++
			m.Unlock(tk)
		}
	})
	if sum != plain || sum == 0 {
		t.Errorf("%d locked, %d unlocked", sum, plain)
	}
	if !m.TryLock() || queued(&m.mu, &m.queue) != 0 {
		t.Error("at the end the mutex isn't free")
	}
}

// TestWaitsAreShown: snapshots and events name what a task waits for.
func TestWaitsAreShown(t *testing.T) {
	var (
		mu  Mutex
		rw  RWMutex
		wg  WaitGroup
		e   Event
		sem Semaphore
		g   atomic.Pointer[Group]
		tm  Timer
	)
	sem.size = 1
	cond := NewCond(&mu)
	mu.Lock(nil)
	rw.Lock(nil)
	wg.Add(1)
	hold := make(chan struct{})
	for _, tt := range []struct {
		reason event.Reason
		object unsafe.Pointer
		wait   func(tk *Task)
		end    func()
	}{
		{event.ReasonWaitLock, unsafe.Pointer(&mu), func(tk *Task) { mu.Lock(tk) }, func() { mu.Unlock(nil) }},
		{event.ReasonWaitCond, unsafe.Pointer(cond), func(tk *Task) { cond.Wait(tk) }, func() { cond.Signal(nil) }},
		{event.ReasonWaitRLock, unsafe.Pointer(&rw), func(tk *Task) { rw.RLock(tk) }, func() { rw.Unlock(nil) }},
		{event.ReasonWaitLock, unsafe.Pointer(&rw), func(tk *Task) { rw.Lock(tk) }, func() { rw.RUnlock(nil) }},
		{event.ReasonWaitWaitGroup, unsafe.Pointer(&wg), func(tk *Task) { wg.Wait(tk) }, func() { wg.Done(nil) }},
		{event.ReasonWaitEvent, unsafe.Pointer(&e), func(tk *Task) { e.Wait(tk) }, func() { e.Set(nil) }},
		{event.ReasonWaitTimer, unsafe.Pointer(&tm), func(tk *Task) { tm.init(tk.Scheduler(), tk); tm.Wait(tk) }, func() { tm.Reset(0) }},
		{event.ReasonWaitSemaphore, unsafe.Pointer(&sem), func(tk *Task) { sem.Acquire(tk, 1) }, func() { sem.Release(nil, 1) }},
		{event.ReasonWaitGroup, nil, func(tk *Task) {
			own, _ := NewGroup(context.Background(), tk.Scheduler())
			g.Store(own)
			own.Go(func(tk *Task) error { tk.Block(func() { <-hold }); return nil })
			own.Wait(tk)
		}, func() { close(hold) }},
	} {
		t.Run(tt.reason.String(), func(t *testing.T) {
			s := newTest(t, Config{Procs: 2})
			s.Go(tt.wait)
			awaitTrue(t, "it waits", func() bool { return s.Stats().Parks > 0 })
			if tt.object == nil {
				tt.object = unsafe.Pointer(g.Load())
			}
			shownAs(t, s, tt.reason.String(), uintptr(tt.object))
			tt.end()
			closeInTime(t, s)
			events, _ := s.ReadEvents()
			found := false
			for _, e := range events {
				found = found || e.Kind == event.KindTaskParked && e.Reason == tt.reason && e.Arg == uint64(uintptr(tt.object))
			}
			if !found {
				t.Errorf("no event names the object: %v", events)
			}
		})
	}
}
