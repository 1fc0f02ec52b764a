package runq

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestWithTimeout checks what a context and those derived from it say when the time has
// come, for timers of a scheduler as for a timeout of zero.
func TestWithTimeout(t *testing.T) {
	for _, d := range []time.Duration{time.Minute, 0} {
		clk := newFakeClock()
		s := newTestClock(t, Config{Procs: 1}, clk)
		type key struct{}
		parent := context.WithValue(context.Background(), key{}, "value")
		before := time.Now()
		ctx, cancel := WithTimeout(parent, s, d)
		defer cancel()
		if at, ok := ctx.Deadline(); !ok || at.Before(before.Add(d)) || at.After(time.Now().Add(d)) {
			t.Errorf("Deadline = %v, %v", at, ok)
		}
		child, cancelChild := context.WithCancel(ctx)
		defer cancelChild()
		grandchild, cancelGrandchild := context.WithTimeout(child, time.Hour)
		defer cancelGrandchild()
		called := make(chan error, 1)
		context.AfterFunc(ctx, func() { called <- context.Cause(ctx) })
		stop := context.AfterFunc(child, func() {
			if d > 0 {
				t.Error("it was stopped, and is called")
			}
		})
		if d > 0 {
			if ctx.Err() != nil || context.Cause(ctx) != nil || isClosed(ctx.Done()) || !stop() || stop() {
				t.Error("it has ended too early")
			}
			awaitTimers(t, s, clk, 1)
			clk.advance(d)
		}
		for _, c := range []context.Context{ctx, child, grandchild} {
			awaitClosed(t, "the context ends", c.Done())
			if c.Err() != context.DeadlineExceeded || context.Cause(c) != context.DeadlineExceeded {
				t.Errorf("Err = %v, Cause = %v", c.Err(), context.Cause(c))
			}
			if c.Value(key{}) != "value" {
				t.Error("the value is lost")
			}
		}
		if err := awaitClosed(t, "the function is called", called); err != context.DeadlineExceeded {
			t.Errorf("Cause = %v", err)
		}
		cancel()
		if ctx.Err() != context.DeadlineExceeded {
			t.Errorf("Err = %v after cancel", ctx.Err())
		}
	}
}

// TestWithTimeoutCancel checks that the CancelFunc ends the context and those derived
// from it before it returns, and takes the timer back.
func TestWithTimeoutCancel(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1}, clk)
	ctx, cancel := WithTimeout(context.Background(), s, time.Minute)
	child, cancelChild := context.WithCancel(ctx)
	defer cancelChild()
	cancel()
	for _, c := range []context.Context{ctx, child} {
		if c.Err() != context.Canceled || context.Cause(c) != context.Canceled || !isClosed(c.Done()) {
			t.Errorf("Err = %v, Cause = %v", c.Err(), context.Cause(c))
		}
	}
	if sleeping(s) != 0 {
		t.Error("a timer is left")
	}
	late, cancelLate := context.WithCancel(ctx)
	defer cancelLate()
	if late.Err() != context.Canceled {
		t.Errorf("derived from one that has ended: Err = %v", late.Err())
	}
	cancel()
}

// TestWithTimeoutParent checks that the context ends with its parent, for the same
// cause, and that a parent with an earlier deadline has its way.
func TestWithTimeoutParent(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1}, clk)
	cause := errors.New("cause")
	parent, cancelParent := context.WithCancelCause(context.Background())
	ctx, cancel := WithTimeout(parent, s, time.Minute)
	defer cancel()
	child, cancelChild := context.WithCancel(ctx)
	defer cancelChild()
	cancelParent(cause)
	if ctx.Err() != context.Canceled || context.Cause(ctx) != cause {
		t.Errorf("Err = %v, Cause = %v", ctx.Err(), context.Cause(ctx))
	}
	awaitClosed(t, "the child ends", child.Done())
	if child.Err() != context.Canceled || context.Cause(child) != cause {
		t.Errorf("child: Err = %v, Cause = %v", child.Err(), context.Cause(child))
	}
	awaitTimers(t, s, clk, 1)
	clk.advance(time.Minute)
	awaitTrue(t, "the deadline passes", func() bool { return sleeping(s) == 0 })
	if ctx.Err() != context.Canceled || context.Cause(ctx) != cause {
		t.Errorf("after the deadline: Err = %v, Cause = %v", ctx.Err(), context.Cause(ctx))
	}

	early, cancelEarly := context.WithTimeout(context.Background(), time.Hour)
	defer cancelEarly()
	inner, cancelInner := WithTimeout(early, s, 2*time.Hour)
	defer cancelInner()
	want, _ := early.Deadline()
	if at, _ := inner.Deadline(); !at.Equal(want) || sleeping(s) != 0 {
		t.Errorf("the deadline is %v, want %v of the parent; %d timers", at, want, sleeping(s))
	}
}

// TestWithTimeoutRaces lets the deadline, the CancelFunc and the parent's end come
// together, while others are derived: all end, and agree about why.
func TestWithTimeoutRaces(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for i := range 300 {
		parent, cancelParent := context.WithCancel(context.Background())
		ctx, cancel := WithTimeout(parent, s, time.Duration(i%40)*time.Microsecond)
		var childs []context.Context
		var cancels []context.CancelFunc
		for range 3 {
			c, end := context.WithCancel(ctx)
			childs, cancels = append(childs, c), append(cancels, end)
		}
		go cancelParent()
		if i%2 == 0 {
			cancels[0]()
		}
		if i%3 == 0 {
			cancel()
		}
		awaitClosed(t, "the context ends", ctx.Done())
		for k, c := range childs {
			awaitClosed(t, "the derived ones end", c.Done())
			if k > 0 && c.Err() != ctx.Err() {
				t.Errorf("the context says %v, one derived from it %v", ctx.Err(), c.Err())
			}
			cancels[k]()
		}
		cancel()
	}
}

// TestWithTimeoutErrStays checks that what Err has said once, it says ever after, and
// that a parent which has ended needs no timer.
func TestWithTimeoutErrStays(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 1}, clk)
	parent, cancelParent := context.WithCancelCause(context.Background())
	ctx, cancel := WithTimeout(parent, s, time.Minute)
	defer cancel()
	cancelParent(context.DeadlineExceeded) // as a cause, which isn't what Err says
	if ctx.Err() != context.Canceled {
		t.Errorf("Err = %v", ctx.Err())
	}
	awaitTimers(t, s, clk, 1)
	clk.advance(time.Hour)
	awaitTrue(t, "the timer has run", func() bool { return sleeping(s) == 0 })
	clk.awaitIdle(t)
	if ctx.Err() != context.Canceled {
		t.Errorf("Err = %v after the deadline", ctx.Err())
	}
	late, cancelLate := WithTimeout(parent, s, time.Minute)
	defer cancelLate()
	if late.Err() != context.Canceled || sleeping(s) != 0 {
		t.Errorf("Err = %v, %d timers", late.Err(), sleeping(s))
	}
}
