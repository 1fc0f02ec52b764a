// Package runqhttp answers HTTP requests in tasks of a class, so that routes that
// compute don't slow down the rest of a server:
//
//	mux.Handle("/report", runqhttp.Handler(sched.Background(), report))
//
// or, for a whole mux and from a configuration file, [Routes]. Package http, its
// server, its connections and all other routes stay as they are.
//
// # What it costs
//
// The goroutine of the connection waits while a task runs the handler: a hand-over
// there and one back, and a goroutine's id that is read for [TaskFrom]. It is about
// 10 µs and ten allocations a request, and some 40 µs in a background class, where a
// thread of the system wakes up (BenchmarkHandler; 2 cores, Go 1.26). On a machine that
// is busy with other things a background task begins when they leave it a processor.
//
// # When not to use it
//
// A task that waits in ordinary Go, for a database, for another server, for a client
// that reads slowly, holds its P until the scheduler notices. So a handler that mostly
// waits belongs where it was, on the goroutine of its connection. One that computes
// and waits now and then puts its waits into [runq.Task.Block]:
//
//	t := runqhttp.TaskFrom(r.Context())
//	t.Block(func() { rows, err = db.QueryContext(r.Context(), query) })
//
// A handler of a background class should not hold a lock that other handlers want: they
// then wait for a thread that runs when nobody else wants to.
package runqhttp
