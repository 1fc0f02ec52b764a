package netpoll

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq"
)

// The tests of this file are about what handler mode owes: data that somebody has been
// told of and has left. Where descriptors aren't watched, others can't read beside a
// handler, and nothing is told once only.

func needWatched(t *testing.T) {
	t.Helper()
	if !watched {
		t.Skip("nothing is owed where package net watches the descriptors")
	}
}

// gatherer is a handler that sends what it reads to a channel, and doesn't mind if it
// can't read.
func gatherer(size int) (handle func(*runq.Task, *Conn), got <-chan []byte) {
	c := make(chan []byte, 100)
	return func(_ *runq.Task, conn *Conn) {
		b := make([]byte, size)
		if n, err := conn.TryRead(b); err == nil {
			c <- b[:n]
		}
	}, c
}

// wantBytes checks what a gatherer gets until it has as much as is wanted.
func wantBytes(t *testing.T, got <-chan []byte, want string) {
	t.Helper()
	var all []byte
	for len(all) < len(want) {
		select {
		case b := <-got:
			all = append(all, b...)
		case <-time.After(patience):
			t.Fatalf("%q has come of %q", all, want)
		}
	}
	if string(all) != want {
		t.Errorf("%q has come instead of %q", all, want)
	}
}

// awaitLive returns when n tasks live. Somebody who starts itself again always does.
func awaitLive(t *testing.T, s *runq.Scheduler, n uint64) {
	t.Helper()
	await(t, "nothing but tasks that wait", func() bool { return s.Stats().Live == n })
}

// TestHandlerBesideReader: while a task waits for data, the handler isn't called; what
// the task leaves is the handler's.
func TestHandlerBesideReader(t *testing.T) {
	needWatched(t)
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 2)
		a, b := pair(t, s, network)
		one := make([]byte, 1)
		read := start(s, context.Background(), func(tk *runq.Task) error {
			_, err := b.ReadTask(tk, one)
			return err
		})
		awaitWaiting(t, s, 1)
		handle, got := gatherer(2)
		var calls atomic.Int32
		b.OnReadable(func(tk *runq.Task, c *Conn) {
			calls.Add(1)
			handle(tk, c)
		})
		awaitLive(t, s, 1)
		a.Write([]byte("123456"))
		if err := result(t, read); err != nil || one[0] != '1' {
			t.Errorf("the task has read %q: %v", one, err)
		}
		wantBytes(t, got, "23456")
		awaitLive(t, s, 0)
		// At first, three times for what is left in twos, and what is told too often.
		if n := calls.Load(); n > 10 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestReadersBesideEachOther: whatever comes, and whoever of several is told of it, all
// is read while somebody waits for it.
func TestReadersBesideEachOther(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 3)
		a, b := pair(t, s, network)
		var got atomic.Int64
		var reads []<-chan error
		for range 3 {
			reads = append(reads, start(s, context.Background(), func(tk *runq.Task) error {
				one := make([]byte, 1)
				for {
					if _, err := b.ReadTask(tk, one); err != nil {
						return err
					}
					got.Add(1)
				}
			}))
		}
		const rounds = 2000
		sent := int64(0)
		for i := range rounds {
			for range 1 + i%4 { // fewer than there are readers, as many, more
				a.Write([]byte{0})
				sent++
			}
			for end := time.Now().Add(patience); got.Load() < sent; runtime.Gosched() {
				if time.Now().After(end) {
					t.Fatalf("%d of %d bytes have been read, and three tasks wait", got.Load(), sent)
				}
			}
		}
		a.Close()
		for _, read := range reads {
			if err := result(t, read); err != io.EOF {
				t.Error(err)
			}
		}
	})
}

// TestHandlerAfterReader: a reader whose context ends leaves the handler what comes,
// whichever of the two is first.
func TestHandlerAfterReader(t *testing.T) {
	needWatched(t)
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	handle, got := gatherer(2)
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		one := make([]byte, 1)
		n := 0
		read := start(s, ctx, func(tk *runq.Task) error {
			var err error
			n, err = b.ReadTask(tk, one)
			return err
		})
		awaitWaiting(t, s, 1)
		b.OnReadable(handle)
		go cancel()
		a.Write([]byte("123"))
		if err := result(t, read); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		wantBytes(t, got, "123"[n:])
		b.OnReadable(nil)
		awaitLive(t, s, 0)
	}
}

// TestHandlerDeadline: after its deadline a connection has nothing to say to its
// handler; when there is another deadline, it has what has come meanwhile.
func TestHandlerDeadline(t *testing.T) {
	needWatched(t)
	onNetworks(t, func(t *testing.T, network string) {
		s := openScheduler(t, 2)
		a, b := pair(t, s, network)
		handle, got := gatherer(2)
		var calls atomic.Int32
		b.OnReadable(func(tk *runq.Task, c *Conn) {
			calls.Add(1)
			handle(tk, c)
		})
		awaitLive(t, s, 0)
		b.SetReadDeadline(time.Now().Add(-1))
		a.Write([]byte("12345"))
		if _, err := b.TryRead(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		awaitLive(t, s, 0)
		b.SetReadDeadline(time.Time{})
		wantBytes(t, got, "12345")
		awaitLive(t, s, 0)
		if n := calls.Load(); n > 10 { // as above
			t.Errorf("%d calls", n)
		}
	})
}

// TestHandlerSwitch: a handler that another one replaces while it runs may have left
// something that isn't in the socket any more: the other is called at once.
func TestHandlerSwitch(t *testing.T) {
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	parsed := make(chan error, 1)
	var buf [10]byte
	b.OnReadable(func(_ *runq.Task, c *Conn) {
		n, err := c.TryRead(buf[:])
		if err != nil {
			return
		}
		rest := buf[1:n]
		c.OnReadable(func(*runq.Task, *Conn) {
			if string(rest) != "est" {
				t.Errorf("%q is left", rest)
			}
			parsed <- nil
			c.OnReadable(nil)
		})
	})
	a.Write([]byte("rest"))
	result(t, parsed)
}

// TestCallsAreCheckpoints: a task whose calls needn't wait lets others run, even if
// its P can't be taken.
func TestCallsAreCheckpoints(t *testing.T) {
	needWatched(t)
	s, err := runq.New(runq.Config{Procs: 1, MaxOverruns: -1, Slice: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, _ := pair(t, s, "tcp")
	l := listen(t, s, "tcp")
	l.SetDeadline(time.Now().Add(-1))
	for name, call := range map[string]func(*runq.Task){
		"ReadTask":   func(tk *runq.Task) { a.ReadTask(tk, nil) },
		"WriteTask":  func(tk *runq.Task) { a.WriteTask(tk, nil) },
		"AcceptTask": func(tk *runq.Task) { l.AcceptTask(tk) },
	} {
		over := false
		g, _ := runq.NewGroup(context.Background(), s)
		g.Go(func(tk *runq.Task) error {
			tk.Go(func(*runq.Task) { over = true })
			for end := time.Now().Add(patience); !over; call(tk) {
				if time.Now().After(end) {
					t.Errorf("%s never lets another task run", name)
					break
				}
			}
			return nil
		})
		if err := g.Wait(nil); err != nil {
			t.Error(err)
		}
	}
}
