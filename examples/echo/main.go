// Command echo is an echo server, in two ways: a task for each connection, or handler
// mode, where an idle connection has neither task nor stack.
//
// With -listen it serves until it is killed; -mode says how. Without, it tries both
// ways with some clients of its own.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/netpoll"
)

func main() {
	listen := flag.String("listen", "", "`address` to serve on, as host:port")
	mode := flag.String("mode", "task", "task: a task for each connection; handler: handler mode")
	flag.Parse()

	s, err := runq.New(runq.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if *listen != "" {
		l, err := netpoll.Listen(s, "tcp", *listen)
		if err != nil {
			log.Fatal(err)
		}
		serve, ok := modes[*mode]
		if !ok {
			log.Fatalf("-mode %s: there is task and handler", *mode)
		}
		log.Print("serving on ", l.Addr())
		log.Fatal(s.Run(nil, func(t *runq.Task) error { return accept(t, l, serve) }))
	}
	for _, mode := range []string{"task", "handler"} {
		try(s, mode)
	}
	s.Close()

	// Output:
	// task: 100 clients, 1000 lines echoed
	// handler: 100 clients, 1000 lines echoed
}

var modes = map[string]func(*runq.Task, *netpoll.Conn){
	"task":    serveByTask,
	"handler": serveByHandler,
}

// pause is how long accept waits when it has failed: long for a machine, and short for
// clients that wait.
const pause = 50 * time.Millisecond

// accept serves all connections that come in, until the listener is closed. Other
// errors, too many open files most of all, go by, and mustn't end the server.
func accept(t *runq.Task, l *netpoll.Listener, serve func(*runq.Task, *netpoll.Conn)) error {
	for {
		c, err := l.AcceptTask(t)
		switch {
		case err == nil:
			serve(t, c)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			log.Print(err)
			t.Sleep(pause)
		}
	}
}

// serveByTask gives the connection a task of its own, which waits for what comes.
func serveByTask(t *runq.Task, c *netpoll.Conn) {
	t.Go(func(t *runq.Task) {
		defer c.Close()
		buf := make([]byte, 4096)
		for {
			n, err := c.ReadTask(t, buf)
			if err != nil {
				return
			}
			if _, err := c.WriteTask(t, buf[:n]); err != nil {
				return
			}
		}
	})
}

// buffers are for handlers, which need one only while they run.
var buffers = sync.Pool{New: func() any { return new([4096]byte) }}

// serveByHandler has a function called whenever something comes.
func serveByHandler(_ *runq.Task, c *netpoll.Conn) {
	err := c.OnReadable(func(t *runq.Task, c *netpoll.Conn) {
		buf := buffers.Get().(*[4096]byte)
		defer buffers.Put(buf)
		n, err := c.TryRead(buf[:])
		if err == netpoll.ErrNothingYet {
			return
		}
		if err == nil {
			_, err = c.WriteTask(t, buf[:n])
		}
		if err != nil { // io.EOF, usually
			c.Close()
		}
	})
	if err != nil {
		c.Close()
	}
}

// try serves some clients, which are tasks too.
func try(s *runq.Scheduler, mode string) {
	l, err := netpoll.Listen(s, "tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	s.Go(func(t *runq.Task) {
		if err := accept(t, l, modes[mode]); err != nil {
			log.Fatal(err)
		}
	})
	const clients, lines = 100, 10
	g, _ := runq.NewGroup(nil, s)
	for i := range clients {
		g.Go(func(t *runq.Task) error { return talk(t, l.Addr(), fmt.Sprintf("client %d\n", i), lines) })
	}
	if err := g.Wait(nil); err != nil {
		log.Fatal(err)
	}
	l.Close()
	fmt.Printf("%s: %d clients, %d lines echoed\n", mode, clients, clients*lines)
}

// talk sends a line several times and checks what comes back.
func talk(t *runq.Task, addr net.Addr, line string, times int) error {
	c, err := netpoll.Dial(t, addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	back := make([]byte, len(line))
	for range times {
		if _, err := c.WriteTask(t, []byte(line)); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.As(t), back); err != nil {
			return err
		}
		if string(back) != line {
			return fmt.Errorf("%q came back as %q", line, back)
		}
	}
	return nil
}
