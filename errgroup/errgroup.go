// Package errgroup runs groups of functions that work on parts of a common task,
// hands their first error to who waits for them and cancels a context when it
// comes. It takes the place of golang.org/x/sync/errgroup: change the import path,
// and the rest of a program stays as it is. The functions run as tasks of
// [runq.Default] instead of on a goroutine each.
//
// # Nested use can't deadlock
//
// A function may use groups itself, its own group too. The package knows that its
// caller is one of its functions, and then never blocks a thread:
//
//   - Wait parks the task, and its P runs other tasks;
//   - Go beyond the limit queues the function and returns. The original blocks
//     there; when every function of a group adds one more, none of them ever ends.
//
// An ordinary goroutine that calls Go beyond the limit blocks, as with the
// original: its back-pressure is part of how programs bound their memory. Inside a
// function there is none, so one that adds millions of others should do it through
// a group with a Wait now and then. A limit still is a limit: a function that waits
// for another one of its group by other means than Wait, over a channel for
// instance, waits for ever if the limit keeps that other one from starting.
//
// The package knows the functions it runs, not other goroutines they start, nor
// tasks started through package runq: these count as ordinary goroutines, and a
// task that calls Go or Wait blocks its thread until the scheduler gives its P to
// others. Tasks have [runq.Group].
//
// # Panics
//
// A function that panics ends the process, at once and with the stack of the panic
// in the output, as with the original. It isn't made an error that Wait returns,
// although package runq could do that: a program that drops Wait's error, or never
// reaches Wait because of the state the panic left behind, would go on as if
// nothing had happened. For panics as errors use [runq.Group].
//
// A function that calls [runtime.Goexit] counts as one that returned nil.
//
// # Functions that wait or compute
//
// At most as many functions compute as the scheduler has Ps, but for those past
// their time slice ([runq.Config] has a bound for them). A function may wait in any
// way Go has: channels, locks, input and output, the original errgroup. But the
// scheduler can't tell at once that it waits, and it keeps its P for about a time
// slice, until others get it. So waits of functions add up, when there are many
// more functions than Ps: a thousand that sleep for 20 ms take seven seconds on two
// Ps, and 24 ms in the original. For functions that mostly wait, the original is
// the right package; this one is for those that compute, or wait now and then.
//
// The functions are not run inside [runq.Task.Block], which would give the P away
// within microseconds: then nothing would bound how many functions compute at the
// same time, and a nested Wait couldn't park, for a task inside Block can't be used.
//
// Each function costs a microsecond or two to make it known to nested calls, so it
// should have more than that to do.
//
// # What else differs
//
// Functions share goroutines one after the other. So a function must undo what it
// does to its goroutine. It must not end with its thread locked
// ([runtime.LockOSThread]), nor call Go or Wait while it is. Profiler labels of who
// called Go aren't inherited, and those that a function sets and leaves stay for
// the next one.
package errgroup

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/goid"
)

// A Group is a set of functions that work on parts of a common task. It should not
// be reused for another task.
//
// The zero Group is ready for use: it has no limit and cancels nothing. A Group
// must not be copied after first use.
type Group struct {
	cancel func(error) // nil for the zero Group

	// mu is never held during a call into package runq: there the task may be
	// parked, and whoever wants mu would block its thread behind it.
	mu      sync.Mutex
	tasks   *runq.Group // what the functions run in; nil until the first one
	limited bool
	limit   int // if limited
	active  int // functions started and not yet done
	queue   []waiting
	err     error // the first one
}

// waiting is a function that the limit keeps from starting. While there is one,
// active is at the limit, so either the limit is zero or a function that ends will
// start it.
type waiting struct {
	f       func() error
	started chan struct{} // closed when f has been started; nil if nobody waits for that
}

// WithContext returns a new Group, and a context derived from ctx. That context is
// cancelled when a function of the group returns an error for the first time, or
// when Wait returns for the first time, whichever comes first. Its cause
// ([context.Cause]) is the error that Wait returns, or [context.Canceled] if that is
// nil.
func WithContext(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{cancel: cancel}, ctx
}

// Go runs f as a task of the group. If the group is at its limit, Go waits until f
// can be started; called by a function that the package runs, it queues f and
// returns (see the package documentation), unless the limit is zero.
//
// The first call of Go must happen before Wait is called. The first error that a
// function of the group returns cancels the group's context, if it has one, and is
// what Wait returns.
//
// Go panics if f is nil.
func (g *Group) Go(f func() error) {
	if g.TryGo(f) {
		return
	}
	caller := running.caller()
	g.mu.Lock()
	if g.room() { // since we tried
		g.begin()
		g.mu.Unlock()
		g.start(f)
		return
	}
	if caller.task != nil && g.limit > 0 {
		g.queue = append(g.queue, waiting{f: f})
		g.mu.Unlock()
		return
	}
	started := make(chan struct{})
	g.queue = append(g.queue, waiting{f, started})
	g.mu.Unlock()
	if caller.task != nil {
		// With a limit of zero nothing runs that could start f: only SetLimit can.
		caller.task.Block(func() { <-started })
		return
	}
	<-started
}

