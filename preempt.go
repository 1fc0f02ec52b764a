package runq

// Preemption by consent, and attending to what others ask.
//
// Tasks run on ordinary goroutines, so that a task can't be stopped from outside
// at any instruction. What can be done from outside is to ask, and to take the P
// away from a task that doesn't answer (retake.go). Asking is a flag on the task,
// since the task is what a checkpoint has at hand: one load, no pointer to follow.
// The flag may reach the next task on that memory instead, when the first has just
// ended; a yield too many does no harm.
//
// Whoever asks must be on time, and sysmon isn't when it matters most: while every Go
// P computes, Go itself gives its goroutine a turn only after 10 ms. So a task that
// comes to checkpoints also looks at the clock itself. A look costs as much as some
// twenty checkpoints. They are counted, and how many make a look follows from how
// fast they came: there is one about every lookEvery.

import (
	"math"

	"github.com/runq-go/runq/event"
)

const (
	// lookEvery is the time between two looks of a task at the clock: a tenth of what
	// a timer may be late (1 ms), and a thousand times of what a look costs.
	lookEvery = 100e3 // ns

	// looksFirst is how many checkpoints a new task passes before its first look. A
	// task that comes to but one or two in its life shouldn't pay for the clock.
	looksFirst = 4

	// looksFaster bounds by how much their number grows from look to look: checkpoints
	// may be far apart again at any time, and then the next look comes late.
	looksFaster = 8

	// promoteAfter is how long the task must have run since its last look for a fork to
	// be promoted: a promotion and the waking of an M for it cost some microseconds, and
	// the first looks of a task follow on each other closely.
	promoteAfter = lookEvery / 4

	// looksMost bounds their number: below begged and asked.
	looksMost = 1 << 30
)

// threadsPerP bounds the threads of a domain with threads of its own that come of taking
// turns: a task that is interrupted keeps its thread.
const threadsPerP = 16

// asked is Task.preempt when the task is asked to yield: more than pace.left can be, so
// that one comparison finds out about both.
const asked = math.MaxInt32

// begged is Task.preempt when an M without work begs for a fork of the task (steal.go): more
// than pace.left can be, too. To be asked goes before it.
const begged = looksMost + 1

// pace counts a task's checkpoints. Owner: the task.
type pace struct {
	left    int32 // how many may still pass without a look
	granted int32 // what left was after the last look
}

// adapt sets how many checkpoints make a look, now that those of before took d.
func (pc *pace) adapt(d int64) {
	n := int64(pc.granted) + 1
	pc.granted = int32(min(n*lookEvery/max(d, 1), n*looksFaster, looksMost))
}

// freshPace is the pace of a new task.
var freshPace = pace{looksFirst, looksFirst}

// lookout is what an M knows of the time. Owner: the M.
type lookout struct {
	at     int64  // when it last looked
	tick   uint32 // of its P, then: the same task has run since if it hasn't changed
	slices uint32 // of its P, then
	since  int64  // when it first looked in this slice
}

// Checkpoint yields if the scheduler has asked the task to, because its slice is over
// and others wait or the world is to be stopped, or if a timer is due. It costs about
// a nanosecond when there is nothing to be done, so that it can stand in inner loops.
// A background task sleeps there if it mustn't run now (see Config.BackgroundNice and
// LatencyTarget): for milliseconds as a rule, and for up to a second while others want all
// processors; so it shouldn't have a lock then that others want soon.
// It doesn't check that t is the caller's own task.
func (t *Task) Checkpoint() {
	t.pace.left--
	if t.pace.left < int32(t.preempt.Load()) { // partner: retakeRunning, stopTheWorld
		t.checkpoint()
	}
}

// checkpoint is the rest of Checkpoint.
func (t *Task) checkpoint() {
	m := t.enter("Checkpoint")
	if t.preempt.CompareAndSwap(begged, 0) { // partner: begForFork
		t.tryPromote(m, m.s.clock.Now())
		if t.pace.left >= 0 {
			return
		}
	}
	if t.preempt.Load() == 0 {
		t.lookAtClock(m)
		return
	}
	t.preempt.Store(0)
	t.pace = freshPace // that others had to ask shows that it has become too slow
	if m.p.attn.Load()&attnAsked != 0 {
		t.attend()
		return
	}
	t.preempted(m)
}

