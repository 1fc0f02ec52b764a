package runq

// Earliest deadline first: the order of tasks in a class that has deadlines. A task's is its
// context's, or some time after it has become runnable; who is due first runs first, on
// whatever P (internal/queue's Deadlines instead of the class's queue).

import (
	"context"
	"time"
)

// putDue queues a task in order of deadline.
func (c *Class) putDue(e entry) { c.edf.Put(e, c.dueOf(&e)) }

// dueOf returns the deadline of a task that is runnable from now on, or from when it was
// spawned.
func (c *Class) dueOf(e *entry) int64 {
	since := e.born
	if e.g() != nil || since == 0 {
		since = c.s.clock.Now()
	}
	due := since + int64(c.cfg.Deadline)
	if d := e.environment().due; d != 0 {
		due = min(due, d)
	}
	return due
}

// deadlineOf returns the deadline of ctx, 0 if there is none or the class doesn't go by
// deadlines.
func (c *Class) deadlineOf(ctx context.Context) int64 {
	if c.edf == nil {
		return 0
	}
	d, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(c.s.clock.Now()+int64(time.Until(d)), 1)
}
