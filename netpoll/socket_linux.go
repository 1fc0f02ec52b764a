//go:build linux && !netpoll_goroutines

package netpoll

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/runq-go/runq"
)

// socket is a descriptor that several may use while another closes it.
//
// The race it is about: a system call on a descriptor that somebody has closed
// meanwhile works on whatever has got the number. So the descriptor is closed by the
// last who uses it: use counts calls under way, and one for the socket being open.
type socket struct {
	s      *runq.Scheduler
	fd     *runq.FD
	sys    int // the descriptor
	local  net.Addr
	unlink string       // the file of a Unix listener, to be removed; else empty
	use    atomic.Int64 // closedBit and the count

	cleanup runtime.Cleanup // abandon
}

// closedBit in socket.use says that no call may begin any more. Far above any count.
const closedBit = 1 << 32

// init takes over the descriptor sys, which it closes when it fails.
func (k *socket) init(s *runq.Scheduler, sys int, local net.Addr) error {
	fd, err := s.NewFD(sys)
	if err != nil {
		syscall.Close(sys)
		return err
	}
	k.s, k.fd, k.sys, k.local = s, fd, sys, local
	k.use.Store(1)
	k.cleanup = runtime.AddCleanup(k, abandon, abandoned{fd, sys})
	return nil
}

// abandoned is what is left of a socket that nobody has closed.
type abandoned struct {
	fd  *runq.FD
	sys int
}

// abandon closes the descriptor of a socket that nobody knows any more, as package net
// does. The scheduler knows its FD only; a handler knows its connection.
func abandon(a abandoned) {
	a.fd.Close()
	syscall.Close(a.sys)
}

// LocalAddr returns the address of this side.
func (k *socket) LocalAddr() net.Addr { return k.local }

// enter begins a call that uses the descriptor. It returns false when it is closed.
func (k *socket) enter() bool {
	if k.use.Add(1)&closedBit == 0 {
		return true
	}
	k.leave()
	return false
}

// leave ends the call.
func (k *socket) leave() {
	if k.use.Add(-1) == closedBit {
		// Who came too late may have had a count for a moment: only one closes.
		if k.use.CompareAndSwap(closedBit, closedBit|closedBit<<1) {
			syscall.Close(k.sys)
		}
	}
}

// close ends the calls that wait, and lets the last one close the descriptor. It
// returns false when it is closed already.
func (k *socket) close() bool {
	for {
		u := k.use.Load()
		if u&closedBit != 0 {
			return false
		}
		if k.use.CompareAndSwap(u, u|closedBit) {
			break
		}
	}
	k.cleanup.Stop()
	if k.unlink != "" {
		syscall.Unlink(k.unlink) // while it listens: afterwards it might be another one's
	}
	k.fd.Close()
	k.leave()
	return true
}

// duplicate returns another descriptor for the same socket. It makes both non-blocking:
// package net's are, unless somebody has asked a duplicate for its number (os.File.Fd,
// as exec.Cmd does with ExtraFiles). A read of ours that blocked would keep Go's garbage
// collector, and then everything, from going on.
func duplicate(c syscall.Conn) (sys int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		var r uintptr
		r, _, errno = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
		sys = int(r)
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("fcntl", errno)
	}
	if err != nil {
		return -1, err
	}
	if err := syscall.SetNonblock(sys, true); err != nil {
		syscall.Close(sys)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return sys, nil
}

// setDefaults gives a TCP socket the options that package net gives to connections:
// it sends at once, and notices within minutes when the other side is gone. They
// aren't worth an error.
func setDefaults(sys int) {
	for _, o := range [...]struct{ level, opt, value int }{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
	} {
		syscall.SetsockoptInt(sys, o.level, o.opt, o.value)
	}
}

// address returns a socket address of the network as package net has it.
func address(network string, sa syscall.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: append(net.IP(nil), sa.Addr[:]...), Port: sa.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: append(net.IP(nil), sa.Addr[:]...), Port: sa.Port, Zone: zone(int(sa.ZoneId))}
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: network}
	}
	return &net.UnixAddr{Net: network} // an unnamed one
}

// zone names the scope of an IPv6 address.
func zone(id int) string {
	if id == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(id); err == nil {
		return i.Name
	}
	return strconv.Itoa(id)
}

func fromNetError(conn net.Conn) error {
	return fmt.Errorf("netpoll: FromNet: a %T can't be taken over: it must be a *net.TCPConn, or a *net.UnixConn of the network unix", conn)
}

// netError is err as package net would have it: the runq package doesn't import net.
func netError(err error) error {
	if err == os.ErrClosed {
		return net.ErrClosed
	}
	return err
}
