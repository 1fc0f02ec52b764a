package runq

// Semaphore.
//
// What is left and whether anybody waits are one word, as in WaitGroup. Who waits is
// given its units by who releases them, so nobody can overtake: a large request isn't
// starved by small ones that would fit.

import (
	"errors"
	"fmt"
	"math"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// ErrSemaphoreSize says that more has been asked of a Semaphore than it will ever have.
var ErrSemaphoreSize = errors.New("more than the semaphore has")

// Semaphore hands out units, of which it has a fixed number, to tasks, of any schedulers,
// and ordinary goroutines. Requests are served strictly in the order in which they came:
// one that would fit waits behind a larger one that doesn't. The zero Semaphore has no
// units. A Semaphore must not be copied after its first use.
//
// A Release happens before the return of the Acquire or TryAcquire that gets one of the
// released units.
type Semaphore struct {
	mu    sx.Mutex  // first, see TaskInfo.Object
	state sx.Int64  // units left, times semOne; and semWaited
	queue waitQueue // guarded by mu; num is how many units are wanted
	size  int64     // never changes
}

const (
	semWaited = 1 // somebody may wait: the word is changed with mu held
	semOne    = 2
	semMax    = math.MaxInt64 / semOne
)

// NewSemaphore returns a semaphore that has n units, all of them free. It panics if n is
// negative or more than 1<<62-1.
func NewSemaphore(n int64) *Semaphore {
	if n < 0 || n > semMax {
		panic(fmt.Sprintf("runq: NewSemaphore: the size is %d; it must be between 0 and %d", n, int64(semMax)))
	}
	s := &Semaphore{size: n}
	s.state.Store(n * semOne)
	return s
}

// Acquire takes n units, and waits until they are there and all who came before have
// theirs. t is the calling task, nil for an ordinary goroutine.
//
// When t's context ends first, Acquire returns its cause and has taken nothing. Units that
// can be had at once are taken whether the context has ended or not. If the semaphore has
// fewer than n units in all, Acquire returns an error at once that is ErrSemaphoreSize.
// It panics if n is negative.
func (s *Semaphore) Acquire(t *Task, n int64) error {
	if t != nil {
		t.enter("Semaphore.Acquire")
	}
	if s.tryAcquire("Acquire", n) {
		return nil
	}
	if n > s.size {
		return fmt.Errorf("runq: Semaphore.Acquire: %d units wanted of %d: %w", n, s.size, ErrSemaphoreSize)
	}
	return s.acquire(t, n, true)
}

// acquireAnyway takes one unit, and waits for it whether t's context ends or not.
func (s *Semaphore) acquireAnyway(t *Task) {
	if !s.tryAcquire("Acquire", 1) {
		s.acquire(t, 1, false) //nolint:errcheck // without a context there is none
	}
}

// acquire is the rest of Acquire when it may have to wait.
func (s *Semaphore) acquire(t *Task, n int64, cancellable bool) error {
	t.beforeWait(cancellable)
	s.mu.Lock()
	for {
		v := s.state.Load()
		if free := s.queue.first == nil && v/semOne >= n; free {
			if s.state.CompareAndSwap(v, v-n*semOne) {
				s.mu.Unlock()
				return nil
			}
		} else if s.state.CompareAndSwap(v, v|semWaited) {
			return s.await(t, n, cancellable)
		}
	}
}

// TryAcquire takes n units if that needs no waiting, and tells whether it did. It panics
// if n is negative.
func (s *Semaphore) TryAcquire(n int64) bool { return s.tryAcquire("TryAcquire", n) }

func (s *Semaphore) tryAcquire(call string, n int64) bool {
	if n < 0 {
		panic(fmt.Sprintf("runq: Semaphore.%s: %d units wanted; it can't be negative", call, n))
	}
	for {
		v := s.state.Load()
		if v&semWaited != 0 || v/semOne < n {
			return false
		}
		if s.state.CompareAndSwap(v, v-n*semOne) {
			return true
		}
	}
}

// await waits until n units have been given to the caller, or, if cancellable, its context
// ends. Those
// behind it may get theirs then. s.mu is held; await releases it.
func (s *Semaphore) await(t *Task, n int64, cancellable bool) error {
	w := newWaiter(t)
	w.node.num = n
	s.queue.push(&w.node, w)
	if w.waitLocking(&s.mu, &w.node, event.ReasonWaitSemaphore, cancellable) {
		w.free()
		return nil
	}
	wake := s.grant()
	s.mu.Unlock()
	wakeAll(wake, t)
	return w.cause()
}

// Release gives n units back. t is the calling task, nil for an ordinary goroutine; one of
// the tasks that are woken runs next where t runs now. Release never waits. It panics if n
// is negative or more than have been taken.
func (s *Semaphore) Release(t *Task, n int64) {
	if t != nil {
		t.enter("Semaphore.Release")
	}
	for {
		v := s.state.Load()
		s.checkRelease(v, n)
		if v&semWaited != 0 {
			break
		}
		if s.state.CompareAndSwap(v, v+n*semOne) {
			return
		}
	}
	s.mu.Lock()
	for {
		v := s.state.Load()
		if held := s.size - v/semOne; n > held {
			s.mu.Unlock()
			s.checkRelease(v, n) // panics
		}
		if s.state.CompareAndSwap(v, v+n*semOne) {
			break
		}
	}
	wake := s.grant()
	s.mu.Unlock()
	wakeAll(wake, t)
}

// checkRelease panics if n units can't be released in the state v.
func (s *Semaphore) checkRelease(v, n int64) {
	if held := s.size - v/semOne; n < 0 || n > held {
		panic(fmt.Sprintf("runq: Semaphore.Release: %d units released; %d of %d are taken", n, held, s.size))
	}
}

// grant gives the free units to those who wait, as far as they go, and returns whom to
// wake. s.mu is held, and semWaited is set, so that nobody else changes the word, unless
// nobody waits.
func (s *Semaphore) grant() (wake *waitNode) {
	end := &wake
	for n := s.queue.first; n != nil && s.state.Load()/semOne >= n.num; n = s.queue.first {
		if s.queue.take(n) {
			s.state.Add(-n.num * semOne)
			*end, end = n, &n.next
		}
	}
	if s.queue.first == nil {
		s.state.And(^int64(semWaited))
	}
	return wake
}
