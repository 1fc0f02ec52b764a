//go:build unix

package netpoll

import (
	"errors"
	"net"
	"time"

	"github.com/runq-go/runq"
)

// ErrNothingYet is what TryRead returns when there is nothing to read at the moment.
var ErrNothingYet = errors.New("netpoll: nothing to read yet")

var (
	_ net.Conn     = (*Conn)(nil)
	_ net.Conn     = (*TaskConn)(nil)
	_ net.Listener = (*Listener)(nil)
)

// Read is ReadTask for ordinary goroutines.
func (c *Conn) Read(b []byte) (int, error) { return c.ReadTask(nil, b) }

// Write is WriteTask for ordinary goroutines.
func (c *Conn) Write(b []byte) (int, error) { return c.WriteTask(nil, b) }

// SetDeadline sets the deadlines of reading and of writing, as net.Conn says: calls
// that wait when it passes, and all later ones, return os.ErrDeadlineExceeded. The
// zero Time is none.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// As returns c as a net.Conn for the task t, and for what t calls: Read and Write let t
// wait. It must not be used after t's function has returned. A nil t is an ordinary
// goroutine.
func (c *Conn) As(t *runq.Task) *TaskConn { return &TaskConn{Conn: c, t: t} }

// TaskConn is a connection in the hands of a task; see [Conn.As].
type TaskConn struct {
	*Conn
	t *runq.Task
}

// Read is ReadTask for the task.
func (c *TaskConn) Read(b []byte) (int, error) { return c.Conn.ReadTask(c.t, b) }

// Write is WriteTask for the task.
func (c *TaskConn) Write(b []byte) (int, error) { return c.Conn.WriteTask(c.t, b) }

// Accept is AcceptTask for ordinary goroutines.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTask(nil)
	if err != nil {
		return nil, err // not a nil *Conn in an interface
	}
	return c, nil
}

// Dial connects to an address, as net.Dial does, for the networks tcp, tcp4, tcp6 and
// unix. The connection belongs to t's scheduler, and t waits; the end of its context
// ends the attempt. With a nil t an ordinary goroutine waits, and the connection
// belongs to runq.Default. Errors are *net.OpErrors.
//
// On Linux a task that dials an address made of numbers, or a Unix socket, holds no
// thread. Names are looked up and tried by package net in a blocking call (Task.Block).
func Dial(t *runq.Task, network, address string) (*Conn, error) {
	if err := supported("dial", network); err != nil {
		return nil, err
	}
	if t != nil {
		return dial(t, network, address)
	}
	nc, err := net.Dial(network, address)
	return takeOver(runq.Default(), nc, err)
}

// dialNet has package net connect, in a blocking call.
func dialNet(t *runq.Task, network, address string) (*Conn, error) {
	var (
		d   net.Dialer
		nc  net.Conn
		err error
		ctx = t.Context()
	)
	t.Block(func() { nc, err = d.DialContext(ctx, network, address) })
	return takeOver(t.Scheduler(), nc, err)
}

// takeOver is FromNet for a connection that has just been made, or hasn't.
func takeOver(s *runq.Scheduler, nc net.Conn, err error) (*Conn, error) {
	if err != nil {
		return nil, err
	}
	c, err := FromNet(s, nc)
	if err != nil {
		nc.Close()
	}
	return c, err
}

// supported returns an error for networks that aren't streams.
func supported(op, network string) error {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		return nil
	}
	return &net.OpError{Op: op, Net: network, Err: net.UnknownNetworkError(network)}
}

// orDefault returns s, or the default scheduler for nil.
func orDefault(s *runq.Scheduler) *runq.Scheduler {
	if s == nil {
		return runq.Default()
	}
	return s
}
