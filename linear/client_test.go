package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
)

// errGivenUp is what the contexts end with.
var errGivenUp = errors.New("given up")

// client is one who uses the subject.
type client struct {
	*run
	n     int
	rng   *rand.Rand
	t     *runq.Task             // nil: an ordinary goroutine
	may   atomic.Pointer[life]   // how long c may wait; nil: for ever
	under atomic.Pointer[record] // the operation under way, nil for none
	ended atomic.Bool
	holds int // of the subject: units, or a lock; see there
}

// life is a context.
type life struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// isOver tells whether a context has ended; nil is none.
func (l *life) isOver() bool { return l != nil && l.ctx.Err() != nil }

// giveUp ends the context of c, and tells whether there was one to be ended.
func (c *client) giveUp() bool {
	l := c.may.Load()
	if l == nil || l.isOver() {
		return false
	}
	l.end(errGivenUp)
	return true
}

// live does a number of operations, a few at a time by a task or by a goroutine.
func (c *client) live(ops int) {
	defer c.ended.Store(true)
	for ops > 0 {
		some := min(ops, 1+c.rng.IntN(8))
		ops -= some
		if c.rng.IntN(3) == 0 {
			c.stretch(some)
			continue
		}
		ctx, end := context.WithCancelCause(context.Background())
		c.may.Store(&life{ctx, end})
		s := c.stage.schedulers[c.rng.IntN(len(c.stage.schedulers))]
		err := s.Run(ctx, func(t *runq.Task) error {
			c.t = t
			if c.rng.IntN(16) == 0 {
				t.LockThread()
			}
			c.stretch(some)
			return nil
		})
		c.t = nil
		c.may.Store(nil)
		end(nil)
		if err != nil && err != errGivenUp { // it may be given up before it begins
			c.stage.t.Errorf("Run: %v", err)
		}
	}
	c.subject.leave(c)
}

// stretch does some operations, with other things in between.
func (c *client) stretch(some int) {
	for range some {
		c.dawdle()
		c.subject.act(c)
	}
}

// dawdle does something between two operations, or nothing.
func (c *client) dawdle() {
	if c.rng.IntN(c.haste) == 0 {
		c.clients[c.rng.IntN(len(c.clients))].giveUp()
	}
	switch c.rng.IntN(16) {
	case 0:
		if c.t == nil {
			c.look()
		} else {
			c.t.Block(c.look)
		}
	case 1, 2:
		if c.t == nil {
			runtime.Gosched()
		} else {
			c.t.Yield()
		}
	case 3:
		if c.t != nil {
			c.t.Block(runtime.Gosched)
		}
	case 4:
		if c.t != nil {
			c.t.Sleep(time.Duration(c.rng.IntN(50)) * time.Microsecond)
		}
	case 5:
		if c.t != nil {
			c.t.Checkpoint()
		}
	}
}

// do records the call of f, which leaves its results in op.
func (c *client) do(op operation, f func()) {
	id := c.used.Add(1) - 1
	r := &c.records[id]
	r.op, r.client, r.task = op, c.n, c.t != nil
	if c.t != nil {
		c.t.SetLabel(strconv.FormatInt(id, 10))
	}
	c.under.Store(r)
	c.progress.Add(1)
	r.call = c.stamp()
	f()
	r.ret = c.stamp()
	c.progress.Add(1)
	c.under.Store(nil)
	if c.t != nil {
		c.t.SetLabel("")
	}
}

// gaveUp tells whether err is that of a wait that the context has ended. It fails the
// test if err is neither that nor nil.
func (c *client) gaveUp(err error) bool {
	if err == nil {
		return false
	}
	c.gaveUps.Add(1)
	if err != errGivenUp || c.t == nil || context.Cause(c.t.Context()) != errGivenUp {
		c.stage.t.Errorf("a wait has ended with %v; the task is %v", err, c.t)
		c.broken.Store(true)
	}
	return true
}

// panics calls f and tells whether it panicked.
func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// whether tells in words that an operation has panicked or given up, if it has.
func whether(panicked, gaveUp bool) string {
	return fmt.Sprint(map[bool]string{true: " panics"}[panicked], map[bool]string{true: " gives up"}[gaveUp])
}
