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
// wait. Readiness is a debt (side.owed): it is told once, so it is owed to somebody
// until an attempt has been begun because of it. Debt and list of waiters are under one
// lock. What becomes of the debt is described in netpoll_handler.go, since it is
// handlers that would never hear of what others have left.
//
// Nothing here is called from pick: a task that is just leaving its stack may have the
// descriptor locked on the very M that picks. For the same reason deadlines are timers
// of Go's.

import (
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
	readers int      // how many are between PrepareRead and EndRead; guarded by mu
	partial sx.Bool  // see Partial
	s       *Scheduler
	fd      int
	id      uint64 // in poller.fds; never changes
	read    side
	write   side
	handler handler
}

// side is one direction of an FD. Guarded by its mu.
type side struct {
	waiters waitQueue
	owed    bool // it has become ready, and no attempt has been begun since
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
	f.read.owed = true // nobody knows
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
	f.handler.fn = nil
	readers, writers := f.read.end(), f.write.end()
	f.mu.Unlock()
	wakeAll(readers, nil)
	wakeAll(writers, nil)
	return true
}

// PrepareRead is to be called by who wants to read: until EndRead the handler isn't
// started. It returns os.ErrClosed after Close, and os.ErrDeadlineExceeded after the
// deadline: there must be neither attempt nor EndRead then.
//
// Attempts and waits must be one reader's at a time: if there are several, they need a
// lock, to be taken after PrepareRead, before TakeRead, and released before EndRead.
func (f *FD) PrepareRead() error {
	f.mu.Lock()
	err := f.ended(&f.read)
	if err == nil {
		f.readers++
	}
	f.mu.Unlock()
	return err
}

// TakeRead is to be called before a reader's first attempt, under the readers' lock if
// there is one: what has been told until then is the caller's, so that a WaitRead after
// the attempt waits for something new. It returns false if that is nothing: the attempt
// will hardly find anything, and one may as well wait at once.
func (f *FD) TakeRead() (news bool) {
	f.mu.Lock()
	news, f.read.owed = f.read.owed, false
	f.mu.Unlock()
	return news
}

// EndRead ends what PrepareRead has begun, after the last attempt and the last wait.
// rest is false if the last attempt has found that there is nothing more to read for
// now: it would have blocked, or has told of the end or of an error; and if TakeRead
// hasn't been called. Anything else may have left something, for another reader or for
// the handler; a reader that has made no attempt leaves the news it had. For TCP, an
// attempt that has read less than it had room for has left nothing, unless Partial says
// so.
func (f *FD) EndRead(rest bool) {
	f.mu.Lock()
	f.readers--
	var waiters *waitNode
	if rest {
		waiters = f.read.become()
	}
	start := f.begin()
	f.mu.Unlock()
	wakeAll(waiters, nil)
	f.start(start)
}

// PrepareWrite is PrepareRead and TakeRead for writing, so it is to be called under the
// writers' lock if there are several. There is nothing to end it.
func (f *FD) PrepareWrite() error {
	f.mu.Lock()
	err := f.ended(&f.write)
	if err == nil {
		f.write.owed = false
	}
	f.mu.Unlock()
	return err
}

// WaitRead waits until the descriptor has become readable, which includes its end and
// errors, since TakeRead or the last WaitRead. It may return too early: the
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
	t.beforeWait(true)
	f.mu.Lock()
	if err := f.ended(d); err != nil || d.owed {
		d.owed = d.owed && err != nil
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
	d.owed = d.owed || err != nil // there is no attempt, and it may have been served
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

// Partial tells whether an attempt that reads less than it has room for may have left
// something of which nothing more will be told: the descriptor has been found to be at
// its end, to have failed, or to have urgent data, at which a read stops.
func (f *FD) Partial() bool { return f.partial.Load() }

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
	var waiters *waitNode
	if !t.IsZero() {
		if left := time.Until(t); left > 0 {
			d.until = f.s.clock.Now() + int64(left)
			if d.timer == nil {
				d.timer = time.AfterFunc(left, func() { f.deadline(d) })
			} else {
				d.timer.Reset(left)
			}
		} else {
			d.late = true
			waiters, _ = d.waiters.claimAll()
		}
	}
	start := f.begin()
	f.mu.Unlock()
	wakeLate(waiters)
	f.start(start)
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

// become notes what the descriptor has become. It returns who is to be woken, and
// whether a task for the handler is to be started.
func (f *FD) become(readable, writable, partial bool) (readers, writers *waitNode, start bool) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, nil, false
	}
	if partial {
		f.partial.Store(true)
	}
	if readable {
		readers = f.read.become()
		start = f.begin()
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
		d.owed = true
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
