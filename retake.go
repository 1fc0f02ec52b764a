package runq

// Taking a P from an M that doesn't come back with it.
//
// The tension: a task may run on for long without calling into the scheduler,
// because it computes, or because it waits in ordinary Go (a channel, a lock, C).
// Its P is wanted by others, but the task may call into the scheduler at the very
// moment the P is taken, and then two Ms work on one P's queue. A word that every
// such call must win by compare-and-swap would settle it, and would cost every
// spawn and every wait some ten nanoseconds for a case that arises a hundred times
// a second at most.
//
// The choice: the P isn't taken away, it is replaced. A P is only as good as the
// seat it holds. Sysmon puts another P into the seat, moves the queued tasks over,
// as any thief may, and starts an M on it. The old M keeps the old P, unseated, as
// a private workplace: whatever it does with its queue, its free lists and its
// counters at that moment is still safe, because nobody else does. A flag tells it
// to give the remains back and to wait for a real P when it next comes by.
//
// A P in a blocking call is different: there the M has said that it doesn't touch
// the P, so the P itself moves, with its queue (block.go).
//
// The race it avoids: a task that is spawned while sysmon moves the queue over may
// be left behind in the unseated P. If its M looks at the flag after putting it
// there, it moves it itself; if the flag was raised later, sysmon's next beat does.

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// blockedAlways is after what time a P in a blocking call is taken even when
	// nobody needs it (Go: 10 ms), so that sysmon can go to sleep.
	blockedAlways = 10e6 // ns

	// waitsAfter is after what time a P is taken from a task that waits in ordinary
	// Go, as far as that can be told (stuck.go): some beats, so that a wait that is
	// over soon costs nothing.
	waitsAfter = 200e3 // ns

	// outrankGrace is how long a task that is in the way of a class far behind its own may
	// take to reach a checkpoint: some looks at the clock. Who waits is in a hurry.
	outrankGrace = 500e3 // ns

	// graceShare is the part of a slice that a task has, after it was asked to
	// yield, to reach a checkpoint before its P is taken: a quarter.
	graceShare = 4
)

// observation is what sysmon has seen of a P at an earlier beat.
type observation struct {
	slices uint32 // the slice that ran, and since when
	since  int64
	asked  int64  // when its task was asked to yield; 0: not
	phase  uint32 // the blocking call it was in, and since when
	enter  int64
	tick   uint32 // for the next slot
}

// retake looks at every P and takes those that are held for too long. It returns
// how many it took.
func (s *Scheduler) retake(now int64) (taken int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.stopping {
		return 0
	}
	s.sweepUnseated()
	for p := range s.allSeats {
		if p.state != pRunning || p.m == nil {
			continue
		}
		phase := p.m.phase.Load()
		if phase&phaseMask == phaseBlocked {
			if s.retakeBlocked(p, phase, now) {
				taken++
			}
			continue
		}
		if s.retakeRunning(p, now) {
			taken++
		}
		s.wakeForNext(p)
	}
	return taken
}

// retakeBlocked takes a P from a blocking call that has lasted at least a beat, if
// somebody could use it, or that has lasted long.
func (s *Scheduler) retakeBlocked(p *p, phase uint32, now int64) bool {
	m := p.m
	if p.seen.phase != phase || p.seen.enter == 0 {
		p.seen.phase, p.seen.enter = phase, now
		return false
	}
	others := p.d.idle.IdlePs() + p.d.idle.Searching()
	if !p.hasWork() && others > 0 && now-p.seen.enter < blockedAlways {
		return false
	}
	if !s.takeFromCall(p, phase) {
		return false
	}
	if t := m.curg; t != nil {
		t.since = p.seen.enter
	}
	p.seen.enter = 0
	s.handOff(p)
	return true
}

// takeFromCall takes the P of an M in the blocking call named by phase, unless the
// call has ended or too many Ms are blocked already. The lock is held.
func (s *Scheduler) takeFromCall(p *p, phase uint32) bool {
	m := p.m
	if s.blocked >= s.cfg.MaxBlocked {
		s.blockedFull++
		return false
	}
	if !m.phase.CompareAndSwap(phase, phase&^phaseMask|phaseTaken) { // partner: unblock
		return false
	}
	s.blocked++
	sx.PeekPointer(&p.class).blocked++
	m.oldP = p
	m.setState(event.ThreadBlocked, event.KindNone)
	p.c.retakesBlocked++
	if p.events != nil {
		m.event(event.KindProcRetaken, event.ReasonRetakeBlocked, 0)
	}
	p.m, m.p = nil, nil
	p.rests()
	return true
}

