//go:build !netpoll_goroutines

package netpoll

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
)

// deafListener returns the address of a TCP socket that listens and never accepts, with
// room for next to nobody.
func deafListener(t *testing.T) string {
	t.Helper()
	sys, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(sys) })
	if err := syscall.Bind(sys, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(sys, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(sys)
	if err != nil {
		t.Fatal(err)
	}
	return address("tcp", sa).String()
}

// TestDialWaits: tasks that connect wait for descriptors, not in blocking calls; and
// they end when their context does.
func TestDialWaits(t *testing.T) {
	s := openScheduler(t, 1)
	addr := deafListener(t)
	const dials, fit = 50, 5 // no kernel takes more than a few with no room
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	enough := errors.New("enough")
	var ends []<-chan error
	for range dials {
		ends = append(ends, start(s, ctx, func(tk *runq.Task) error {
			c, err := Dial(tk, "tcp", addr)
			if err == nil {
				err = c.Close()
			}
			return err
		}))
	}
	await(t, "the dials to wait", func() bool {
		n := 0
		for _, i := range s.SnapshotCheap().Tasks {
			if i.State == event.TaskWaiting && i.Reason == event.ReasonWaitWrite {
				n++
			}
		}
		return n >= dials-fit
	})
	if n := s.Stats().Blocks; n != 0 {
		t.Errorf("%d of them have made blocking calls", n)
	}
	cancel(enough)
	for _, c := range ends {
		if err := result(t, c); err != nil && err != enough { // enough itself: it hadn't begun
			wantErr(t, err, enough, "dial")
		}
	}
}

// TestDialErrors: what package net says, for the same reasons.
func TestDialErrors(t *testing.T) {
	s := openScheduler(t, 1)
	l := listen(t, s, "tcp")
	l.Close()
	for _, d := range []struct {
		network, addr string
		want          error
	}{
		{"tcp", l.Addr().String(), syscall.ECONNREFUSED},
		{"unix", filepath.Join(tempDir(t), "nobody"), syscall.ENOENT},
		{"unix", strings.Repeat("long", 100), syscall.EINVAL},
	} {
		err := s.Run(context.Background(), func(tk *runq.Task) error {
			_, err := Dial(tk, d.network, d.addr)
			return err
		})
		wantErr(t, err, d.want, "dial")
	}
	if n := s.Stats().Blocks; n != 0 {
		t.Errorf("%d blocking calls", n)
	}
	err := s.Run(context.Background(), func(tk *runq.Task) error {
		_, err := Dial(tk, "tcp", "localhost:no-port")
		return err
	})
	if err == nil {
		t.Error("a port that doesn't exist has been dialled")
	}
}

// TestDialAddresses: which of them are left to package net.
func TestDialAddresses(t *testing.T) {
	for _, a := range []struct {
		network, addr string
		ours          bool
	}{
		{"tcp", "127.0.0.1:80", true},
		{"tcp4", "127.0.0.1:80", true},
		{"tcp6", "127.0.0.1:80", false},
		{"tcp", "[::1]:80", true},
		{"tcp6", "[::1]:80", true},
		{"tcp4", "[::1]:80", false},
		{"tcp", "[::ffff:127.0.0.1]:80", false},
		{"tcp", "[fe80::1%lo]:80", false},
		{"tcp", "0.0.0.0:80", false},
		{"tcp", ":80", false},
		{"tcp", "localhost:80", false},
		{"tcp", "127.0.0.1:http", false},
		{"tcp", "127.0.0.1", false},
		{"unix", "/tmp/x", true},
		{"unix", "@x", true},
		{"unix", "", false},
	} {
		to, ours := parse(a.network, a.addr)
		if ours != a.ours {
			t.Errorf("%s %s: %v", a.network, a.addr, ours)
		}
		if ours && to.name.String() != a.addr {
			t.Errorf("%s has become %s", a.addr, to.name)
		}
	}
}

// TestListenerClosedTwice: of several who close a Unix listener at the same time, the
// others don't remove the file of who listens next.
func TestListenerClosedTwice(t *testing.T) {
	s := openScheduler(t, 1)
	path := filepath.Join(tempDir(t), "s")
	for range 300 {
		l, err := Listen(s, "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		closed := make(chan struct{}, 1)
		for range 8 {
			all.Go(func() {
				if l.Close() == nil {
					closed <- struct{}{}
				}
			})
		}
		<-closed
		next, err := Listen(s, "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
		next.Close()
	}
}

// TestDropped: the descriptor of a connection that nobody knows any more is closed.
func TestDropped(t *testing.T) {
	s := openScheduler(t, 1)
	l := listen(t, s, "tcp")
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := l.Accept(); err != nil {
		t.Fatal(err)
	}
	over := start(nil, nil, func(*runq.Task) error {
		_, err := nc.Read(make([]byte, 1))
		return err
	})
	await(t, "the garbage collector to find it", func() bool {
		runtime.GC()
		return len(over) == 1
	})
	if err := result(t, over); err != io.EOF {
		t.Errorf("the other side reads %v", err)
	}
}
