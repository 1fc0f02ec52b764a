//go:build linux && !netpoll_goroutines

package netpoll

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/runq-go/runq"
)

// Conn is a stream connection: TCP or Unix. All methods may be called at the same
// time, by tasks of any scheduler and by ordinary goroutines. Writes don't mix.
type Conn struct {
	socket
	remote net.Addr
	pieces bool // a read may stop before all is read: a Unix socket's stops at descriptors that are sent along

	// reading is held from an attempt to read until the wait for the next one is over:
	// readiness is told once, and another reader would use it up. For the same reason
	// only its holder takes what has been told of before. writing likewise, and for a
	// whole Write, which may take several system calls.
	reading, writing runq.Mutex
}

// maxChunk bounds a single write, as package net does for reasons of other systems;
// here it keeps a system call from taking long enough to be noticed as a stuck task.
const maxChunk = 1 << 20

// FromNet takes over a connection that package net has made: a *net.TCPConn, or a
// *net.UnixConn of the network unix. The connection belongs to s then, nil means
// runq.Default, and conn is closed. When FromNet fails, conn remains as it was.
// Deadlines aren't taken over. What conn has read ahead, if it wraps another one, would
// be lost: so only those two types are taken.
func FromNet(s *runq.Scheduler, conn net.Conn) (*Conn, error) {
	var raw syscall.Conn
	switch conn := conn.(type) {
	case *net.TCPConn:
		raw = conn
	case *net.UnixConn:
		raw = conn
	default:
		return nil, fromNetError(conn)
	}
	local, remote := conn.LocalAddr(), conn.RemoteAddr()
	if supported("", local.Network()) != nil {
		return nil, fromNetError(conn)
	}
	sys, err := duplicate(raw)
	if err != nil {
		return nil, err
	}
	c, err := newConn(orDefault(s), sys, local, remote)
	if err != nil {
		return nil, err
	}
	conn.Close()
	return c, nil
}

// newConn makes a Conn of the descriptor sys, which it closes when it fails.
func newConn(s *runq.Scheduler, sys int, local, remote net.Addr) (*Conn, error) {
	c := &Conn{remote: remote, pieces: remote.Network() == "unix"}
	if err := c.init(s, sys, local); err != nil {
		return nil, err
	}
	return c, nil
}

// RemoteAddr returns the address of the other side.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// ReadTask reads into b what there is, at least a byte: t waits for it, or an ordinary
// goroutine if t is nil. It returns io.EOF when the other side has closed or half
// closed the connection. Errors are *net.OpErrors, with net.ErrClosed,
// os.ErrDeadlineExceeded or the cause of t's context in them when those have ended
// the call. A b without room reads nothing.
func (c *Conn) ReadTask(t *runq.Task, b []byte) (n int, err error) {
	checkpoint(t) // a pair that answers at once might never wait
	if !c.enter() {
		return 0, c.opError("read", net.ErrClosed)
	}
	defer c.leave()
	if err := c.fd.PrepareRead(); err != nil {
		return 0, c.opError("read", err)
	}
	rest := false
	defer func() { c.fd.EndRead(rest) }() // deferred, like Unlock: a task's context may panic
	if err := c.reading.LockOrDone(t); err != nil {
		return 0, c.opError("read", err)
	}
	defer c.reading.Unlock(t)
	news := c.fd.TakeRead()
	// Without news a task waits at once, which spares it a system call; but nothing is
	// told of an end that has been told of before. A goroutine's waits cost more than a
	// call that tries in vain.
	if err = ErrNothingYet; news || t == nil || len(b) == 0 || c.fd.Partial() {
		n, rest, err = c.attempt(b)
	}
	for err == ErrNothingYet {
		if err := c.fd.WaitRead(t); err != nil {
			return 0, c.opError("read", err)
		}
		n, rest, err = c.attempt(b)
	}
	return n, err
}

// checkpoint is what every call that may wait begins with, before anything is locked: a
// t that isn't a running task panics here.
func checkpoint(t *runq.Task) {
	if t != nil {
		t.Context() // unlike Checkpoint, it always checks
		t.Checkpoint()
	}
}

// TryRead reads what there is, without waiting: it returns ErrNothingYet when that is
// nothing, or when another call is reading. Handlers read with it.
func (c *Conn) TryRead(b []byte) (int, error) {
	if !c.enter() {
		return 0, c.opError("read", net.ErrClosed)
	}
	defer c.leave()
	if err := c.fd.PrepareRead(); err != nil {
		return 0, c.opError("read", err)
	}
	if !c.reading.TryLock() {
		c.fd.EndRead(false)
		return 0, ErrNothingYet
	}
	c.fd.TakeRead()
	n, rest, err := c.attempt(b)
	c.reading.Unlock(nil)
	c.fd.EndRead(rest)
	return n, err
}

// attempt reads once. It returns ErrNothingYet when it would block; rest is for
// FD.EndRead.
func (c *Conn) attempt(b []byte) (n int, rest bool, err error) {
	if len(b) == 0 {
		return 0, true, nil
	}
	for {
		n, err = sysRead(c.sys, b)
		if err != syscall.EINTR {
			break
		}
	}
	switch {
	case n > 0:
		return n, n == len(b) || c.pieces || c.fd.Partial(), nil
	case err == nil:
		return 0, false, io.EOF
	case err == syscall.EAGAIN:
		return 0, false, ErrNothingYet
	}
	return 0, false, c.opError("read", os.NewSyscallError("read", err))
}

