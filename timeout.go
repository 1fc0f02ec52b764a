package runq

// Contexts that a timer of the scheduler ends.
//
// The tension: package context lets nobody but itself end one of its contexts with
// DeadlineExceeded; ended through a CancelFunc, it says Canceled, and so do all those
// derived from it. A context of one's own, on the other hand, hears of its parent's end
// only on a goroutine, a moment later.
//
// The choice: two of package context's inside, the lower derived from the upper, which
// is ended with the cause DeadlineExceeded, and around them one of our own. Its Done is
// that of the lower one, so it ends in the same moment as its parent. Its Value shows
// the upper one, by which Cause finds the cause; but as that one's Done is another,
// package context doesn't take it for the parent of what is derived from ours, and asks
// our AfterFunc instead. That keeps a list, and who ends the context calls what is in
// it, so that those derived end in the same moment, too, with our Err. Only when it is
// the parent that ends, they hear of it on a goroutine.

import (
	"context"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// WithTimeout is context.WithTimeout with a timer of s, nil for Default: it returns a
// context that ends in d, when the CancelFunc is called or when the parent ends. At the
// deadline, Err is context.DeadlineExceeded. When s is closed first, a timer of Go's
// takes over.
//
// Like context.WithTimeout it takes no goroutine while it lasts, nor do contexts that are
// derived from it, with one exception: package context needs a goroutine for each that is
// derived from a context.WithValue which is derived from this one. So derive values
// first, and the limit from them.
//
// The CancelFunc should be called as soon as the context isn't needed any more, also when
// the parent has ended; else its timer is left until the deadline.
func WithTimeout(parent context.Context, s *Scheduler, d time.Duration) (context.Context, context.CancelFunc) {
	if s == nil {
		s = Default()
	}
	deadline := time.Now().Add(d)
	if earlier, ok := parent.Deadline(); ok && earlier.Before(deadline) {
		return context.WithCancel(parent)
	}
	c := &timeoutContext{deadline: deadline}
	c.upper, c.endUpper = context.WithCancelCause(parent)
	c.Context, c.endLower = context.WithCancel(c.upper)
	if d <= 0 || c.upper.Err() != nil {
		c.expire()
		return c, c.cancel
	}
	tm := &c.timer
	tm.init(s, nil)
	tm.fn, tm.env, tm.ctx = func(*Task) { c.expire() }, s.detached, c
	tm.set(after(s.clock, d), 0)
	return c, c.cancel
}

// timeoutContext is a context that WithTimeout returns.
type timeoutContext struct {
	context.Context // the lower one
	upper           context.Context
	endUpper        context.CancelCauseFunc
	endLower        context.CancelFunc
	deadline        time.Time
	timer           alarm
	expired         sx.Bool // the deadline has come; written before upper is ended for it

	mu     sx.Mutex
	native *time.Timer          // Go's, which has taken over; guarded by mu
	over   bool                 // the list has been called; guarded by mu
	list   map[*func()]struct{} // what AfterFunc has registered; guarded by mu
	unhook func() bool          // ends the listening for the parent's end, nil: there is none; guarded by mu
}

// Deadline implements context.Context.
func (c *timeoutContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Value implements context.Context.
func (c *timeoutContext) Value(key any) any { return c.upper.Value(key) }

// Err implements context.Context. The deadline may come when the context has just ended
// for another reason: then the cause is that.
func (c *timeoutContext) Err() error {
	err := c.Context.Err()
	if err != nil && c.expired.Load() && context.Cause(c.upper) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// AfterFunc is how package context learns of the end. f must be short.
func (c *timeoutContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		sx.Go(f) // not here: the caller may hold what f needs
		return func() bool { return false }
	}
	if c.unhook == nil {
		c.list = make(map[*func()]struct{})
		c.unhook = context.AfterFunc(c.Context, c.callList)
	}
	k := &f
	c.list[k] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, was := c.list[k]
		delete(c.list, k)
		return was
	}
}

// callList calls what is in the list, the first time that it is called.
func (c *timeoutContext) callList() {
	c.mu.Lock()
	list := c.list
	c.list, c.over = nil, true
	if c.native != nil {
		c.native.Stop()
	}
	c.mu.Unlock()
	for f := range list {
		(*f)()
	}
}

// finish ends the context, unless it has ended before.
func (c *timeoutContext) finish(cause error) {
	c.mu.Lock()
	unhook := c.unhook
	c.mu.Unlock()
	if unhook != nil {
		unhook()
	}
	c.endUpper(cause)
	c.endLower() // it has ended with upper
	c.callList()
}

// cancel is what the CancelFunc does.
func (c *timeoutContext) cancel() {
	c.timer.node.Remove()
	c.finish(context.Canceled)
}

// expire is what happens at the deadline.
func (c *timeoutContext) expire() {
	if c.Context.Err() != nil {
		return // for another reason, and that stays so
	}
	c.expired.Store(true)
	c.finish(context.DeadlineExceeded)
}

// outlive lets a timer of Go's take over from the scheduler, which is closed.
func (c *timeoutContext) outlive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.native = time.AfterFunc(time.Until(c.deadline), c.expire)
	}
}
