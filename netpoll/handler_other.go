//go:build unix && (!linux || netpoll_goroutines)

package netpoll

import (
	"context"
	"net"
	"syscall"

	"github.com/runq-go/runq"
)

// handler is what OnReadable has set.
type handler struct {
	fn func(t *runq.Task, c *Conn)
}

// OnReadable makes the scheduler call fn, in a task of its own, whenever there is
// something to read: no task waits meanwhile, but here a goroutine does. The end of the
// stream and errors are something to read. fn is first called at once, or when the call
// of fn's predecessor is over. At most one such task lives at a time; when fn returns
// and hasn't read all there was, it is called again in another task.
//
// fn should read with TryRead: a call that waits keeps the task and its stack for as
// long as it does. When fn has seen the end or an error it should close c; it isn't
// called again because of them. When it panics or calls runtime.Goexit, c is closed.
//
// A nil fn ends handler mode, when it is called by fn at once. Once the scheduler is
// being closed, no handler is called.
func (c *Conn) OnReadable(fn func(t *runq.Task, c *Conn)) error {
	if err := c.raw.Control(func(uintptr) {}); err != nil {
		return c.opError("set", net.ErrClosed)
	}
	var h *handler
	if fn != nil {
		h = &handler{fn}
	}
	c.mu.Lock()
	c.handler = h
	c.mu.Unlock()
	if h != nil {
		go c.serve(h)
	}
	return nil
}

// current returns the handler to call, nil when there is to be none any more.
func (c *Conn) current() *handler {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		c.handler = nil
	}
	return c.handler
}

// serve calls the handler, at first and then whenever there is something to read,
// until there is another one.
func (c *Conn) serve(h *handler) {
	for c.serveOnce(h) && c.awaitReadable() {
	}
}

// serveOnce calls the handler in a task, if it is the current one, and tells whether it
// still is.
func (c *Conn) serveOnce(h *handler) bool {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.current() != h {
		return false
	}
	over := make(chan struct{})
	if c.s.Run(context.Background(), func(t *runq.Task) error {
		t.Go(func(t *runq.Task) { // detached: its panics are the scheduler's
			defer close(over)
			c.call(t, h)
		})
		return nil
	}) != nil {
		return false // the scheduler is being closed
	}
	<-over
	return c.current() == h
}

// call calls the handler.
func (c *Conn) call(t *runq.Task, h *handler) {
	returned := false
	defer func() {
		if !returned {
			c.Close()
		}
	}()
	h.fn(t, c)
	returned = true
}

// awaitReadable waits until there is something to read. It returns false when the
// connection has been closed.
func (c *Conn) awaitReadable() bool {
	for {
		err := c.raw.Read(func(fd uintptr) bool {
			var b [1]byte
			_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
			return err != syscall.EAGAIN && err != syscall.EINTR
		})
		if err == nil {
			return true
		}
		if !isTimeout(err) || !c.reads.awaitChange() {
			return false
		}
	}
}
