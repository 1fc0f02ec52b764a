package netpoll

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq"
)

// collector is a handler that keeps what it has read.
type collector struct {
	got   bytes.Buffer
	calls int
	size  int // of a read; 0: 4096
	end   chan error
	alive atomic.Int32
}

func newCollector() *collector { return &collector{end: make(chan error, 1)} }

func (k *collector) handle(t *runq.Task, c *Conn) {
	if k.alive.Add(1) != 1 {
		k.end <- errors.New("the handler is called while it runs")
	}
	defer k.alive.Add(-1)
	k.calls++
	size := k.size
	if size == 0 {
		size = 4096
	}
	buf := make([]byte, size)
	n, err := c.TryRead(buf)
	k.got.Write(buf[:n])
	if err != nil && err != ErrNothingYet {
		c.Close()
		k.end <- err
	}
}

// TestHandler: what arrives in pieces, large and small, with the end in it or after it.
func TestHandler(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		for _, size := range []int{1, 10, 4096} {
			s := openScheduler(t, 2)
			a, b := pair(t, s, network)
			k := newCollector()
			k.size = size
			if err := b.OnReadable(k.handle); err != nil {
				t.Fatal(err)
			}
			data := pattern(5000)
			run(t, s, func(tk *runq.Task) error {
				for i := 0; i < len(data); i += 50 {
					if _, err := a.WriteTask(tk, data[i:i+50]); err != nil {
						return err
					}
					if i%500 == 0 {
						tk.Yield()
					}
				}
				return a.Close()
			})
			if err := result(t, k.end); err != io.EOF {
				t.Errorf("it ended with %v", err)
			}
			if !bytes.Equal(k.got.Bytes(), data) {
				t.Errorf("with reads of %d, %d bytes have come of %d", size, k.got.Len(), len(data))
			}
		}
	})
}

// TestHandlerSeesEnd: the end comes together with the last bytes, which the handler
// reads with room to spare.
func TestHandlerSeesEnd(t *testing.T) {
	s := openScheduler(t, 2)
	for range 200 {
		a, b := pair(t, s, "tcp")
		a.Write([]byte("last words"))
		a.Close()
		k := newCollector()
		b.OnReadable(k.handle)
		if err := result(t, k.end); err != io.EOF {
			t.Fatalf("it ended with %v", err)
		}
	}
}

// TestHandlerIdle: while nothing comes, there is no task and no goroutine of the
// connection's.
func TestHandlerIdle(t *testing.T) {
	s := openScheduler(t, 1)
	a, b := pair(t, s, "tcp")
	k := newCollector()
	b.OnReadable(k.handle)
	await(t, "no task", func() bool { return s.Stats().Live == 0 })
	a.Write([]byte("x"))
	a.Close()
	result(t, k.end)
	await(t, "no task", func() bool { return s.Stats().Live == 0 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestHandlerAnswers: a handler writes as tasks do, and waits when it must.
func TestHandlerAnswers(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 2)
		a, b := pair(t, s, network)
		b.OnReadable(func(tk *runq.Task, c *Conn) {
			buf := make([]byte, 1<<16)
			n, err := c.TryRead(buf)
			if err == nil {
				_, err = c.WriteTask(tk, buf[:n])
			}
			if err != nil && err != ErrNothingYet {
				c.Close()
			}
		})
		data := pattern(4 << 20)
		runAll(t, s,
			func(tk *runq.Task) error {
				if _, err := a.WriteTask(tk, data); err != nil {
					return err
				}
				return a.CloseWrite()
			},
			func(tk *runq.Task) error {
				if err := readAll(tk, a, data); err != nil {
					return err
				}
				if n, err := a.ReadTask(tk, make([]byte, 1)); err != io.EOF {
					t.Errorf("after the end: %d, %v", n, err)
				}
				return nil
			})
	})
}

