// Command httpd is a web server in two ways: package http's server on a listener of
// runq, and a minimal server in handler mode, where an idle connection has neither task
// nor stack and requests are answered in tasks. To compare them with, there is package
// http's server on a listener of package net, too.
//
// With -listen it serves until it is killed; -mode says how, and -tls that it does so by
// TLS. Without, it tries all ways with package http's client.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/netpoll"
)

const greeting = "hello\n"

func main() {
	listen := flag.String("listen", "", "`address` to serve on, as host:port")
	mode := flag.String("mode", "std", "std: http.Server; handler: a minimal server in handler mode; net: http.Server without runq")
	secure := flag.Bool("tls", false, "serve by TLS, with a certificate that is made up; not in handler mode")
	flag.Parse()

	s, err := runq.New(runq.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if *listen != "" {
		l, err := open(s, *mode, *secure, *listen)
		if err != nil {
			log.Fatal(err)
		}
		log.Print("serving on ", url(l, *secure))
		log.Fatal(serve(s, l))
	}
	try(s, "std", false)
	try(s, "std", true)
	try(s, "handler", false)
	try(s, "net", false)
	s.Close()

	// Output:
	// std: 200 OK "hello\n", 10 times
	// std by TLS: 200 OK "hello\n", 10 times
	// handler: 200 OK "hello\n", 10 times
	// net: 200 OK "hello\n", 10 times
}

// open listens in a way that fits the mode.
func open(s *runq.Scheduler, mode string, secure bool, addr string) (l net.Listener, err error) {
	switch {
	case mode == "net":
		l, err = net.Listen("tcp", addr)
	case mode == "std" || mode == "handler" && !secure:
		l, err = netpoll.Listen(s, "tcp", addr)
	default:
		return nil, fmt.Errorf("-mode %s: there is std and net, and handler without -tls", mode)
	}
	if err == nil && secure {
		l, err = overTLS(l)
	}
	if err == nil && mode == "handler" {
		l = handled{l.(*netpoll.Listener)}
	}
	return l, err
}

func url(l net.Listener, secure bool) string {
	if secure {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// handled marks a listener whose connections are served in handler mode.
type handled struct{ *netpoll.Listener }

// serve serves until the listener is closed. Package http knows no difference: a
// netpoll.Listener is a net.Listener.
func serve(s *runq.Scheduler, l net.Listener) error {
	if l, ok := l.(handled); ok {
		return serveHandler(s, l.Listener)
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, greeting)
	}))
}

// pause is how long serveHandler waits when it can't accept a connection. Other errors
// than that the listener is closed, too many open files most of all, go by.
const pause = 50 * time.Millisecond

// serveHandler answers every request head in a task of the scheduler. It knows no more
// of HTTP than what requests without a body need.
func serveHandler(s *runq.Scheduler, l *netpoll.Listener) error {
	return s.Run(nil, func(t *runq.Task) error {
		for {
			c, err := l.AcceptTask(t)
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			if err != nil {
				log.Print(err)
				t.Sleep(pause)
				continue
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
func try(s *runq.Scheduler, mode string, secure bool) {
	l, err := open(s, mode, secure, "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- serve(s, l) }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting}}
	const times = 10
	var last string
	for i := range times {
		r, err := client.Get(url(l, secure))
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
	if secure {
		mode += " by TLS"
	}
	fmt.Printf("%s: %s, %d times\n", mode, last, times)
}
