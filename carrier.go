package runq

// Carriers: the stacks that tasks run on.
//
// A fresh task needs no stack of its own. The scheduling loop runs on a carrier
// and calls one task's function after the other, as long as none of them waits; so
// a task that never waits costs a call. When a task waits, the carrier stays with
// it and the M goes on with another one. Free carriers are pooled with the P, in
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

// carrier is a coroutine that runs tasks.
type carrier struct {
	node  queue.Node // link in a pool; must be the first field
	stack            // how to switch to it
	own   coro       // the place it was made with; end needs it
	g     *Task      // the fresh task to run next; written by who resumes it
	state carrierState
	timer timerheap.Node // of the task that sleeps on it
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
	c.own.start(&c.stack, c.main)
	return c
}

// main is a carrier's life. It returns when the carrier is ended.
func (c *carrier) main() {
	c.m.after()
	for c.state == carrierLive {
		c.serve()
	}
}

// serve runs tasks until the carrier ends or a task panics: one deferred call for
// many tasks, since one for each would cost as much as spawning it.
func (c *carrier) serve() {
	defer c.unwound()
	g := c.takeTask()
	for g != nil {
		g.begin(c.m)
		g.call()
		c.m.finish(g, endReturn)
		g = c.nextTask()
	}
}

// takeTask returns the task that the carrier was resumed for; after a panic there
// is none, and it looks for the next.
func (c *carrier) takeTask() *Task {
	g := c.g
	if g == nil && c.state == carrierLive {
		return c.nextTask()
	}
	c.g = nil
	return g
}

// nextTask returns a fresh task to run on this carrier, nil when the carrier has
// to end. While there is none, the carrier is in the pool.
func (c *carrier) nextTask() *Task {
	for {
		m := c.m
		g := m.pick()
		if g != nil && g.c == nil {
			return g
		}
		m.leave.kind, m.leave.c = leaveFree, c
		c.switchTo(m.stackFor(g), m)
		if g = c.g; g != nil || c.state != carrierLive {
			c.g = nil
			return g
		}
	}
}

// unwound contains a panic or a Goexit of the task that ran on c. It returns
// normally after a panic, and serve is called again. A Goexit can't be stopped: it
// would end the coroutine and be passed on to the goroutine that resumed it, an M.
// So the carrier stays in this deferred call, out of use, until it is ended at a
// time when that hurts nobody.
func (c *carrier) unwound() {
	if c.m == nil {
		return // serve has returned because the carrier ends
	}
	g := c.m.curg
	if v := recover(); v != nil {
		g.panicked(newPanicError(g, v, debug.Stack()))
		c.m.finish(g, endPanic)
		return
	}
	g.goexited()
	c.m.finish(g, endGoexit)
	c.state = carrierGoexits
	m := c.m
	m.leave.kind, m.leave.c = leaveZombie, c
	c.switchTo(&m.g0, m)
}

// takeCarrier returns a free carrier for the fresh task g.
func (p *p) takeCarrier(g *Task) *carrier {
	var c *carrier
	if n := p.cfree.Pop(); n != nil {
		c = carrierOf(n)
	} else if c = p.s.carriers.get(&p.cfree); c == nil {
		c = newCarrier()
		p.c.carriersMade++
	}
	c.g = g
	return c
}

// freeCarrier puts a carrier that has finished leaving into the P's pool.
func (p *p) freeCarrier(c *carrier) {
	p.cfree.PushFront(&c.node)
	if p.cfree.Len() >= carriersPerP {
		half := p.cfree.Take(carriersPerP / 2)
		p.s.carriers.put(&half)
	}
}
