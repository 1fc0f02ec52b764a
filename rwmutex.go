package runq

// RWMutex.
//
// The tension: readers that come while others read could go on at once, but then a
// writer may never get its turn; nor may readers, if writers hand the lock on to each
// other. And a lock that is given to readers who don't run yet is one for which the next
// writer has to wait: then everybody waits for everybody at each turn (measured: ten times
// slower than without).
//
// The choice: as soon as a writer waits, readers that come wait, too. When the last
// reader unlocks, the lock is handed to the first writer. When a writer unlocks, it goes
// to the next one; when there is none, the readers are woken and try, together with
// everybody else. But when the first of them has waited for starvingAfter, the lock is
// given to all of them, before the next writer.
//
// The lock is one word as long as nobody waits. From then on (rwQueued), locking is
// decided under rw.mu; only readers still unlock without, and the last of them comes
// for rw.mu to let others in.

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// RWMutex is a lock that is held by any number of readers or by one writer, for tasks,
// of any schedulers, and ordinary goroutines. The zero RWMutex is unlocked. An RWMutex
// must not be copied after its first use.
//
// Neither side starves the other: readers that come wait while a writer waits; and when
// one of those has waited for a millisecond, the writer that unlocks lets them all in
// before the next one. A task must not lock for reading twice: when a writer comes in
// between, they wait for each other.
//
// An Unlock happens before the return of every later Lock and RLock, and an RUnlock
// before that of every later Lock. It isn't bound to who has locked it.
type RWMutex struct {
	mu      sx.Mutex // first, see TaskInfo.Object
	state   sx.Uint32
	readers waitQueue // guarded by mu
	writers waitQueue // guarded by mu
}

// The parts of an RWMutex's state.
const (
	rwWriter = 1 << iota // locked for writing
	rwQueued             // somebody may wait: nobody locks without mu; written with mu held
	rwReader             // one reader; the rest of the word is their number
)

// What a reader finds in its node when it has been woken. While it waits, it is when it
// began, which is positive.
const (
	rwTry  = -iota - 1 // that it may try
	rwOwns             // that the lock is its own
)

// rwNegative is the bit that tells that the number of readers has become negative.
const rwNegative = 1 << 31

// RLock locks rw for reading. If it is locked for writing, or a writer waits, the task
// t waits; nil means that an ordinary goroutine calls. The end of t's context doesn't
// end the wait: RLockOrDone is for that.
func (rw *RWMutex) RLock(t *Task) {
	if s := rw.state.Load(); s&(rwWriter|rwQueued) != 0 || !rw.state.CompareAndSwap(s, s+rwReader) {
		rw.rlockSlow(t, "RWMutex.RLock", false)
	}
}

// RLockOrDone is RLock, but ends with the cause of t's context when that ends before
// the lock could be had. Then the caller doesn't hold it. With a nil t the error is
// always nil.
func (rw *RWMutex) RLockOrDone(t *Task) error {
	if s := rw.state.Load(); s&(rwWriter|rwQueued) == 0 && rw.state.CompareAndSwap(s, s+rwReader) {
		return nil
	}
	return rw.rlockSlow(t, "RWMutex.RLockOrDone", true)
}

// TryRLock locks rw for reading if that needs no waiting, and tells whether it did.
func (rw *RWMutex) TryRLock() bool {
	for {
		s := rw.state.Load()
		if s&(rwWriter|rwQueued) != 0 {
			return false
		}
		if rw.state.CompareAndSwap(s, s+rwReader) {
			return true
		}
	}
}

// RUnlock undoes one RLock. t is the calling task, nil for an ordinary goroutine; a
// writer that is woken runs next where t runs now. RUnlock never waits. It panics when
// rw isn't locked for reading.
func (rw *RWMutex) RUnlock(t *Task) {
	if s := rw.state.Add(^uint32(rwReader - 1)); s&(rwQueued|rwNegative) != 0 {
		rw.runlockSlow(t, s)
	}
}

// Lock locks rw for writing. If it is locked, the task t waits; nil means that an
// ordinary goroutine calls. The end of t's context doesn't end the wait: LockOrDone is
// for that.
func (rw *RWMutex) Lock(t *Task) {
	if !rw.state.CompareAndSwap(0, rwWriter) {
		rw.lockSlow(t, "RWMutex.Lock", false)
	}
}

// LockOrDone is Lock, but ends with the cause of t's context when that ends before the
// lock could be had. Then the caller doesn't hold it, and readers that came after it
// wait for it no longer. With a nil t the error is always nil.
func (rw *RWMutex) LockOrDone(t *Task) error {
	if rw.state.CompareAndSwap(0, rwWriter) {
		return nil
	}
	return rw.lockSlow(t, "RWMutex.LockOrDone", true)
}

// TryLock locks rw for writing if that needs no waiting, and tells whether it did.
func (rw *RWMutex) TryLock() bool { return rw.state.CompareAndSwap(0, rwWriter) }

// Unlock undoes Lock. t is the calling task, nil for an ordinary goroutine; one of
// those that are woken runs next where t runs now. Unlock never waits. It panics when rw
// isn't locked for writing.
func (rw *RWMutex) Unlock(t *Task) {
	if !rw.state.CompareAndSwap(rwWriter, 0) {
		rw.unlockSlow(t)
	}
}

// RLocker returns rw as a Locker whose Lock and Unlock are RLock and RUnlock.
func (rw *RWMutex) RLocker() Locker { return (*rlocker)(rw) }

