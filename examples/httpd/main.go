// Command httpd is a web server in two ways: package http's server on a listener of
// runq, and a minimal server in handler mode, where an idle connection has neither task
// nor stack and requests are answered in tasks.
//
// With -listen it serves until it is killed; -mode says how. Without, it tries both
// ways with package http's client.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/netpoll"
)

const greeting = "hello\n"

func main() {
	listen := flag.String("listen", "", "`address` to serve on, as host:port")
	mode := flag.String("mode", "std", "std: http.Server; handler: a minimal server in handler mode")
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
			log.Fatalf("-mode %s: there is std and handler", *mode)
		}
		log.Print("serving on ", l.Addr())
		log.Fatal(serve(s, l))
	}
	for _, mode := range []string{"std", "handler"} {
		try(s, mode)
	}
	s.Close()

	// Output:
	// std: 200 OK "hello\n", 10 times
	// handler: 200 OK "hello\n", 10 times
}

var modes = map[string]func(*runq.Scheduler, *netpoll.Listener) error{
	"std":     serveStd,
	"handler": serveHandler,
}

// serveStd lets package http serve: a Listener is a net.Listener.
func serveStd(_ *runq.Scheduler, l *netpoll.Listener) error {
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, greeting)
	}))
}

// serveHandler answers every request head in a task of the scheduler. It knows no more
// of HTTP than what requests without a body need.
func serveHandler(s *runq.Scheduler, l *netpoll.Listener) error {
	return s.Run(nil, func(t *runq.Task) error {
		for {
			c, err := l.AcceptTask(t)
			if err != nil {
				return err
			}
			r := new(request)
			if err := c.OnReadable(r.readable); err != nil {
				c.Close()
			}
		}
	})
}

// request is what has come of the next request of a connection: nil while it is idle.
type request struct{ head []byte }

// maxHead bounds a request: what is larger isn't meant for us.
const maxHead = 8 << 10

var answer = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(greeting), greeting)

// readable is called when there is something to read.
func (r *request) readable(t *runq.Task, c *netpoll.Conn) {
	buf := make([]byte, 2048)
	n, err := c.TryRead(buf)
	if err == netpoll.ErrNothingYet {
		return
	}
	if err != nil || len(r.head)+n > maxHead {
		c.Close()
		return
	}
	r.head = append(r.head, buf[:n]...)
	for {
		_, rest, whole := bytes.Cut(r.head, []byte("\r\n\r\n"))
		if !whole {
			break
		}
		if _, err := c.WriteTask(t, answer); err != nil {
			c.Close()
			return
		}
		r.head = rest
	}
	if len(r.head) == 0 {
		r.head = nil
	}
}

// try asks a server some times.
func try(s *runq.Scheduler, mode string) {
	l, err := netpoll.Listen(s, "tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- modes[mode](s, l) }()
	client := &http.Client{Transport: new(http.Transport)}
	const times = 10
	var last string
	for i := range times {
		r, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		got := fmt.Sprintf("%s %q", r.Status, body)
		if i > 0 && got != last {
			log.Fatalf("%s, and before %s", got, last)
		}
		last = got
	}
	client.CloseIdleConnections()
	l.Close()
	<-over
	fmt.Printf("%s: %s, %d times\n", mode, last, times)
}
