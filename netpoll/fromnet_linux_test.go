//go:build !netpoll_goroutines

package netpoll

import (
	"net"
	"syscall"
	"testing"
)

// TestFromNetBlocking: somebody has made the connection a blocking one; afterwards it
// isn't.
func TestFromNetBlocking(t *testing.T) {
	s := openScheduler(t, 2)
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	f, err := nc.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if nonblocking(t, int(f.Fd())) {
		t.Fatal("os.File.Fd has left the connection as it was: this test needs another way")
	}
	c, err := FromNet(s, nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !nonblocking(t, c.sys) {
		t.Fatal("it still blocks") // everything, so there must be no attempt to read
	}
	if _, err := c.TryRead(make([]byte, 1)); err != ErrNothingYet {
		t.Error(err)
	}
}

// nonblocking tells whether a descriptor is in non-blocking mode.
func nonblocking(t *testing.T, sys int) bool {
	t.Helper()
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(sys), syscall.F_GETFL, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return flags&syscall.O_NONBLOCK != 0
}
