//go:build model

package runq

import (
	"os"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// The checks of this file are about what is owed (netpoll_handler.go): whatever comes,
// and whoever reads it or gives up, in the end nothing is left that a handler could
// read, and nobody sleeps who could. A handler that is called for nothing again and again
// makes an execution endless, which the checker reports.

// socket is a descriptor of a kernel that tells of what comes once.
type socket struct {
	FD
	data sx.Int32 // bytes to be read
	turn sx.Mutex // held by who reads, from TakeRead to before EndRead, as in package netpoll
}

func newSocket(d *driver) *socket {
	s := new(socket)
	s.s = d.s
	s.read.owed = true
	return s
}

// receive adds a byte, and tells of it as the poller does.
func (s *socket) receive() {
	s.data.Add(1)
	readers, _, start := s.become(true, false, false)
	wakeAll(readers, nil)
	s.start(start)
}

// attempt reads a byte between PrepareRead and EndRead, which the caller makes.
func (s *socket) attempt() (got bool) {
	if s.data.Load() == 0 {
		return false
	}
	s.data.Add(-1)
	return true
}

// try reads a byte, as a handler does, unless somebody else reads.
func (s *socket) try() (got bool, err error) {
	if err := s.PrepareRead(); err != nil {
		return false, err
	}
	if !s.turn.TryLock() {
		s.EndRead(false)
		return false, nil
	}
	s.TakeRead()
	got = s.attempt()
	s.turn.Unlock()
	s.EndRead(got)
	return got, nil
}

// wait reads a byte, as an ordinary goroutine that waits for it. Without news it waits
// at once, as a task does, unless it tries anyway, as other readers do.
func (s *socket) wait(tries bool) error {
	err := s.PrepareRead()
	if err != nil {
		return err
	}
	s.turn.Lock()
	got := (s.TakeRead() || tries) && s.attempt()
	for !got && err == nil {
		if err = s.WaitRead(nil); err == nil {
			got = s.attempt()
		}
	}
	s.turn.Unlock()
	s.EndRead(got)
	return err
}

// checkOwed explores f, which starts threads, with a handler that reads a byte a call.
// At the end the handler must have read what others haven't.
func checkOwed(t *testing.T, want []string, f func(d *driver, s *socket, seen outcomes)) {
	t.Helper()
	checkDriven(t, 2, 1, func() clock { return stillClock{} }, want, func(d *driver) {
		s := newSocket(d)
		if err := s.OnReadable(func(*Task) {
			got, err := s.try()
			switch {
			case err == os.ErrDeadlineExceeded:
				d.seen["late"]++
			case err != nil:
				d.x.Failf("the handler's read: %v", err)
			case got:
				d.seen["handler"]++
			default:
				d.seen["nothing"]++
			}
		}); err != nil {
			d.x.Failf("OnReadable: %v", err)
		}
		d.drive(0, 2)
		f(d, s, d.seen)
		d.settle()
		if n := s.data.Load(); n != 0 {
			d.x.Failf("%d bytes are left, owed: %v", n, s.read.owed)
		}
		if s.handler.running || s.readers != 0 {
			d.x.Failf("at the end the handler runs: %v, %d read", s.handler.running, s.readers)
		}
	})
}

// TestModelHandler: two bytes come while the handler is called for the first time, runs,
// or has just ended.
func TestModelHandler(t *testing.T) {
	checkOwed(t, []string{"handler", "nothing"}, func(d *driver, s *socket, _ outcomes) {
		for range 2 {
			d.x.Go("sender", s.receive)
		}
	})
}

// TestModelHandlerBeside: somebody else tries to read, too, and doesn't wait.
func TestModelHandlerBeside(t *testing.T) {
	checkOwed(t, []string{"handler", "nothing", "read", "found nothing"}, func(d *driver, s *socket, seen outcomes) {
		d.x.Go("sender", func() {
			s.receive()
			s.receive()
		})
		d.x.Go("reader", func() {
			got, err := s.try()
			if err != nil {
				d.x.Failf("the reader: %v", err)
			}
			seen.or(got, "read", "found nothing")
		})
	})
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// TestModelHandlerReaders: two ordinary goroutines want a byte each of two, and wait for
// it until a deadline.
func TestModelHandlerReaders(t *testing.T) {
	checkOwed(t, []string{"handler", "read", "gave up"}, func(d *driver, s *socket, seen outcomes) {
		d.x.Go("sender", func() {
			s.receive()
			s.receive()
			s.SetReadDeadline(past)
		})
		for range 2 {
			d.x.Go("reader", func() {
				err := s.wait(false)
				seen.or(err == nil, "read", "gave up")
			})
		}
		d.x.Join()
		s.SetReadDeadline(time.Time{})
	})
}

// TestModelHandlerDeadline: a reader gives up at its deadline, perhaps when it has just
// been told of the byte; the handler gets that when there is no deadline any more.
func TestModelHandlerDeadline(t *testing.T) {
	checkOwed(t, []string{"handler", "read", "gave up", "late"}, func(d *driver, s *socket, seen outcomes) {
		d.x.Go("sender", s.receive)
		d.x.Go("reader", func() {
			err := s.wait(false)
			seen.or(err == nil, "read", "gave up")
			if err != nil && err != os.ErrDeadlineExceeded {
				d.x.Failf("the reader: %v", err)
			}
			s.SetReadDeadline(time.Time{})
		})
		d.x.Go("deadline", func() { s.SetReadDeadline(past) })
		d.x.Join()
		s.SetReadDeadline(time.Time{})
	})
}

// TestModelHandlerSwitch: a handler is replaced at any moment; the new one is called,
// and reads what is left.
func TestModelHandlerSwitch(t *testing.T) {
	checkOwed(t, []string{"handler", "second"}, func(d *driver, s *socket, seen outcomes) {
		called := false
		d.x.Go("sender", s.receive)
		d.x.Go("switch", func() {
			s.OnReadable(func(*Task) {
				called = true
				if got, _ := s.try(); got {
					seen["second"]++
				}
			})
		})
		d.settle()
		if !called {
			d.x.Failf("the second handler hasn't been called")
		}
	})
}

// checkReaders explores two readers that want a byte each of two, without a handler and
// without an end: one that sleeps while there is something is found as a deadlock.
func checkReaders(t *testing.T, tries bool, start func(d *driver, s *socket)) {
	t.Helper()
	checkDriven(t, 2, 1, func() clock { return stillClock{} }, []string{"read"}, func(d *driver) {
		s := newSocket(d)
		start(d, s)
		for range 2 {
			d.x.Go("reader", func() {
				if err := s.wait(tries); err != nil {
					d.x.Failf("the reader: %v", err)
				}
				d.seen["read"]++
			})
		}
		d.x.Join()
	})
}

// TestModelReadersOneEdge: two bytes come at any moment, of which only one edge tells.
func TestModelReadersOneEdge(t *testing.T) {
	checkReaders(t, true, func(d *driver, s *socket) {
		s.read.owed = false
		d.x.Go("sender", func() {
			s.data.Add(1)
			s.receive()
		})
	})
}

// TestModelReadersNoNews: two bytes are what a reader before has left, so it is owed
// once. Who finds that it isn't waits at once.
func TestModelReadersNoNews(t *testing.T) {
	checkReaders(t, false, func(_ *driver, s *socket) { s.data.Store(2) })
}
