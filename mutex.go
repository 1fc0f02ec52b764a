package runq

// Mutex.
//
// The tension: handing a mutex from its holder to the first who waits is fair, but
// then every critical section costs a switch; letting whoever comes take it is fast,
// but somebody may never get it.
//
// The choice is that of sync.Mutex: a waiter is woken and then competes with those
// who come along, and one who has lost for starvingAfter makes the mutex a starving
// one. That is handed over, locked, from its holder to the first in the queue, and
// nobody else can take it, until one gets it who has not waited long, or is the last.
//
// Only one waiter at a time is woken to compete (mutexWoken): more would only wake to
// wait again.
//
// The race it avoids: the holder unlocks while somebody is about to wait. He sets
// mutexWaiting by the compare-and-swap that has found the mutex locked, so the holder
// sees the bit when it unlocks, and then finds him in the queue, because he holds m.mu
// from before that until he has left his stack.

import (
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Mutex is a mutual exclusion lock for tasks, of any schedulers, and ordinary
// goroutines. The zero Mutex is unlocked. A Mutex must not be copied after its first
// use.
//
// It isn't bound to who has locked it: another one may unlock it. An Unlock happens
// before the return of every later Lock, LockOrDone or TryLock that succeeds.
//
// Whoever comes may get the mutex before those who wait, as long as none of them has
// waited for a millisecond.
type Mutex struct {
	mu    sx.Mutex  // first, see TaskInfo.Object
	state sx.Uint32 // bits other than mutexLocked are set and cleared with care, see the constants
	queue waitQueue // guarded by mu
}

// The bits of a Mutex's state.
const (
	mutexLocked   = 1 << iota
	mutexWaiting  // the queue may have waiters; written with mu held
	mutexWoken    // a waiter has been woken and competes; set with mu held, cleared by that waiter
	mutexStarving // the mutex, which is locked, will be handed over; set with mu held, cleared by the holder
)

// mutexUnlocks has a bit for each state in which nothing is to be done but to clear
// mutexLocked: it is set, the mutex isn't starving, and if somebody waits, somebody has
// been woken.
const mutexUnlocks = 1<<mutexLocked | 1<<(mutexLocked|mutexWoken) | 1<<(mutexLocked|mutexWaiting|mutexWoken)

// starvingAfter is how long a waiter may lose against those who come along. It is what
// sync.Mutex has: a thousand times a switch, and little for a person.
const starvingAfter = int64(time.Millisecond)

// What a waiter of a Mutex finds in its node when it has been woken.
const (
	mutexTry  = iota // that it may compete
	mutexOwns        // that the mutex is its own
)

// Lock locks the mutex. If it is locked already, the task t waits until it gets it; nil
// means that an ordinary goroutine calls. The end of t's context doesn't end the wait,
// because who comes back without the lock must not go on as if he had it: LockOrDone
// is for that. A task that locks a mutex twice waits for ever.
func (m *Mutex) Lock(t *Task) {
	if s := m.state.Load(); s&(mutexLocked|mutexStarving) != 0 || !m.state.CompareAndSwap(s, s|mutexLocked) {
		m.lockSlow(t, "Mutex.Lock", false)
	}
}

// LockOrDone is Lock, but ends with the cause of t's context when that ends before the
// mutex could be had. Then the caller doesn't hold it. A mutex that is free is locked
// whether the context has ended or not. With a nil t the error is always nil.
func (m *Mutex) LockOrDone(t *Task) error {
	if s := m.state.Load(); s&(mutexLocked|mutexStarving) == 0 && m.state.CompareAndSwap(s, s|mutexLocked) {
		return nil
	}
	return m.lockSlow(t, "Mutex.LockOrDone", true)
}

// TryLock locks the mutex if that needs no waiting, and tells whether it did.
func (m *Mutex) TryLock() bool {
	for {
		s := m.state.Load()
		if s&(mutexLocked|mutexStarving) != 0 {
			return false
		}
		if m.state.CompareAndSwap(s, s|mutexLocked) {
			return true
		}
	}
}

// Unlock unlocks the mutex. t is the calling task, nil for an ordinary goroutine; the
// task that is woken runs next where t runs now. Unlock never waits, but when somebody
// has waited for long, t yields so that he can go on. It panics when the mutex isn't
// locked.
func (m *Mutex) Unlock(t *Task) {
	s := m.state.Load()
	if mutexUnlocks>>(s%16)&1 == 0 || !m.state.CompareAndSwap(s, s&^mutexLocked) {
		m.unlockSlow(t)
	}
}

func (m *Mutex) lockSlow(t *Task, call string, cancellable bool) error {
	if t != nil {
		t.enter(call)
	}
	if m.TryLock() {
		return nil
	}
	t.beforeWait(cancellable)
	w := newWaiter(t)
	err := m.await(w, cancellable)
	w.free()
	return err
}

// await waits until w has the mutex or its context ends.
func (m *Mutex) await(w *waiter, cancellable bool) error {
	m.mu.Lock()
	if m.takeOrQueue(w, 0, 0) {
		return nil
	}
	began := w.now()
	w.node.num = mutexTry
	for {
		if err := w.wait(&m.mu, &w.node, event.ReasonWaitLock, cancellable); err != nil {
			return err
		}
		waited := w.now() - began
		if w.node.num == mutexOwns {
			if waited < starvingAfter {
				m.state.And(^uint32(mutexStarving))
			}
			return nil
		}
		if m.takeWoken() {
			return nil
		}
		starving := uint32(0)
		if waited >= starvingAfter {
			starving = mutexStarving
		}
		m.mu.Lock()
		if m.takeOrQueue(w, mutexWoken, starving) {
			return nil
		}
	}
}

// takeWoken is TryLock for a waiter that has been woken.
func (m *Mutex) takeWoken() bool {
	for {
		s := m.state.Load()
		if s&mutexLocked != 0 {
			return false
		}
		if m.state.CompareAndSwap(s, s&^mutexWoken|mutexLocked) {
			return true
		}
	}
}

// takeOrQueue takes the mutex if it is free, releases m.mu and returns true; else it
// puts w into the queue. woken is mutexWoken if w is the waiter that has been woken,
// which goes to the front; starving is mutexStarving if it wants the mutex to be handed
// over. m.mu is held.
func (m *Mutex) takeOrQueue(w *waiter, woken, starving uint32) bool {
	for {
		s := m.state.Load()
		if s&mutexLocked == 0 {
			if m.state.CompareAndSwap(s, s&^woken|mutexLocked) {
				m.mu.Unlock()
				return true
			}
			continue
		}
		if m.state.CompareAndSwap(s, s&^woken|mutexWaiting|starving) {
			break
		}
	}
	if woken != 0 {
		m.queue.pushFront(&w.node, w)
	} else {
		m.queue.push(&w.node, w)
	}
	return false
}

func (m *Mutex) unlockSlow(t *Task) {
	if t != nil {
		t.enter("Mutex.Unlock")
	}
	for {
		s := m.state.Load()
		switch {
		case s&mutexLocked == 0:
			panic("runq: Mutex.Unlock: the mutex isn't locked")
		case s&mutexStarving != 0:
			m.handOver(t)
			return
		}
		if m.state.CompareAndSwap(s, s&^mutexLocked) {
			if s&(mutexWaiting|mutexWoken) == mutexWaiting {
				m.wakeOne(t)
			}
			return
		}
	}
}

// wakeOne wakes the first waiter to compete, unless one does already, or the mutex has
// been locked again: then its holder will look.
func (m *Mutex) wakeOne(t *Task) {
	m.mu.Lock()
	if m.state.Load()&(mutexLocked|mutexWoken) != 0 {
		m.mu.Unlock()
		return
	}
	n := m.queue.claim()
	if n != nil {
		n.num = mutexTry
		m.state.Or(mutexWoken)
	}
	if m.queue.first == nil {
		m.state.And(^uint32(mutexWaiting))
	}
	m.mu.Unlock()
	if n != nil {
		n.w.wake(t)
	}
}

// handOver gives the mutex, which the caller holds, to the first waiter, and lets it run.
func (m *Mutex) handOver(t *Task) {
	m.mu.Lock()
	n := m.queue.claim()
	switch {
	case n == nil: // all of them have been cancelled
		m.state.And(^uint32(mutexLocked | mutexWaiting | mutexStarving))
	case m.queue.first == nil:
		m.state.And(^uint32(mutexWaiting | mutexStarving))
	}
	if n != nil {
		n.num = mutexOwns
	}
	m.mu.Unlock()
	if n == nil {
		return
	}
	n.w.wake(t)
	if t != nil {
		t.Yield()
	}
}

// now is the time by which waiters know how long they have waited.
func (w *waiter) now() int64 {
	if w.t == nil {
		return nativeClock.Now()
	}
	return w.t.e.env.s.clock.Now()
}
