package runq

import "time"

// Timer is a single moment in the future: something that can be waited for, made by
// NewTimer, or at which a function is run, made by AfterFunc. All methods may be called
// by tasks of any scheduler and by ordinary goroutines, at any time.
type Timer struct{ alarm }

// NewTimer returns a timer that runs off in d, at once if d isn't positive. It needs no
// Stop: what nobody waits for costs nothing.
func (s *Scheduler) NewTimer(d time.Duration) *Timer {
	tm := new(Timer)
	tm.init(s, nil)
	tm.when = after(s.clock, d)
	return tm
}

// AfterFunc runs fn in d, at once if d isn't positive, in a task of its own, detached,
// as Scheduler.Go would. fn must not be nil. It returns a Timer by which that can be
// called off. A task that calls it should use Task.AfterFunc, which is faster.
//
// Close doesn't wait for functions whose time hasn't come when the last task has ended:
// they never run. The same is true of AfterFunc after Close.
func (s *Scheduler) AfterFunc(d time.Duration, fn func(t *Task)) *Timer {
	if fn == nil {
		panic("runq: Scheduler.AfterFunc: the function is nil")
	}
	return s.afterFunc(d, nil, fn, s.detached)
}

// AfterFunc is Scheduler.AfterFunc on t's scheduler. The task inherits t's context, as
// with Task.Go.
func (t *Task) AfterFunc(d time.Duration, fn func(t *Task)) *Timer {
	t.enter("AfterFunc")
	if fn == nil {
		panic("runq: Task.AfterFunc: the function is nil")
	}
	return t.e.env.s.afterFunc(d, t, fn, t.e.env.child)
}

func (s *Scheduler) afterFunc(d time.Duration, t *Task, fn func(*Task), env *env) *Timer {
	tm := new(Timer)
	tm.init(s, t)
	tm.fn, tm.env = fn, env
	tm.set(after(s.clock, d), 0)
	return tm
}

// Wait waits until the timer has run off; it returns at once when it has before. Any
// number may wait for a timer. While it is stopped, they wait for a Reset. t is the
// calling task, nil for an ordinary goroutine. When t's context ends first, Wait
// returns its cause; when the timer's scheduler has been closed first, ErrClosed. (But
// Close doesn't know of who waits for a timer that is stopped at that moment: only a
// Reset, or the context, ends such a wait.) It
// panics when the timer was made by AfterFunc.
func (tm *Timer) Wait(t *Task) error {
	if t != nil {
		t.enter("Timer.Wait")
	}
	if tm.fn != nil {
		panic("runq: Timer.Wait: the timer was made by AfterFunc; its function is what is told")
	}
	if tm.Done() {
		return nil
	}
	return tm.wait(t)
}

// Done tells whether the timer has run off since it was set. It is false when the timer
// has been stopped.
func (tm *Timer) Done() bool {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.due(tm.s.clock.Now())
}

// Stop keeps the timer from running off. It returns true if it did, false if the timer
// had run off or been stopped before; a function's task has begun then, or is about to.
// (A time.Timer whose value nobody has received says true even after it has run off; a
// Timer has no value to receive: that it has run off is seen by all who ask.)
// It doesn't end a Wait. After Stop no Wait returns because of what the timer was set
// to before.
func (tm *Timer) Stop() bool { return tm.set(0, 0) }

// Reset makes the timer run off in d from now, at once if d isn't positive, whatever it
// was set to before. It returns what Stop would have. After a false, a function may
// run twice: for the time before, and again in d. Who is in Wait, waits for the new time.
func (tm *Timer) Reset(d time.Duration) bool { return tm.set(after(tm.s.clock, d), 0) }
