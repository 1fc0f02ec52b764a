package netpoll

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/runq-go/runq"
)

var (
	soak        = flag.Duration("soak", 0, "how long TestSoak goes on; 0: for some thousand connections")
	soakClients = flag.Int("soak.clients", 50, "how many connections TestSoak uses at a time")
)

// soakConns are how many connections a short soak uses: enough for every fault to
// come up many times.
const soakConns = 1000

// TestSoak opens, uses and drops connections at random, with faults: resets, half
// closes, readers that are slow or stop, contexts that end, deadlines. Whatever comes
// back from an echo must be what was sent, up to where it ends; and in the end there
// must be no task, no connection and no descriptor left.
func TestSoak(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i, network := range networks {
		s := openScheduler(t, 2)
		k := &soaker{t: t, s: s, l: listen(t, s, network), seed: seed + uint64(i)}
		k.run()
		s.Close()
		if n := k.open.Load(); n != 0 {
			t.Errorf("%d connections of the server are open", n)
		}
		t.Logf("%s: %d connections, %d echoed to the end", network, k.conns.Load(), k.complete.Load())
		if k.complete.Load() == 0 {
			t.Error("none was used to the end")
		}
	}
}

type soaker struct {
	t               *testing.T
	s               *runq.Scheduler
	l               *Listener
	seed            uint64
	conns, complete atomic.Int64
	open            atomic.Int64 // the server's
}

func (k *soaker) run() {
	serves := start(k.s, nil, k.serve)
	end := time.Now().Add(*soak)
	more := func() bool {
		n := k.conns.Add(1)
		return n <= soakConns || *soak > 0 && time.Now().Before(end)
	}
	g, _ := runq.NewGroup(context.Background(), k.s)
	for i := range *soakClients {
		rnd := rand.New(rand.NewPCG(k.seed, uint64(i)))
		client := func(tk *runq.Task) error {
			for more() {
				if err := k.client(tk, rnd); err != nil {
					return err
				}
			}
			return nil
		}
		if i%5 == 0 { // some are goroutines
			over := start(nil, nil, client)
			defer func() {
				if err := result(k.t, over); err != nil {
					k.t.Error(err)
				}
			}()
			continue
		}
		g.Go(client)
	}
	if err := g.Wait(nil); err != nil {
		k.t.Error(err)
	}
	await(k.t, "the server's connections to be closed", func() bool { return k.open.Load() == 0 })
	k.l.Close()
	if err := result(k.t, serves); !errors.Is(err, net.ErrClosed) {
		k.t.Error(err)
	}
}

// serve accepts, and echoes by task or by handler.
func (k *soaker) serve(tk *runq.Task) error {
	for i := 0; ; i++ {
		c, err := k.l.AcceptTask(tk)
		if err != nil {
			return err
		}
		k.open.Add(1)
		if i%2 == 0 {
			tk.Go(func(tk *runq.Task) {
				defer k.open.Add(-1)
				defer c.Close()
				io.Copy(c.As(tk), c.As(tk))
			})
			continue
		}
		var over atomic.Bool
		if c.OnReadable(func(tk *runq.Task, c *Conn) {
			buf := make([]byte, 1000)
			n, err := c.TryRead(buf)
			if err == nil {
				_, err = c.WriteTask(tk, buf[:n])
			}
			if err != nil && err != ErrNothingYet && over.CompareAndSwap(false, true) {
				c.Close()
				k.open.Add(-1)
			}
		}) != nil {
			k.t.Error("no handler mode")
		}
	}
}

// client uses one connection, in one way or another.
func (k *soaker) client(tk *runq.Task, rnd *rand.Rand) error {
	c, err := k.dial(tk)
	if err != nil {
		return err
	}
	defer c.Close()
	data := pattern(1 + rnd.IntN(100)*rnd.IntN(1000))
	fault := rnd.IntN(10)
	switch fault {
	case 0: // closes at once
		return nil
	case 1: // sends and is gone, with the answer on its way
		c.WriteTask(tk, data[:min(len(data), 10_000)])
		return nil
	case 2: // sends and resets
		c.WriteTask(tk, data[:min(len(data), 10_000)])
		reset(c)
		return nil
	case 3: // doesn't read, until it loses its patience
		c.SetWriteDeadline(time.Now().Add(time.Duration(rnd.IntN(5)) * time.Millisecond))
		c.WriteTask(tk, pattern(8<<20))
		return nil
	case 4: // closed by somebody else in the middle
		d := time.Duration(rnd.IntN(3000)) * time.Microsecond
		timer := time.AfterFunc(d, func() { c.Close() })
		defer timer.Stop()
	case 5: // has deadlines that pass again and again
		over := make(chan struct{})
		defer close(over)
		go passDeadlines(c, over)
	}
	n, err := k.exchange(tk, c, data, rnd)
	if err == nil && n == len(data) {
		k.complete.Add(1)
		return nil
	}
	if fault == 4 && (errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)) {
		return nil
	}
	return fmt.Errorf("fault %d: %d of %d bytes came back: %w", fault, n, len(data), err)
}

// dial connects; a Unix listener whose queue is full refuses.
func (k *soaker) dial(tk *runq.Task) (*Conn, error) {
	for {
		c, err := Dial(tk, k.l.Addr().Network(), k.l.Addr().String())
		if !errors.Is(err, syscall.EAGAIN) {
			return c, err
		}
		pause(tk, time.Millisecond)
	}
}

// pause makes a task or an ordinary goroutine wait.
func pause(tk *runq.Task, d time.Duration) {
	if tk == nil {
		time.Sleep(d)
		return
	}
	tk.Sleep(d)
}

// exchange sends data, half closes, and reads the echo, slowly perhaps.
func (k *soaker) exchange(tk *runq.Task, c *Conn, data []byte, rnd *rand.Rand) (n int, err error) {
	sent := make(chan error, 1)
	send := func(tk *runq.Task) {
		_, err := c.WriteTask(tk, data)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}
	if tk != nil {
		tk.Go(send)
	} else {
		go send(nil)
	}
	buf := make([]byte, 32+rnd.IntN(60_000))
	for {
		m, err := c.ReadTask(tk, buf)
		for i := range buf[:m] {
			if n+i >= len(data) || buf[i] != data[n+i] {
				return n, fmt.Errorf("byte %d is wrong", n+i)
			}
		}
		n += m
		if err == io.EOF {
			break
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			pause(tk, 100*time.Microsecond) // until there is another one
			continue
		}
		if err != nil {
			return n, err
		}
		if tk != nil && rnd.IntN(10) == 0 {
			tk.Sleep(time.Duration(rnd.IntN(200)) * time.Microsecond)
		}
	}
	if n == len(data) {
		if tk != nil {
			tk.Block(func() { err = <-sent })
			return n, err
		}
		return n, <-sent
	}
	return n, io.ErrUnexpectedEOF
}

// passDeadlines gives c read deadlines until over is closed: each soon passes, or has
// passed, and the next comes soon after.
func passDeadlines(c *Conn, over <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-over:
			return
		case <-time.After(100 * time.Microsecond): // a fraction of an exchange
			c.SetReadDeadline(time.Now().Add(time.Duration(i%3-1) * 100 * time.Microsecond))
		}
	}
}

// reset makes the coming Close a reset.
func reset(c *Conn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	})
}