// retakeRunning deals with a task that is past its slice while others wait: first
// it is asked to yield, then its P is taken.
func (s *Scheduler) retakeRunning(p *p, now int64) bool {
	slices := sx.PeekUint32(&p.slices)
	if p.seen.slices != slices || p.seen.since == 0 {
		p.seen.slices, p.seen.since, p.seen.asked = slices, now, 0
		return false
	}
	if p.m.heldBack.Load() { // partner: sleepHeldBack
		p.seen.since, p.seen.asked = now, 0
		return false
	}
	ran := now - p.seen.since
	if ran < waitsAfter || !s.wanted(p, now) {
		return false
	}
	t := sx.PeekPointer(&p.m.curg)
	if t == nil {
		return false // its M is in the scheduler
	}
	slice := sx.PeekPointer(&p.class).slice
	if o := p.outranked; o.since != 0 && o.slices == slices && now-o.since >= outrankGrace && s.mayOutrank(p, now) {
		s.overrun(p)
		return true
	}
	if ran < slice {
		if p.d.bound == nil && !s.someoneWaits(now) || !s.mayOverrun(p, now) {
			return false
		}
		s.overrun(p)
		return true
	}
	p.attn.Or(attnPreempt) // partner: pick
	t.preempt.Store(asked) // partner: Checkpoint
	if p.seen.asked == 0 {
		p.seen.asked = now
		return false
	}
	if now-p.seen.asked < slice/graceShare || !s.mayOverrun(p, now) {
		return false
	}
	s.overrun(p)
	return true
}

// overrun takes a P from the task that it runs and gives it to another M.
func (s *Scheduler) overrun(p *p) {
	s.out.overruns.Add(1)
	s.handOff(s.unseat(p))
}

// wanted tells whether somebody waits for p to be free.
func (s *Scheduler) wanted(p *p, now int64) bool {
	due := p.timers.Next()
	return p.hasWork() || p.d.queued() || due != 0 && due < now
}

// unseat replaces a P that a task holds on to and returns its successor, without
// an M. The task runs on: an overrun. The lock is held.
func (s *Scheduler) unseat(old *p) *p {
	np := old.d.newP(old.id)
	np.d.seat(np)
	old.state, old.unseatedAt = pUnseated, s.clock.Now()
	old.attn.Or(attnUnseat) // partner: pick, attend
	old.moves.Add(1)
	s.unseated = append(s.unseated, old)
	s.overruns.Add(1)
	old.d.overruns++
	s.eventRetaken(old)
	np.state = pRunning
	if left := old.drain(); np.attn.Load()&attnFair != 0 {
		s.putAll(left)
	} else {
		np.run.PutAll(left, &np.class.queue)
	}
	return np
}

// sweepUnseated moves what overrun tasks have spawned since to where it is found.
func (s *Scheduler) sweepUnseated() {
	for _, p := range s.unseated {
		s.sweep(p)
	}
}

// sweep moves an unseated P's tasks to the global queue.
func (s *Scheduler) sweep(p *p) {
	if left := p.drain(); len(left) > 0 {
		s.putAll(left)
		p.d.startIfIdle()
	}
}

// leaveSeat takes an unseated P from its M, for good. The lock is held.
func (s *Scheduler) leaveSeat(m *m) {
	p := m.release(pDead, event.ReasonRetakeOverrun)
	s.sweep(p)
	for i, x := range s.unseated {
		if x == p {
			s.unseated = append(s.unseated[:i], s.unseated[i+1:]...)
			break
		}
	}
	s.overruns.Add(-1)
	p.d.overruns--
	if p.d.at(p.id) == nil {
		s.moveTimers(p, p.d.seated()[0]) // the seat went away meanwhile
	}
	s.retire(p)
	s.maybeQuiesced() // nothing is quiet while a task overruns
}

// retire puts a P that holds no seat any more with the spare ones. What it has in
// its free lists goes to the scheduler's. The lock is held.
func (s *Scheduler) retire(p *p) {
	p.run.Forget()
	carriers := p.cfree.Take(p.cfree.Len())
	s.carriers.put(&carriers)
	p.state = pDead
	s.spare = append(s.spare, p)
}

// handOff gives a P that has lost its M to another one, if there is anything to do,
// or a need for a searcher; else it becomes idle. The lock is held.
func (s *Scheduler) handOff(p *p) {
	switch {
	case s.stopping:
		s.stopped(p)
	case p.hasWork() || p.d.queued() || p.timers.Next() != 0:
		p.c.handoffs++
		s.startM(p, false)
	case p.d.idle.Searching() == 0 && p.d.idle.IdlePs() == 0:
		p.c.handoffs++
		p.d.idle.BeginSearch()
		s.startM(p, true)
	default:
		p.rests()
		p.state = pIdle
		p.d.idle.PutP(p)
		s.maybeQuiesced()
	}
}

// startIfIdle starts an M for work that has just been put into the global queue
// by somebody who holds the lock.
func (d *domain) startIfIdle() {
	if d.idle.Searching() > 0 {
		return
	}
	if p := d.idleP(); p != nil {
		d.idle.BeginSearch() // it wakes the next one if there is more
		d.s.startM(p, true)
	}
}

// wakeForNext finds a task that has been in a next slot for a whole beat while
// some P is idle: its P's M guessed wrong when it didn't wake anyone (see
// wakeAfterPut).
func (s *Scheduler) wakeForNext(p *p) {
	tick := sx.PeekUint32(&p.tick)
	if p.next.Peek() == nil || p.seen.tick != tick {
		p.seen.tick = tick
		return
	}
	p.local.Store(0)
	p.d.startIfIdle()
}