// preempted ends the task's slice.
func (t *Task) preempted(m *m) {
	if t.home != nil && m.d.manyThreads() {
		return // those that have begun go on, one after the other
	}
	m.p.c.preemptions++
	t.requeue(event.ReasonPreempted)
}

// manyThreads tells whether tasks of a domain with threads of its own, beside those that
// wait for something, have as many threads as they may.
func (d *domain) manyThreads() bool {
	return int(d.threads.Load()-d.waiting.Load()) >= len(d.seated())*threadsPerP
}

// lookAtClock runs the timers that are due, and yields to what they have made ready,
// or to anybody if the slice is over.
func (t *Task) lookAtClock(m *m) {
	now := m.s.clock.Now()
	l, p := &m.lookout, m.p
	if l.slices != p.slices || l.since == 0 {
		l.slices, l.since = p.slices, now
	}
	if l.tick == p.tick {
		t.pace.adapt(now - l.at)
		if now-l.at >= promoteAfter {
			t.tryPromote(m, now)
		}
		if !p.next.Empty() { // it was left to this M, which runs on
			p.local.Store(0)
			m.d.wake()
		}
	}
	t.pace.left = t.pace.granted
	l.at, l.tick = now, p.tick
	if t.home != nil && m.restrained() {
		if p.attn.Load()&attnAsked != 0 {
			t.attend()
			return
		}
		now = m.s.clock.Now()
	}
	ran := false
	for _, q := range m.d.seated() {
		if due := q.timers.Next(); due != 0 && due <= now {
			m.runTimers(q)
			ran = true
		}
	}
	switch {
	case ran && p.hasWork():
		t.giveWay(m)
	case now-l.since >= p.class.slice && (p.hasWork() || m.d.queued()):
		t.preempted(m)
	case p.turn.serves && now >= p.turn.until && m.d.queuedBut(p.class):
		t.preempted(m)
	case p.attn.Load()&attnPreempt != 0: // it was asked for while the task was being switched to
		t.preempted(m)
	}
}

// giveWay lets the P's own queue come before the task: not by way of pick, whose turn
// for the global queue might send the task itself on, with those who were to run
// waiting for another slice.
func (t *Task) giveWay(m *m) {
	p := m.p
	if t.lock != nil || p.attn.Load()&(attnAsked|attnFair) != 0 {
		t.requeue(event.ReasonPreempted)
		return
	}
	if g := p.next.Take(); g != nil {
		m.found = begun(g)
	} else if !p.run.Take(&m.found) {
		return // they have been stolen
	}
	p.tick++
	p.slices++
	p.c.preemptions++
	t.leaveRunnable(leaveGlobal, m.foundStack(), event.ReasonPreempted)
}

// attend answers what has been asked of the M, at the end of a slow call. It
// returns when the task may go on: on a P.
func (t *Task) attend() {
	a := t.m.p.attn.Load()
	switch {
	case a&attnUnseat != 0:
		t.requeue(event.ReasonLostP)
	case a&attnStop != 0:
		t.requeue(event.ReasonStopTheWorld)
	case a&attnLease != 0:
		t.requeue(event.ReasonPreempted)
	}
}

// requeue sends the task to the global queue, behind everything that waits, and
// lets the M look for other work. A task in the middle of a stop goes to its P's
// own queue, so that it stays where it was.
func (t *Task) requeue(why event.Reason) {
	if t.lock != nil {
		t.m.requeueLocked(t, why)
		return
	}
	kind := leaveGlobal
	if why == event.ReasonStopTheWorld {
		kind = leaveYield
	}
	t.leaveRunnable(kind, &t.m.g0, why)
}

// enter begins a call into the scheduler that needs a P: it checks that the
// caller's task is one that runs. It is the place where misuse of a *Task is found.
func (t *Task) enter(call string) *m {
	if t == nil || t.status != gRunning {
		misused(t, call)
	}
	return t.m
}
