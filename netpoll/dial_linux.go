//go:build linux && !netpoll_goroutines

package netpoll

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/runq-go/runq"
)

// dial connects for a task. To connect is to wait for a descriptor, so an address that
// is written as numbers, or is a path, takes neither thread nor goroutine. Names have
// package net's dialer look them up and try what it finds, in a blocking call: how
// several addresses are tried is no matter of descriptors.
func dial(t *runq.Task, network, address string) (*Conn, error) {
	to, ok := parse(network, address)
	if !ok {
		return dialNet(t, network, address)
	}
	for again := selfConnects; ; again-- {
		c, err := to.connect(t)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Addr: to.name, Err: netError(err)}
		}
		if again == 0 || c.local.String() != c.remote.String() || network == "unix" {
			return c, nil
		}
		c.Close()
	}
}

// selfConnects is how often a connection to itself is dropped: TCP makes one when
// nobody listens on a port of the range that the system takes local ports from, and it
// happens to take that one. Twice in a row is one in a billion.
const selfConnects = 2

// target is an address to connect to.
type target struct {
	family int
	sa     syscall.Sockaddr
	name   net.Addr
}

// parse returns the address if it needs no look-up, and nothing of package net's
// knowledge of zones and of what "here" is.
func parse(network, address string) (target, bool) {
	if network == "unix" {
		return target{syscall.AF_UNIX, &syscall.SockaddrUnix{Name: address}, &net.UnixAddr{Name: address, Net: network}}, address != ""
	}
	to, err := netip.ParseAddrPort(address)
	ip := to.Addr()
	if err != nil || ip.IsUnspecified() || ip != ip.WithZone("") || ip.Is4In6() ||
		ip.Is4() && network == "tcp6" || ip.Is6() && network == "tcp4" {
		return target{}, false
	}
	name, port := net.TCPAddrFromAddrPort(to), int(to.Port())
	if ip.Is4() {
		return target{syscall.AF_INET, &syscall.SockaddrInet4{Addr: ip.As4(), Port: port}, name}, true
	}
	return target{syscall.AF_INET6, &syscall.SockaddrInet6{Addr: ip.As16(), Port: port}, name}, true
}

// connect makes a socket and connects it. The error has no address yet.
func (to target) connect(t *runq.Task) (*Conn, error) {
	if err := context.Cause(t.Context()); err != nil {
		return nil, err
	}
	sys, err := syscall.Socket(to.family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if to.family != syscall.AF_UNIX {
		setDefaults(sys)
	}
	err = syscall.Connect(sys, to.sa)
	pending := err == syscall.EINPROGRESS || err == syscall.EINTR // it goes on by itself
	if err != nil && !pending {
		syscall.Close(sys)
		return nil, os.NewSyscallError("connect", err)
	}
	// Watched only now: before, it would be told to have hung up.
	c, err := newConn(t.Scheduler(), sys, nil, to.name)
	if err != nil {
		return nil, err
	}
	if pending {
		err = c.awaitConnected(t)
	}
	if err == nil {
		c.local, err = c.localAddr(to.name.Network())
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// awaitConnected waits until the connection is there.
func (c *Conn) awaitConnected(t *runq.Task) error {
	for {
		if err := c.fd.WaitWrite(t); err != nil {
			return err
		}
		errno, err := syscall.GetsockoptInt(c.sys, syscall.SOL_SOCKET, syscall.SO_ERROR)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}
		if errno != 0 {
			return os.NewSyscallError("connect", syscall.Errno(errno))
		}
		_, err = syscall.Getpeername(c.sys)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.ENOTCONN) { // else it has been told too early
			return os.NewSyscallError("getpeername", err)
		}
	}
}

// localAddr asks the system for the address of this side.
func (k *socket) localAddr(network string) (net.Addr, error) {
	sa, err := syscall.Getsockname(k.sys)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	return address(network, sa), nil
}
