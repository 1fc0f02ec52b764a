//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/bench/internal/usage"
	"github.com/runq-go/runq/netpoll"
)

// bufferSize is what a server reads at a time. Those that wait in a read need such a
// buffer for each connection; that is part of what they cost.
const bufferSize = 4096

// beServer serves and answers what the parent asks on standard input, until it ends.
func beServer(kind string) error {
	addr, err := serve(kind)
	if err != nil {
		return err
	}
	fmt.Println(addr)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var answer int64
		switch in.Text() {
		case "cpu":
			answer = usage.CPU().Nanoseconds()
		case "rss":
			debug.FreeOSMemory()
			answer, err = residentSet()
		default:
			err = fmt.Errorf("the question %q is unknown", in.Text())
		}
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return nil
}

// residentSet returns the memory of this process, in bytes.
func residentSet() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0, err
	}
	return resident * int64(os.Getpagesize()), nil
}

// serve starts an echo server and returns its address.
func serve(kind string) (net.Addr, error) {
	const here = "127.0.0.1:0"
	if kind == "net" {
		l, err := net.Listen("tcp", here)
		if err != nil {
			return nil, err
		}
		go serveNet(l)
		return l.Addr(), nil
	}
	handle, ok := map[string]func(*runq.Task, *netpoll.Conn){"task": byTask, "handler": byHandler}[kind]
	if !ok {
		return nil, fmt.Errorf("-serve %s: there is net, task and handler", kind)
	}
	l, err := netpoll.Listen(nil, "tcp", here)
	if err != nil {
		return nil, err
	}
	runq.Default().Go(func(t *runq.Task) {
		for {
			c, err := l.AcceptTask(t)
			if err != nil {
				panic(err)
			}
			handle(t, c)
		}
	})
	return l.Addr(), nil
}

func serveNet(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go echo(c)
	}
}

func echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, bufferSize)
	for {
		n, err := c.Read(buf)
		if err == nil {
			_, err = c.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

func byTask(t *runq.Task, c *netpoll.Conn) {
	t.Go(func(t *runq.Task) { echo(c.As(t)) })
}

// buffers are for handlers, which need one only while they run.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func byHandler(_ *runq.Task, c *netpoll.Conn) {
	err := c.OnReadable(echoOnce)
	if err != nil {
		c.Close()
	}
}

func echoOnce(t *runq.Task, c *netpoll.Conn) {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	n, err := c.TryRead(buf[:])
	if err == netpoll.ErrNothingYet {
		return
	}
	if err == nil {
		_, err = c.WriteTask(t, buf[:n])
	}
	if err != nil {
		c.Close()
	}
}

// server is a child process that serves.
type server struct {
	addr   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// startServer starts a server and waits until it serves.
func startServer(kind string) (*server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command(exe, "-serve", kind)}
	s.cmd.Stderr = &s.stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.addr, err = s.line()
	return s, err
}

// line reads a line of the server's.
func (s *server) line() (string, error) {
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.stop()
		return "", fmt.Errorf("the server %v has ended: %w\n%s", s.cmd.Args, err, &s.stderr)
	}
	return strings.TrimSpace(line), nil
}

// ask asks the server for a number.
func (s *server) ask(what string) (int64, error) {
	if _, err := fmt.Fprintln(s.in, what); err != nil {
		return 0, err
	}
	line, err := s.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line, 10, 64)
}

// stop ends the server.
func (s *server) stop() {
	s.in.Close()
	s.cmd.Wait()
}
