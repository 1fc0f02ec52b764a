package runq

// Handler mode: a function that is called when a descriptor has become readable.
//
// The tension: what a descriptor has become is told once. Whoever is told and leaves
// something, or doesn't even try, must see to it that somebody else hears of it, or
// data stays in the socket until more comes, which may be never. But a handler that is
// called while it can't read would be called for ever.
//
// The choice is a debt, FD.read.owed, which is in one of three places:
//
//  1. None: the last attempt has found nothing more, and nothing has come since.
//  2. Owed: something may be there to be read, and nobody is about to read it.
//  3. In the hands of a reader, who is between TakeRead and EndRead.
//
// An edge that finds a waiting reader is that reader's (3), any other makes it owed
// (2), also while somebody reads: it may have come after his attempt. TakeRead, or
// a wait that finds it owed, takes it (2 to 3). EndRead settles it, when the attempt
// has found that there is nothing more (3 to 1), or gives it back (3 to 2), which is
// like an edge. A wait that has been told and then finds the descriptor late gives it
// back (3 to 2): there will be no attempt. A reader whose context has ended hasn't been
// told of the edge, since only one of the two gets it (wait.go), and the edge has made
// it owed.
//
// The handler is due when something is owed and it could read: nobody else is about to,
// and the deadline hasn't passed; or when it is new. Whatever may make it due asks
// FD.begin, under the lock: an edge, EndRead, a new deadline, OnReadable, and the end
// of the handler's own task, so that no call is lost while one runs. It is the only
// test, so what can't read isn't called: neither the first time nor again.
//
// Several readers exclude each other by a lock of theirs, and only its holder takes the
// debt. PrepareRead can't: who took it there and then waited for the lock might wait for
// one who sleeps, because nothing is owed. The lock is held by somebody who counts as a
// reader only (FD.readers), even when it has been handed over to one who doesn't run
// yet: so a handler that can't get it isn't due again until that one's EndRead.
//
// The handler's reads are attempts like any other's. One that doesn't read at all leaves
// the debt where it is, and is due again when it returns.

import (
	"fmt"
	"os"
)

// handler is an FD's handler, and its state. Guarded by the FD's mu.
type handler struct {
	fn      func(*Task) // nil: none
	fresh   bool        // fn hasn't been called yet
	running bool        // a task of the handler is queued or runs
	run     func(*Task) // FD.handle, made once
}

// OnReadable makes the scheduler call fn, in a task of its own, as long as the
// descriptor may be readable and nobody reads: no task waits meanwhile, and an idle
// descriptor takes no stack. fn reads as anybody does, between PrepareRead and
// EndRead; it is called again, in another task, after those that are runnable, until an
// EndRead has said that there is nothing more, and then when there is. It isn't called
// while somebody else is between PrepareRead and EndRead, WaitRead included, or when
// the read deadline has passed; but it is when that has changed.
//
// A new fn is first called at once, or when the present call returns, whatever there
// is to read. At most one such task lives at a time; fn must not wait for long. A fn
// that panics or calls runtime.Goexit isn't called again. A nil fn ends all this; so
// does the beginning of the scheduler's Close. OnReadable returns os.ErrClosed when the
// FD is closed, ErrClosed when the scheduler is.
func (f *FD) OnReadable(fn func(t *Task)) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return os.ErrClosed
	}
	h := &f.handler
	h.fn, h.fresh = fn, fn != nil
	if h.run == nil {
		h.run = f.handle
	}
	start := f.begin()
	f.mu.Unlock()
	if !f.start(start) {
		return ErrClosed
	}
	return nil
}

// due tells whether the handler is to be called. The lock is held.
func (f *FD) due() bool {
	return f.handler.fn != nil && (f.handler.fresh || f.read.owed && f.readers == 0 && !f.read.late)
}

// begin tells whether a task for the handler is to be started, which the caller must
// do. The lock is held.
func (f *FD) begin() bool {
	if f.handler.running || !f.due() {
		return false
	}
	f.handler.running = true
	return true
}

// start starts a task for the handler from outside, if begin has said so. It returns
// false when the scheduler is being closed.
func (f *FD) start(begun bool) bool {
	return !begun || f.s.normal.submit(fresh(f.handler.run, f.s.detached))
}

// handle is the handler's task.
func (f *FD) handle(t *Task) {
	f.mu.Lock()
	fn := f.handler.fn
	if !f.due() {
		fn = nil // somebody was faster
	}
	f.handler.fresh = false
	f.mu.Unlock()
	if fn == nil {
		f.handled(t, true)
		return
	}
	returned := false
	defer func() { f.handled(t, returned) }()
	fn(t)
	returned = true
}

// handled starts the handler again when its task ends, if it is due.
func (f *FD) handled(t *Task, returned bool) {
	f.mu.Lock()
	f.handler.running = false
	if !returned && !f.handler.fresh {
		f.handler.fn = nil
	}
	again := f.begin()
	f.mu.Unlock()
	// In a scheduler that is being closed it keeps on "running", and nothing starts it.
	if again && !f.s.closedToOthers() {
		t.Go(f.handler.run)
	}
}

// String names the descriptor, for messages.
func (f *FD) String() string { return fmt.Sprintf("descriptor %d", f.fd) }