// TryGo runs f as a task of the group, like Go, if the group is below its limit,
// and tells whether it is. It never waits. It panics if f is nil.
func (g *Group) TryGo(f func() error) bool {
	if f == nil {
		panic("errgroup: Go or TryGo with a nil function")
	}
	g.mu.Lock()
	ok := g.room()
	if ok {
		g.begin()
	}
	g.mu.Unlock()
	if ok {
		g.start(f)
	}
	return ok
}

// SetLimit sets how many functions of the group may be active, that is started and
// not done, at the same time. A negative n means any number, which is what a new
// group has. With zero, no function can be added: TryGo returns false and Go waits,
// whoever calls it, until SetLimit is called again.
//
// The limit must not change while functions are active: SetLimit then panics with
// an error. Only to lift the limit is always safe, and allowed.
func (g *Group) SetLimit(n int) {
	g.mu.Lock()
	if active := g.active; n >= 0 && active > 0 {
		g.mu.Unlock()
		panic(fmt.Errorf("errgroup: SetLimit(%d) while %d functions of the group are active; call it before Go or after Wait", n, active))
	}
	g.limited, g.limit = n >= 0, n
	g.mu.Unlock()
	for g.startNext(0) {
	}
}

// Wait waits until all functions of the group are done, and returns the first error
// that one of them returned, or nil. It cancels the group's context, if it has one.
//
// A function that waits for its own group waits for the functions that don't, and
// leaves its place under the limit to others meanwhile; the original deadlocks.
// Functions whose waits form a circle through several groups get a
// [*runq.DeadlockError].
func (g *Group) Wait() error {
	g.mu.Lock()
	tasks, active := g.tasks, g.active
	g.mu.Unlock()
	if active > 0 {
		g.waitFor(tasks)
	}
	g.mu.Lock()
	err := g.err
	g.mu.Unlock()
	if g.cancel != nil {
		g.cancel(err)
	}
	return err
}

// waitFor waits for the tasks of the group.
func (g *Group) waitFor(tasks *runq.Group) {
	caller := running.caller()
	inside := caller.group == g
	if inside {
		g.startNext(1) // in the caller's place
	}
	err := tasks.Wait(caller.task)
	if inside {
		g.mu.Lock()
		g.active++
		g.mu.Unlock()
	}
	// No function's error or panic comes this way, only what the scheduler has to
	// say. A Goexit, which it reports as an error, counts as nil.
	if err != nil && !errors.Is(err, runq.ErrGoexit) {
		g.fail(err)
	}
}

// room tells whether one more function may be active. The caller holds g.mu.
func (g *Group) room() bool { return !g.limited || g.active < g.limit }

// begin counts a function that the caller will start. The caller holds g.mu.
func (g *Group) begin() {
	g.active++
	if g.tasks == nil {
		g.tasks, _ = runq.NewGroup(context.Background(), nil)
	}
}

// start runs f, which begin has counted, in a task of its own.
func (g *Group) start(f func() error) {
	g.tasks.Go(func(t *runq.Task) error {
		g.run(t, f)
		return nil
	})
}

// run is the life of a function. It ends normally, by Goexit or with the process.
func (g *Group) run(t *runq.Task, f func() error) {
	id := goid.Get()
	running.add(id, function{t, g})
	defer func() {
		if v := recover(); v != nil {
			crash(&runq.PanicError{Value: v, Stack: debug.Stack(), Task: t.ID(), Label: t.Label()})
		}
		running.remove(id)
		// Before this task ends: Wait, which waits for the tasks, must not find
		// none in between.
		g.startNext(1)
	}()
	if err := f(); err != nil {
		g.fail(err)
	}
}

// startNext counts the functions that have ended, none or one, starts the one that
// has been queued for longest if the limit allows it, and tells whether it did.
func (g *Group) startNext(ended int) bool {
	g.mu.Lock()
	g.active -= ended
	if len(g.queue) == 0 || !g.room() {
		g.mu.Unlock()
		return false
	}
	next := g.queue[0]
	g.queue[0] = waiting{} // for the garbage collector
	g.queue = g.queue[1:]
	g.begin()
	g.mu.Unlock()
	g.start(next.f)
	if next.started != nil {
		close(next.started)
	}
	return true
}

// fail records err if it is the first error, and cancels the context with it.
func (g *Group) fail(err error) {
	g.mu.Lock()
	first := g.err == nil
	if first {
		g.err = err
	}
	g.mu.Unlock()
	if first && g.cancel != nil {
		g.cancel(err)
	}
}

// crash ends the process because a function has panicked.
//
// Left alone, the panic would be caught by the scheduler, which hands it to whoever
// waits for the task. So it is raised again where nothing can catch it, on a
// goroutine of its own, with the stack in its text. The task stays here, and Wait
// with it, until the process is gone.
func crash(e *runq.PanicError) {
	go panic(e)
	select {}
}
