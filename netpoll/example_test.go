package netpoll_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/netpoll"
)

func Example() {
	s, err := runq.New(runq.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	l, err := netpoll.Listen(s, "tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	s.Go(func(t *runq.Task) {
		c, err := l.AcceptTask(t)
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		io.Copy(c.As(t), c.As(t))
	})
	err = s.Run(nil, func(t *runq.Task) error {
		c, err := netpoll.Dial(t, "tcp", l.Addr().String())
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.WriteTask(t, []byte("hello\n")); err != nil {
			return err
		}
		line, err := bufio.NewReader(c.As(t)).ReadString('\n')
		fmt.Print(line)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}

	// Output:
	// hello
}

// In handler mode a connection has a task only while there is something to read.
func ExampleConn_OnReadable() {
	s, err := runq.New(runq.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	l, err := netpoll.Listen(s, "tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	s.Go(func(t *runq.Task) {
		c, err := l.AcceptTask(t)
		if err != nil {
			log.Fatal(err)
		}
		c.OnReadable(func(t *runq.Task, c *netpoll.Conn) {
			buf := make([]byte, 1024)
			n, err := c.TryRead(buf)
			switch err {
			case nil:
				c.WriteTask(t, buf[:n])
			case netpoll.ErrNothingYet:
			default: // the end, or an error
				c.Close()
			}
		})
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(c, "hello")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(line)
	c.(*net.TCPConn).CloseWrite()
	io.ReadAll(c) // until the handler has seen that, and closed its side
	c.Close()

	// Output:
	// hello
}

// A connection that the standard library has made is taken over.
func ExampleFromNet() {
	s, err := runq.New(runq.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		c, err := netpoll.FromNet(s, nc)
		if err != nil {
			log.Fatal(err)
		}
		s.Go(func(t *runq.Task) {
			defer c.Close()
			c.WriteTask(t, []byte("welcome\n"))
		})
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)

	// Output:
	// welcome
}
