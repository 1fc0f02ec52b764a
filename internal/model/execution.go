package model

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
)

const (
	// maxThreads is how many threads an execution may have: one bit each.
	maxThreads = 64

	// spinReads is after how many operations in a row that change nothing a thread is
	// taken for one that spins: more than any bounded look at a few queues takes.
	spinReads = 64

	mainThread = 0
)

// current is the execution that is under way in this process.
var current atomic.Pointer[Execution]

// runs counts executions, so that a Loc knows which one its number is of.
var runs uint32

// Current returns the execution that is under way, nil if none is.
func Current() *Execution { return current.Load() }

// Execution is one run of the code under test.
type Execution struct {
	cfg      Config
	strategy strategy
	run      uint32
	threads  []*thread
	idle     []*thread // coroutines left from earlier executions
	cur      *thread   // who runs; nil: it is over
	live     int       // threads that have not ended
	behind   bool      // some thread stands behind others

	steps    int      // operations
	place    decision // the present one; here, so that it needs no allocation
	choices  int      // places where there was a choice
	locs     []usage
	trail    []choice // where the choice wasn't the first one
	err      *Failure
	unwinds  bool       // threads left from a failure are being ended
	started  int        // threads, when it is over
	rec      *recording // nil: it isn't recorded
	all      bool       // show all of the recording
	joinable Event
}

// usage is who has used a location.
type usage struct {
	by      uint64 // a bit for each thread
	written bool
}

func (u usage) shared() bool { return u.written && u.by&(u.by-1) != 0 }

// thread is a thread of an execution; kept for the next execution with its
// coroutine.
type thread struct {
	x     *Execution
	id    int
	name  string
	f     func()
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	ended bool
	lost  bool // in a Goexit: it can't be used any more

	event  *Event      // what it waits for; nil: nothing
	also   func() bool // or this
	timed  bool        // or for a time
	op     Op          // what it is about to do, and where
	loc    int32
	idle   int    // operations in a row that changed nothing
	yields int    // in a row, with nobody else's step in between
	behind uint64 // the threads that go first
}

// unwind is what a thread panics with that is left from an execution that failed.
type unwind struct{}

// begin runs f, and all it starts, to the end of the execution.
func (x *Execution) begin(f func(*Execution)) {
	runs++
	x.run = runs
	x.live, x.steps, x.choices = 0, 0, 0
	x.behind, x.unwinds = false, false
	x.locs, x.trail, x.err = x.locs[:0], x.trail[:0], nil
	x.joinable = Event{Shut: true}
	x.strategy.begin()
	if !current.CompareAndSwap(nil, x) {
		panic("model: another execution is under way: checks can't run in parallel")
	}
	defer current.Store(nil)
	x.spawn("main", func() { f(x) })
	for x.cur = x.threads[mainThread]; x.cur != nil; {
		x.cur.next()
	}
	x.started = len(x.threads)
	if x.rec != nil {
		most := tableRows
		if x.all {
			most = len(x.rec.rows)
		}
		x.rec.text = x.table(most)
		x.rec = nil
	}
	x.tidy()
}

// tidy puts the threads away for the next execution. Those that a failure has left
// in the middle of something are unwound, or left where they are.
func (x *Execution) tidy() {
	x.unwinds = true
	for _, t := range x.threads {
		switch {
		case t.ended:
			x.idle = append(x.idle, t)
		case !x.cfg.Leave && !t.lost:
			x.cur = t
			t.stop()
		}
	}
	x.threads = x.threads[:0]
}

// dismiss ends the coroutines.
func (x *Execution) dismiss() {
	for _, t := range x.idle {
		t.stop()
	}
	x.idle = nil
}

// Go starts a thread.
func (x *Execution) Go(name string, f func()) { x.spawn(name, f) }

// Spawn starts a thread that has no name of its own.
func (x *Execution) Spawn(f func()) { x.spawn(fmt.Sprintf("go %d", len(x.threads)), f) }

func (x *Execution) spawn(name string, f func()) {
	if len(x.threads) == maxThreads {
		x.Failf("more than %d threads", maxThreads)
	}
	var t *thread
	if n := len(x.idle); n > 0 {
		t = x.idle[n-1]
		x.idle = x.idle[:n-1]
	} else {
		t = new(thread)
		t.next, t.stop = iter.Pull(t.main)
	}
	t.x, t.id, t.name, t.f = x, len(x.threads), name, f
	t.ended, t.event, t.also, t.timed = false, nil, nil, false
	t.op, t.loc, t.idle, t.yields, t.behind = OpStart, -1, 0, 0, 0
	x.threads = append(x.threads, t)
	x.live++
}

// main is the body of a thread's coroutine: one execution's thread after the other.
func (t *thread) main(yield func(struct{}) bool) {
	t.yield = yield
	for {
		t.life()
		if !yield(struct{}{}) {
			return
		}
	}
}

// life runs the thread and decides who is next when it has ended.
func (t *thread) life() {
	x := t.x
	returned := false
	defer func() {
		v := recover()
		if _, ok := v.(unwind); ok || x.unwinds {
			return
		}
		if v != nil {
			x.fail(&Failure{Kind: "panic", Message: fmt.Sprintf("%s: %v", t.name, v), Stack: debug.Stack()})
		} else if !returned {
			x.fail(&Failure{Kind: "exit", Message: t.name + " has called runtime.Goexit (t.FailNow?): use Failf"})
			t.lost = true
			x.cur = nil
			t.pause() // for good: a Goexit would end who explores, too
		} else {
			return
		}
		t.ended = true
		x.cur = nil
	}()
	x.note(OpStart)
	t.f()
	returned = true
	x.end(t)
}

// end ends the thread t and sets the next one going.
func (x *Execution) end(t *thread) {
	x.note(OpEnd)
	t.ended = true
	x.live--
	if x.live == 1 {
		x.joinable.Shut = false
	}
	t.op, t.loc = OpEnd, -1
	x.cur = x.choose(t)
}

// pause gives the turn to x.cur. It returns when the thread has it again.
func (t *thread) pause() {
	if !t.yield(struct{}{}) || t.x.unwinds {
		panic(unwind{})
	}
}

// Join waits until all other threads have ended. Only the main thread may call it.
func (x *Execution) Join() {
	if x.cur.id != mainThread {
		x.Failf("Join is called by %s: only the main thread may", x.cur.name)
	}
	x.joinable.Shut = x.live > 1
	x.joinable.Await("Threads", OpJoin, false, nil)
}

// Failf ends the execution as a failure.
func (x *Execution) Failf(format string, args ...any) {
	if x.unwinds {
		panic(unwind{})
	}
	t := x.cur
	x.fail(&Failure{Kind: "failure", Message: t.name + ": " + fmt.Sprintf(format, args...), Stack: debug.Stack()})
	x.cur = nil
	t.pause()
}

// fail notes the failure, if it is the first.
func (x *Execution) fail(f *Failure) {
	if x.err == nil {
		x.err = f
	}
}

// Failf ends the execution that is under way as a failure.
func Failf(format string, args ...any) { Current().Failf(format, args...) }
