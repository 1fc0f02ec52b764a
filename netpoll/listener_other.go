//go:build unix && (!linux || netpoll_goroutines)

package netpoll

import (
	"net"
	"time"

	"github.com/runq-go/runq"
)

// Listener accepts stream connections: TCP or Unix. All methods may be called at the
// same time, by tasks of any scheduler and by ordinary goroutines.
type Listener struct {
	s       *runq.Scheduler
	nl      net.Listener
	accepts calls
}

// Listen announces on a local address, as net.Listen does, for the networks tcp, tcp4,
// tcp6 and unix. The listener and the connections that it accepts belong to s; nil
// means runq.Default.
func Listen(s *runq.Scheduler, network, addr string) (*Listener, error) {
	if err := supported("listen", network); err != nil {
		return nil, err
	}
	nl, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	l := &Listener{s: orDefault(s), nl: nl}
	l.accepts.init(nl.(interface{ SetDeadline(time.Time) error }).SetDeadline)
	return l, nil
}

// Addr returns the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.nl.Addr() }

// AcceptTask returns the next connection: t waits for it, or an ordinary goroutine if
// t is nil. Errors are *net.OpErrors, with net.ErrClosed, os.ErrDeadlineExceeded or
// the cause of t's context in them when those have ended the call.
func (l *Listener) AcceptTask(t *runq.Task) (*Conn, error) {
	var nc net.Conn
	err := l.accepts.do(t, func() (err error) {
		nc, err = l.nl.Accept()
		return err
	}, func(cause error) error {
		return &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: cause}
	})
	if err != nil {
		return nil, err
	}
	return FromNet(l.s, nc)
}

// SetDeadline sets the deadline of accepting: calls that wait when it passes, and all
// later ones, return os.ErrDeadlineExceeded. The zero Time is none.
func (l *Listener) SetDeadline(t time.Time) error { return l.accepts.setDeadline(t) }

// Close stops listening, and removes the file of a Unix socket. Calls that wait end
// with net.ErrClosed, and so does every later call, Close included. Connections that
// were accepted stay.
func (l *Listener) Close() error {
	defer l.accepts.close()
	return l.nl.Close()
}
