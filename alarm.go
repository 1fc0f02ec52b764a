package runq

// Alarms: what Timer, Ticker and the contexts of WithTimeout have in common, things
// that happen at a time without a task having been put to sleep for it.
//
// The tension: timers are run by an M that picks its next task, perhaps for a task that
// is leaving its stack with locks of other objects held. So running one must be short,
// and may take no lock that anybody holds while leaving a stack. But a timer can be
// stopped, set anew and waited for by several, all at once.
//
// The choice: an alarm has a lock that is held for moments only. Tasks that wait for an
// alarm come into its list by their commit function, when they have left (compare
// wait.go, where the lock is held across the switch). An alarm with a function takes no
// lock when it runs: its node leaves the heap exactly once for each time that it was
// put there, and who gets it out decides, by queueing the function's task or by not
// doing so. An alarm without a function is in a heap only while somebody waits for it;
// what it says is worked out from its deadline by who asks. So nothing is left of one
// that nobody waits for, and nothing stale can be seen after Stop or Reset.
//
// The race it avoids: an M takes the node out because it was due, and the alarm is set
// anew before the M goes on. The M then looks at the deadline under the lock, and at
// who waits, and not at why it came.

import (
	"math"
	"math/rand/v2"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/timerheap"
)

// alarm is embedded in what happens at a time. It has a function, or can be waited for.
type alarm struct {
	node timerheap.Node // first: a pointer to it is one to the whole; its Data is itself
	s    *Scheduler

	fn  func(*Task)     // nil: there is none; doesn't change
	env *env            // of fn's task
	ctx *timeoutContext // whose end fn is; nil: none

	mu     sx.Mutex  // comes after an object's lock, before that of a heap
	seat   int32     // whose heap is used; guarded by mu
	over   bool      // the scheduler's end has been noticed; guarded by mu
	when   int64     // the deadline, 0: it isn't set; guarded by mu
	period int64     // of a ticker, else 0; guarded by mu
	queue  waitQueue // who waits; guarded by mu
}

// init makes the alarm ready to be set. t is the task that does so, nil for anybody.
func (a *alarm) init(s *Scheduler, t *Task) {
	a.node.Data = unsafe.Pointer(a)
	a.s = s
	if t != nil {
		a.seat = t.m.p.id
	} else {
		a.seat = int32(rand.Uint32N(uint32(len(s.fore.seated())))) // so that they don't crowd
	}
}

// schedule puts the alarm into a heap, from which it may have to be taken first: somebody
// may have been about to run it. Then it sees to it that somebody looks at that heap. The
// caller holds a.mu; schedule releases it.
func (a *alarm) schedule() {
	s := a.s
	a.node.Remove()
	seats := s.fore.seated()
	if int(a.seat) >= len(seats) {
		a.seat = 0
	}
	seat, when := a.seat, a.when
	earliest := seats[seat].timers.Add(&a.node, when)
	a.mu.Unlock()
	if seats := s.fore.seated(); int(seat) >= len(seats) { // partner: resize
		s.adopt(seat)
	}
	if earliest {
		s.timerEarlier(when)
	}
	if s.timersOver.Load() && a.node.Remove() { // partner: dropTimers
		a.drop()
	}
}

// adopt moves what has been put into the heap of a seat that has gone.
func (s *Scheduler) adopt(seat int32) {
	s.lock.Lock()
	defer s.lock.Unlock()
	seats := s.fore.seated()
	if int(seat) < len(seats) {
		return // it has come back
	}
	if from := s.fore.timers[seat]; from.MoveTo(seats[0].timers) {
		s.timerEarlier(seats[0].timers.Next())
	}
}

// set gives the alarm the deadline when, 0 for none, and tells whether it took away
// one that hadn't come yet.
func (a *alarm) set(when, period int64) bool {
	a.mu.Lock()
	was := false
	if a.fn != nil {
		was = a.node.Remove()
	} else {
		was = a.when != 0 && a.s.clock.Now() < a.when
		if when == 0 {
			a.node.Remove()
		}
	}
	a.when, a.period = when, period
	if when == 0 || a.fn == nil && a.queue.first == nil {
		a.mu.Unlock()
		return was
	}
	a.schedule()
	return was
}

// due tells whether the deadline has come. a.mu is held.
func (a *alarm) due(now int64) bool { return a.when != 0 && a.when <= now }

// consume notes that somebody has been told that the deadline has come: a ticker's is
// then the next of its times that is yet to come. a.mu is held.
func (a *alarm) consume(now int64) {
	if a.period == 0 {
		return
	}
	if late := now - a.when; late < math.MaxInt64-a.period-now {
		a.when += a.period + late - late%a.period
	} else {
		a.when = math.MaxInt64
	}
}

