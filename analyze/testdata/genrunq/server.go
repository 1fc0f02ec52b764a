package main

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/netpoll"
)

var listener *netpoll.Listener

// server echoes what a few clients send that take their time: nothing is wrong with it.
func server(t *runq.Task) (err error) {
	if listener, err = netpoll.Listen(t.Scheduler(), "tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	t.Go(accept)
	each(t, 4, client)
	err = left.Wait(t)
	return errors.Join(err, listener.Close())
}

// accept starts a task for each connection.
func accept(t *runq.Task) {
	for {
		c, err := listener.AcceptTask(t)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			panic(err)
		}
		t.Go(func(t *runq.Task) { echo(t, c) })
	}
}

func echo(t *runq.Task, c *netpoll.Conn) {
	defer c.Close()
	if _, err := io.Copy(c.As(t), c.As(t)); err != nil {
		panic(err)
	}
}

func client(t *runq.Task) {
	defer left.Done(t)
	c, err := netpoll.Dial(t, "tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	b := make([]byte, 64)
	for range 40 {
		if _, err = c.WriteTask(t, b); err == nil {
			_, err = io.ReadFull(c.As(t), b)
		}
		if err != nil {
			panic(err)
		}
		t.Sleep(5 * time.Millisecond)
	}
}
