// Package netpoll has network connections for tasks: a task that reads, writes or
// accepts waits without holding a P or a thread, and its scheduler finds out itself
// when it can go on.
//
//	l, err := netpoll.Listen(s, "tcp", "localhost:7")
//	...
//	s.Go(func(t *runq.Task) {
//		for {
//			c, err := l.AcceptTask(t)
//			if err != nil {
//				return
//			}
//			t.Go(func(t *runq.Task) {
//				defer c.Close()
//				io.Copy(c.As(t), c.As(t))
//			})
//		}
//	})
//
// # Three ways to use a connection
//
// Every call that may wait has a form that takes the task that waits: [Conn.ReadTask],
// [Conn.WriteTask], [Listener.AcceptTask], [Dial]. It ends, too, when the task's
// context does.
//
// For code that knows no tasks there are two. [Conn.As] binds a connection to a task:
// what it returns is a net.Conn whose reads and writes let that task wait, so that
// crypto/tls, bufio or fmt run in the task. And a Conn is itself a net.Conn, a
// Listener a net.Listener, whose methods are for ordinary goroutines: http.Server can
// serve on it. A task that calls those keeps its P while it waits, until the scheduler
// takes that away.
//
// Handler mode ([Conn.OnReadable]) needs no task while nothing happens: a function is
// called whenever there is something to read, in a task that ends when the function
// returns. An idle connection has no stack then.
//
// # Closing
//
// Close ends all calls that wait with net.ErrClosed. Connections should be closed; the
// descriptor of one that nobody knows any more is closed when the garbage collector
// finds that out, which takes its time, and doesn't happen in handler mode. Closing the
// scheduler ends all waits of ordinary goroutines for its connections and lets no
// handler be called any more; tasks that wait for connections are waited for, as all
// tasks are.
//
// # Systems
//
// On Linux descriptors are watched by the scheduler (runq.FD). Elsewhere the same
// API works through package net: a wait of a task is a blocking call (Task.Block), and
// a connection in handler mode has a goroutine. The build tag netpoll_goroutines
// chooses that on Linux too.
package netpoll
