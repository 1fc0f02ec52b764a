package runq

// Waiting for descriptors.
//
// The tension: a task must not hold a P while it waits for the network, somebody has
// to wait for all of them, and whoever does that in a system call holds a thread and,
// until Go's sysmon notices, a Go P.
//
// The choice, as in Go's runtime: descriptors are non-blocking and watched edge-
// triggered; a task tries, and waits when the system says that it would block. What a
// descriptor has become is asked for, without waiting, by Ms that have nothing at
// hand, before they steal and again before they rest; by sysmon when nobody has asked
// for pollLate; and by one goroutine that waits for news in Go's own network poller,
// which costs no thread. So Ms that are busy needn't be told, and idle ones are woken
// as for any task from outside.
//
// The race it avoids: the descriptor may become ready between the attempt and the
// wait. Readiness is a flag that stays until an attempt is begun (PrepareRead) or a
// wait has used it up; flag and list of waiters are under one lock.
//
// Nothing here is called from pick: a task that is just leaving its stack may have the
// descriptor locked on the very M that picks. For the same reason deadlines are timers
// of Go's.

import (
	"fmt"
	"os"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// pollLate is after how long without anybody asking sysmon asks: Go's figure. Only
// Ms that never run out of work of their own let it come to that.
const pollLate = 10 * time.Millisecond

// FD is a descriptor that tasks wait for: it is to be read from or written to without
// blocking, and when the system says that this would block, WaitRead or WaitWrite
// waits until another attempt is worth it. Package netpoll has connections made of
// it. All methods may be called at the same time, by tasks of any scheduler and by
// ordinary goroutines.
type FD struct {
	mu      sx.Mutex // first, so that waits for it name the FD
	closed  bool     // guarded by mu
	running bool     // a task of the handler lives; guarded by mu
	hung    bool     // an end or an error has been told of; guarded by mu
	s       *Scheduler
	fd      int
	id      uint64 // in poller.fds; never changes
	read    side
	write   side
	handler func(*Task) bool // guarded by mu
	run     func(*Task)      // f.handle, made once
}

// side is one direction of an FD. Guarded by its mu.
type side struct {
	waiters waitQueue
	ready   bool // it has become ready since it was last tried or waited for
	late    bool // the deadline has passed
	until   int64
	timer   *time.Timer // of the deadline, when there has been one
}

// NewFD makes a descriptor known to the scheduler. It must be in non-blocking mode
// and of a kind that can be polled: a socket or a pipe. It stays the caller's, who
// must call [FD.Close] before closing it. NewFD returns ErrClosed when the scheduler
// has been closed, and errors.ErrUnsupported on systems other than Linux.
func (s *Scheduler) NewFD(fd int) (*FD, error) {
	f := &FD{s: s, fd: fd}
	if err := s.net.add(f); err != nil {
		return nil, err
	}
	return f, nil
}

// Close ends all waits for the descriptor with os.ErrClosed, and makes the scheduler
// forget it. It doesn't close the descriptor itself. The handler is not called any
// more, but may be running. A second Close returns os.ErrClosed. When the scheduler
// is closed, all of its FDs are.
func (f *FD) Close() error {
	if !f.evict() {
		return os.ErrClosed
	}
	f.s.net.remove(f)
	return nil
}

// evict ends all waits, now and in future.
func (f *FD) evict() bool {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return false
	}
	f.closed = true
	f.handler = nil
	readers, writers := f.read.end(), f.write.end()
	f.mu.Unlock()
	wakeAll(readers, nil)
	wakeAll(writers, nil)
	return true
}

// PrepareRead is to be called before an attempt to read: it forgets that the
// descriptor was ready, so that a WaitRead after the attempt waits for something new.
// From here to the end of that wait no other must read: what is ready is told once.
// It returns os.ErrClosed after Close, and os.ErrDeadlineExceeded after the deadline.
func (f *FD) PrepareRead() error { return f.prepare(&f.read) }

// PrepareWrite is PrepareRead for writing.
func (f *FD) PrepareWrite() error { return f.prepare(&f.write) }

func (f *FD) prepare(d *side) error {
	f.mu.Lock()
	d.ready = false
	err := f.ended(d)
	f.mu.Unlock()
	return err
}

// WaitRead waits until the descriptor has become readable, which includes its end and
// errors, since PrepareRead or the last WaitRead. It may return too early: the
// attempt to read decides. It returns os.ErrClosed when the FD is closed,
// os.ErrDeadlineExceeded when its deadline passes, and the cause of t's context when
// that ends. With a nil t an ordinary goroutine waits.
func (f *FD) WaitRead(t *Task) error {
	if t != nil {
		t.enter("WaitRead")
	}
	return f.wait(t, &f.read, event.ReasonWaitRead)
}

// WaitWrite is WaitRead for writing.
func (f *FD) WaitWrite(t *Task) error {
	if t != nil {
		t.enter("WaitWrite")
	}
	return f.wait(t, &f.write, event.ReasonWaitWrite)
}

