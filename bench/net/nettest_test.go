//go:build linux

package main

import (
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/netpoll"
)

// TestConn runs the tests that Go's own project has for implementations of net.Conn.
// They are here because this module may have dependencies.
func TestConn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			s, err := runq.New(runq.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
				addr := "127.0.0.1:0"
				if network == "unix" {
					addr = filepath.Join(t.TempDir(), "s")
				}
				l, err := netpoll.Listen(s, network, addr)
				if err != nil {
					return nil, nil, nil, err
				}
				defer l.Close()
				nc, err := net.Dial(network, l.Addr().String())
				if err != nil {
					return nil, nil, nil, err
				}
				if a, err = netpoll.FromNet(s, nc); err != nil {
					return nil, nil, nil, err
				}
				if b, err = l.Accept(); err != nil {
					return nil, nil, nil, err
				}
				return a, b, func() { a.Close(); b.Close() }, nil
			})
		})
	}
}