// TestHandlerEnds: a nil handler, and one that replaces another.
func TestHandlerEnds(t *testing.T) {
	s := openScheduler(t, 1)
	a, b := pair(t, s, "tcp")
	first, second := make(chan error, 1), make(chan error, 1)
	one := make([]byte, 1)
	b.OnReadable(func(tk *runq.Task, c *Conn) {
		if _, err := c.TryRead(one); err == ErrNothingYet {
			return
		}
		c.OnReadable(func(tk *runq.Task, c *Conn) {
			if _, err := c.TryRead(one); err == ErrNothingYet {
				return
			}
			c.OnReadable(nil)
			second <- nil
		})
		first <- nil
	})
	a.Write([]byte("x"))
	result(t, first)
	a.Write([]byte("y"))
	result(t, second)
	await(t, "no task", func() bool { return s.Stats().Live == 0 })
	a.Write([]byte("z")) // nobody's but ours
	if err := readAll(nil, b, []byte("z")); err != nil {
		t.Error(err)
	}
}

// TestHandlerFails: a panic and a Goexit close the connection.
func TestHandlerFails(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			var panics atomic.Int32
			s, err := runq.New(runq.Config{Procs: 1, OnPanic: func(*runq.PanicError) { panics.Add(1) }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			a, b := pair(t, s, "unix")
			b.OnReadable(func(*runq.Task, *Conn) { fail() })
			if _, err := a.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the other side reads %v", err)
			}
			await(t, "the panic's report", func() bool { return panics.Load() == 1 || name != "panic" })
		})
	}
}

// TestHandlerAgainstClose: Close with connections in handler mode, which
// are used until the end.
func TestHandlerAgainstClose(t *testing.T) {
	for range 50 {
		s := openScheduler(t, 2)
		a, b := pair(t, s, "unix")
		b.OnReadable(func(tk *runq.Task, c *Conn) {
			if _, err := c.TryRead(make([]byte, 10)); err != nil && err != ErrNothingYet {
				c.Close()
			}
		})
		over := start(nil, nil, func(*runq.Task) error {
			for {
				if _, err := a.Write([]byte("x")); err != nil {
					return err
				}
			}
		})
		runtime.Gosched()
		s.Close()
		b.Close()
		a.Close()
		result(t, over)
	}
}

// TestSchedulerClosed: connections of a closed scheduler are of no use any more, and
// can be closed.
func TestSchedulerClosed(t *testing.T) {
	s := openScheduler(t, 1)
	a, b := pair(t, s, "tcp")
	l := listen(t, s, "tcp")
	s.Close()
	a.Close()
	b.Close()
	l.Close()
	if _, err := Listen(s, "tcp", "localhost:0"); err == nil && watched {
		t.Error("a closed scheduler listens")
	}
	if watched {
		nl, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		defer nl.Close()
		nc, err := net.Dial("tcp", nl.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := FromNet(s, nc); !errors.Is(err, runq.ErrClosed) {
			t.Errorf("a closed scheduler takes a connection: %v", err)
		}
		if _, err := nc.Write([]byte("x")); err != nil {
			t.Errorf("and spoils it: %v", err)
		}
	}
}

// TestSchedulerCloseEndsGoroutines: an ordinary goroutine doesn't wait for a scheduler
// that is gone.
func TestSchedulerCloseEndsGoroutines(t *testing.T) {
	if !watched {
		t.Skip("they wait by themselves")
	}
	s := openScheduler(t, 1)
	_, b := pair(t, s, "tcp")
	over := start(nil, nil, func(*runq.Task) error {
		_, err := b.Read(make([]byte, 1))
		return err
	})
	s.Close()
	wantErr(t, result(t, over), net.ErrClosed, "read")
}

// TestTasksAreWaitedFor: a task that waits for a connection is no deadlock, and Close
// waits for it.
func TestTasksAreWaitedFor(t *testing.T) {
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	g, _ := runq.NewGroup(context.Background(), s)
	g.Go(func(tk *runq.Task) error { return readAll(tk, b, []byte("x")) })
	waits := start(s, nil, func(tk *runq.Task) error { return g.Wait(tk) })
	awaitWaiting(t, s, 2)
	over := start(nil, nil, func(*runq.Task) error { return s.Close() })
	a.Write([]byte("x"))
	if err := result(t, waits); err != nil {
		t.Error(err)
	}
	result(t, over)
}