// fire does what is to be done when m has found the alarm due, at the time now.
func (a *alarm) fire(m *m, now int64) {
	if a.s.timersOver.Load() {
		a.drop()
		return
	}
	if a.fn != nil {
		e := fresh(a.fn, a.env) // nobody's
		m.spawnInside(&e)
		return
	}
	a.mu.Lock()
	var wake *waitNode
	if a.due(now) {
		if a.period == 0 {
			wake, _ = a.queue.claimAll()
		} else if wake = a.queue.claim(); wake != nil {
			a.consume(now)
		}
	}
	if a.queue.first != nil && a.when != 0 {
		a.schedule()
	} else {
		a.mu.Unlock()
	}
	for wake != nil {
		var w *waiter
		w, wake = wake.unlink()
		w.wakeTimed(m)
	}
}

// wakeTimed is wake on behalf of m, which runs timers.
func (w *waiter) wakeTimed(m *m) {
	if w.t != nil && w.t.e.env.s != m.s {
		m = nil
	}
	w.resume(m, event.ReasonWakeTimer)
}

// wait waits until the alarm is due, for t or, if t is nil, an ordinary goroutine.
func (a *alarm) wait(t *Task) error {
	t.beforeWait(true)
	w := newWaiter(t)
	w.contested = t != nil && t.watched()
	w.by = nil
	if t == nil {
		if a.commit(w, nil) {
			w.note.Sleep()
		}
	} else {
		t.park(event.ReasonWaitTimer, commitAlarm, unsafe.Pointer(a))
	}
	ended := w.by == nil
	w.free()
	a.mu.Lock()
	dropped := !ended && w.node.num == alarmDropped
	if ended {
		a.queue.remove(&w.node)
		if a.queue.first == nil {
			a.node.Remove()
		}
		if now := a.s.clock.Now(); a.period == 0 && a.due(now) {
			ended = false // both have come, and Done may have said so
		}
	}
	a.mu.Unlock()
	switch {
	case ended:
		return w.cause()
	case dropped:
		return ErrClosed
	}
	return nil
}

// alarmDropped is waitNode.num of a wait that the scheduler's end has ended.
const alarmDropped = 1

// commitAlarm is commit for a task that has left its stack.
func commitAlarm(t *Task, arg unsafe.Pointer) bool {
	return (*alarm)(arg).commit(&t.c.wait, t.m)
}

// commit puts w into the list of those who wait, unless the wait is over: then it
// returns false. m is the M that a task has left, nil for an ordinary goroutine.
func (a *alarm) commit(w *waiter, m *m) (waits bool) {
	a.mu.Lock()
	now := a.s.clock.Now()
	w.node.num = 0
	if a.when == 0 && a.s.timersOver.Load() {
		a.over = true
	}
	if a.over || a.due(now) && a.queue.first == nil {
		if a.over {
			w.node.num = alarmDropped
		} else {
			a.consume(now)
		}
		w.by = &w.node
		a.mu.Unlock()
		return false
	}
	if a.queue.first == nil && m != nil && m.s == a.s {
		a.seat = m.p.id
	}
	if w.contested {
		w.claim.Store(claimOpen) // partner: watch.fire
		if w.cancelled.Load() && w.claim.CompareAndSwap(claimOpen, claimTaken) {
			a.mu.Unlock()
			return false
		}
	}
	// From here on the context may wake the waiter, but that needs a.mu to go on.
	a.queue.push(&w.node, w)
	if a.queue.first == &w.node && a.when != 0 {
		a.schedule()
	} else {
		a.mu.Unlock()
	}
	return true
}

// drop ends an alarm that has been set when the scheduler is closed, or was.
func (a *alarm) drop() {
	switch {
	case a.ctx != nil:
		a.ctx.outlive()
		return
	case a.fn != nil:
		return
	}
	a.mu.Lock()
	a.over = true
	wake, _ := a.queue.claimAll()
	for n := wake; n != nil; n = n.next {
		n.num = alarmDropped
	}
	a.mu.Unlock()
	wakeAll(wake, nil)
}

// dropTimers ends what is still in the heaps when the last task has ended and no M is
// left. s.timersOver says so to those who come later.
func (s *Scheduler) dropTimers() {
	s.lock.Lock()
	var heaps []*timerheap.Heap
	for _, d := range s.allDomains() {
		heaps = append(heaps, d.timers...)
	}
	s.lock.Unlock()
	for _, h := range heaps {
		for n := h.PopDue(math.MaxInt64); n != nil; n = h.PopDue(math.MaxInt64) {
			(*alarm)(unsafe.Pointer(n)).drop()
		}
	}
}
