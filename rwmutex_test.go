package runq

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

func TestRWMutexMisuse(t *testing.T) {
	var rw RWMutex
	wantPanic(t, func() { rw.Unlock(nil) }, "runq: RWMutex.Unlock: the lock isn't locked for writing")
	wantPanic(t, func() { rw.RUnlock(nil) }, "runq: RWMutex.RUnlock: the lock isn't locked for reading")
	rw.Lock(nil)
	wantPanic(t, func() { rw.RUnlock(nil) }, "runq: RWMutex.RUnlock: the lock isn't locked for reading")
	if rw.TryLock() || rw.TryRLock() {
		t.Error("it has been locked twice")
	}
	rw.Unlock(nil)
	rw.RLock(nil)
	wantPanic(t, func() { rw.Unlock(nil) }, "runq: RWMutex.Unlock: the lock isn't locked for writing")
	if rw.TryLock() || !rw.TryRLock() {
		t.Error("a lock that is read can be read and not written")
	}
	rw.RUnlock(nil)
	rw.RLocker().Lock(nil)
	rw.RLocker().Unlock(nil)
	rw.RUnlock(nil)
	if !rw.TryLock() {
		t.Error("it isn't free")
	}
}

func TestRWMutexContext(t *testing.T) {
	var rw RWMutex
	rw.Lock(nil)
	endsWithContext(t, &rw.mu, &rw.writers, rw.LockOrDone)
	endsWithContext(t, &rw.mu, &rw.readers, rw.RLockOrDone)
	rw.Unlock(nil)
	if s := rw.state.Load(); s != 0 {
		t.Errorf("at the end the state is %b", s)
	}
}

// TestRWMutexWriterGoes: readers that wait for a writer that gives up go on, though
// others read.
func TestRWMutexWriterGoes(t *testing.T) {
	var rw RWMutex
	c := newCrowd(t)
	rw.RLock(nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	c.start(0, ctx, func(tk *Task) {
		if err := rw.LockOrDone(tk); err != errEnough {
			t.Errorf("the writer's error is %v", err)
		}
	})
	awaitTrue(t, "the writer waits", func() bool { return queued(&rw.mu, &rw.writers) == 1 })
	for i := range 4 {
		c.start(i, context.Background(), func(tk *Task) {
			rw.RLock(tk)
			rw.RUnlock(tk)
		})
	}
	awaitTrue(t, "the readers wait", func() bool { return queued(&rw.mu, &rw.readers) == 4 })
	cancel(errEnough)
	c.wait()
	rw.RUnlock(nil)
}

// TestRWMutexReadersTurn: readers who have waited long are let in before the next
// writer.
func TestRWMutexReadersTurn(t *testing.T) {
	var rw RWMutex
	c := newCrowd(t)
	rw.Lock(nil)
	var read atomic.Int32
	for i := range 4 {
		c.start(i, context.Background(), func(tk *Task) {
			rw.RLock(tk)
			read.Add(1)
			rw.RUnlock(tk)
		})
	}
	awaitTrue(t, "the readers wait", func() bool { return queued(&rw.mu, &rw.readers) == 4 })
	c.start(4, context.Background(), func(tk *Task) {
		rw.Lock(tk)
		if n := read.Load(); n != 4 {
			t.Errorf("%d of 4 readers have read before the writer", n)
		}
		rw.Unlock(tk)
	})
	awaitTrue(t, "the writer waits", func() bool { return queued(&rw.mu, &rw.writers) == 1 })
	rw.mu.Lock()
	for n := rw.readers.first; n != nil; n = n.next {
		n.num -= starvingAfter
	}
	rw.mu.Unlock()
	rw.Unlock(nil)
	c.wait()
}

// TestRWMutexOrder: writers are served in their order.
func TestRWMutexOrder(t *testing.T) {
	var rw RWMutex
	rw.Lock(nil)
	inOrder(t, &rw.mu, &rw.writers, rw.Lock, func() { rw.Unlock(nil) })
	rw.Unlock(nil)
}

func TestRWMutexStress(t *testing.T) {
	var rw RWMutex
	var a, b int
	c := newCrowd(t)
	c.stress(8, 200, func(tk *Task, r *rand.Rand) {
		for range 5 {
			lock, done, unlock := rw.RLock, rw.RLockOrDone, rw.RUnlock
			write := r.IntN(3) == 0
			if write {
				lock, done, unlock = rw.Lock, rw.LockOrDone, rw.Unlock
			}
			if r.IntN(2) == 0 {
				lock(tk)
			} else if err := done(tk); err != nil {
				if err != errEnough {
					t.Error(err)
				}
				continue
			}
			if write {
				a++
			}
			if tk != nil && r.IntN(4) == 0 {
				tk.Yield()
			}
			if write {
				b++
			}
			if a != b {
				t.Errorf("%d and %d are seen", a, b)
			}
			unlock(tk)
		}
	})
	if s := rw.state.Load(); s != 0 {
		t.Errorf("at the end the state is %b", s)
	}
}

// TestRWMutexReadTogether: any number read at the same time, and a writer that comes
// meanwhile is let in by the last of them.
func TestRWMutexReadTogether(t *testing.T) {
	const readers = 8
	var rw RWMutex
	var together WaitGroup
	c := newCrowd(t)
	together.Add(readers)
	for i := range readers {
		c.start(i, context.Background(), func(tk *Task) {
			rw.RLocker().Lock(tk)
			together.Done(tk)
			together.Wait(tk) // for ever, if one kept another out
			rw.RLocker().Unlock(tk)
		})
	}
	together.Wait(nil)
	rw.Lock(nil)
	rw.Unlock(nil)
	c.wait()
	if s := rw.state.Load(); s != 0 {
		t.Errorf("at the end the state is %b", s)
	}
}

// TestRWMutexWrongTask checks that RUnlock by who may not call it leaves the lock as it
// is, and a writer who waits is woken by the right one.
func TestRWMutexWrongTask(t *testing.T) {
	var rw RWMutex
	rw.RLock(nil)
	written := async(func() bool { rw.Lock(nil); rw.Unlock(nil); return true })
	awaitTrue(t, "the writer waits", func() bool { return rw.state.Load()&rwQueued != 0 })
	wantPanic(t, func() { rw.RUnlock(new(Task)) }, "RWMutex.RUnlock", "has ended")
	rw.RUnlock(nil)
	awaitClosed(t, "the writer has had it", written)
}
