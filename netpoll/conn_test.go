package netpoll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/runq-go/runq"
)

func TestThereAndBack(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		a, b := pair(t, openScheduler(t, 2), network)
		if network == "tcp" && (a.LocalAddr().String() != b.RemoteAddr().String() || a.RemoteAddr().String() != b.LocalAddr().String()) {
			t.Errorf("one side has %v and %v, the other %v and %v", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
		}
		if n := b.LocalAddr().Network(); n != network {
			t.Errorf("the network is %q", n)
		}
		s := openScheduler(t, 2) // another scheduler's tasks may use them, too
		runAll(t, s,
			func(tk *runq.Task) error {
				if _, err := a.WriteTask(tk, []byte("ping")); err != nil {
					return err
				}
				return readAll(tk, a, []byte("pong"))
			},
			func(tk *runq.Task) error {
				if err := readAll(tk, b, []byte("ping")); err != nil {
					return err
				}
				_, err := b.WriteTask(tk, []byte("pong"))
				return err
			})
		if n, err := a.Read(nil); n != 0 || err != nil {
			t.Errorf("reading nothing returns %d, %v", n, err)
		}
		if n, err := a.Write(nil); n != 0 || err != nil {
			t.Errorf("writing nothing returns %d, %v", n, err)
		}
	})
}

// TestGoroutines: both ends in the hands of ordinary goroutines.
func TestGoroutines(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 1)
		l := listen(t, s, network)
		over := start(nil, nil, func(*runq.Task) error {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = io.Copy(c, c)
			return err
		})
		c, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(c, "hello")
		var line string
		if _, err := fmt.Fscanln(c, &line); err != nil || line != "hello" {
			t.Errorf("%q, %v came back", line, err)
		}
		c.Close()
		if err := result(t, over); err != nil {
			t.Error(err)
		}
	})
}

// TestLarge: more than all buffers on the way hold, in both directions at once.
func TestLarge(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 2)
		a, b := pair(t, s, network)
		data := pattern(8 << 20)
		write := func(c *Conn) func(*runq.Task) error {
			return func(tk *runq.Task) error {
				n, err := c.WriteTask(tk, data)
				if err == nil && n != len(data) {
					err = fmt.Errorf("%d bytes were written without an error", n)
				}
				return err
			}
		}
		read := func(c *Conn) func(*runq.Task) error {
			return func(tk *runq.Task) error { return readAll(tk, c, data) }
		}
		runAll(t, s, write(a), write(b), read(a), read(b))
	})
}

// TestWritesDontMix: writers at the same time, each write larger than the buffers.
func TestWritesDontMix(t *testing.T) {
	s := openScheduler(t, 2)
	a, b := pair(t, s, "unix")
	const size, writers = 1 << 20, 4
	var fs []func(*runq.Task) error
	for i := range writers {
		fs = append(fs, func(tk *runq.Task) error {
			_, err := a.WriteTask(tk, bytes.Repeat([]byte{byte(i)}, size))
			return err
		})
	}
	fs = append(fs, func(tk *runq.Task) error {
		seen := make(map[byte]bool)
		got := make([]byte, size)
		for range writers {
			if _, err := io.ReadFull(b.As(tk), got); err != nil {
				return err
			}
			if n := bytes.Count(got, got[:1]); n != size || seen[got[0]] {
				return fmt.Errorf("%d of %d bytes are the first writer's, which was seen before: %v", n, size, seen[got[0]])
			}
			seen[got[0]] = true
		}
		return nil
	})
	runAll(t, s, fs...)
}

// TestManyReaders: what is there for several that read isn't lost to any.
func TestManyReaders(t *testing.T) {
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	const readers = 8
	var fs []func(*runq.Task) error
	for range readers {
		fs = append(fs, func(tk *runq.Task) error {
			_, err := io.ReadFull(b.As(tk), make([]byte, 1))
			return err
		})
	}
	fs = append(fs, func(tk *runq.Task) error {
		_, err := a.WriteTask(tk, make([]byte, readers))
		return err
	})
	runAll(t, s, fs...)
}

func TestHalfClose(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 1)
		a, b := pair(t, s, network)
		run(t, s, func(tk *runq.Task) error {
			if _, err := a.WriteTask(tk, []byte("question")); err != nil {
				return err
			}
			if err := a.CloseWrite(); err != nil {
				return err
			}
			if got, err := io.ReadAll(b.As(tk)); err != nil || string(got) != "question" {
				return fmt.Errorf("read %q, %v", got, err)
			}
			if _, err := b.WriteTask(tk, []byte("answer")); err != nil {
				return err
			}
			return readAll(tk, a, []byte("answer"))
		})
		_, err := a.Write([]byte("more"))
		wantErr(t, err, syscall.EPIPE, "write")
		if err := b.CloseRead(); err != nil {
			t.Error(err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after CloseRead, a read returns %v", err)
		}
	})
}