func (f *FD) wait(t *Task, d *side, why event.Reason) error {
	f.mu.Lock()
	if err := f.ended(d); err != nil || d.ready {
		d.ready = false
		f.mu.Unlock()
		return err
	}
	w := newWaiter(t)
	d.waiters.push(&w.node, w)
	err := w.wait(&f.mu, &w.node, why, true)
	w.free()
	if err != nil {
		return err
	}
	f.mu.Lock()
	err = f.ended(d)
	f.mu.Unlock()
	return err
}

// ended tells why there is nothing to wait for any more. The lock is held.
func (f *FD) ended(d *side) error {
	switch {
	case f.closed:
		return os.ErrClosed
	case d.late:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// HungUp tells whether the descriptor has been found to be at its end or to have
// failed: an attempt to read will say so when all data has been read, and nothing more
// will be told of it.
func (f *FD) HungUp() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hung
}

// SetReadDeadline ends waits for reading at the time t, with os.ErrDeadlineExceeded,
// and all that begin after it, until another deadline is set. A time in the past does
// so now. The zero Time is no deadline.
func (f *FD) SetReadDeadline(t time.Time) error { return f.setDeadline(&f.read, t) }

// SetWriteDeadline is SetReadDeadline for writing.
func (f *FD) SetWriteDeadline(t time.Time) error { return f.setDeadline(&f.write, t) }

func (f *FD) setDeadline(d *side, t time.Time) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return os.ErrClosed
	}
	if d.timer != nil {
		d.timer.Stop()
	}
	d.late, d.until = false, 0
	if t.IsZero() {
		f.mu.Unlock()
		return nil
	}
	if left := time.Until(t); left > 0 {
		d.until = f.s.clock.Now() + int64(left)
		if d.timer == nil {
			d.timer = time.AfterFunc(left, func() { f.deadline(d) })
		} else {
			d.timer.Reset(left)
		}
		f.mu.Unlock()
		return nil
	}
	d.late = true
	waiters, _ := d.waiters.claimAll()
	f.mu.Unlock()
	wakeLate(waiters)
	return nil
}

// deadline is called when the timer of a deadline has run off: perhaps one that has
// been replaced since.
func (f *FD) deadline(d *side) {
	f.mu.Lock()
	var waiters *waitNode
	if d.until != 0 && f.s.clock.Now() >= d.until {
		d.late = true
		waiters, _ = d.waiters.claimAll()
	}
	f.mu.Unlock()
	wakeLate(waiters)
}

// end stops the side's timer and claims its waiters. The lock is held.
func (d *side) end() *waitNode {
	if d.timer != nil {
		d.timer.Stop()
	}
	waiters, _ := d.waiters.claimAll()
	return waiters
}

// OnReadable makes the scheduler call fn, in a task of its own, whenever the
// descriptor has become readable: no task waits meanwhile, and an idle descriptor
// takes no stack. fn is called at once if the descriptor may be readable now. At most
// one such task lives at a time; fn must not wait for long, and returns true when it
// hasn't read all there was: it is called again in another task then, after those that
// are runnable. Only what arrives after fn has been called is sure to cause another
// call. A nil fn ends this; so does the beginning of the scheduler's Close. A task
// that waits in WaitRead is served before fn.
func (f *FD) OnReadable(fn func(t *Task) (more bool)) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return os.ErrClosed
	}
	f.handler = fn
	begin := fn != nil && !f.running
	if begin {
		f.running = true
		if f.run == nil {
			f.run = f.handle
		}
	}
	f.mu.Unlock()
	if begin && !f.s.submit(fresh(f.run, f.s.detached)) {
		return ErrClosed
	}
	return nil
}

// handle is the handler's task.
func (f *FD) handle(t *Task) {
	f.mu.Lock()
	fn := f.handler
	f.read.ready = false
	f.mu.Unlock()
	var more bool
	if fn != nil {
		defer func() { f.handled(t, more) }()
		more = fn(t)
		return
	}
	f.handled(t, false)
}

// handled arms the handler again when its task ends, or starts it again.
func (f *FD) handled(t *Task, more bool) {
	closed := t.e.env.s.closedToOthers()
	f.mu.Lock()
	again := !closed && f.handler != nil && (more || f.read.ready)
	f.running = again
	f.mu.Unlock()
	if again {
		t.Go(f.run)
	}
}

// become notes what the descriptor has become. It returns who is to be woken, and
// whether a task for the handler is to be started.
func (f *FD) become(readable, writable, hung bool) (readers, writers *waitNode, start bool) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, nil, false
	}
	f.hung = f.hung || hung
	if readable {
		readers = f.read.become()
		if start = readers == nil && f.handler != nil && !f.running; start {
			f.running = true
		}
	}
	if writable {
		writers = f.write.become()
	}
	f.mu.Unlock()
	return readers, writers, start
}

// become claims the waiters; if there are none, the next one need not wait. The lock
// is held.
func (d *side) become() *waitNode {
	waiters, _ := d.waiters.claimAll()
	if waiters == nil {
		d.ready = true
	}
	return waiters
}

// wakeLate is wakeAll for waiters whose deadline has passed.
func wakeLate(n *waitNode) {
	for n != nil {
		var w *waiter
		w, n = n.unlink()
		w.resume(nil, event.ReasonWakeTimer)
	}
}

// String names the descriptor, for messages.
func (f *FD) String() string { return fmt.Sprintf("descriptor %d", f.fd) }
