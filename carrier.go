package runq

// Carriers: the stacks that tasks run on.
//
// A fresh task needs no stack of its own. The scheduling loop runs on a carrier
// and calls one task's function after the other, as long as none of them waits; so
// a task that never waits costs a call. The G is the carrier's, and each of those
// tasks has it in turn. When a task waits, the carrier and the G stay with it and
// the M goes on with another one. Free carriers are pooled with the P, in
// the scheduler when a P has too many, and trimmed there after a peak (trim.go).

import (
	"runtime/debug"
	"unsafe"

	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/timerheap"
)

// carriersPerP bounds a P's pool of free carriers; beyond it half of them go to
// the scheduler's. The figure is that of the free lists of tasks (Go's for free
// Gs): large enough that a burst of waits and wakes stays with the P.
const carriersPerP = 64

// carrier is a coroutine that runs tasks, and the G of the one it runs.
type carrier struct {
	node  queue.Node     // link in a pool; must be the first field: see carrierOf
	stack                // how to switch to it
	own   coro           // the place it was made with; home needs it
	task  Task           // the G; task.e is written by who resumes a free carrier
	timer timerheap.Node // of the task that sleeps
	wait  waiter         // of the task that waits for an object
	forks *forkStack     // of its tasks, one after the other; nil: none has forked yet
	state carrierState
	index int // in carrierPool.all; guarded by its lock
}

type carrierState uint8

const (
	carrierLive    carrierState = iota
	carrierEnding               // its main returns when it is resumed
	carrierGoexits              // a task has called runtime.Goexit on it: it can't run another one
)

func carrierOf(n *queue.Node) *carrier { return (*carrier)(unsafe.Pointer(n)) }

// newCarrier makes a carrier. The calling goroutine must not be locked to a
// thread: the runtime insists that a coroutine made on a locked thread is switched
// to on that thread only.
func newCarrier() *carrier {
	c := new(carrier)
	c.task.c = c
	c.task.fork = noForks.addr()
	c.own.start(&c.stack, c.main)
	return c
}

// main is a carrier's life. It returns when the carrier is ended.
func (c *carrier) main() {
	defer c.lost()
	c.m.after()
	for c.state == carrierLive {
		c.serve()
	}
}

// serve runs tasks until the carrier ends or a task panics: one deferred call for
// many tasks, since one for each would cost as much as spawning it.
func (c *carrier) serve() {
	defer c.unwound()
	t := &c.task
	for t.e.env != nil || c.nextTask() {
		t.begin(c.m)
		t.call()
		if t.fork != noForks.addr() {
			t.checkJoined(0)
			t.endForks(nil)
		}
		c.m.finish(t, endReturn)
		t.e.env = nil
	}
}

// nextTask gets a fresh task for the carrier to run. It returns false when the
// carrier has to end instead. While there is none, the carrier is in a pool.
func (c *carrier) nextTask() bool {
	e := &c.task.e
	for c.state == carrierLive {
		m := c.m
		found := m.pick(e)
		if found && e.env != nil {
			return true
		}
		var g *Task
		if found {
			g = e.g()
		}
		*e = entry{}
		m.leave.kind, m.leave.c = leaveFree, c
		c.switchTo(m.stackOf(g), m)
		if e.env != nil {
			return true
		}
	}
	return false
}

// unwound contains a panic or a Goexit of the task that ran on c. It returns
// normally after a panic, and serve is called again. A Goexit can't be stopped: it
// would end the coroutine and be passed on to a stack that has nothing to do with
// it. So the carrier stays in a deferred call, out of use, until it is ended by
// somebody who is prepared for it.
func (c *carrier) unwound() {
	if c.m == nil {
		return // serve has returned because the carrier ends
	}
	g := c.m.curg
	if v := recover(); v != nil {
		err := newPanicError(g, v, debug.Stack())
		g.panicked(err)
		g.abandonForks(err)
		c.m.finish(g, endPanic)
		g.e.env = nil
		return
	}
	g.goexited()
	g.abandonForks(ErrGoexit)
	c.m.finish(g, endGoexit)
	c.lost()
}

// lost takes a carrier that is in the middle of a Goexit out of use. It is called
// by main for the Goexit that goes on although a panic in one of its deferred calls
// was recovered from: unwound takes that for a plain panic, and main finds out.
func (c *carrier) lost() {
	if c.state != carrierLive {
		return
	}
	c.state = carrierGoexits
	m := c.m
	m.leave.kind, m.leave.c = leaveZombie, c
	c.switchTo(&m.g0, m)
}

// takeCarrier returns a free carrier, or nil.
func (p *p) takeCarrier() *carrier {
	if n := p.cfree.Pop(); n != nil {
		return carrierOf(n)
	}
	return p.s.carriers.get(&p.cfree)
}

// freeCarrier puts a carrier that has finished leaving into the P's pool.
func (p *p) freeCarrier(c *carrier) {
	p.cfree.PushFront(&c.node)
	if p.cfree.Len() >= carriersPerP {
		half := p.cfree.Take(carriersPerP / 2)
		p.s.carriers.put(&half)
	}
}