// TestReset: the other side closes hard.
func TestReset(t *testing.T) {
	s := openScheduler(t, 1)
	l := listen(t, s, "tcp")
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.AcceptTask(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	read := start(s, nil, func(tk *runq.Task) error {
		_, err := c.ReadTask(tk, make([]byte, 1))
		return err
	})
	awaitWaiting(t, s, 1)
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
	wantErr(t, result(t, read), syscall.ECONNRESET, "read")
	_, err = c.Write([]byte("x"))
	wantErr(t, err, syscall.EPIPE, "write")
}

func TestFromNet(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 1)
		l := listen(t, s, network)
		nc, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		a, err := FromNet(s, nc)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if a.RemoteAddr().String() != l.Addr().String() {
			t.Errorf("the remote address is %v", a.RemoteAddr())
		}
		run(t, s, func(tk *runq.Task) error {
			b, err := l.AcceptTask(tk)
			if err != nil {
				return err
			}
			defer b.Close()
			if _, err := b.WriteTask(tk, []byte("x")); err != nil {
				return err
			}
			return readAll(tk, a, []byte("x"))
		})
	})
	if _, err := FromNet(nil, &net.UDPConn{}); err == nil {
		t.Error("a UDP connection was taken over")
	}
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	if _, err := FromNet(nil, p); err == nil {
		t.Error("a net.Pipe was taken over")
	}
}

func TestBadNetworks(t *testing.T) {
	_, err := Listen(nil, "udp", "localhost:0")
	wantErr(t, err, net.UnknownNetworkError("udp"), "listen")
	_, err = Dial(nil, "udp", "localhost:1")
	wantErr(t, err, net.UnknownNetworkError("udp"), "dial")
}

// TestDialRefused: with a task and without.
func TestDialRefused(t *testing.T) {
	s := openScheduler(t, 1)
	l := listen(t, s, "tcp")
	addr := l.Addr().String()
	l.Close()
	_, err := Dial(nil, "tcp", addr)
	wantErr(t, err, syscall.ECONNREFUSED, "dial")
	wantErr(t, s.Run(context.Background(), func(tk *runq.Task) error {
		_, err := Dial(tk, "tcp", addr)
		return err
	}), syscall.ECONNREFUSED, "dial")
}

// TestUnixFile: the socket's file goes with the listener.
func TestUnixFile(t *testing.T) {
	l := listen(t, openScheduler(t, 1), "unix")
	path := l.Addr().String()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close, the file is still there: %v", err)
	}
}

// TestSyscallConn: socket options can be reached, and raw reads wait.
func TestSyscallConn(t *testing.T) {
	s := openScheduler(t, 1)
	a, b := pair(t, s, "tcp")
	raw, err := a.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if v, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY); err != nil || v == 0 {
			t.Errorf("TCP_NODELAY is %d, %v", v, err)
		}
	}); err != nil {
		t.Error(err)
	}
	tries := 0
	over := start(nil, nil, func(*runq.Task) error {
		return raw.Read(func(fd uintptr) bool {
			tries++
			if tries == 1 {
				go b.Write([]byte("x"))
			}
			var buf [1]byte
			_, err := syscall.Read(int(fd), buf[:])
			return err != syscall.EAGAIN
		})
	})
	if err := result(t, over); err != nil {
		t.Error(err)
	}
	if err := raw.Write(func(uintptr) bool { return true }); err != nil {
		t.Error(err)
	}
	a.Close()
	if err := raw.Control(func(uintptr) { t.Error("called after Close") }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestManyConnections: a thousand at a time, each used by a task at both ends.
func TestManyConnections(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 2)
		l := listen(t, s, network)
		const conns, rounds = 500, 5
		g, _ := runq.NewGroup(context.Background(), s)
		g.Go(func(tk *runq.Task) error {
			for range conns {
				c, err := l.AcceptTask(tk)
				if err != nil {
					return err
				}
				g.Go(func(tk *runq.Task) error {
					defer c.Close()
					_, err := io.Copy(c.As(tk), c.As(tk))
					return err
				})
			}
			return nil
		})
		clients, _ := runq.NewGroup(context.Background(), s)
		clients.SetLimit(100) // what may wait to be accepted is limited
		for i := range conns {
			clients.Go(func(tk *runq.Task) error {
				c, err := Dial(tk, network, l.Addr().String())
				if err != nil {
					return err
				}
				defer c.Close()
				for r := range rounds {
					text := fmt.Appendf(nil, "%d %d", i, r)
					if _, err := c.WriteTask(tk, text); err != nil {
						return err
					}
					if err := readAll(tk, c, text); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := clients.Wait(nil); err != nil {
			t.Error(err)
			l.Close()
		}
		if err := g.Wait(nil); err != nil {
			t.Error(err)
		}
	})
}
