//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/runq-go/runq/bench/internal/usage"
)

// message is what is sent to be echoed: as small as a request to a cache.
const message = 64

// perClient is how many connections a client has: it sends on all of them and then
// waits for all the answers. So most reads find something, and the load costs two
// system calls a request and hardly anything else: what is compared is the servers.
const perClient = 50

// load is what a client has done.
type load struct {
	ops       int           // messages that have come back
	took, cpu time.Duration // in what time, and in what CPU time
}

// beClient keeps the connections busy for a time and prints a load.
func beClient(addr string, conns int, d time.Duration) error {
	var all []net.Conn
	for range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	var (
		ops   atomic.Int64
		over  atomic.Bool
		wg    sync.WaitGroup
		start = time.Now()
		used  = usage.CPU()
		fails = make(chan error, conns/perClient+1)
	)
	for len(all) > 0 {
		mine := all[:min(len(all), perClient)]
		all = all[len(mine):]
		wg.Go(func() {
			for !over.Load() {
				if err := exchange(mine); err != nil {
					fails <- err
					return
				}
				ops.Add(int64(len(mine)))
			}
		})
	}
	time.Sleep(d)
	over.Store(true)
	wg.Wait()
	took, used := time.Since(start), usage.CPU()-used
	select {
	case err := <-fails:
		return err
	default:
	}
	fmt.Println(ops.Load(), took.Nanoseconds(), used.Nanoseconds())
	return nil
}

// exchange sends a message on every connection and waits for all to come back.
func exchange(conns []net.Conn) error {
	var b [message]byte
	for _, c := range conns {
		if _, err := c.Write(b[:]); err != nil {
			return err
		}
	}
	for _, c := range conns {
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return err
		}
	}
	return nil
}

// runClient runs beClient in a process of its own.
func runClient(addr string, conns int, d time.Duration) (l load, err error) {
	exe, err := os.Executable()
	if err != nil {
		return l, err
	}
	cmd := exec.Command(exe, "-load", addr, "-conns", fmt.Sprint(conns), "-d", d.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return l, fmt.Errorf("the load: %w\n%s", err, &stderr)
	}
	_, err = fmt.Sscan(string(out), &l.ops, &l.took, &l.cpu)
	return l, err
}

// idle opens n connections, on each of which something has been echoed, and calls full
// while all are there.
func idle(addr string, n int, full func() error) error {
	all := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		all = append(all, c)
		if err := exchange(all[len(all)-1:]); err != nil {
			return err
		}
	}
	return full()
}

// spareFiles is how many descriptors a process needs for other things than
// connections.
const spareFiles = 100

// maxFiles returns how many descriptors a process may have. Go raises the limit to that
// by itself, but can't go beyond it.
func maxFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		panic(err) // it can't fail
	}
	return int(min(l.Max, 1<<30))
}
