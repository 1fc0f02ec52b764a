package netpoll

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/runq-go/runq"
)

// BenchmarkEcho is a byte there and back: between two tasks, from an ordinary
// goroutine of package net to a task and to a handler, and within package net. With
// one connection it is the time of two wake-ups; with many, of the work.
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 64} {
		name := map[int]string{1: "1", 64: "64"}[conns]
		b.Run("tasks/conns="+name, func(b *testing.B) { benchTasks(b, conns) })
		b.Run("net-task/conns="+name, func(b *testing.B) { benchNet(b, conns, serveTask) })
		b.Run("net-handler/conns="+name, func(b *testing.B) { benchNet(b, conns, serveHandler) })
		b.Run("net-net/conns="+name, func(b *testing.B) { benchNet(b, conns, nil) })
	}
}

func serveTask(tk *runq.Task, c *Conn) {
	tk.Go(func(tk *runq.Task) {
		defer c.Close()
		echo(c.As(tk))
	})
}

func serveHandler(_ *runq.Task, c *Conn) {
	c.OnReadable(func(tk *runq.Task, c *Conn) {
		var buf [1]byte
		_, err := c.TryRead(buf[:])
		if err == nil {
			_, err = c.WriteTask(tk, buf[:])
		}
		if err != nil && err != ErrNothingYet {
			c.Close()
		}
	})
}

func echo(c net.Conn) {
	buf := make([]byte, 1)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// rounds sends a byte n times and waits for it to come back.
func rounds(c io.ReadWriter, n int) error {
	buf := make([]byte, 1)
	for range n {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := c.Read(buf); err != nil {
			return err
		}
	}
	return nil
}

func benchTasks(b *testing.B, conns int) {
	s := openScheduler(b, 0)
	l := listen(b, s, "tcp")
	s.Go(func(tk *runq.Task) { acceptAll(tk, l, serveTask) })
	var all []*Conn
	for range conns {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		c, err := FromNet(s, nc)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
	}
	b.ResetTimer()
	g, _ := runq.NewGroup(context.Background(), s)
	for _, c := range all {
		g.Go(func(tk *runq.Task) error { return rounds(c.As(tk), b.N/conns+1) })
	}
	if err := g.Wait(nil); err != nil {
		b.Error(err)
	}
	b.StopTimer()
	for _, c := range all {
		c.Close()
	}
	l.Close()
}

func acceptAll(tk *runq.Task, l *Listener, serve func(*runq.Task, *Conn)) {
	for {
		c, err := l.AcceptTask(tk)
		if err != nil {
			return
		}
		serve(tk, c)
	}
}

// benchNet has goroutines of package net as clients; serve is nil for a server of it.
func benchNet(b *testing.B, conns int, serve func(*runq.Task, *Conn)) {
	var l net.Listener
	if serve != nil {
		s := openScheduler(b, 0)
		rl := listen(b, s, "tcp")
		s.Go(func(tk *runq.Task) { acceptAll(tk, rl, serve) })
		l = rl
	} else {
		var err error
		if l, err = net.Listen("tcp", "localhost:0"); err != nil {
			b.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					echo(c)
				}()
			}
		}()
	}
	var all []net.Conn
	for range conns {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
	}
	b.ResetTimer()
	var over sync.WaitGroup
	for _, c := range all {
		over.Go(func() {
			if err := rounds(c, b.N/conns+1); err != nil {
				b.Error(err)
			}
			if c, ok := c.(*net.TCPConn); ok {
				c.CloseWrite()
				c.Read(make([]byte, 1)) // until the server has closed
			}
			c.Close()
		})
	}
	over.Wait()
	b.StopTimer()
	l.Close()
}
