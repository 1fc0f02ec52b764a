package runq

// Blocking calls.
//
// The tension: a call that may block for long should not hold a P, but most calls
// that may block don't, and giving a P up and getting one again costs microseconds.
//
// The choice, as in Go's runtime: the P stays with the M, and the M says in its
// phase word that it may be taken. If the call is over soon, the M takes it back
// with one compare-and-swap on that word. If not, sysmon takes the P with one and
// gives it to another M.
//
// The race it avoids: sysmon and the M both want the P at the end of the call; the
// word gives it to one. And sysmon must not take it from a later call than the one
// it has looked at, or a program with many short calls would lose its P all the
// time: so the word carries the call's number.

import "github.com/runq-go/runq/event"

// The phase word: a call's number above the phase.
const (
	phaseRun     = 0 // the P is the M's; it runs, or is inside the scheduler
	phaseBlocked = 1 // the P may be taken
	phaseTaken   = 2 // the P has been taken
	phaseMask    = 3
	phaseStep    = 4 // from one call's number to the next
)

// Block calls fn, which may block the thread: a system call, cgo, a channel, a
// lock, anything that waits outside of runq. While fn runs, the task's P can be
// given to others, so that a blocked thread costs no parallelism. Block costs a
// few nanoseconds when fn returns soon.
//
// fn must not use the task: it is not on a P. Work that computes for long belongs
// outside of fn, for fn isn't counted against the number of Ps once its P has been
// taken. At most Config.MaxBlocked calls may be without a P; the calls beyond keep
// theirs. A call beyond ClassConfig.MaxBlocked of the task's class waits for its turn
// first. A panic or Goexit in fn goes through Block like any call.
func (t *Task) Block(fn func()) {
	if fn == nil {
		panic("runq: Task.Block: the function is nil")
	}
	m := t.enter("Block")
	if c := t.e.env.class; c.calls != nil {
		c.calls.acquireAnyway(t)
		defer c.calls.Release(t, 1)
		m = t.m
	}
	p := m.p
	p.c.blocks++
	t.status = gBlocked
	if p.events != nil {
		t.event(event.KindTaskBlocked, event.ReasonNone, 0)
	}
	m.blockSeq += phaseStep
	m.phase.Store(m.blockSeq | phaseBlocked) // partner: retakeBlocked
	defer t.unblock()
	fn()
}

// unblock ends a blocking call: it returns when the task has a P.
func (t *Task) unblock() {
	m := t.m
	if !m.phase.CompareAndSwap(m.blockSeq|phaseBlocked, phaseRun) { // partner: retakeBlocked
		t.unblockSlow(m)
		return
	}
	t.status = gRunning
	p := m.p
	if p.events != nil {
		t.event(event.KindTaskUnblocked, event.ReasonNone, 0)
	}
	if p.attn.Load() != 0 {
		t.attend()
	}
}

// unblockSlow gets a P for an M whose own was taken during the call: the old one
// if it is idle, another idle one, or else the task is queued and the M parks.
func (t *Task) unblockSlow(m *m) {
	s := m.s
	s.lock.Lock()
	m.phase.Store(phaseRun)
	s.blocked--
	t.e.env.class.blocked--
	p := m.oldP
	m.oldP = nil
	if s.stopping || !m.d.idle.TakeP(p) {
		p = m.d.idleP()
	} else {
		s.wakeSysmon()
	}
	if p != nil {
		m.acquire(p)
		s.lock.Unlock()
		p.serveTask(t)
		t.status = gRunning
		if p.events != nil {
			t.event(event.KindTaskUnblocked, event.ReasonNone, 0)
		}
		return
	}
	s.lock.Unlock()
	t.status = gRunnable
	t.cold = true
	t.reason = event.ReasonLostP
	s.eventOut(t, event.KindTaskUnblockedQueued, event.ReasonNone)
	if t.lock != nil {
		m.waitLockedQueued(t)
		return
	}
	m.leave.kind, m.leave.g = leaveNoP, t
	t.c.switchTo(&m.g0, m)
	t.resumed()
}
