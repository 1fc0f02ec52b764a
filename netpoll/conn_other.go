//go:build unix && (!linux || netpoll_goroutines)

package netpoll

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/runq-go/runq"
)

// Conn is a stream connection: TCP or Unix. All methods may be called at the same
// time, by tasks of any scheduler and by ordinary goroutines. Writes don't mix.
type Conn struct {
	s             *runq.Scheduler
	nc            stream
	raw           syscall.RawConn
	reads, writes calls

	turn    sync.Mutex // held while the handler is called
	mu      sync.Mutex
	handler *handler // guarded by mu
	ended   bool     // the end, or an error, has been read; guarded by mu
}

// stream is what a *net.TCPConn and a *net.UnixConn have in common.
type stream interface {
	net.Conn
	syscall.Conn
	CloseRead() error
	CloseWrite() error
}

// FromNet takes over a connection that package net has made: a *net.TCPConn, or a
// *net.UnixConn of the network unix. The connection belongs to s then, nil means
// runq.Default; conn must not be used any more. Deadlines aren't taken over. When
// FromNet fails, conn remains as it was.
func FromNet(s *runq.Scheduler, conn net.Conn) (*Conn, error) {
	nc, ok := conn.(stream)
	if !ok || supported("", conn.LocalAddr().Network()) != nil {
		return nil, fmt.Errorf("netpoll: FromNet: a %T can't be taken over: it must be a *net.TCPConn, or a *net.UnixConn of the network unix", conn)
	}
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c := &Conn{s: orDefault(s), nc: nc, raw: raw}
	c.reads.init(nc.SetReadDeadline)
	c.writes.init(nc.SetWriteDeadline)
	return c, nil
}

// dial connects for a task.
func dial(t *runq.Task, network, address string) (*Conn, error) {
	return dialNet(t, network, address)
}

// LocalAddr returns the address of this side.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the address of the other side.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// ReadTask reads into b what there is, at least a byte: t waits for it, or an ordinary
// goroutine if t is nil. It returns io.EOF when the other side has closed or half
// closed the connection. Errors are *net.OpErrors, with net.ErrClosed,
// os.ErrDeadlineExceeded or the cause of t's context in them when those have ended
// the call. A b without room reads nothing.
func (c *Conn) ReadTask(t *runq.Task, b []byte) (n int, err error) {
	err = c.reads.do(t, func() error {
		n, err = c.nc.Read(b)
		return err
	}, func(cause error) error { return c.opError("read", cause) })
	c.noteEnd(err)
	return n, err
}

// TryRead reads what there is, without waiting: it returns ErrNothingYet when that is
// nothing. Handlers read with it.
func (c *Conn) TryRead(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	var tried error
	err = c.raw.Read(func(fd uintptr) bool {
		for {
			if n, tried = syscall.Read(int(fd), b); tried != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case n > 0:
		return n, nil
	case tried == nil:
		c.noteEnd(io.EOF)
		return 0, io.EOF
	case tried == syscall.EAGAIN:
		return 0, ErrNothingYet
	}
	c.noteEnd(tried)
	return 0, c.opError("read", os.NewSyscallError("read", tried))
}

// noteEnd remembers that there is nothing more to read.
func (c *Conn) noteEnd(err error) {
	if err == nil || isTimeout(err) {
		return
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
}

// WriteTask writes all of b: t waits when the other side doesn't read, or an ordinary
// goroutine if t is nil. It returns how much has been written, with an error if that
// isn't all; the errors are those of ReadTask.
func (c *Conn) WriteTask(t *runq.Task, b []byte) (n int, err error) {
	err = c.writes.do(t, func() error {
		k, err := c.nc.Write(b[n:])
		n += k
		return err
	}, func(cause error) error { return c.opError("write", cause) })
	return n, err
}

// SetReadDeadline sets the deadline of reading; see SetDeadline.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.reads.setDeadline(t) }

// SetWriteDeadline sets the deadline of writing; see SetDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.writes.setDeadline(t) }

// CloseRead shuts down the reading side: reads return io.EOF.
func (c *Conn) CloseRead() error { return c.nc.CloseRead() }

// CloseWrite shuts down the writing side: the other side reads io.EOF when it has read
// everything. Reading goes on.
func (c *Conn) CloseWrite() error { return c.nc.CloseWrite() }

// Close closes the connection. Calls that wait end with net.ErrClosed, and so does
// every later call, Close included.
func (c *Conn) Close() error {
	err := c.nc.Close()
	c.reads.close()
	c.writes.close()
	return err
}

// SyscallConn gives access to the descriptor, for socket options that have no method
// here. Its Read and Write are for ordinary goroutines.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return c.raw, nil }

func (c *Conn) opError(op string, err error) error {
	local := c.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: c.RemoteAddr(), Err: err}
}