type rlocker RWMutex

func (r *rlocker) Lock(t *Task)   { (*RWMutex)(r).RLock(t) }
func (r *rlocker) Unlock(t *Task) { (*RWMutex)(r).RUnlock(t) }

func (rw *RWMutex) rlockSlow(t *Task, call string, cancellable bool) error {
	if t != nil {
		t.enter(call)
	}
	if rw.TryRLock() {
		return nil // it was another reader that was in the way
	}
	t.beforeWait(cancellable)
	rw.mu.Lock()
	if rw.readOrQueue() {
		return nil
	}
	w := newWaiter(t)
	n := &w.node
	began := w.now()
	n.num = began
	rw.readers.push(n, w)
	for {
		err := w.wait(&rw.mu, n, event.ReasonWaitRLock, cancellable)
		if err != nil || n.num == rwOwns || rw.TryRLock() {
			w.free()
			return err
		}
		rw.mu.Lock()
		if rw.readOrQueue() {
			w.free()
			return nil
		}
		n.num = began
		rw.readers.pushFront(n, w)
	}
}

// readOrQueue locks rw for reading if that can be had, releases rw.mu and returns true;
// else the caller goes into the queue. rw.mu is held.
func (rw *RWMutex) readOrQueue() bool {
	for {
		s := rw.state.Load()
		if s&rwWriter == 0 && rw.writers.first == nil {
			if rw.state.CompareAndSwap(s, s+rwReader) {
				rw.mu.Unlock()
				return true
			}
		} else if rw.state.CompareAndSwap(s, s|rwQueued) {
			return false
		}
	}
}

func (rw *RWMutex) lockSlow(t *Task, call string, cancellable bool) error {
	if t != nil {
		t.enter(call)
	}
	t.beforeWait(cancellable)
	rw.mu.Lock()
	for {
		s := rw.state.Load()
		if s&^rwQueued == 0 && rw.writers.first == nil {
			if rw.state.CompareAndSwap(s, s|rwWriter) {
				rw.mu.Unlock()
				return nil
			}
		} else if rw.state.CompareAndSwap(s, s|rwQueued) {
			return rw.awaitWrite(t, cancellable)
		}
	}
}

// awaitWrite waits until the lock has been handed to the caller or its context ends.
// Then those may go on who waited for it alone. rw.mu is held; awaitWrite releases it.
func (rw *RWMutex) awaitWrite(t *Task, cancellable bool) error {
	w := newWaiter(t)
	rw.writers.push(&w.node, w)
	if w.waitLocking(&rw.mu, &w.node, event.ReasonWaitLock, cancellable) {
		w.free()
		return nil
	}
	wake := rw.next()
	rw.mu.Unlock()
	wakeAll(wake, t)
	return w.cause()
}

func (rw *RWMutex) unlockSlow(t *Task) {
	if t != nil {
		t.enter("RWMutex.Unlock")
	}
	rw.mu.Lock()
	if rw.state.Load()&rwWriter == 0 {
		rw.mu.Unlock()
		panic("runq: RWMutex.Unlock: the lock isn't locked for writing")
	}
	rw.state.And(^uint32(rwWriter))
	wake := rw.readersTurn()
	if wake == nil {
		wake = rw.next()
	}
	rw.mu.Unlock()
	wakeAll(wake, t)
}

// runlockSlow goes on when RUnlock has left the state s.
func (rw *RWMutex) runlockSlow(t *Task, s uint32) {
	if s&rwNegative != 0 {
		rw.state.Add(rwReader)
		panic("runq: RWMutex.RUnlock: the lock isn't locked for reading")
	}
	if t != nil && t.status != gRunning {
		rw.state.Add(rwReader)
		misused(t, "RWMutex.RUnlock")
	}
	if s >= rwReader {
		return // not the last
	}
	rw.mu.Lock()
	wake := rw.next()
	rw.mu.Unlock()
	wakeAll(wake, t)
}

// readersTurn gives the lock to all readers that wait, if the first of them has waited
// long. It returns whom to wake. rw.mu is held, by a writer that has just unlocked.
func (rw *RWMutex) readersTurn() *waitNode {
	first := rw.readers.first
	if first == nil || first.w.now()-first.num < starvingAfter {
		return nil
	}
	wake, n := rw.readers.claimAll()
	rw.state.Add(uint32(n) * rwReader)
	for n := wake; n != nil; n = n.next {
		n.num = rwOwns
	}
	rw.noneWaits()
	return wake
}

// next gives the lock to the first writer, if nobody has it. If no writer waits, the
// readers may try. It returns whom to wake. rw.mu is held.
func (rw *RWMutex) next() (wake *waitNode) {
	s := rw.state.Load()
	if s&rwWriter != 0 {
		return nil
	}
	if s < rwReader {
		if wake = rw.writers.claim(); wake != nil {
			rw.state.Or(rwWriter)
		}
	}
	if wake == nil && rw.writers.first == nil {
		wake, _ = rw.readers.claimAll()
		for n := wake; n != nil; n = n.next {
			n.num = rwTry
		}
	}
	rw.noneWaits()
	return wake
}

// noneWaits clears rwQueued if nobody waits any more. rw.mu is held.
func (rw *RWMutex) noneWaits() {
	if rw.readers.first == nil && rw.writers.first == nil {
		rw.state.And(^uint32(rwQueued))
	}
}