// WriteTask writes all of b: t waits when the other side doesn't read, or an ordinary
// goroutine if t is nil. It returns how much has been written, with an error if that
// isn't all; the errors are those of ReadTask.
func (c *Conn) WriteTask(t *runq.Task, b []byte) (n int, err error) {
	checkpoint(t)
	if !c.enter() {
		return 0, c.opError("write", net.ErrClosed)
	}
	defer c.leave()
	if err := c.writing.LockOrDone(t); err != nil {
		return 0, c.opError("write", err)
	}
	defer c.writing.Unlock(t)
	if err = c.fd.PrepareWrite(); err != nil {
		return 0, c.opError("write", err)
	}
	for n < len(b) {
		k, err := sysWrite(c.sys, b[n:min(len(b), n+maxChunk)])
		switch {
		case k > 0:
			if n += k; n < len(b) && t != nil {
				t.Checkpoint() // the other side may read as fast as t writes
			}
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			if err = c.fd.WaitWrite(t); err != nil {
				return n, c.opError("write", err)
			}
		case err == nil:
			return n, c.opError("write", io.ErrUnexpectedEOF)
		default:
			return n, c.opError("write", os.NewSyscallError("write", err))
		}
	}
	return n, nil
}

// OnReadable makes the scheduler call fn, in a task of its own, whenever there is
// something to read: no task waits meanwhile, and an idle connection takes no stack.
// The end of the stream and errors are something to read. fn is first called at once,
// or when the call of fn's predecessor is over. At most one such task lives at a time;
// when fn returns and hasn't read all there was, it is called again in another task,
// after those that are runnable.
//
// fn should read with TryRead: a call that waits keeps the task and its stack for as
// long as it does. When fn has seen the end or an error it should close c; it isn't
// called again because of them. When it panics or calls runtime.Goexit, c is closed.
//
// After its first call, fn isn't called while it couldn't read: a call of ReadTask that
// waits is served before fn, which gets what that leaves; and when the read deadline
// has passed, which fn isn't told of, it gets what has come when there is another one.
//
// A nil fn ends handler mode, when it is called by fn at once. Once the scheduler is
// being closed, no handler is called.
func (c *Conn) OnReadable(fn func(t *runq.Task, c *Conn)) error {
	if !c.enter() {
		return c.opError("set", net.ErrClosed)
	}
	defer c.leave()
	if fn == nil {
		return c.opErrorOrNil("set", c.fd.OnReadable(nil))
	}
	return c.opErrorOrNil("set", c.fd.OnReadable(func(t *runq.Task) {
		returned := false
		defer func() {
			if !returned {
				c.Close()
			}
		}()
		fn(t, c)
		returned = true
	}))
}

// SetReadDeadline sets the deadline of reading; see SetDeadline.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.opErrorOrNil("set", c.fd.SetReadDeadline(t))
}

// SetWriteDeadline sets the deadline of writing; see SetDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.opErrorOrNil("set", c.fd.SetWriteDeadline(t))
}

// CloseRead shuts down the reading side: reads return io.EOF.
func (c *Conn) CloseRead() error { return c.shutdown(syscall.SHUT_RD) }

// CloseWrite shuts down the writing side: the other side reads io.EOF when it has read
// everything. Reading goes on.
func (c *Conn) CloseWrite() error { return c.shutdown(syscall.SHUT_WR) }

func (c *Conn) shutdown(how int) error {
	if !c.enter() {
		return c.opError("close", net.ErrClosed)
	}
	defer c.leave()
	return c.opErrorOrNil("close", os.NewSyscallError("shutdown", syscall.Shutdown(c.sys, how)))
}

// Close closes the connection. Calls that wait end with net.ErrClosed, and so does
// every later call, Close included.
func (c *Conn) Close() error {
	if !c.close() {
		return c.opError("close", net.ErrClosed)
	}
	return nil
}

// opError returns err, which isn't nil, as package net would.
func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: netError(err)}
}

func (c *Conn) opErrorOrNil(op string, err error) error {
	if err == nil {
		return nil
	}
	return c.opError(op, err)
}

// SyscallConn gives access to the descriptor, for socket options that have no method
// here. Its Read and Write are for ordinary goroutines.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return rawConn{c}, nil }

// rawConn implements syscall.RawConn.
type rawConn struct{ c *Conn }

func (r rawConn) Control(f func(fd uintptr)) error {
	if !r.c.enter() {
		return r.c.opError("raw-control", net.ErrClosed)
	}
	defer r.c.leave()
	f(uintptr(r.c.sys))
	return nil
}

func (r rawConn) Read(f func(fd uintptr) (done bool)) error {
	if !r.c.enter() {
		return r.c.opError("raw-read", net.ErrClosed)
	}
	defer r.c.leave()
	if err := r.c.fd.PrepareRead(); err != nil {
		return r.c.opError("raw-read", err)
	}
	defer r.c.fd.EndRead(true) // nobody knows what f has left
	r.c.reading.Lock(nil)
	defer r.c.reading.Unlock(nil)
	r.c.fd.TakeRead()
	return r.do("raw-read", f, r.c.fd.WaitRead)
}

func (r rawConn) Write(f func(fd uintptr) (done bool)) error {
	if !r.c.enter() {
		return r.c.opError("raw-write", net.ErrClosed)
	}
	defer r.c.leave()
	r.c.writing.Lock(nil)
	defer r.c.writing.Unlock(nil)
	if err := r.c.fd.PrepareWrite(); err != nil {
		return r.c.opError("raw-write", err)
	}
	return r.do("raw-write", f, r.c.fd.WaitWrite)
}

func (r rawConn) do(op string, f func(uintptr) bool, wait func(*runq.Task) error) error {
	for !f(uintptr(r.c.sys)) {
		if err := wait(nil); err != nil {
			return r.c.opError(op, err)
		}
	}
	return nil
}
