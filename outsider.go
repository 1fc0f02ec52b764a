package runq

// What ends a Select from outside: a timer, or a context that isn't the task's own.
//
// Both come on a stack of their own and at their own time, perhaps when the Select is
// long over and the waiter is in another one. So each has a lock under which it says
// whom to wake: commitSelect sets that when the claim is open, and the waiter clears it
// when it is back. A timer's object is used again by the next Select, and who has
// taken the timer out of its heap may come only then: it looks at the deadline once
// more, and what is due then is due, whoever says so.
//
// The lock is held for a moment only, never while somebody leaves a stack: an M runs
// timers while its own task is just leaving with channels locked.

import (
	"context"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/timerheap"
)

// outsider is what the two have in common.
type outsider struct {
	mu   sx.Mutex
	w    *waiter  // whom to wake, nil: nobody; guarded by mu
	node waitNode // stands for the case in waiter.by
}

// take claims the waiter, if there is one and nobody else has. o.mu is held.
func (o *outsider) take() *waiter {
	w := o.w
	if w == nil || !w.claim.CompareAndSwap(claimOpen, claimTaken) {
		return nil
	}
	w.by = &o.node
	return w
}

// drop ends the waiter's part.
func (o *outsider) drop() {
	o.mu.Lock()
	o.w = nil
	o.mu.Unlock()
}

// arm sets what ends the Select of w from outside: the claim is open, and all the locks
// are held. m is the M that the task has left, nil for an ordinary goroutine. It tells
// whether the wait is over, because a context has ended, and arm won the claim.
func (s *selection) arm(w *waiter, m *m) (over bool) {
	for _, e := range s.ends {
		if e.arm(w) {
			return true
		}
	}
	if s.timer.set {
		s.timer.arm(w, m)
	}
	return false
}

// selectTimer is the earliest After case of a Select. Its node is in the heap of a P;
// for an ordinary goroutine it has a timer of Go's.
type selectTimer struct {
	timer timerheap.Node // first: a pointer to it is one to the whole; its Data is nil
	outsider
	native *time.Timer
	set    bool  // there is such a case; the waiter's
	until  int64 // its deadline; the waiter's
	when   int64 // until, of the present wait; guarded by mu
}

// nativeClock measures time for ordinary goroutines.
var nativeClock = newClock()

// plan sets the timer's deadline for the wait of w that is about to begin.
func (st *selectTimer) plan(w *waiter, d time.Duration) {
	clk := nativeClock
	if w.t != nil {
		clk = w.t.e.env.s.clock
	}
	st.set, st.until = true, after(clk, d)
}

func (st *selectTimer) arm(w *waiter, m *m) {
	until := st.until
	st.mu.Lock()
	st.w, st.when = w, until
	earliest := false
	if m != nil {
		earliest = m.p.timers.Add(&st.timer, until)
	} else {
		left := time.Duration(until - nativeClock.Now())
		st.native = time.AfterFunc(left, func() { st.fire(nil, nativeClock.Now()) })
	}
	st.mu.Unlock()
	if earliest {
		m.s.timerEarlier(until)
	}
}

// fire ends the wait whose deadline has been reached. m is the M that has found the
// timer due, nil if it is Go's.
func (st *selectTimer) fire(m *m, now int64) {
	st.mu.Lock()
	var w *waiter
	if now >= st.when {
		w = st.take()
	}
	st.mu.Unlock()
	if w != nil {
		w.resume(m, event.ReasonWakeTimer)
	}
}

// stop ends the timer's part in the wait.
func (st *selectTimer) stop() {
	if !st.set {
		return
	}
	st.set = false
	if !st.timer.Remove() && st.native != nil {
		st.native.Stop()
	}
	st.drop()
}

// selectEnd is a Done case that waits. It is an object of its own because the context
// may come late.
type selectEnd struct {
	outsider
	ended bool // guarded by mu
	stop  func() bool
}

// watchEnds registers with the task's context and with those of the Done cases. No lock
// may be held, and the waiter's selection not be in use: methods of a context may do
// anything, and panic.
func watchEnds(t *Task, cases []Case) (ends []*selectEnd) {
	if t != nil {
		t.watchContext()
	}
	watched := false
	defer func() {
		if !watched {
			unwatchEnds(ends)
		}
	}()
	for i := range cases {
		if k := &cases[i]; k.kind == caseDone {
			e := new(selectEnd)
			e.stop = context.AfterFunc(k.ctx, e.fire)
			ends = append(ends, e)
		}
	}
	watched = true
	return ends
}

// unwatchEnds ends the parts of the contexts in the wait. No lock may be held.
func unwatchEnds(ends []*selectEnd) {
	for _, e := range ends {
		e.drop()
	}
	for _, e := range ends {
		e.stop()
	}
}

// arm tells whether the context has ended before, and arm has won the claim.
func (e *selectEnd) arm(w *waiter) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.w = w
	return e.ended && e.take() != nil
}

// fire ends the wait because the context has ended.
func (e *selectEnd) fire() {
	e.mu.Lock()
	e.ended = true
	w := e.take()
	e.mu.Unlock()
	if w != nil {
		w.resume(nil, event.ReasonWakeContext)
	}
}
