package netpoll

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/runq-go/runq"
)

// blocking are calls that wait on a connection whose other end does nothing.
var blocking = []struct {
	name string
	call func(*runq.Task, *Conn) error
}{
	{"read", func(tk *runq.Task, c *Conn) error {
		_, err := c.ReadTask(tk, make([]byte, 1))
		return err
	}},
	{"write", func(tk *runq.Task, c *Conn) error {
		for {
			if _, err := c.WriteTask(tk, make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	}},
}

// onCalls runs a test for each call, by a task and by a goroutine (s is nil).
func onCalls(t *testing.T, f func(t *testing.T, s *runq.Scheduler, c *Conn, call func(*runq.Task) error, op string)) {
	onNetworks(t, func(t *testing.T, network string) {
		for _, b := range blocking {
			for _, who := range []string{"task", "goroutine"} {
				t.Run(b.name+" by "+who, func(t *testing.T) {
					s := openScheduler(t, 1)
					c, _ := pair(t, s, network)
					call := func(tk *runq.Task) error { return b.call(tk, c) }
					if who == "goroutine" {
						s = nil
					}
					f(t, s, c, call, b.name)
				})
			}
		}
	})
}

// awaitIf is awaitWaiting for a task; of a goroutine nobody knows.
func awaitIf(t *testing.T, s *runq.Scheduler) {
	if s != nil {
		awaitWaiting(t, s, 1)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	onCalls(t, func(t *testing.T, s *runq.Scheduler, c *Conn, call func(*runq.Task) error, op string) {
		over := start(s, nil, call)
		awaitIf(t, s)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		wantErr(t, result(t, over), net.ErrClosed, op)
		wantErr(t, result(t, start(s, nil, call)), net.ErrClosed, op)
		wantErr(t, c.Close(), net.ErrClosed, "close")
		wantErr(t, c.SetDeadline(time.Time{}), net.ErrClosed, "set")
		wantErr(t, c.OnReadable(func(*runq.Task, *Conn) {}), net.ErrClosed, "set")
		if c.CloseWrite() == nil || c.CloseRead() == nil {
			t.Error("a closed connection was closed by half")
		}
	})
}

// TestCloseEndsAllCalls: also those that wait for their turn.
func TestCloseEndsAllCalls(t *testing.T) {
	s := openScheduler(t, 2)
	c, _ := pair(t, s, "tcp")
	var all []<-chan error
	for range 5 {
		for _, b := range blocking {
			all = append(all, start(s, nil, func(tk *runq.Task) error { return b.call(tk, c) }))
		}
	}
	awaitWaiting(t, s, len(all))
	c.Close()
	for _, over := range all {
		if err := result(t, over); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestDeadlineEndsCalls(t *testing.T) {
	onCalls(t, func(t *testing.T, s *runq.Scheduler, c *Conn, call func(*runq.Task) error, op string) {
		// Before the call, and passed; then coming up; then set while it waits.
		c.SetDeadline(time.Now().Add(-time.Hour))
		wantErr(t, result(t, start(s, nil, call)), os.ErrDeadlineExceeded, op)
		c.SetDeadline(time.Now().Add(5 * time.Millisecond))
		err := result(t, start(s, nil, call))
		wantErr(t, err, os.ErrDeadlineExceeded, op)
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		c.SetDeadline(time.Time{})
		over := start(s, nil, call)
		awaitIf(t, s)
		c.SetDeadline(time.Now())
		wantErr(t, result(t, over), os.ErrDeadlineExceeded, op)
	})
}

// TestDeadlineMoved: only the last deadline counts.
func TestDeadlineMoved(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 1)
		a, b := pair(t, s, network)
		a.SetReadDeadline(time.Now().Add(time.Millisecond))
		a.SetReadDeadline(time.Now().Add(time.Hour))
		over := start(s, nil, func(tk *runq.Task) error { return readAll(tk, a, []byte("x")) })
		awaitWaiting(t, s, 1)
		a.SetReadDeadline(time.Now().Add(time.Hour))
		a.SetWriteDeadline(time.Now().Add(-1)) // has nothing to do with it
		b.Write([]byte("x"))
		if err := result(t, over); err != nil {
			t.Error(err)
		}
		a.SetDeadline(time.Unix(1, 0))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		a.SetDeadline(time.Time{})
		b.Write([]byte("y"))
		if err := readAll(nil, a, []byte("y")); err != nil {
			t.Errorf("a connection past its deadline isn't usable again: %v", err)
		}
	})
}

func TestContextEndsCalls(t *testing.T) {
	why := errors.New("the test wants it")
	onCalls(t, func(t *testing.T, s *runq.Scheduler, c *Conn, call func(*runq.Task) error, op string) {
		if s == nil {
			t.Skip("goroutines have no context")
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		over := start(s, ctx, call)
		awaitWaiting(t, s, 1)
		cancel(why)
		wantErr(t, result(t, over), why, op)
		// For others the connection is as before.
		c.SetReadDeadline(time.Now())
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestListenerEnds(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		for _, tasks := range []bool{true, false} {
			s := openScheduler(t, 1)
			l := listen(t, s, network)
			by := s
			if !tasks {
				by = nil
			}
			accept := func(tk *runq.Task) error {
				_, err := l.AcceptTask(tk)
				return err
			}
			l.SetDeadline(time.Now().Add(time.Millisecond))
			wantErr(t, result(t, start(by, nil, accept)), os.ErrDeadlineExceeded, "accept")
			l.SetDeadline(time.Time{})
			if tasks {
				ctx, cancel := context.WithCancel(context.Background())
				over := start(s, ctx, accept)
				awaitWaiting(t, s, 1)
				cancel()
				wantErr(t, result(t, over), context.Canceled, "accept")
			}
			first, second := start(by, nil, accept), start(by, nil, accept)
			if tasks {
				awaitWaiting(t, s, 2)
			}
			l.Close()
			wantErr(t, result(t, first), net.ErrClosed, "accept")
			wantErr(t, result(t, second), net.ErrClosed, "accept")
			wantErr(t, result(t, start(by, nil, accept)), net.ErrClosed, "accept")
			wantErr(t, l.Close(), net.ErrClosed, "close")
		}
	})
}

// TestCloseRaces: Close against reads, writes, deadlines and the other side's close.
func TestCloseRaces(t *testing.T) {
	s := openScheduler(t, 2)
	for range 200 {
		a, b := pairQuiet(t, s)
		runAll(t, s,
			func(tk *runq.Task) error {
				io.Copy(io.Discard, a.As(tk))
				return nil
			},
			func(tk *runq.Task) error {
				for _, err := a.WriteTask(tk, []byte("x")); err == nil; _, err = a.WriteTask(tk, []byte("x")) {
				}
				return nil
			},
			func(tk *runq.Task) error { return ignore(a.SetDeadline(time.Now().Add(time.Minute))) },
			func(tk *runq.Task) error { io.CopyN(b.As(tk), b.As(tk), 3); return b.Close() },
			func(tk *runq.Task) error { tk.Yield(); return a.Close() },
		)
	}
}

func ignore(error) error { return nil }

// pairQuiet is pair without cleanups.
func pairQuiet(t *testing.T, s *runq.Scheduler) (a, b *Conn) {
	l, err := Listen(s, "tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = Dial(nil, "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.AcceptTask(nil); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// TestEndAgain: the end, and an error, are told as often as one asks.
func TestEndAgain(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		for name, end := range map[string]func(a, b *Conn) error{
			"half close":    func(a, _ *Conn) error { return a.CloseWrite() },
			"close":         func(a, _ *Conn) error { return a.Close() },
			"reset":         func(a, _ *Conn) error { reset(a); return a.Close() },
			"own CloseRead": func(_, b *Conn) error { return b.CloseRead() },
		} {
			t.Run(name, func(t *testing.T) {
				s := openScheduler(t, 1)
				a, b := pair(t, s, network)
				run(t, s, func(tk *runq.Task) error {
					if _, err := a.WriteTask(tk, []byte("x")); err != nil {
						return err
					}
					if err := readAll(tk, b, []byte("x")); err != nil {
						return err
					}
					return end(a, b)
				})
				for range 4 {
					run(t, s, func(tk *runq.Task) error {
						if n, err := b.ReadTask(tk, make([]byte, 10)); n != 0 || err == nil {
							t.Errorf("after the end: %d, %v", n, err)
						}
						return nil
					})
				}
			})
		}
	})
}
