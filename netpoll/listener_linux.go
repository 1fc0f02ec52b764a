//go:build linux && !netpoll_goroutines

package netpoll

import (
	"context"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/runq-go/runq"
)

// Listener accepts stream connections: TCP or Unix. All methods may be called at the
// same time, by tasks of any scheduler and by ordinary goroutines.
type Listener struct {
	socket
	accepting runq.Mutex // like Conn.reading
}

// Listen announces on a local address, as net.Listen does, for the networks tcp, tcp4,
// tcp6 and unix. The listener and the connections that it accepts belong to s; nil
// means runq.Default. Accepted TCP connections send at once and keep alive, as those of
// package net do.
func Listen(s *runq.Scheduler, network, addr string) (*Listener, error) {
	if err := supported("listen", network); err != nil {
		return nil, err
	}
	var cfg net.ListenConfig
	cfg.SetMultipathTCP(false) // options of its sockets aren't inherited as below
	nl, err := cfg.Listen(context.Background(), network, addr)
	if err != nil {
		return nil, err
	}
	l := new(Listener)
	if err := l.takeOver(orDefault(s), nl); err != nil {
		nl.Close()
		return nil, err
	}
	nl.Close()
	return l, nil
}

func (l *Listener) takeOver(s *runq.Scheduler, nl net.Listener) error {
	sys, err := duplicate(nl.(syscall.Conn))
	if err != nil {
		return err
	}
	if _, ok := nl.(*net.TCPListener); ok {
		setDefaults(sys) // its connections inherit them, which saves five system calls each
	}
	if err := l.init(s, sys, nl.Addr()); err != nil {
		return err
	}
	if ul, ok := nl.(*net.UnixListener); ok {
		ul.SetUnlinkOnClose(false)
		if name := ul.Addr().String(); name != "" && name[0] != '@' {
			l.unlink = name
		}
	}
	return nil
}

// Addr returns the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.local }

// AcceptTask returns the next connection: t waits for it, or an ordinary goroutine if
// t is nil. Errors are *net.OpErrors, with net.ErrClosed, os.ErrDeadlineExceeded or
// the cause of t's context in them when those have ended the call.
func (l *Listener) AcceptTask(t *runq.Task) (*Conn, error) {
	checkpoint(t) // there may be as many connections as t accepts
	if !l.enter() {
		return nil, l.opError("accept", net.ErrClosed)
	}
	defer l.leave()
	if err := l.fd.PrepareRead(); err != nil {
		return nil, l.opError("accept", err)
	}
	rest := false
	defer func() { l.fd.EndRead(rest) }()
	if err := l.accepting.LockOrDone(t); err != nil {
		return nil, l.opError("accept", err)
	}
	defer l.accepting.Unlock(t)
	rest = true // there may be more
	l.fd.TakeRead()
	for {
		sys, sa, err := syscall.Accept4(l.sys, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch {
		case err == nil:
			return l.accepted(sys, sa)
		case err == syscall.EINTR, err == syscall.ECONNABORTED: // given up by the other side
		case err == syscall.EAGAIN:
			if err := l.fd.WaitRead(t); err != nil {
				return nil, l.opError("accept", err)
			}
		default:
			return nil, l.opError("accept", os.NewSyscallError("accept4", err))
		}
	}
}

func (l *Listener) accepted(sys int, remote syscall.Sockaddr) (*Conn, error) {
	network := l.local.Network()
	local, err := syscall.Getsockname(sys)
	if err != nil {
		syscall.Close(sys)
		return nil, l.opError("accept", os.NewSyscallError("getsockname", err))
	}
	c, err := newConn(l.s, sys, address(network, local), address(network, remote))
	if err != nil {
		return nil, l.opError("accept", err)
	}
	return c, nil
}

// SetDeadline sets the deadline of accepting: calls that wait when it passes, and all
// later ones, return os.ErrDeadlineExceeded. The zero Time is none.
func (l *Listener) SetDeadline(t time.Time) error {
	if err := l.fd.SetReadDeadline(t); err != nil {
		return l.opError("set", err)
	}
	return nil
}

// Close stops listening, and removes the file of a Unix socket. Calls that wait end
// with net.ErrClosed, and so does every later call, Close included. Connections that
// were accepted stay.
func (l *Listener) Close() error {
	if !l.close() {
		return l.opError("close", net.ErrClosed)
	}
	return nil
}

func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: l.local.Network(), Addr: l.local, Err: netError(err)}
}
